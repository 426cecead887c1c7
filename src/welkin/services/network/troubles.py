"""What hosts say is wrong with networks, routers and ports: kept while it lasts, and told as events.

Only reports write here.  A report speaks for one item of one host, a network with its ports or a router, and
replaces all that was known of it from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from welkin.core import events
from welkin.core.db import Reads, Transaction, columns
from welkin.core.listing import Select
from welkin.core.world import World

NETWORK, ROUTER, PORT = "network", "router", "port"
TABLES = {NETWORK: "networks", ROUTER: "routers", PORT: "ports"}
Key = tuple[str, str]
"""A kind and an id."""


class TroubleRow(msgspec.Struct, frozen=True):
    """Something that a host cannot do."""

    kind: str
    id: str
    host: str
    item: str
    text: str
    since: float


class _PortTrouble(msgspec.Struct, frozen=True):
    """Why a port is not plugged."""

    id: str
    text: str


async def write(tx: Transaction, world: World, item: str, host: str, said: Mapping[Key, str]) -> None:
    """Keep what a host says of an item: what is wrong by kind and id, and nothing else."""
    sql = f"SELECT {columns(TroubleRow)} FROM network_troubles WHERE item = $1 AND host = $2"
    known = {(row.kind, row.id): row for row in await tx.all(TroubleRow, sql, item, host)}
    for key, row in known.items():
        if key not in said:
            await tx.delete("network_troubles", {"kind": row.kind, "id": row.id, "host": host})
            await _tell(tx, world, key, f"network.{row.kind}.recovered", host=host)
    for key, text in said.items():
        kind, id = key
        before = known.get(key)
        if before is None:
            await tx.delete("network_troubles", {"kind": kind, "id": id, "host": host})  # it said so of another item
            await tx.insert("network_troubles", TroubleRow(kind, id, host, item, text, world.now()))
        elif before.text != text:
            await tx.update("network_troubles", {"kind": kind, "id": id, "host": host}, {"text": text})
        if before is None or before.text != text:
            why = sentence(id, text) if kind == PORT else text
            await _tell(tx, world, key, f"network.{kind}.trouble", host=host, why=why)


async def _tell(tx: Transaction, world: World, key: Key, event: str, **facts: str) -> None:
    """Record an event of the thing itself, and of the server that has the port."""
    kind, id = key
    project_id = await tx.value(f"SELECT project_id FROM {TABLES[kind]} WHERE id = $1", id)
    if project_id is None:
        return  # it is gone, and its troubles with it
    await events.record(tx, world, event, id, project_id=project_id, **facts)
    server_id = await tx.value("SELECT server_id FROM ports WHERE id = $1", id) if kind == PORT else ""
    if server_id:
        await events.record(tx, world, event, server_id, project_id=project_id, port=id, **facts)


def sentence(port_id: str, text: str) -> str:
    """Return why a port is not plugged, for its owner."""
    return f"port {port_id} could not be plugged: {text}"


async def forget(tx: Transaction, item: str) -> None:
    """Drop what was said of an item that goes."""
    await tx.delete("network_troubles", {"item": item})


async def of_server(reads: Reads, server_id: str) -> str:
    """Return why a server's ports are not plugged, in sentences; nothing when none is in trouble."""
    sql = (
        "SELECT t.id, t.text FROM network_troubles AS t JOIN ports AS p ON p.id = t.id AND p.host = t.host "
        f"WHERE t.kind = '{PORT}' AND p.server_id = $1 ORDER BY t.since, t.id"
    )
    return "; ".join(sentence(row.id, row.text) for row in await reads.all(_PortTrouble, sql, server_id))


async def troubled(reads: Reads, kind: str, ids: Sequence[str]) -> set[str]:
    """Return which of these are in trouble on some host."""
    if not ids:
        return set()
    marks = ", ".join(f"${index}" for index in range(2, len(ids) + 2))
    return set(await reads.values(f"SELECT id FROM network_troubles WHERE kind = $1 AND id IN ({marks})", kind, *ids))


def by_status(kind: str, column: str) -> Callable[[Select, Sequence[str]], None]:
    """Match the status of networks or routers: ERROR in trouble, else ACTIVE.  `column` has their ids."""
    there = f"EXISTS (SELECT 1 FROM network_troubles AS t WHERE t.kind = '{kind}' AND t.id = {column})"

    def apply(select: Select, values: Sequence[str]) -> None:
        wanted = {"ERROR", "ACTIVE"} & set(values)
        if wanted == {"ERROR"}:
            select.conditions.append(there)
        elif wanted == {"ACTIVE"}:
            select.conditions.append(f"NOT {there}")
        elif not wanted:
            select.conditions.append("1 = 0")

    return apply
