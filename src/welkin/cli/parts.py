"""The long-running parts: a supervisor that keeps the control plane and the agent running."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from welkin.app import Config

CONFIG_VARIABLE = "WELKIN_CONFIG"
CONFIG_FILE = Path("/etc/welkin/welkin.toml")
COLLECT_AFTER = (50_000, 20, 50)
"""How much is made between two looks at what can be thrown away; Python's own pace is for smaller programs."""


def run(part: str) -> None:
    """Run one part until it is told to stop."""
    if part == "supervise":
        from welkin.cli import supervisor

        supervisor.run()
        return
    import uvloop

    starts: dict[str, Callable[[], Awaitable[None]]] = {
        "control": lambda: control(api=True, central=True),
        "api": lambda: control(api=True, central=False),
        "central": lambda: control(api=False, central=True),
        "agent": agent,
    }
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told(starts[part]))


async def until_told(start: Callable[[], Awaitable[None]]) -> None:
    """Run `start()` until it ends or SIGTERM or SIGINT asks to stop."""
    task = asyncio.ensure_future(start())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return


async def control(*, api: bool, central: bool) -> None:
    """Serve the APIs, do the central work, or both."""
    from welkin import app
    from welkin.core import log
    from welkin.core.server import bind
    from welkin.core.world import World

    config = load_config()
    log.configure(config.cloud.log_level)
    async with app.open_cloud(config, World()) as cloud:
        await app.prepare(cloud)
        await app.agent_key(cloud, app.host_name(config.cloud), agent_key_file(config))
        if not api:
            await cloud.workers.run()
            return
        # What is loaded by now stays: looking at it again and again costs a list of servers two thirds of its time.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        sockets = [bind(config.http.address, config.http.port)]
        await app.run_control(cloud, config.http, sockets, workers=central)


async def agent() -> None:
    """Serve this host."""
    from welkin import app
    from welkin.core import log
    from welkin.core.world import World

    config = load_config()
    log.configure(config.cloud.log_level)
    key_file = agent_key_file(config)
    world = World()
    while not key_file.exists():  # the control plane makes it at its first start
        await world.sleep(0.05)
    await app.run_agent(config, world, own_url(config), key_file.read_text())


def load_config() -> Config:
    """Return the configuration of this machine."""
    from welkin import app
    from welkin.core.config import load

    return load(app.Config, Path(os.environ.get(CONFIG_VARIABLE, CONFIG_FILE)), os.environ)


def agent_key_file(config: Config) -> Path:
    """Return where the key of this machine's agent is kept."""
    return config.cloud.state_dir / "keys" / "agent"


def own_url(config: Config) -> str:
    """Return the URL of the control plane on this machine."""
    address = config.http.address
    if address in ("0.0.0.0", "::"):
        address = "127.0.0.1"
    scheme = "https" if config.http.certificate else "http"
    return f"{scheme}://{address}:{config.http.port}"
