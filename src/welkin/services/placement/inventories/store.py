"""Reading and writing inventories inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping

from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.placement.errors import InventoryInUse
from welkin.services.placement.inventories.shapes import Inventory
from welkin.services.placement.names import store as names
from welkin.services.placement.tables import InventoryRow

SELECT = f"SELECT {columns(InventoryRow)} FROM resource_inventories"


async def of_provider(reads: Reads, provider_id: str) -> dict[str, InventoryRow]:
    """Return a provider's inventories by class."""
    sql = f"{SELECT} WHERE provider_id = $1 ORDER BY resource_class"
    return {row.resource_class: row for row in await reads.all(InventoryRow, sql, provider_id)}


async def check(reads: Reads, provider_id: str, wanted: Mapping[str, Inventory]) -> None:
    """Raise Invalid for a class that does not exist, or more reserved than there is."""
    for resource_class, inventory in wanted.items():
        if inventory.capacity < 0:
            raise Invalid(
                f"Unable to update inventory for resource provider {provider_id}: Invalid inventory for "
                f"'{resource_class}'. The reserved value is greater than total."
            )
    await names.check_classes(reads, wanted)


async def write(tx: Transaction, world: World, provider_id: str, wanted: Mapping[str, Inventory]) -> bool:
    """Insert or change inventories, leaving others alone; return whether anything changed.  Raises Invalid."""
    await check(tx, provider_id, wanted)
    have = await of_provider(tx, provider_id)
    changed = False
    for resource_class, inventory in wanted.items():
        old = have.get(resource_class)
        if old is not None and Inventory.of(old) == Inventory.of(inventory):
            continue
        changed = True
        cells: dict[str, object] = {
            "total": inventory.total,
            "reserved": inventory.reserved,
            "min_unit": inventory.min_unit,
            "max_unit": inventory.max_unit,
            "step_size": inventory.step_size,
            "allocation_ratio": float(inventory.allocation_ratio),
            "capacity": min(inventory.capacity, 1 << 62),
            "updated_at": world.now(),
        }
        key: dict[str, object] = {"provider_id": provider_id, "resource_class": resource_class}
        if old is None:
            await tx.insert("resource_inventories", key | cells)
        else:
            await tx.update("resource_inventories", key, cells)
    return changed


async def remove_others(tx: Transaction, provider_id: str, keep: Mapping[str, object]) -> bool:
    """Delete the inventories that are not in `keep`; return whether there were any.  Raises InventoryInUse."""
    have = await of_provider(tx, provider_id)
    gone = [name for name in have if name not in keep]
    used = [name for name in gone if have[name].used]
    if used:
        raise InventoryInUse(", ".join(used), provider_id)
    for name in gone:
        await tx.delete("resource_inventories", {"provider_id": provider_id, "resource_class": name})
    return bool(gone)
