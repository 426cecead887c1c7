"""Writing allocations: the one place where what is used changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.placement.errors import ConcurrentUpdate, DoesNotFit
from welkin.services.placement.names import store as names
from welkin.services.placement.tables import AllocationRow, Consumer, InventoryRow

Amounts = Mapping[str, Mapping[str, int]]
"""Provider id to resource class to amount."""
Pair = tuple[str, str]
"""A provider and a resource class."""

UNCHECKED = -1
"""Instead of a consumer's generation: whatever it is."""

OF_CONSUMER = f"SELECT {columns(AllocationRow)} FROM resource_allocations WHERE consumer_id = $1 ORDER BY provider_id"
CONSUMER = f"SELECT {columns(Consumer)} FROM resource_consumers WHERE id = $1"
SUM_ANEW = (
    "UPDATE resource_inventories SET used = (SELECT COALESCE(SUM(amount), 0) FROM resource_allocations AS a "
    "WHERE a.provider_id = $1 AND a.resource_class = $2) WHERE provider_id = $1 AND resource_class = $2"
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a consumer is to use, whatever it used before; with no amounts it goes."""

    consumer_id: str
    amounts: Amounts
    project_id: str
    user_id: str
    type: str | None = None
    """None leaves the type as it is."""
    generation: int | None = UNCHECKED
    """What the caller saw; None for a consumer that must be new."""


async def of_consumer(reads: Reads, consumer_id: str) -> list[AllocationRow]:
    """Return what a consumer uses."""
    return await reads.all(AllocationRow, OF_CONSUMER, consumer_id)


async def consumer(reads: Reads, consumer_id: str) -> Consumer | None:
    """Return a consumer, or None."""
    return await reads.one(Consumer, CONSUMER, consumer_id)


async def replace(tx: Transaction, world: World, wanted: Sequence[Wanted]) -> None:
    """Make what every consumer uses what is wanted, together or not at all.

    Raises ConcurrentUpdate for a consumer that is not as the caller saw it, Invalid for a
    provider or class that does not exist, DoesNotFit for what an inventory cannot give.
    """
    await _lock(tx, (each.consumer_id for each in wanted))
    known = await _check_providers(tx, wanted)
    before: dict[Pair, int] = defaultdict(int)
    visited: set[str] = set()
    for each in wanted:
        await _ensure_consumer(tx, each)
        for row in await of_consumer(tx, each.consumer_id):
            before[row.provider_id, row.resource_class] += row.amount
            if not each.amounts:
                visited.add(row.provider_id)
        await tx.delete("resource_allocations", {"consumer_id": each.consumer_id})
    await _check_room(tx, wanted, before)
    for each in wanted:
        await _insert(tx, world, each)
    await _sum_anew(tx, set(before) | {pair for each in wanted for pair in _pairs(each.amounts)})
    for provider_id in visited | known:
        await tx.run(
            "UPDATE resource_providers SET generation = generation + 1, updated_at = $2 WHERE id = $1",
            provider_id,
            world.now(),
        )
    await _finish_consumers(tx, wanted)


async def delete(tx: Transaction, consumer_id: str) -> bool:
    """Free everything that a consumer uses, and forget it; return whether there was anything."""
    await _lock(tx, [consumer_id])
    rows = await of_consumer(tx, consumer_id)
    await _lock(tx, {row.provider_id for row in rows})
    await tx.delete("resource_allocations", {"consumer_id": consumer_id})
    await tx.delete("resource_consumers", {"id": consumer_id})
    await _sum_anew(tx, {(row.provider_id, row.resource_class) for row in rows})
    return bool(rows)


async def _check_providers(tx: Transaction, wanted: Sequence[Wanted]) -> set[str]:
    asked = {provider_id for each in wanted for provider_id in each.amounts}
    await _lock(tx, asked)
    for provider_id in sorted(asked):
        if not await tx.value("SELECT 1 FROM resource_providers WHERE id = $1", provider_id):
            raise Invalid(f"Allocation for resource provider '{provider_id}' that does not exist.")
    await names.check_classes(tx, {name for each in wanted for _, name in _pairs(each.amounts)})
    return asked


async def _ensure_consumer(tx: Transaction, wanted: Wanted) -> None:
    found = await consumer(tx, wanted.consumer_id)
    if wanted.generation != UNCHECKED:
        expected = None if found is None else found.generation
        if wanted.generation != expected:
            raise ConcurrentUpdate(
                f"consumer generation conflict - expected {_word(expected)} but got {_word(wanted.generation)}"
            )
    if found is None:
        new = Consumer(wanted.consumer_id, 0, wanted.project_id, wanted.user_id, wanted.type)
        await tx.insert("resource_consumers", new)
        return
    changes: dict[str, object] = {"project_id": wanted.project_id, "user_id": wanted.user_id}
    if wanted.type is not None:
        changes["type"] = wanted.type
    await tx.update("resource_consumers", {"id": wanted.consumer_id}, changes)


async def _check_room(tx: Transaction, wanted: Sequence[Wanted], before: Mapping[Pair, int]) -> None:
    """Raise DoesNotFit unless every inventory can give what is asked; what it gave before is free again.

    An inventory that is over its capacity may still give less than it gave before.
    """
    asked: dict[Pair, int] = defaultdict(int)
    for each in wanted:
        for pair in _pairs(each.amounts):
            asked[pair] += each.amounts[pair[0]][pair[1]]
    inventories = await _inventories(tx, {provider_id for provider_id, _ in asked})
    for each in wanted:
        for provider_id, resource_class in _pairs(each.amounts):
            row = inventories.get((provider_id, resource_class))
            if row is None:
                raise DoesNotFit(resource_class, provider_id, "There is no inventory of it: it is invalid.")
            _check_cut(row, each.amounts[provider_id][resource_class])
    for pair, amount in asked.items():
        row = inventories[pair]
        old = before.get(pair, 0)
        if row.used - old + amount > row.capacity and amount > old:
            raise DoesNotFit(pair[1], pair[0], "The requested amount would exceed the capacity.")


def _check_cut(row: InventoryRow, amount: int) -> None:
    if not row.min_unit <= amount <= row.max_unit or amount % row.step_size:
        raise DoesNotFit(
            row.resource_class, row.provider_id, "The requested amount would violate inventory constraints."
        )


async def _inventories(tx: Transaction, provider_ids: Iterable[str]) -> dict[Pair, InventoryRow]:
    sql = f"SELECT {columns(InventoryRow)} FROM resource_inventories WHERE provider_id = $1"
    found = [row for each in provider_ids for row in await tx.all(InventoryRow, sql, each)]
    return {(row.provider_id, row.resource_class): row for row in found}


async def _insert(tx: Transaction, world: World, wanted: Wanted) -> None:
    for provider_id, resource_class in _pairs(wanted.amounts):
        amount = wanted.amounts[provider_id][resource_class]
        row = AllocationRow(wanted.consumer_id, provider_id, resource_class, amount, world.now())
        await tx.insert("resource_allocations", row)


async def _sum_anew(tx: Transaction, pairs: Iterable[Pair]) -> None:
    for provider_id, resource_class in sorted(pairs):
        await tx.run(SUM_ANEW, provider_id, resource_class)


async def _finish_consumers(tx: Transaction, wanted: Sequence[Wanted]) -> None:
    for each in wanted:
        if each.amounts:
            await tx.run("UPDATE resource_consumers SET generation = generation + 1 WHERE id = $1", each.consumer_id)
        else:
            await tx.delete("resource_consumers", {"id": each.consumer_id})


async def _lock(tx: Transaction, ids: Iterable[str]) -> None:
    # Consumers first, then providers, each in one order, so that two transactions never wait for each other.
    for each in sorted(ids):
        await tx.lock(f"placement:{each}")


def _pairs(amounts: Amounts) -> list[Pair]:
    return [(provider_id, name) for provider_id, resources in amounts.items() for name in resources]


def _word(generation: int | None) -> str:
    return "null" if generation is None else str(generation)
