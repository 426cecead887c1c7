"""Allocations on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.services.placement.inventories.shapes import InventorySet

ExternalId = Annotated[str, Meta(min_length=1, max_length=255)]
ProviderId = Annotated[str, Meta(pattern="^[0-9a-fA-F-]{36}$")]
ClassName = Annotated[str, Meta(pattern="^[A-Z0-9_]+$")]
Amount = Annotated[int, Meta(ge=1, le=1 << 62)]
ConsumerType = Annotated[str, Meta(pattern="^[A-Z0-9_]+$", min_length=1, max_length=255)]
Suffix = Annotated[str, Meta(pattern="^([a-zA-Z0-9_-]{1,64})?$")]


class Resources(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is used of one provider; a generation here is taken and ignored, as upstream does."""

    resources: Annotated[dict[ClassName, Amount], Meta(min_length=1)]
    generation: int | None = None


class Allocations(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a consumer is to use, whatever it used before."""

    allocations: dict[ProviderId, Resources]
    project_id: ExternalId
    user_id: ExternalId


class CheckedAllocations(Allocations, kw_only=True, forbid_unknown_fields=True):
    """What a consumer is to use, if nobody has changed it since; null is for a new consumer."""

    consumer_generation: int | None
    consumer_type: ConsumerType | None
    mappings: Annotated[dict[Suffix, list[str]], Meta(min_length=1)] | UnsetType = UNSET
    """Which group each provider served: taken and ignored."""


class Reshape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Inventories and allocations that change together."""

    inventories: Annotated[dict[ProviderId, InventorySet], Meta(min_length=1)]
    allocations: dict[ProviderId, CheckedAllocations]


class UsageQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose usage to sum, and of which type of consumer."""

    project_id: ExternalId
    user_id: ExternalId | None = None
    consumer_type: Annotated[str, Meta(pattern="^([A-Z0-9_]+|all|unknown)$", max_length=255)] | None = None
