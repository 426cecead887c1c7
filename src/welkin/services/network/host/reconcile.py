"""Make the networks and routers of this host what the documents want, and report what is seen.

All of them together, for they share links: look, plan, take the steps, look again.  A
step that fails ends the work in its space for this time; the others go on, and the
next look starts from what it finds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from welkin.core.agent import Outcome
from welkin.core.agents import Item
from welkin.services.network.driver import FoundSpace, NetworkDriver, Step
from welkin.services.network.host.documents import NETWORK, ROUTER, Documents, Key, Wanted
from welkin.services.network.host.plan import network_seen, plan, router_seen
from welkin.services.network.host.spaces import Here, problems, spaces
from welkin.services.network.host.wanted import NetworkSeen, NetworkWanted, RouterSeen, RouterWanted

__all__ = ["NETWORK", "ROUTER", "NetworkHost"]
ROUNDS_MAX = 4
"""Each round repairs what the last one found; one is enough unless something else works against us."""
FAILED_AGAIN_S = 1.0

log = logging.getLogger(__name__)


class NetworkHost:
    """The networks of one host."""

    def __init__(self, here: Here, driver: NetworkDriver) -> None:
        self.here, self.driver = here, driver
        self._told: dict[str, str] = {}  # what was logged of each space, so that it is logged once
        self._documents = Documents(here)
        self._wanted = self._documents.nothing()
        self._lock = asyncio.Lock()

    @property
    def troubles(self) -> int:
        """In how many namespaces something is not as it is wanted, and will not be by itself."""
        return len(self._told)

    async def reconcile(self, items: Mapping[Key, Item]) -> dict[Key, Outcome]:
        """Reconcile everything that the agent's watch stream says of networks; see core/agent."""
        if items != self._wanted.items:  # worked out anew only when one of them has changed
            self._wanted = self._documents.read(items)
        wanted = self._wanted
        async with self._lock:
            found, errors = await self._settle(wanted)
        return {key: self._outcome(key, item, found, errors) for key, item in items.items()}

    def _outcome(self, key: Key, item: Item, found: Mapping[str, FoundSpace], errors: Mapping[str, str]) -> Outcome:
        wanted, (kind, id), name = self._wanted, key, self._documents.space_of(key)
        if item.wanted is None:
            return Outcome(None) if name not in found else _failed(None)
        error = errors.get(name) or errors.get("", "")
        seen: NetworkSeen | RouterSeen
        if (name, "") in wanted.left_alone:
            seen = NetworkSeen(error=error) if kind == NETWORK else RouterSeen(error=error)
        elif kind == NETWORK:
            seen = network_seen(self.here, wanted.networks[id], wanted.routers, wanted.spaces, found)
            seen = msgspec.structs.replace(seen, error=error)
        else:
            seen = router_seen(self.here, wanted.routers[id], wanted.spaces, found)
            waiting = " ".join(problems(wanted.routers[id], wanted.networks))
            seen = msgspec.structs.replace(seen, error=error, waiting=waiting)
            if waiting and not error:
                return _failed(seen)
        if error and error == wanted.wrong.get(name):
            return Outcome(seen, settled=False)  # nothing changes before another document comes
        return _failed(seen) if error else Outcome(seen)

    async def settle(
        self, networks: Mapping[str, NetworkWanted], routers: Mapping[str, RouterWanted]
    ) -> tuple[dict[str, FoundSpace], dict[str, str]]:
        """Do all that can be done now; return what is there, and what went wrong in which space."""
        made = spaces(self.here, networks, routers)
        return await self._settle(Wanted(items={}, networks={}, routers={}, spaces=made))

    async def _settle(self, wanted: Wanted) -> tuple[dict[str, FoundSpace], dict[str, str]]:
        found, errors = await self._work(wanted)
        errors = wanted.wrong | errors
        self._log(errors)
        return found, errors

    async def _work(self, wanted: Wanted) -> tuple[dict[str, FoundSpace], dict[str, str]]:
        errors: dict[str, str] = {}
        for _ in range(ROUNDS_MAX):
            found = await self.driver.look()
            steps = plan(wanted.spaces, wanted.visible(found))
            if not steps:
                return found, {}
            before, errors = errors, await self._perform(steps)
            if errors and errors == before:
                break
        found = await self.driver.look()
        if not errors:
            errors = {step.space: _undone(step) for step in plan(wanted.spaces, wanted.visible(found))}
        return found, errors

    async def _perform(self, steps: list[Step]) -> dict[str, str]:
        errors: dict[str, str] = {}
        for step in steps:
            if step.space in errors:
                continue  # what follows stands on what failed: a tap must not come up without its filters
            try:
                await self.driver.perform(step)
            except Exception as error:
                log.debug("%s", step, exc_info=True)
                errors[step.space] = f"{type(step).__name__}: {str(error) or type(error).__name__}"
        return errors

    def _log(self, errors: dict[str, str]) -> None:
        for space, text in errors.items():
            if self._told.get(space) != text:
                log.warning("Networks, %s: %s", space or "the host", text)
        self._told = errors


def _undone(step: Step) -> str:
    return f"{type(step).__name__} has no lasting effect."


def _failed(seen: object) -> Outcome:
    return Outcome(seen, settled=False, again_s=FAILED_AGAIN_S)
