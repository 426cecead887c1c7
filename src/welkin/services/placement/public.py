"""What other rooms may do with placement, inside their own transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from welkin.core.db import Reads, Transaction
from welkin.core.world import World
from welkin.services.placement import standard
from welkin.services.placement.allocations import store as allocations
from welkin.services.placement.allocations import usages as usage_sums
from welkin.services.placement.allocations.store import Amounts, Wanted
from welkin.services.placement.candidates import plan, search
from welkin.services.placement.candidates.plan import Candidate
from welkin.services.placement.candidates.request import Group, Request
from welkin.services.placement.errors import ConcurrentUpdate, DoesNotFit, ProviderNotFound
from welkin.services.placement.inventories import store as inventories
from welkin.services.placement.inventories.shapes import Inventory
from welkin.services.placement.names import store as names
from welkin.services.placement.providers import store as providers
from welkin.services.placement.providers.filters import AggregateFilter, TraitFilter
from welkin.services.placement.tables import InventoryRow

__all__ = [
    "AggregateFilter",
    "Amounts",
    "Candidate",
    "ConcurrentUpdate",
    "DoesNotFit",
    "Group",
    "HostCandidate",
    "Inventory",
    "ProviderNotFound",
    "Request",
    "TraitFilter",
    "allocations_of",
    "candidates",
    "claim",
    "ensure_provider",
    "forget_provider",
    "inventories_of",
    "move",
    "release",
    "set_aggregate",
    "set_trait",
    "usages",
]

SERVER = "INSTANCE"
"""The type of consumer that a server is."""
OWN_TRAITS = ("COMPUTE_", "HW_", "STORAGE_", "OWNER_")
"""Traits that start like this belong to whoever ensures a provider; others are an operator's, and are left alone."""
STATUS_TRAIT = "COMPUTE_STATUS_DISABLED"
"""Set with `set_trait`, and left alone when a host tells what it has."""


class HostCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """One way to meet a request, and what would be left to weigh it by."""

    host: str
    """The provider at the top of the tree."""
    allocations: Mapping[str, Mapping[str, int]]
    """What to claim: provider to class to amount."""
    mappings: Mapping[str, Sequence[str]]
    left: Mapping[str, int]
    """What the allocations' providers have left of each class now, before the claim."""


async def ensure_provider(
    tx: Transaction,
    world: World,
    provider: tuple[str, str, str | None],
    wanted: Mapping[str, Inventory],
    traits: Iterable[str] = (),
) -> bool:
    """Make a provider what its host says that it is; return whether anything had to change.

    provider  its id, its name and its parent's id.
    wanted    inventory by resource class; custom classes are created, others are removed unless they are used.
    traits    the host's traits; custom ones are created.  Traits that an operator has set stay.
    Raises    Invalid for names that neither exist nor are custom.
    """
    provider_id, name, parent_id = provider
    row = await providers.find(tx, provider_id)
    changed = row is None
    if row is None:
        row = await providers.create(tx, world, provider_id, name, parent_id)
    elif row.name != name:
        await providers.rename(tx, world, row, name)
    told = set(traits)
    for kind, each in [("class", each) for each in wanted] + [("trait", each) for each in told]:
        if standard.is_custom(each):
            await names.create(tx, world, "class" if kind == "class" else "trait", each)
    await names.check_traits(tx, told)
    changed |= await inventories.write(tx, world, provider_id, wanted)
    have = await inventories.of_provider(tx, provider_id)
    in_use = {each: row for each, row in have.items() if row.used}
    changed |= await inventories.remove_others(tx, provider_id, {**in_use, **wanted})
    kept = {each for each in await providers.traits(tx, provider_id) if not _told_by_host(each)}
    changed |= await providers.set_traits(tx, provider_id, kept | told)
    if changed:
        await providers.bump(tx, world, await providers.get(tx, provider_id))
    return changed


async def forget_provider(tx: Transaction, provider_id: str) -> None:
    """Delete a provider that nobody uses.  Raises ProviderNotFound, ProviderInUse."""
    await providers.delete(tx, provider_id)


