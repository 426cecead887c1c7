"""`welkin purge`: leave nothing of this cloud on the machine."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from rich.console import Console

from welkin import app
from welkin.app import Config
from welkin.cli import clouds, launch, prefix
from welkin.cli.trouble import Trouble
from welkin.tools import processes


async def purge(config: Config, console: Console) -> None:
    """Stop every process of this cloud, remove what it made in the kernel, then its files."""
    other = prefix.holder(config.cloud)
    if other is not None:
        raise Trouble(f"The prefix {config.cloud.prefix} belongs to the cloud in {other}: purge that one instead.")
    await launch.down(config, console)
    state_dir = config.cloud.state_dir
    children = await stop_children(state_dir)
    await app.purge_host(config)
    if state_dir.exists():
        await asyncio.to_thread(shutil.rmtree, state_dir)
    prefix.release(config.cloud)
    clouds.remove()
    console.print(
        f"Removed {children} processes, their networks and disks, {state_dir} and the entries in clouds.yaml."
    )


async def stop_children(state_dir: Path) -> int:
    """End every child that has a record below `state_dir`; return how many there were."""
    children = [child for record in state_dir.rglob("*.json") if (child := processes.find(record)) is not None]
    await asyncio.gather(*(processes.stop(child, grace_s=0) for child in children))
    return len(children)
