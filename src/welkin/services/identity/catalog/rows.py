"""Rows of the catalog."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, columns
from welkin.services.identity.errors import NoSuch


class RegionRow(msgspec.Struct, frozen=True):
    """A region; regions nest."""

    id: str
    description: str
    parent_region_id: str | None
    extra: dict[str, Any]


class ServiceRow(msgspec.Struct, frozen=True):
    """A service, by its type."""

    id: str
    type: str
    name: str | None
    description: str | None
    enabled: bool
    extra: dict[str, Any]


class EndpointRow(msgspec.Struct, frozen=True):
    """Where a service is reached; a url that starts with a slash is this cloud's own."""

    id: str
    service_id: str
    region_id: str | None
    interface: str
    url: str
    enabled: bool
    extra: dict[str, Any]


async def get_region(reads: Reads, region_id: str) -> RegionRow:
    """Return a region.  Raises NoSuch."""
    row = await reads.one(RegionRow, f"SELECT {columns(RegionRow)} FROM identity_regions WHERE id = $1", region_id)
    if row is None:
        raise NoSuch("region", region_id)
    return row


async def get_service(reads: Reads, service_id: str) -> ServiceRow:
    """Return a service.  Raises NoSuch."""
    sql = f"SELECT {columns(ServiceRow)} FROM identity_services WHERE id = $1"
    row = await reads.one(ServiceRow, sql, service_id)
    if row is None:
        raise NoSuch("service", service_id)
    return row


async def get_endpoint(reads: Reads, endpoint_id: str) -> EndpointRow:
    """Return an endpoint.  Raises NoSuch."""
    sql = f"SELECT {columns(EndpointRow)} FROM identity_endpoints WHERE id = $1"
    row = await reads.one(EndpointRow, sql, endpoint_id)
    if row is None:
        raise NoSuch("endpoint", endpoint_id)
    return row
