"""Inventories on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from welkin.services.placement.tables import InventoryRow

INT_MAX = 0x7FFFFFFF
RATIO_MAX = 3.40282e38

Positive = Annotated[int, Meta(ge=1, le=INT_MAX)]


class Inventory(msgspec.Struct, kw_only=True):
    """How much there is of one class, and how it may be cut."""

    total: Positive
    reserved: Annotated[int, Meta(ge=0, le=INT_MAX)] = 0
    min_unit: Positive = 1
    max_unit: Positive = INT_MAX
    step_size: Positive = 1
    allocation_ratio: Annotated[float, Meta(le=RATIO_MAX)] = 1.0

    @property
    def capacity(self) -> int:
        """How much can be allocated in all."""
        return int((self.total - self.reserved) * self.allocation_ratio)

    @classmethod
    def of(cls, row: Inventory | InventoryRow) -> Inventory:
        """Return a row as clients see it."""
        return cls(
            total=row.total,
            reserved=row.reserved,
            min_unit=row.min_unit,
            max_unit=row.max_unit,
            step_size=row.step_size,
            allocation_ratio=row.allocation_ratio,
        )


class InventoryEntry(Inventory, kw_only=True, forbid_unknown_fields=True):
    """One inventory among others; a generation here is taken and ignored, as upstream does."""

    resource_provider_generation: int | None = None


class InventoryCreate(Inventory, kw_only=True, forbid_unknown_fields=True):
    """One inventory to add."""

    resource_class: Annotated[str, Meta(pattern="^[A-Z0-9_]+$")]
    resource_provider_generation: int | None = None


class InventoryUpdate(Inventory, kw_only=True, forbid_unknown_fields=True):
    """One inventory to change."""

    resource_provider_generation: int


class InventorySet(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Every inventory of a provider."""

    resource_provider_generation: int
    inventories: dict[str, InventoryEntry]


class InventoryView(Inventory, kw_only=True):
    """One inventory by itself."""

    resource_provider_generation: int


class InventoryList(msgspec.Struct, kw_only=True):
    """Every inventory of a provider, by class."""

    resource_provider_generation: int
    inventories: dict[str, Inventory]
