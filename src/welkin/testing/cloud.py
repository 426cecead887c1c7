"""A running cloud on a free port of this process: APIs, central work and an agent for each host.

Everything is the real thing but the drivers, which keep guests and networks in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from welkin import app
from welkin.app import Config
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions, HttpOptions
from welkin.core.server import bind
from welkin.core.world import World
from welkin.services.identity.options import IdentityOptions

CHEAP_PASSWORDS = IdentityOptions(hash_memory_kib=8, hash_passes=1)
"""Hashes that cost nothing, for passwords that guard nothing."""


class Running(msgspec.Struct, frozen=True):
    """A cloud that answers at `url`."""

    url: str
    cloud: Cloud
    config: Config
    passwords: dict[str, str]
    """Of the users `admin` and `demo`, each in the project of the same name."""


def memory_config(state_dir: Path, config: Config | None = None) -> Config:
    """Return `config`, or the defaults, for a cloud without real guests that touches nothing but `state_dir`."""
    base = config if config is not None else Config(identity=CHEAP_PASSWORDS)
    cloud = msgspec.structs.replace(
        base.cloud, state_dir=state_dir, driver="memory", policy_file=state_dir / "policy.toml"
    )
    return msgspec.structs.replace(base, cloud=cloud, http=HttpOptions(port=0))


@asynccontextmanager
async def running(
    state_dir: Path, config: Config | None = None, hosts: Sequence[str] = ("host-1",), world: World | None = None
) -> AsyncIterator[Running]:
    """Run a cloud in the current event loop until the block ends."""
    config = memory_config(state_dir, config)
    world = world if world is not None else World()
    listener = bind(config.http.address, 0)
    url = f"http://{config.http.address}:{listener.getsockname()[1]}"
    async with app.open_cloud(config, world) as cloud:
        await app.prepare(cloud)
        serving = asyncio.create_task(app.run_control(cloud, config.http, [listener]))
        keys = {host: await app.agent_key(cloud, host, state_dir / "keys" / f"agent-{host}") for host in hosts}
        agents = [
            asyncio.create_task(app.run_agent(_of_host(config, host), world, url, key)) for host, key in keys.items()
        ]
        try:
            yield Running(url, cloud, config, read_passwords(state_dir))
        finally:
            for task in (*agents, serving):
                task.cancel()
            for task in (*agents, serving):
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            listener.close()


def read_passwords(state_dir: Path) -> dict[str, str]:
    """Return the passwords that the first start made, by user."""
    return msgspec.convert(json.loads((state_dir / "keys" / "passwords.json").read_text()), dict[str, str])


def _of_host(config: Config, host: str) -> Config:
    own: CloudOptions = msgspec.structs.replace(config.cloud, host=host)
    return msgspec.structs.replace(config, cloud=own)
