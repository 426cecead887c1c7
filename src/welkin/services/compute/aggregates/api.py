"""Aggregates over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from welkin.core.db import Reads, Transaction, UniqueViolation, columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.aggregates import policy
from welkin.services.compute.aggregates.errors import (
    AggregateExists,
    AggregateHostExists,
    AggregateHostNotFound,
    AggregateNotFound,
    CannotChange,
    CannotMove,
)
from welkin.services.compute.aggregates.shapes import (
    AggregateCreate,
    AggregateUpdate,
    HostChange,
    MetadataChange,
    brief,
    full,
)
from welkin.services.compute.aggregates.tables import (
    ZONE_KEY,
    AggregateRow,
    find_aggregate,
    hosts_of,
    other_zones,
)
from welkin.services.compute.hypervisors.tables import node_of
from welkin.services.compute.numbers import next_number
from welkin.services.compute.service import service
from welkin.services.compute.services.errors import HostNotFound
from welkin.services.compute.services.tables import compute_service
from welkin.services.compute.values import NoQuery, is_number, whole
from welkin.services.placement import public as placement

routes = Routes(service)
ONE = "/v2.1/os-aggregates/{aggregate_id}"
ACTION = ONE + "/action"


@routes.get("/v2.1/os-aggregates", rule=policy.INDEX)
async def list_aggregates(call: Call, query: NoQuery) -> dict[str, Any]:
    """List aggregates."""
    rows = await call.db.all(AggregateRow, f"SELECT {columns(AggregateRow)} FROM aggregates ORDER BY id")
    return {"aggregates": [full(row, await hosts_of(call.db, row.id)) for row in rows]}


@routes.post("/v2.1/os-aggregates", rule=policy.CREATE, status=200)
async def create_aggregate(call: Call, body: AggregateCreate) -> dict[str, Any]:
    """Make an aggregate."""
    new = body.aggregate
    metadata = {} if new.availability_zone is None else {ZONE_KEY: new.availability_zone}
    try:
        async with call.db.tx() as tx:
            row = AggregateRow(
                id=await next_number(tx, "aggregate"),
                uuid=call.world.new_id(),
                name=new.name,
                metadata=metadata,
                created_at=call.world.now(),
                updated_at=None,
            )
            await tx.insert("aggregates", row)
    except UniqueViolation:
        raise AggregateExists(new.name) from None
    return {"aggregate": brief(row)}


@routes.get(ONE, rule=policy.SHOW)
async def show_aggregate(call: Call, aggregate_id: str, query: NoQuery) -> dict[str, Any]:
    """Show an aggregate."""
    return await answer(call.db, number_of(aggregate_id))


@routes.put(ONE, rule=policy.UPDATE)
async def update_aggregate(call: Call, aggregate_id: str, body: AggregateUpdate) -> dict[str, Any]:
    """Rename an aggregate, or set its availability zone."""
    change, id = body.aggregate, number_of(aggregate_id)
    if change.name is UNSET and change.availability_zone is UNSET:
        raise Invalid("Invalid input for field/attribute aggregate. 'name' or 'availability_zone' is required.")
    name = None if change.name is UNSET else change.name.strip()
    try:
        async with call.db.tx() as tx:
            row = await get(tx, id)
            if change.availability_zone is not UNSET:
                await check_zone(tx, row, change.availability_zone, "update")
                row.metadata[ZONE_KEY] = str(change.availability_zone)
            await save(call, tx, row, row.name if name is None else name)
            return await answer(tx, id)
    except UniqueViolation:
        raise AggregateExists(name or "") from None


@routes.delete(ONE, rule=policy.DELETE, status=200)
async def delete_aggregate(call: Call, aggregate_id: str) -> None:
    """Delete an aggregate that has no hosts."""
    id = number_of(aggregate_id)
    async with call.db.tx() as tx:
        await get(tx, id)
        if await hosts_of(tx, id):
            raise CannotChange("remove host from", id, "Host aggregate is not empty")
        await tx.delete("aggregates", {"id": id})


@routes.action(ACTION, "add_host", rule=policy.ADD_HOST, status=200)
async def add_host(call: Call, aggregate_id: str, body: HostChange) -> dict[str, Any]:
    """Put a host into an aggregate."""
    id, host = number_of(aggregate_id), body.host
    async with call.db.tx() as tx:
        if await compute_service(tx, host) is None:
            raise HostNotFound(host)
        row = await get(tx, id)
        if host in await hosts_of(tx, id):
            raise AggregateHostExists(id, host)
        now = await other_zones(tx, [host], id)
        if row.zone is not None:
            if now and set(now.values()) != {row.zone}:
                reason = f"One or more hosts already in availability zone(s) {sorted(now.values())}"
                raise CannotMove("add host to", id, reason)
            await check_move(tx, row, host, (now.get(host), row.zone), "add host to")
        await tx.insert("aggregate_hosts", {"aggregate_id": id, "host": host})
        await mirror(call, tx, row, host, present=True)
        return await answer(tx, id)


@routes.action(ACTION, "remove_host", rule=policy.REMOVE_HOST, status=200)
async def remove_host(call: Call, aggregate_id: str, body: HostChange) -> dict[str, Any]:
    """Take a host out of an aggregate."""
    id, host = number_of(aggregate_id), body.host
    async with call.db.tx() as tx:
        row = await get(tx, id)
        if host not in await hosts_of(tx, id):
            raise AggregateHostNotFound(id, host)
        if row.zone is not None:
            later = (await other_zones(tx, [host], id)).get(host)
            await check_move(tx, row, host, (row.zone, later), "remove host from")
        await tx.delete("aggregate_hosts", {"aggregate_id": id, "host": host})
        await mirror(call, tx, row, host, present=False)
        return await answer(tx, id)


@routes.action(ACTION, "set_metadata", rule=policy.SET_METADATA, status=200)
async def set_metadata(call: Call, aggregate_id: str, body: MetadataChange) -> dict[str, Any]:
    """Change an aggregate's metadata."""
    id = number_of(aggregate_id)
    async with call.db.tx() as tx:
        row = await get(tx, id)
        if ZONE_KEY in body.metadata:
            await check_zone(tx, row, body.metadata[ZONE_KEY], "update metadata of")
        row.metadata = merged(row.metadata, body.metadata)
        await save(call, tx, row, row.name)
        return await answer(tx, id)


