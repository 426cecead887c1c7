"""Connections to the guests' monitors: one for each, kept open, used by one caller at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from msgspec import Struct, field

from welkin.core.world import World
from welkin.services.compute.driver import DriverError
from welkin.services.compute.drivers.qemu.home import Home
from welkin.tools import processes
from welkin.tools.qmp import Qmp, QmpFailed

CONNECT_TIMEOUT_S = 20.0
TRY_EVERY_S = 0.01


class Monitor(Struct):
    """The connection to one guest, when there is one."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    qmp: Qmp | None = None
    watch: asyncio.Task[None] | None = None


class Monitors:
    """All connections of this host.  `changed(server_id)` is called when a guest changes by itself."""

    def __init__(self, world: World, changed: Callable[[str], None]) -> None:
        self._world, self._changed = world, changed
        self._open: dict[str, Monitor] = {}

    @asynccontextmanager
    async def use(self, home: Home) -> AsyncIterator[Qmp]:
        """Lend the connection to a guest.  Raises DriverError when the guest's QEMU does not answer."""
        monitor = self._open.setdefault(home.id, Monitor())
        async with monitor.lock:
            try:
                if monitor.qmp is None or not monitor.qmp.is_connected:
                    await self._drop(monitor)
                    monitor.qmp = await self._connect(home)
                    monitor.watch = monitor.qmp.watch(lambda: self._changed(home.id))
                yield monitor.qmp
            except QmpFailed as error:
                raise DriverError(str(error)) from error

    async def drop(self, server_id: str) -> None:
        """Close the connection to a guest."""
        monitor = self._open.pop(server_id, None)
        if monitor is not None:
            await self._drop(monitor)

    async def close(self) -> None:
        """Close all connections; the guests run on."""
        for server_id in list(self._open):
            await self.drop(server_id)

    async def _connect(self, home: Home) -> Qmp:
        """Connect to a guest whose QEMU may only just be starting."""
        deadline = self._world.monotonic() + CONNECT_TIMEOUT_S
        while True:
            if home.child() is None:
                raise DriverError(f"QEMU ended: {processes.tail(home.qemu_log) or 'it said nothing'}")
            try:
                return await Qmp(home.monitor).connect()
            except QmpFailed:
                if self._world.monotonic() > deadline:
                    raise
            await self._world.sleep(TRY_EVERY_S)

    @staticmethod
    async def _drop(monitor: Monitor) -> None:
        if monitor.watch is not None:
            monitor.watch.cancel()
            await asyncio.gather(monitor.watch, return_exceptions=True)
            monitor.watch = None
        if monitor.qmp is not None:
            await monitor.qmp.close()
            monitor.qmp = None
