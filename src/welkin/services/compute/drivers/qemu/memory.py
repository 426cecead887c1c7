"""Save a guest's memory to a file and wake it from there.

The file is ours and is handed to QEMU open: QEMU may start nothing and opens nothing of ours.
It exists exactly as long as the guest may be woken from it: before the guest goes on, it is gone,
because disk and memory fit together only once.
"""

from __future__ import annotations

import os

from welkin.core.world import World
from welkin.services.compute.driver import DriverError
from welkin.services.compute.drivers.qemu.home import Home
from welkin.tools.qmp import Qmp

LOOK_EVERY_S = 0.02
TIMEOUT_S = 600.0
BYTES_PER_S_MAX = 8 << 30


async def save(home: Home, qmp: Qmp, world: World) -> None:
    """Halt the guest and write its memory; the file appears when it is whole."""
    part = home.memory.with_suffix(".part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        await qmp.execute("stop")
        await qmp.execute("migrate-set-parameters", {"max-bandwidth": BYTES_PER_S_MAX})
        await qmp.pass_fd("memory", fd)
        await qmp.execute("migrate", {"uri": "fd:memory"})
        await _migrated(qmp, world)
        os.fsync(fd)
    finally:
        os.close(fd)
    part.replace(home.memory)


async def wake(home: Home, qmp: Qmp, world: World, *, paused: bool) -> None:
    """Read the memory into a guest that waits for it, and let it go on unless it was paused."""
    fd = os.open(home.memory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        await qmp.pass_fd("memory", fd)
        await qmp.execute("migrate-incoming", {"uri": "fd:memory"})
        await _migrated(qmp, world)
    finally:
        os.close(fd)
    home.memory.unlink()
    if not paused:
        await qmp.execute("cont")


async def _migrated(qmp: Qmp, world: World) -> None:
    deadline = world.monotonic() + TIMEOUT_S
    while world.monotonic() < deadline:
        found = await qmp.execute("query-migrate")
        match found.get("status"):
            case "completed":
                return
            case "failed" | "cancelled":
                raise DriverError(
                    f"The guest's memory could not be moved: {found.get('error-desc', 'QEMU says not why')}"
                )
        await world.sleep(LOOK_EVERY_S)
    raise DriverError(f"Moving the guest's memory took longer than {TIMEOUT_S:g} s.")
