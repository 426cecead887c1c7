"""What clients send about regions, services and endpoints."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Given, Text

RegionId = Annotated[str, msgspec.Meta(max_length=255)]
Interface = Literal["public", "internal", "admin"]
Type = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Url = Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class RegionCreate(msgspec.Struct, kw_only=True):
    """A new region, with an id of the client's own if it likes."""

    id: RegionId | None = None
    description: Text | None = None
    parent_region_id: str | None = None


class RegionUpdate(msgspec.Struct, kw_only=True):
    """Changes of a region."""

    description: Text | UnsetType | None = UNSET
    parent_region_id: str | UnsetType | None = UNSET


class RegionBody(msgspec.Struct):
    """A body about a region."""

    region: Given


class ServiceCreate(msgspec.Struct, kw_only=True):
    """A new service."""

    type: Type
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    description: Text | None = None
    enabled: bool = True


class ServiceUpdate(msgspec.Struct, kw_only=True):
    """Changes of a service."""

    type: Type | UnsetType = UNSET
    name: Annotated[str, msgspec.Meta(max_length=255)] | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class ServiceBody(msgspec.Struct):
    """A body about a service."""

    service: Given


class EndpointCreate(msgspec.Struct, kw_only=True):
    """A new endpoint; `region` is the older name of `region_id`."""

    service_id: str
    interface: Interface
    url: Url
    region_id: RegionId | None = None
    region: RegionId | None = None
    enabled: bool = True


class EndpointUpdate(msgspec.Struct, kw_only=True):
    """Changes of an endpoint."""

    service_id: str | UnsetType = UNSET
    interface: Interface | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    region_id: RegionId | UnsetType | None = UNSET
    region: RegionId | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class EndpointBody(msgspec.Struct):
    """A body about an endpoint."""

    endpoint: Given
