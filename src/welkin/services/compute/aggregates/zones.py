"""Availability zones over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core import times
from welkin.core.http import Call, Routes
from welkin.services.compute.aggregates import policy
from welkin.services.compute.aggregates.public_zones import zones_of_hosts
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.service import service
from welkin.services.compute.services.tables import COMPUTE, INTERNAL_ZONE, ServiceRow, all_services
from welkin.services.compute.values import NoQuery

routes = Routes(service)


@routes.get("/v2.1/os-availability-zone", rule=policy.LIST_ZONES)
async def list_zones(call: Call, query: NoQuery) -> dict[str, Any]:
    """List the availability zones that servers can be in."""
    available, others = await zones(call)
    found = [(zone, True) for zone in available] + [(zone, False) for zone in others]
    return {"availabilityZoneInfo": [view(zone, available=state) for zone, state in found if zone != INTERNAL_ZONE]}


@routes.get("/v2.1/os-availability-zone/detail", rule=policy.DETAIL_ZONES)
async def list_zones_detail(call: Call, query: NoQuery) -> dict[str, Any]:
    """List the availability zones with their hosts and services."""
    available, others = await zones(call)
    found = [{**view(zone, available=True), "hosts": hosts} for zone, hosts in available.items()]
    return {"availabilityZoneInfo": found + [view(zone, available=False) for zone in others]}


def view(zone: str, *, available: bool) -> dict[str, Any]:
    """Return a zone without its hosts."""
    return {"zoneName": zone, "zoneState": {"available": available}, "hosts": None}


async def zones(call: Call) -> tuple[dict[str, Any], list[str]]:
    """Return the zones with a service that is enabled, with their hosts; and the names of the others."""
    by_host = await zones_of_hosts(call.db, call.get(ComputeOptions).zone)
    available: dict[str, Any] = {}
    others = set()
    for row in await all_services(call.db):
        zone = by_host[row.host] if row.kind == COMPUTE else INTERNAL_ZONE
        if row.disabled:
            others.add(zone)
        else:
            available.setdefault(zone, {}).setdefault(row.host, {})[row.kind] = health(call, row)
    return dict(sorted(available.items())), sorted(others - set(available))


def health(call: Call, row: ServiceRow) -> dict[str, Any]:
    """Return how a service of a host is."""
    return {
        "available": row.is_up(call.world.now()),
        "active": not row.disabled,
        "updated_at": times.with_micros(int(row.seen_at)),
    }
