"""Providers on the wire."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.core.errors import Invalid
from welkin.services.placement.service import service
from welkin.services.placement.tables import Provider

Name = Annotated[str, Meta(max_length=200)]
TraitName = Annotated[str, Meta(min_length=1, max_length=255)]
RELATIONS = ("inventories", "usages", "aggregates", "traits", "allocations")


class ProviderCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A provider to make."""

    name: Name
    uuid: str | None = None
    parent_provider_uuid: str | None = None


class ProviderUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A provider's new name, and where it is named a new parent."""

    name: Name
    parent_provider_uuid: str | UnsetType | None = UNSET


class ProviderView(msgspec.Struct, kw_only=True):
    """A provider as clients see it."""

    uuid: str
    name: str
    generation: int
    links: list[dict[str, str]]
    parent_provider_uuid: str | None
    root_provider_uuid: str

    @classmethod
    def of(cls, row: Provider) -> ProviderView:
        """Return a row as clients see it."""
        url = f"{service.prefix}/resource_providers/{row.id}"
        links = [{"rel": "self", "href": url}] + [{"rel": name, "href": f"{url}/{name}"} for name in RELATIONS]
        return cls(
            uuid=row.id,
            name=row.name,
            generation=row.generation,
            links=links,
            parent_provider_uuid=row.parent_id,
            root_provider_uuid=row.root_id,
        )


class ProviderQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which providers to list."""

    name: str | None = None
    uuid: str | None = None
    member_of: list[str] = []
    resources: str | None = None
    in_tree: str | None = None
    required: list[str] = []


class Aggregates(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The aggregates of a provider."""

    aggregates: list[str]
    resource_provider_generation: int


class Traits(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The traits of a provider."""

    traits: list[TraitName]
    resource_provider_generation: int


def dashed(text: str, name: str = "uuid") -> str:
    """Return a UUID in its usual form.  Raises Invalid."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Invalid(f"JSON does not validate: {text!r} is not a 'uuid' ({name})") from None


def each_provider(body: Any) -> list[dict[str, Any]]:
    """Return the views in an answer, be it one or a list."""
    providers: list[dict[str, Any]] = body.get("resource_providers", [body])
    return providers
