"""Packet filters that are loaded: what they are, whether anybody touched them, and whose connections end with them.

The kernel counts the changes to the filters of a namespace.  What was loaded is written
down with that number, so a look costs one question; only where the number moved are the
filters loaded anew.  The host's own namespace is shared with others, who may change
theirs: there, what is listed of our table decides.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from welkin.services.network.driver import Filters
from welkin.tools import namespaces, nft, processes

UNCERTAIN = Filters(text="?")
"""There is something of ours, but it is not known to be what it was."""


class Loaded(Struct, frozen=True, kw_only=True):
    """What was loaded into a namespace, and the kernel's numbers at that time."""

    filters: Filters
    generation: int
    namespace: int
    boot_id: str
    indexes: dict[str, int]
    listing: str = ""  # of the host's own table


class Loads:
    """The filters of every space of one cloud on this host."""

    def __init__(self, prefix: str, folder: Path) -> None:
        self._table, self._folder = f"ip welkin_{prefix}", folder
        self._known: dict[str, Loaded] = {}

    async def current(self, space: str, number: int, generation: int, indexes: dict[str, int]) -> Filters | None:
        """Return what is loaded, if it is certain that nobody touched it since."""
        loaded = self._read(space)
        if loaded is None:
            return None
        links = {name: indexes.get(name, 0) for name in loaded.filters.links}
        if (loaded.namespace, loaded.boot_id, loaded.indexes) != (number, _boot_id(), links):
            return UNCERTAIN
        if loaded.generation == generation:
            return loaded.filters
        if space or await self._list() != loaded.listing:
            return UNCERTAIN
        self._write(space, msgspec.structs.replace(loaded, generation=generation))
        return loaded.filters

    async def load(self, space: str, filters: Filters) -> None:
        """Load filters in one transaction, then end the connections that lost a reason."""
        before = self._read(space)
        await nft.load(space, filters.text)
        generation = await namespaces.inside(space, nft.generation)
        indexes = await namespaces.inside(space, lambda: namespaces.link_indexes(filters.links))
        number = namespaces.known().get(space, 0) if space else 0
        for address in [] if before is None else lost(before.filters, filters):
            await nft.end_connections(space, address)
        loaded = Loaded(
            filters=filters,
            generation=generation,
            namespace=number,
            boot_id=_boot_id(),
            indexes=indexes,
            listing="" if space else await self._list(),
        )
        self._write(space, loaded)

    async def drop(self, space: str) -> None:
        """Forget what was loaded; in the host's own namespace, remove it."""
        if not space and self._table in await nft.tables(""):
            await nft.drop_tables("", [self._table])
        self._known.pop(space, None)
        self._file(space).unlink(missing_ok=True)

    async def _list(self) -> str:
        try:
            return (await processes.run(["nft", "list", "table", *self._table.split()])).decode()
        except processes.ToolFailed:
            return ""  # it is not there

    def _file(self, space: str) -> Path:
        return self._folder / (space or "host")

    def _read(self, space: str) -> Loaded | None:
        if space not in self._known:
            try:
                self._known[space] = msgspec.json.decode(self._file(space).read_bytes(), type=Loaded)
            except (FileNotFoundError, msgspec.MsgspecError):
                return None
        return self._known[space]

    def _write(self, space: str, loaded: Loaded) -> None:
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        new = self._file(space).with_suffix(".new")
        new.write_bytes(msgspec.json.encode(loaded))
        new.replace(self._file(space))
        self._known[space] = loaded


def lost(before: Filters, after: Filters) -> list[str]:
    """Return the addresses whose connections stood on something that is not there any more.

    Where a rule no longer covers one remote address, it is the remote whose connections
    end: when a guest leaves a group, that is one address and not all that are left.
    """
    found: set[str] = set()
    for address, reasons in before.flows.items():
        now = after.flows.get(address, {})
        for reason, covered in reasons.items():
            gone = None if reason not in now else _uncovered(before, covered, after, now[reason])
            if gone is None or any(not _is_single(each) for each in gone):
                found.add(address)
            else:
                found |= {each.split("/")[0] for each in gone}
    return sorted(found)


def _uncovered(before: Filters, old: str, after: Filters, new: str) -> frozenset[str] | None:
    """Return the remotes that are no longer covered; None is all that there are."""
    if not new or old == new:
        return frozenset()
    return None if not old else before.remotes[old] - after.remotes[new]


def _is_single(remote: str) -> bool:
    return "/" not in remote or remote.endswith("/128" if ":" in remote else "/32")


def _boot_id() -> str:
    return processes.BOOT_ID.read_text().strip()
