"""Inventories over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core.answers import Answer
from welkin.core.db import Reads
from welkin.core.errors import Invalid, MethodNotAllowed, NotFound
from welkin.core.http import Call, Routes
from welkin.services.placement import policy
from welkin.services.placement.errors import ConcurrentUpdate, InventoryInUse
from welkin.services.placement.inventories import store
from welkin.services.placement.inventories.shapes import (
    Inventory,
    InventoryCreate,
    InventoryList,
    InventorySet,
    InventoryUpdate,
    InventoryView,
)
from welkin.services.placement.providers import store as providers
from welkin.services.placement.service import answer, location, service, versions
from welkin.services.placement.tables import Provider

routes = Routes(service)
ALL = "/resource_providers/{provider_id}/inventories"
ONE = ALL + "/{resource_class}"


@routes.get(ALL, rule=policy.INVENTORIES_LIST)
async def list_inventories(call: Call, provider_id: str) -> Answer:
    """Return every inventory of a provider."""
    provider = await providers.get(call.db, provider_id)
    return await _all(call, call.db, provider)


@routes.post(ALL, rule=policy.INVENTORIES_CREATE)
async def create_inventory(call: Call, provider_id: str, body: InventoryCreate) -> Answer:
    """Add an inventory of a class that the provider does not have yet."""
    async with call.db.tx() as tx:
        provider = await providers.get(tx, provider_id)
        await store.check(tx, provider_id, {body.resource_class: body})
        if body.resource_class in await store.of_provider(tx, provider_id):
            raise ConcurrentUpdate(f"Update conflict: the provider already has inventory of {body.resource_class}.")
        await store.write(tx, call.world, provider_id, {body.resource_class: body})
        provider = await providers.bump(tx, call.world, provider)
    return answer(
        call,
        _view(body, provider),
        provider.updated_at,
        headers=location(call, f"/resource_providers/{provider_id}/inventories/{body.resource_class}"),
    )


@routes.put(ALL, rule=policy.INVENTORIES_UPDATE)
async def set_inventories(call: Call, provider_id: str, body: InventorySet) -> Answer:
    """Make these the inventories of a provider."""
    async with call.db.tx() as tx:
        provider = await providers.checked(tx, provider_id, body.resource_provider_generation)
        await store.write(tx, call.world, provider_id, body.inventories)
        await store.remove_others(tx, provider_id, body.inventories)
        provider = await providers.bump(tx, call.world, provider)
        return await _all(call, tx, provider)


@routes.delete(ALL, rule=policy.INVENTORIES_DELETE, since="1.5")
async def delete_inventories(call: Call, provider_id: str) -> None:
    """Remove every inventory of a provider."""
    async with call.db.tx() as tx:
        provider = await providers.get(tx, provider_id)
        await store.remove_others(tx, provider_id, {})
        await providers.bump(tx, call.world, provider)


@routes.delete(ALL, rule=policy.INVENTORIES_DELETE, until="1.4")
async def refuse_delete_inventories(call: Call, provider_id: str) -> None:
    """Refuse to remove every inventory, which came with 1.5."""
    raise MethodNotAllowed("The method DELETE is not allowed here before 1.5.", frozenset({"GET", "POST", "PUT"}))


@routes.get(ONE, rule=policy.INVENTORIES_SHOW)
async def show_inventory(call: Call, provider_id: str, resource_class: str) -> Answer:
    """Return one inventory of a provider."""
    provider = await providers.get(call.db, provider_id)
    row = (await store.of_provider(call.db, provider_id)).get(resource_class)
    if row is None:
        raise NotFound(f"No inventory of class {resource_class} for {provider_id}")
    return answer(call, _view(Inventory.of(row), provider), row.updated_at)


@routes.put(ONE, rule=policy.INVENTORIES_UPDATE)
async def update_inventory(call: Call, provider_id: str, resource_class: str, body: InventoryUpdate) -> Answer:
    """Change one inventory of a provider."""
    async with call.db.tx() as tx:
        provider = await providers.checked(tx, provider_id, body.resource_provider_generation)
        if resource_class not in await store.of_provider(tx, provider_id):
            raise Invalid(f"No inventory record with resource class {resource_class} for provider {provider_id}.")
        await store.write(tx, call.world, provider_id, {resource_class: body})
        provider = await providers.bump(tx, call.world, provider)
    return answer(call, _view(body, provider), provider.updated_at)


@routes.delete(ONE, rule=policy.INVENTORIES_DELETE)
async def delete_inventory(call: Call, provider_id: str, resource_class: str) -> None:
    """Remove one inventory of a provider."""
    async with call.db.tx() as tx:
        provider = await providers.get(tx, provider_id)
        have = await store.of_provider(tx, provider_id)
        if resource_class not in have:
            raise NotFound(f"No inventory of class {resource_class} found for delete")
        if have[resource_class].used:
            raise _in_use(resource_class, provider_id)
        del have[resource_class]
        await store.remove_others(tx, provider_id, have)
        await providers.bump(tx, call.world, provider)


@versions.request_before("1.26", create_inventory, update_inventory)
def refuse_full_reserve(body: Any) -> Any:
    """Before 1.26 something had to be left of an inventory."""
    total, reserved = (body.get("total"), body.get("reserved", 0)) if isinstance(body, dict) else (None, None)
    if isinstance(total, int) and isinstance(reserved, int) and total >= 1 and reserved >= total:
        raise Invalid("Invalid inventory. The reserved value is greater than or equal to total.")
    return body


@versions.request_before("1.26", set_inventories)
def refuse_full_reserves(body: Any) -> Any:
    """Before 1.26 something had to be left of every inventory."""
    inventories = body.get("inventories") if isinstance(body, dict) else None
    for inventory in inventories.values() if isinstance(inventories, dict) else ():
        refuse_full_reserve(inventory)
    return body


def _in_use(resource_class: str, provider_id: str) -> ConcurrentUpdate:
    # Upstream gives this one the code of a concurrent update, and so it stays.
    return ConcurrentUpdate(str(InventoryInUse(resource_class, provider_id)))


def _view(inventory: Inventory, provider: Provider) -> InventoryView:
    return InventoryView(
        total=inventory.total,
        reserved=inventory.reserved,
        min_unit=inventory.min_unit,
        max_unit=inventory.max_unit,
        step_size=inventory.step_size,
        allocation_ratio=inventory.allocation_ratio,
        resource_provider_generation=provider.generation,
    )


async def _all(call: Call, reads: Reads, provider: Provider) -> Answer:
    rows = await store.of_provider(reads, provider.id)
    body = InventoryList(
        resource_provider_generation=provider.generation,
        inventories={name: Inventory.of(row) for name, row in rows.items()},
    )
    modified = max((row.updated_at for row in rows.values()), default=None)
    return answer(call, body, modified)
