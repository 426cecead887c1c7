"""From the control plane's items to what this host shall have, whatever is wrong with some of them.

A document that cannot be read, or that asks for what cannot be (an address that is none), must not hold up the
others.  Its own namespace stays as the last good document made it; after a restart, when none is known, it is left
alone, and so are the ends of pairs that lead out of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from welkin.core.agents import Item
from welkin.services.network.driver import FoundSpace, Space
from welkin.services.network.host.plan import plan
from welkin.services.network.host.spaces import Here, Spaces, network_space, router_space, spaces
from welkin.services.network.host.wanted import NetworkWanted, RouterWanted
from welkin.services.network.names import (
    bridge_leg_name,
    leg_name,
    namespace_of_network,
    namespace_of_router,
    outside_link_name,
)

NETWORK, ROUTER = "network.network", "network.router"
NOTHING_THERE = {"": FoundSpace()}
WRONG = (msgspec.MsgspecError, ValueError, LookupError, TypeError, AttributeError)
"""What an impossible document raises somewhere on its way."""

Key = tuple[str, str]
Document = NetworkWanted | RouterWanted


class End(Struct):
    """One end of a pair, as a router's document names it."""

    port_id: str
    network_id: str


class Ends(Struct):
    """As much of a router's document as can be read of almost any."""

    legs: list[End] = []
    gateway: End | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """What the control plane wants here, and the spaces that make it."""

    items: dict[Key, Item]
    networks: dict[str, NetworkWanted]
    routers: dict[str, RouterWanted]
    spaces: Spaces
    wrong: dict[str, str] = {}  # by space, what is wrong with its document
    left_alone: frozenset[tuple[str, str]] = frozenset()  # (space, link); the link "" is the whole space

    def visible(self, found: Mapping[str, FoundSpace]) -> dict[str, FoundSpace]:
        """Return what was found without what is to be left alone."""
        seen = {name: space for name, space in found.items() if (name, "") not in self.left_alone}
        for name, link in self.left_alone:
            if link and name in seen:
                links = {key: each for key, each in seen[name].links.items() if key != link}
                seen[name] = msgspec.structs.replace(seen[name], links=links)
        if self.left_alone and not self.spaces[""].links:
            seen[""] = FoundSpace()  # nobody else needs the bridge outside, but who is left alone may
        return seen


class Documents:
    """The documents of one host, and the last good one of each."""

    def __init__(self, here: Here) -> None:
        self._here = here
        self._good: dict[Key, Document] = {}

    def nothing(self) -> Wanted:
        """Return what is wanted before anybody has said anything."""
        return Wanted(items={}, networks={}, routers={}, spaces=spaces(self._here, {}, {}))

    def read(self, items: Mapping[Key, Item]) -> Wanted:
        """Return what the items ask for."""
        asked = {key: item.wanted for key, item in items.items() if item.wanted is not None}
        documents, wrong = _converted(asked)
        try:
            made = self._spaces(documents)
        except WRONG:  # one of them is impossible: find out which
            wrong |= {key: why for key, each in documents.items() if (why := self._impossible(each))}
            documents = {key: each for key, each in documents.items() if key not in wrong}
        self._good = {key: each for key, each in self._good.items() if key in wrong} | documents
        documents |= {key: self._good[key] for key in wrong if key in self._good}
        if wrong:
            made = self._spaces(documents)
        unknown = {key for key in wrong if key not in documents}
        networks, routers = _apart(documents)
        return Wanted(
            items=dict(items),
            networks=networks,
            routers=routers,
            spaces=made,
            wrong={self.space_of(key): text for key, text in wrong.items()},
            left_alone=frozenset(self._left_alone(unknown, routers, asked)),
        )

    def space_of(self, key: Key) -> str:
        """Return the name of the namespace of an item."""
        kind, id = key
        return (namespace_of_network if kind == NETWORK else namespace_of_router)(self._here.prefix, id)

    def _spaces(self, documents: Mapping[Key, Document]) -> Spaces:
        """Return the spaces of documents, after a plan from nothing has proved that they can be made."""
        made = spaces(self._here, *_apart(documents))
        plan(made, NOTHING_THERE)
        return made

    def _impossible(self, document: Document) -> str:
        """Say what is wrong with a document, by itself; nothing when all is well."""
        try:
            space: Space | None
            if isinstance(document, NetworkWanted):
                space = network_space(self._here, document, {})
            else:
                legs = {leg.network_id: NetworkWanted(id=leg.network_id) for leg in document.legs}
                space = router_space(self._here, document, legs)
            if space is not None:
                plan({"": Space(name="", links={}), space.name: space}, NOTHING_THERE)
        except WRONG as error:
            return _sentence(error)
        return ""

    def _left_alone(
        self, unknown: set[Key], routers: Mapping[str, RouterWanted], asked: Mapping[Key, Any]
    ) -> Iterator[tuple[str, str]]:
        """Name the spaces of which no good document is known, and the other ends of their pairs."""
        prefix = self._here.prefix
        for kind, id in unknown:
            yield self.space_of((kind, id)), ""
            if kind == NETWORK:
                yield "", outside_link_name(prefix, id)
                for router in routers.values():
                    legs = [leg for leg in router.legs if leg.network_id == id]
                    yield from ((namespace_of_router(prefix, router.id), leg_name(leg.port_id)) for leg in legs)
                continue
            ends = _ends(asked[kind, id])
            for leg in ends.legs:
                yield namespace_of_network(prefix, leg.network_id), bridge_leg_name(leg.port_id)
            if ends.gateway is not None:
                yield "", outside_link_name(prefix, ends.gateway.port_id)


def _converted(asked: Mapping[Key, Any]) -> tuple[dict[Key, Document], dict[Key, str]]:
    documents: dict[Key, Document] = {}
    wrong: dict[Key, str] = {}
    for key, wanted in asked.items():
        try:
            shape: type[Document] = NetworkWanted if key[0] == NETWORK else RouterWanted
            documents[key] = msgspec.convert(wanted, shape)
        except msgspec.ValidationError as error:
            wrong[key] = _sentence(error)
    return documents, wrong


def _apart(documents: Mapping[Key, Document]) -> tuple[dict[str, NetworkWanted], dict[str, RouterWanted]]:
    networks = {id: each for (_, id), each in documents.items() if isinstance(each, NetworkWanted)}
    routers = {id: each for (_, id), each in documents.items() if isinstance(each, RouterWanted)}
    return networks, routers


def _ends(raw: Any) -> Ends:
    try:
        return msgspec.convert(raw, Ends)
    except msgspec.ValidationError:
        return Ends()


def _sentence(error: Exception) -> str:
    return f"What is wanted cannot be: {str(error) or type(error).__name__}"