def number_of(text: str) -> int:
    """Read an aggregate's number.  Raises Invalid."""
    if not is_number(text.removeprefix("-")):
        raise Invalid("id must be an integer")
    return whole(text, "id", -(1 << 31))


def merged(metadata: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return metadata after changes, of which null takes a key away."""
    return {key: value for key, value in {**metadata, **changes}.items() if value is not None}


async def get(reads: Reads, id: int) -> AggregateRow:
    """Return an aggregate.  Raises AggregateNotFound."""
    row = await find_aggregate(reads, id)
    if row is None:
        raise AggregateNotFound(id)
    return row


async def answer(reads: Reads, id: int) -> dict[str, Any]:
    """Return an aggregate as it is now.  Raises AggregateNotFound."""
    return {"aggregate": full(await get(reads, id), await hosts_of(reads, id))}


async def save(call: Call, tx: Transaction, row: AggregateRow, name: str) -> None:
    """Write an aggregate's name and metadata.  Raises UniqueViolation."""
    changes = {"name": name, "metadata": row.metadata, "updated_at": call.world.now()}
    await tx.update("aggregates", {"id": row.id}, changes)


async def check_zone(tx: Transaction, row: AggregateRow, zone: str | None, what: str) -> None:
    """Demand that an aggregate can be made a part of a zone.  Raises CannotChange."""
    if not zone:
        reason = f"Aggregate {row.name} does not support empty named availability zone"
        raise CannotChange(what, row.id, reason)
    hosts = await hosts_of(tx, row.id)
    conflicts = sorted({other for other in (await other_zones(tx, hosts, row.id)).values() if other != zone})
    if conflicts:
        raise CannotChange(what, row.id, f"One or more hosts already in availability zone(s) {conflicts}")
    if row.zone != zone and await count_servers(tx, hosts):
        raise CannotChange(what, row.id, "One or more hosts contain instances in this zone")


async def check_move(
    tx: Transaction, row: AggregateRow, host: str, zones: tuple[str | None, str | None], what: str
) -> None:
    """Demand that servers stay in their zone when their host comes or goes; `zones`: before and after.

    Raises CannotMove.
    """
    before, after = zones
    count = await count_servers(tx, [host])
    if count and before != after:
        reason = (
            f"The availability zone of host {host} would change from '{before}' to '{after}', and it has {count} "
            "instance(s), whose availability zone cannot be changed in this way; move them away first"
        )
        raise CannotMove(what, row.id, reason)


async def count_servers(tx: Transaction, hosts: Sequence[str]) -> int:
    """Return how many servers some hosts have."""
    count = 0
    for host in hosts:
        count += await tx.value("SELECT COUNT(*) FROM servers WHERE host = $1 AND NOT deleted", host)
    return count


async def mirror(call: Call, tx: Transaction, row: AggregateRow, host: str, *, present: bool) -> None:
    """Tell placement of a host's coming or going."""
    node = await node_of(tx, host)
    if node is not None:
        await placement.set_aggregate(tx, call.world, node.id, row.uuid, present=present)
