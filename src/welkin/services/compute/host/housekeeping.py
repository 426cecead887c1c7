"""What nobody asks for any more: guests that the control plane does not know, images that no disk starts from.

Neither can come about while everything goes well.  A guest is orphaned when the control plane gave its host up and
took the server elsewhere, or was itself put back to an older day; so it is given time, and said aloud, before it goes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from msgspec import Struct

from welkin.core.world import World
from welkin.services.compute.driver import DiskReader, DriverError, Keep
from welkin.services.compute.host.reconcile import Hands

LOOK_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Rules(Struct, frozen=True, kw_only=True):
    """What an operator decided about what nobody asks for."""

    removes_orphans: bool
    orphan_after_s: float
    images: Keep


class Housekeeping:
    """Looks after one host, again and again; what it remembers may be lost without harm."""

    def __init__(
        self, hands: Hands, disks: DiskReader, world: World, rules: Rules, asked: Callable[[], Iterable[str]]
    ) -> None:
        self._hands, self._disks, self._world, self._rules, self._asked = hands, disks, world, rules, asked
        self._unknown_since: dict[str, float] = {}

    @property
    def orphans(self) -> int:
        """How many guests lie here that the control plane does not know."""
        return len(self._unknown_since)

    async def look(self) -> None:
        """Look once, and take away what may go."""
        await self._look_for_orphans()
        await self._prune_images()

    async def _look_for_orphans(self) -> None:
        unknown = await self._hands.driver.find_all() - set(self._asked())
        now = self._world.monotonic()
        for server_id in sorted(unknown - self._unknown_since.keys()):
            log.warning("server %s: its guest is here, but the control plane does not know it", server_id)
        self._unknown_since = {id: self._unknown_since.get(id, now) for id in unknown}
        if not self._rules.removes_orphans:
            return
        for server_id, since in list(self._unknown_since.items()):
            if now - since > self._rules.orphan_after_s and server_id not in self._asked():
                await self._remove(server_id)

    async def _remove(self, server_id: str) -> None:
        try:
            await self._hands.driver.remove(server_id)
        except DriverError as error:
            log.warning("server %s: its guest could not be removed: %s", server_id, error)
        else:
            log.warning("server %s: its guest was removed, for nobody knows it", server_id)
            del self._unknown_since[server_id]

    async def _prune_images(self) -> None:
        try:
            in_use = await self._disks.bases()
        except DriverError as error:
            log.info("no image is dropped: %s", error)
            return
        for image_id in await self._hands.images.prune(in_use, self._rules.images):
            log.info("image %s was dropped, for no disk starts from it", image_id)
