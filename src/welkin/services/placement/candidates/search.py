"""Looks at the providers as far as a request needs it, and finds its candidates."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import msgspec

from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid
from welkin.core.listing import Select
from welkin.services.placement.candidates import plan
from welkin.services.placement.candidates.plan import Candidate, Node, Picture, Room
from welkin.services.placement.candidates.request import Group, Request
from welkin.services.placement.names import store as names
from welkin.services.placement.standard import SHARES

ROOMS = (
    "SELECT i.provider_id, i.resource_class, i.capacity - i.used, i.min_unit, i.max_unit, i.step_size "
    "FROM resource_inventories AS i"
)
FITS = "(resource_class = ? AND used + ? <= capacity AND min_unit <= ? AND max_unit >= ? AND ? % step_size = 0)"


class Pair(msgspec.Struct, frozen=True):
    """A provider and a trait or an aggregate that it has."""

    id: str
    value: str


async def candidates(reads: Reads, request: Request) -> list[Candidate]:
    """Return the ways in which a request could be met now.  Raises Invalid for names that do not exist."""
    await check_names(reads, request)
    group = request.groups.get("")
    if group is not None and len(request.groups) == 1 and await is_flat(reads):
        found = await hosts_with_room(reads, request, group)
        return [_whole(provider_id, group) for provider_id in found]
    return plan.candidates(request, await picture(reads, request))


async def check_names(reads: Reads, request: Request) -> None:
    """Raise Invalid unless every trait and resource class exists."""
    await names.check_traits(reads, request.trait_names)
    missing = await names.unknown(reads, "class", request.classes)
    if missing:
        raise Invalid(f"Invalid resource class in resources parameter: No such resource class {', '.join(missing)}.")


async def is_flat(reads: Reads) -> bool:
    """Say whether every provider stands alone: no trees, and none that shares."""
    if await reads.value("SELECT 1 FROM resource_providers WHERE parent_id IS NOT NULL LIMIT 1"):
        return False
    return not await reads.value("SELECT 1 FROM resource_provider_traits WHERE trait = $1 LIMIT 1", SHARES)


async def hosts_with_room(reads: Reads, request: Request, group: Group) -> dict[str, dict[str, int]]:
    """Return each provider that meets a group by itself, with what it has left of each class.

    For clouds without trees: one statement, whose cost in Python is one row for each provider found.
    """
    select = Select()
    left = [
        f"MAX(CASE WHEN resource_class = {select.value(name)} THEN capacity - used END)" for name in group.resources
    ]
    alternatives = []
    for name, amount in group.resources.items():
        inner = Select()
        inner.values = select.values
        inner.where(FITS, name, amount, amount, amount, amount)
        alternatives.append(inner.conditions[0])
    select.conditions.append(f"({' OR '.join(alternatives)})")
    _filter_flat(select, request, group)
    row = _left_row(len(group.resources))
    sql = (
        f"SELECT provider_id, {', '.join(left)} FROM resource_inventories{select.clause()} "
        f"GROUP BY provider_id HAVING COUNT(*) = {len(group.resources)} ORDER BY provider_id"
    )
    if request.limit is not None:
        sql += f" LIMIT {request.limit}"
    found = await reads.all(row, sql, *select.values)
    return {cells[0]: dict(zip(group.resources, cells[1:], strict=True)) for cells in map(_cells, found)}


async def picture(reads: Reads, request: Request) -> Picture:
    """Return what `request` needs to know of every provider."""
    nodes = await reads.all(Node, f"SELECT {columns(Node)} FROM resource_providers ORDER BY created_at, id")
    rooms: dict[str, dict[str, Room]] = {}
    select = Select()
    select.any_of("i.resource_class", sorted(request.classes))
    for room in await reads.all(Room, f"{ROOMS}{select.clause()} ORDER BY i.provider_id", *select.values):
        rooms.setdefault(room.resource_class, {})[room.provider_id] = room
    select = Select()
    select.any_of("trait", sorted({*request.trait_names, SHARES}))
    traits = await _sets(reads, f"SELECT provider_id, trait FROM resource_provider_traits{select.clause()}", select)
    aggregates = await _sets(reads, "SELECT provider_id, aggregate FROM resource_provider_aggregates", Select())
    return Picture(
        nodes={node.id: node for node in nodes},
        rooms=rooms,
        traits=traits,
        aggregates=aggregates,
        sharing=frozenset(id for id, found in traits.items() if SHARES in found),
    )


async def _sets(reads: Reads, sql: str, select: Select) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for pair in await reads.all(Pair, sql, *select.values):
        found.setdefault(pair.id, set()).add(pair.value)
    return {id: frozenset(values) for id, values in found.items()}


def _filter_flat(select: Select, request: Request, group: Group) -> None:
    trait_filters = (group.traits, request.root)
    for wanted in trait_filters:
        _among(select, "resource_provider_traits", "trait", wanted.required, wanted.forbidden)
    aggregates = group.aggregates
    _among(select, "resource_provider_aggregates", "aggregate", aggregates.required, aggregates.forbidden)
    if group.in_tree is not None:
        select.where("provider_id = ?", group.in_tree)


def _among(
    select: Select, table: str, column: str, required: Iterable[frozenset[str]], forbidden: frozenset[str]
) -> None:
    inner = f"provider_id {{}} (SELECT provider_id FROM {table} WHERE {column} IN ({{}}))"
    for any_of in required:
        select.where(inner.format("IN", ", ".join("?" * len(any_of))), *sorted(any_of))
    if forbidden:
        select.where(inner.format("NOT IN", ", ".join("?" * len(forbidden))), *sorted(forbidden))


@functools.cache
def _left_row(count: int) -> type[msgspec.Struct]:
    fields: list[tuple[str, type]] = [("provider_id", str), *((f"left_{index}", int) for index in range(count))]
    return msgspec.defstruct("Left", fields)


def _cells(row: msgspec.Struct) -> tuple[Any, ...]:
    return msgspec.structs.astuple(row)


def _whole(provider_id: str, group: Group) -> Candidate:
    return Candidate(anchor=provider_id, allocations={provider_id: group.resources}, mappings={"": [provider_id]})


def providers_of(found: Iterable[Candidate]) -> set[str]:
    """Return every provider that a candidate uses."""
    return {provider_id for candidate in found for provider_id in candidate.allocations}