async def set_trait(tx: Transaction, world: World, provider_id: str, trait: str, *, present: bool) -> None:
    """Give a provider a trait, or take it.  Raises ProviderNotFound, Invalid."""
    row = await providers.get(tx, provider_id)
    await names.check_traits(tx, {trait})
    have = set(await providers.traits(tx, provider_id))
    if await providers.set_traits(tx, provider_id, have | {trait} if present else have - {trait}):
        await providers.bump(tx, world, row)


async def set_aggregate(tx: Transaction, world: World, provider_id: str, aggregate: str, *, present: bool) -> None:
    """Put a provider into an aggregate, or take it out.  Raises ProviderNotFound."""
    row = await providers.get(tx, provider_id)
    have = set(await providers.aggregates(tx, provider_id))
    if (aggregate in have) is present:
        return
    await providers.set_aggregates(tx, provider_id, have ^ {aggregate})
    await providers.bump(tx, world, row)


async def inventories_of(reads: Reads, provider_id: str) -> dict[str, InventoryRow]:
    """Return what a provider has and how much of it is used, by class."""
    return await inventories.of_provider(reads, provider_id)


async def candidates(reads: Reads, request: Request) -> list[HostCandidate]:
    """Return the ways in which a request could be met now.  Raises Invalid for names that do not exist.

    Where there are no trees and one group is asked for, this costs one statement.
    """
    await search.check_names(reads, request)
    group = request.groups.get("")
    if group is not None and len(request.groups) == 1 and await search.is_flat(reads):
        found = await search.hosts_with_room(reads, request, group)
        return [
            HostCandidate(host=id, allocations={id: group.resources}, mappings={"": (id,)}, left=left)
            for id, left in found.items()
        ]
    picture = await search.picture(reads, request)
    return [_host_candidate(each, picture) for each in plan.candidates(request, picture)]


async def claim(
    tx: Transaction, world: World, consumer_id: str, owner: tuple[str, str], amounts: Amounts, type: str = SERVER
) -> None:
    """Give a consumer these amounts, whatever it had before.

    owner   the ids of its project and of its user.
    Raises  DoesNotFit when somebody else was faster; then look for other candidates.
    """
    project_id, user_id = owner
    wanted = Wanted(consumer_id=consumer_id, amounts=amounts, project_id=project_id, user_id=user_id, type=type)
    await allocations.replace(tx, world, [wanted])


async def move(tx: Transaction, world: World, source_id: str, target_id: str) -> None:
    """Let another consumer hold everything that one holds, as a migration does for a server's old host."""
    consumer = await allocations.consumer(tx, source_id)
    rows = await allocations.of_consumer(tx, source_id)
    if consumer is None:
        return
    amounts: dict[str, dict[str, int]] = {}
    for row in rows:
        amounts.setdefault(row.provider_id, {})[row.resource_class] = row.amount
    project_id, user_id = consumer.project_id, consumer.user_id
    gone = Wanted(consumer_id=source_id, amounts={}, project_id=project_id, user_id=user_id)
    held = Wanted(consumer_id=target_id, amounts=amounts, project_id=project_id, user_id=user_id, type=consumer.type)
    await allocations.replace(tx, world, [gone, held])


async def release(tx: Transaction, consumer_id: str) -> bool:
    """Free everything that a consumer holds; return whether there was anything."""
    return await allocations.delete(tx, consumer_id)


async def allocations_of(reads: Reads, consumer_id: str) -> dict[str, dict[str, int]]:
    """Return what a consumer holds: provider to class to amount."""
    found: dict[str, dict[str, int]] = {}
    for row in await allocations.of_consumer(reads, consumer_id):
        found.setdefault(row.provider_id, {})[row.resource_class] = row.amount
    return found


async def usages(reads: Reads, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return how much of each class the consumers of a project, or of one user in it, hold."""
    found: dict[str, int] = {}
    for row in await usage_sums.by_type(reads, project_id, user_id):
        found[row.resource_class] = found.get(row.resource_class, 0) + row.amount
    return found


def _told_by_host(trait: str) -> bool:
    return trait.startswith(OWN_TRAITS) and trait != STATUS_TRAIT


def _host_candidate(candidate: Candidate, picture: plan.Picture) -> HostCandidate:
    left = {
        name: picture.rooms[name][provider_id].left
        for provider_id, resources in candidate.allocations.items()
        for name in resources
    }
    return HostCandidate(
        host=candidate.anchor, allocations=candidate.allocations, mappings=candidate.mappings, left=left
    )
