"""Reading and writing providers inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable

from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.placement.errors import (
    ConcurrentUpdate,
    DuplicateName,
    ProviderHasChildren,
    ProviderInUse,
    ProviderNotFound,
)
from welkin.services.placement.tables import Provider

SELECT = f"SELECT {columns(Provider)} FROM resource_providers"


async def find(reads: Reads, provider_id: str) -> Provider | None:
    """Return a provider, or None."""
    return await reads.one(Provider, f"{SELECT} WHERE id = $1", provider_id)


async def get(reads: Reads, provider_id: str) -> Provider:
    """Return a provider.  Raises ProviderNotFound."""
    provider = await find(reads, provider_id)
    if provider is None:
        raise ProviderNotFound(provider_id)
    return provider


async def checked(tx: Transaction, provider_id: str, generation: int) -> Provider:
    """Return a provider that nobody has changed since `generation`.  Raises ProviderNotFound, ConcurrentUpdate."""
    provider = await get(tx, provider_id)
    if provider.generation != generation:
        raise ConcurrentUpdate(
            f"resource provider generation conflict: Resource provider's generation already changed. "
            f"{provider_id} is at {provider.generation}, not {generation}. "
            f"Please update the generation and try again."
        )
    return provider


async def bump(tx: Transaction, world: World, provider: Provider) -> Provider:
    """Raise the generation by one.  Raises ConcurrentUpdate when somebody else did."""
    where = {"id": provider.id, "generation": provider.generation}
    changes = {"generation": provider.generation + 1, "updated_at": world.now()}
    if not await tx.update("resource_providers", where, changes):
        raise ConcurrentUpdate(f"Resource provider {provider.id} was changed meanwhile; please retry your update.")
    return await get(tx, provider.id)


async def create(tx: Transaction, world: World, provider_id: str, name: str, parent_id: str | None) -> Provider:
    """Insert a provider.  Raises DuplicateName, Invalid."""
    taken = "SELECT id FROM resource_providers WHERE id = $1 OR name = $2"
    for found in await tx.values(taken, provider_id, name):
        conflicting = f"uuid: {provider_id}" if found == provider_id else f"name: {name}"
        raise DuplicateName(f"Conflicting resource provider {conflicting} already exists.")
    root_id = provider_id
    if parent_id is not None:
        root_id = (await _parent(tx, provider_id, parent_id)).root_id
    provider = Provider(provider_id, name, 0, parent_id, root_id, world.now(), world.now())
    await tx.insert("resource_providers", provider)
    return provider


async def rename(tx: Transaction, world: World, provider: Provider, name: str) -> None:
    """Give a provider another name.  Raises DuplicateName."""
    holder = await tx.value("SELECT id FROM resource_providers WHERE name = $1", name)
    if holder not in (None, provider.id):
        raise DuplicateName(f"Conflicting resource provider {name} already exists.")
    await tx.update("resource_providers", {"id": provider.id}, {"name": name, "updated_at": world.now()})


async def move(tx: Transaction, provider: Provider, parent_id: str | None) -> None:
    """Put a provider, with all below it, under another parent, or make it a root.  Raises Invalid."""
    if parent_id == provider.parent_id:
        return
    below = await descendants(tx, provider)
    root_id = provider.id
    if parent_id is not None:
        parent = await _parent(tx, provider.id, parent_id)
        if parent.id in below:
            raise Invalid(
                f"Unable to save resource provider {provider.id}: creating loop in the provider tree is not allowed."
            )
        root_id = parent.root_id
    await tx.update("resource_providers", {"id": provider.id}, {"parent_id": parent_id})
    for each in below:
        await tx.update("resource_providers", {"id": each}, {"root_id": root_id})


async def delete(tx: Transaction, provider_id: str) -> None:
    """Delete a provider that nobody uses, with its inventories.  Raises ProviderNotFound, ProviderInUse and others."""
    await get(tx, provider_id)
    if await tx.value("SELECT 1 FROM resource_providers WHERE parent_id = $1 LIMIT 1", provider_id):
        raise ProviderHasChildren(provider_id)
    if await tx.value("SELECT 1 FROM resource_allocations WHERE provider_id = $1 LIMIT 1", provider_id):
        raise ProviderInUse(provider_id)
    for table in ("resource_inventories", "resource_provider_traits", "resource_provider_aggregates"):
        await tx.delete(table, {"provider_id": provider_id})
    await tx.delete("resource_providers", {"id": provider_id})


async def descendants(reads: Reads, provider: Provider) -> set[str]:
    """Return the ids of a provider and of all below it."""
    tree = await reads.all(Provider, f"{SELECT} WHERE root_id = $1", provider.root_id)
    below, found = {provider.id}, 0
    while len(below) != found:
        found = len(below)
        below |= {each.id for each in tree if each.parent_id in below}
    return below


async def aggregates(reads: Reads, provider_id: str) -> list[str]:
    """Return the aggregates that a provider belongs to."""
    sql = "SELECT aggregate FROM resource_provider_aggregates WHERE provider_id = $1 ORDER BY aggregate"
    return await reads.values(sql, provider_id)


async def set_aggregates(tx: Transaction, provider_id: str, wanted: Iterable[str]) -> None:
    """Make `wanted` the aggregates of a provider."""
    await tx.delete("resource_provider_aggregates", {"provider_id": provider_id})
    for aggregate in sorted(set(wanted)):
        await tx.insert("resource_provider_aggregates", {"provider_id": provider_id, "aggregate": aggregate})


async def traits(reads: Reads, provider_id: str) -> list[str]:
    """Return the traits of a provider."""
    sql = "SELECT trait FROM resource_provider_traits WHERE provider_id = $1 ORDER BY trait"
    return await reads.values(sql, provider_id)


async def set_traits(tx: Transaction, provider_id: str, wanted: Iterable[str]) -> bool:
    """Make `wanted`, which all exist, the traits of a provider; return whether anything changed."""
    have, want = set(await traits(tx, provider_id)), set(wanted)
    for trait in have - want:
        await tx.delete("resource_provider_traits", {"provider_id": provider_id, "trait": trait})
    for trait in sorted(want - have):
        await tx.insert("resource_provider_traits", {"provider_id": provider_id, "trait": trait})
    return have != want


async def _parent(reads: Reads, provider_id: str, parent_id: str) -> Provider:
    if parent_id == provider_id:
        raise Invalid(
            f"Unable to save resource provider {provider_id}: parent provider UUID cannot be same as UUID: "
            "creating loop in the provider tree is not allowed."
        )
    parent = await find(reads, parent_id)
    if parent is None:
        raise Invalid("Unable to save resource provider: parent provider UUID does not exist.")
    return parent
