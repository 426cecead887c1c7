"""Let only as many guests boot at once as there are cores; the others queue.

A boot is all processor: booting everything at once makes everybody wait for the last,
in turn the first is ready as if it were alone.  A guest's turn is over when its
processors rest, or after a time.
"""

from __future__ import annotations

import asyncio

from welkin.core.world import World
from welkin.tools import processes

LOOK_EVERY_S = 0.25
RESTS_BELOW = 0.4  # of one core
TURN_S_MIN, TURN_S_MAX = 1.5, 25.0
FORGOTTEN_AFTER_S = 3.0  # who has not asked for so long has given up


class BootQueue:
    """Turns to boot, first come, first served."""

    def __init__(self, width: int, world: World) -> None:
        self._width, self._world = width, world
        self._waiting: dict[str, float] = {}  # server id -> when it last asked
        self._booting: dict[str, asyncio.Task[None] | None] = {}

    def take(self, server_id: str) -> bool:
        """Ask for a turn; False means: ask again soon.  A turn that is taken ends by `follow` or `leave`."""
        now = self._world.monotonic()
        if server_id in self._booting:
            return True
        self._waiting = {id: asked for id, asked in self._waiting.items() if asked > now - FORGOTTEN_AFTER_S}
        self._waiting[server_id] = now
        place = list(self._waiting).index(server_id)
        if place >= self._width - len(self._booting):
            return False
        del self._waiting[server_id]
        self._booting[server_id] = None
        return True

    def follow(self, server_id: str, child: processes.Child) -> None:
        """End the turn when the guest has booted, by the look of it."""
        if server_id in self._booting and self._booting[server_id] is None:
            self._booting[server_id] = asyncio.create_task(self._follow(server_id, child))

    def leave(self, server_id: str) -> None:
        """End the turn now."""
        task = self._booting.pop(server_id, None)
        if task is not None:
            task.cancel()

    def close(self) -> None:
        """End all turns."""
        for server_id in list(self._booting):
            self.leave(server_id)

    async def _follow(self, server_id: str, child: processes.Child) -> None:
        began = last = self._world.monotonic()
        used_s = processes.cpu_seconds(child)
        while last - began < TURN_S_MAX and processes.is_alive(child):
            await self._world.sleep(LOOK_EVERY_S)
            now, now_used_s = self._world.monotonic(), processes.cpu_seconds(child)
            rests = now_used_s - used_s < RESTS_BELOW * (now - last)
            if rests and now - began > TURN_S_MIN:
                break
            last, used_s = now, now_used_s
        self._booting.pop(server_id, None)
