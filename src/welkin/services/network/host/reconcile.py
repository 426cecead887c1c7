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
from msgspec import Struct

from welkin.core.agent import Outcome
from welkin.core.agents import Item
from welkin.services.network.driver import FoundSpace, NetworkDriver, Step
from welkin.services.network.host.plan import network_seen, plan, router_seen
from welkin.services.network.host.spaces import Here, Spaces, problems, spaces
from welkin.services.network.host.wanted import NetworkWanted, RouterSeen, RouterWanted
from welkin.services.network.names import namespace_of_network, namespace_of_router

NETWORK, ROUTER = "network.network", "network.router"
ROUNDS_MAX = 4
"""Each round repairs what the last one found; one is enough unless something else works against us."""
FAILED_AGAIN_S = 1.0

log = logging.getLogger(__name__)

Key = tuple[str, str]


class _Wanted(Struct, frozen=True, kw_only=True):
    """What the control plane wants here, and the spaces that make it."""

    items: dict[Key, Item]
    networks: dict[str, NetworkWanted]
    routers: dict[str, RouterWanted]
    spaces: Spaces


class NetworkHost:
    """The networks of one host."""

    def __init__(self, here: Here, driver: NetworkDriver) -> None:
        self.here, self.driver = here, driver
        self._told: dict[str, str] = {}  # what was logged of each space, so that it is logged once
        self._wanted = _Wanted(items={}, networks={}, routers={}, spaces=spaces(here, {}, {}))
        self._lock = asyncio.Lock()

    async def reconcile(self, items: Mapping[Key, Item]) -> dict[Key, Outcome]:
        """Reconcile everything that the agent's watch stream says of networks; see core/agent."""
        wanted = self._read(items)
        networks, routers = wanted.networks, wanted.routers
        async with self._lock:
            found, errors = await self._settle(wanted.spaces)
        outcomes: dict[Key, Outcome] = {}
        for key, item in items.items():
            kind, id = key
            name = (namespace_of_network if kind == NETWORK else namespace_of_router)(self.here.prefix, id)
            error = errors.get(name) or errors.get("", "")
            if item.wanted is None:
                outcomes[key] = Outcome(None) if name not in found else _failed(None)
            elif kind == NETWORK:
                seen = network_seen(self.here, networks[id], routers, wanted.spaces, found)
                outcomes[key] = _failed(msgspec.structs.replace(seen, error=error)) if error else Outcome(seen)
            else:
                outcomes[key] = self._router(routers[id], wanted, found, error)
        return outcomes

    def _read(self, items: Mapping[Key, Item]) -> _Wanted:
        """Return what the items ask for, worked out anew only when one of them has changed."""
        if items != self._wanted.items:
            networks, routers = _documents(items)
            self._wanted = _Wanted(
                items=dict(items), networks=networks, routers=routers, spaces=spaces(self.here, networks, routers)
            )
        return self._wanted

    def _router(self, router: RouterWanted, wanted: _Wanted, found: Mapping[str, FoundSpace], error: str) -> Outcome:
        seen: RouterSeen = router_seen(self.here, router, wanted.spaces, found)
        text = error or " ".join(problems(router, wanted.networks))
        return _failed(msgspec.structs.replace(seen, error=text)) if text else Outcome(seen)

    async def settle(
        self, networks: Mapping[str, NetworkWanted], routers: Mapping[str, RouterWanted]
    ) -> tuple[dict[str, FoundSpace], dict[str, str]]:
        """Do all that can be done now; return what is there, and what went wrong in which space."""
        return await self._settle(spaces(self.here, networks, routers))

    async def _settle(self, wanted: Spaces) -> tuple[dict[str, FoundSpace], dict[str, str]]:
        errors: dict[str, str] = {}
        for _ in range(ROUNDS_MAX):
            found = await self.driver.look()
            steps = plan(wanted, found)
            if not steps:
                return found, {}
            before, errors = errors, await self._perform(steps)
            if errors and errors == before:
                break
        found = await self.driver.look()
        if not errors:
            errors = {step.space: _undone(step) for step in plan(wanted, found)}
        self._log(errors)
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


def _documents(items: Mapping[Key, Item]) -> tuple[dict[str, NetworkWanted], dict[str, RouterWanted]]:
    networks, routers = {}, {}
    for (kind, id), item in items.items():
        if item.wanted is not None and kind == NETWORK:
            networks[id] = msgspec.convert(item.wanted, NetworkWanted)
        elif item.wanted is not None:
            routers[id] = msgspec.convert(item.wanted, RouterWanted)
    return networks, routers
