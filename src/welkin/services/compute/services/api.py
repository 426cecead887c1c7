"""Services over HTTP."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.aggregates.public_zones import zones_of_hosts
from welkin.services.compute.hypervisors.tables import forget_node
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.service import service
from welkin.services.compute.services import policy
from welkin.services.compute.services.errors import HostUnmapped, NotACompute, ServiceHasServers, ServiceNotFound
from welkin.services.compute.services.shapes import OldUpdate, ServiceQuery, ServiceUpdate, view
from welkin.services.compute.services.switching import switch
from welkin.services.compute.services.tables import (
    COMPUTE,
    INTERNAL_ZONE,
    ServiceRow,
    all_services,
    compute_service,
)
from welkin.services.compute.values import is_number, is_uuid, yes

routes = Routes(service)


@routes.get("/v2.1/os-services", rule=policy.LIST)
async def list_services(call: Call, query: ServiceQuery) -> dict[str, Any]:
    """List services, those of one host or of one kind where asked."""
    zones = await zones_of_hosts(call.db, call.get(ComputeOptions).zone)
    rows = [
        row for row in await all_services(call.db) if query.host in ("", row.host) and query.binary in ("", row.kind)
    ]
    return {"services": [view(row, zone_of(row, zones, call), call.world.now()) for row in rows]}


@routes.put("/v2.1/os-services/{service_id}", rule=policy.UPDATE, since="2.53")
async def update_service(call: Call, service_id: str, body: ServiceUpdate) -> dict[str, Any]:
    """Enable or disable a host for new servers, or say that it is down."""
    check_id(service_id)
    changes = changes_of(body)
    async with call.db.tx() as tx:
        row = await find(tx, "id", service_id)
        if row.kind != COMPUTE:
            raise NotACompute(row.kind)
        if not changes:
            raise Invalid("No updates were requested. Fields 'status' or 'forced_down' should be specified.")
        await switch(tx, call.world, row, changes)
        row = await find(tx, "id", service_id)
    zones = await zones_of_hosts(call.db, call.get(ComputeOptions).zone)
    return {"service": view(row, zone_of(row, zones, call), call.world.now())}


@routes.put("/v2.1/os-services/enable", rule=policy.UPDATE, until="2.52")
async def enable_service(call: Call, body: OldUpdate) -> dict[str, Any]:
    """Let a host take new servers."""
    await switch_named(call, body, {"disabled": False, "disabled_reason": None})
    return {"service": {"host": body.host, "binary": body.binary, "status": "enabled"}}


@routes.put("/v2.1/os-services/disable", rule=policy.UPDATE, until="2.52")
async def disable_service(call: Call, body: OldUpdate) -> dict[str, Any]:
    """Have a host take no new servers."""
    await switch_named(call, body, {"disabled": True, "disabled_reason": None})
    return {"service": {"host": body.host, "binary": body.binary, "status": "disabled"}}


@routes.put("/v2.1/os-services/disable-log-reason", rule=policy.UPDATE, until="2.52")
async def disable_service_with_reason(call: Call, body: OldUpdate) -> dict[str, Any]:
    """Have a host take no new servers, and say why."""
    if body.disabled_reason is None:
        raise Invalid("Missing disabled reason field")
    await switch_named(call, body, {"disabled": True, "disabled_reason": body.disabled_reason})
    told = {"host": body.host, "binary": body.binary, "status": "disabled", "disabled_reason": body.disabled_reason}
    return {"service": told}


@routes.put("/v2.1/os-services/force-down", rule=policy.UPDATE, since="2.11", until="2.52")
async def force_service_down(call: Call, body: OldUpdate) -> dict[str, Any]:
    """Say that a host is down, or that it is up after all."""
    if body.forced_down is UNSET:
        raise Invalid("Missing forced_down field")
    down = yes(body.forced_down)
    await switch_named(call, body, {"forced_down": down})
    return {"service": {"host": body.host, "binary": body.binary, "forced_down": down}}


@routes.delete("/v2.1/os-services/{service_id}", rule=policy.DELETE, since="2.53")
async def delete_service(call: Call, service_id: str) -> None:
    """Forget a service; an agent that still runs comes back with its next heartbeat."""
    check_id(service_id)
    async with call.db.tx() as tx:
        await forget(tx, await find(tx, "id", service_id))


@routes.delete("/v2.1/os-services/{service_id}", rule=policy.DELETE, until="2.52")
async def delete_numbered_service(call: Call, service_id: str) -> None:
    """Forget a service by its number."""
    if not is_number(service_id):
        raise Invalid("id must be an integer")
    async with call.db.tx() as tx:
        await forget(tx, await find(tx, "number", int(service_id)))


def zone_of(row: ServiceRow, zones: dict[str, str], call: Call) -> str:
    """Return the availability zone of a service."""
    return zones.get(row.host, call.get(ComputeOptions).zone) if row.kind == COMPUTE else INTERNAL_ZONE


def check_id(service_id: str) -> None:
    """Demand an id.  Raises Invalid."""
    if not is_uuid(service_id):
        raise Invalid(f"Invalid uuid {service_id}")


def changes_of(body: ServiceUpdate) -> dict[str, object]:
    """Return the columns that a request changes.  Raises Invalid."""
    changes: dict[str, object] = {}
    if body.status == "enabled" and body.disabled_reason:
        raise Invalid("Specifying 'disabled_reason' with status 'enabled' is invalid.")
    if body.status is not None:
        changes |= {"disabled": body.status == "disabled", "disabled_reason": body.disabled_reason}
    if body.forced_down is not UNSET:
        changes["forced_down"] = yes(body.forced_down)
    return changes


async def find(reads: Reads, column: str, value: object) -> ServiceRow:
    """Return a service.  Raises ServiceNotFound."""
    sql = f"SELECT {columns(ServiceRow)} FROM compute_services WHERE {column} = $1"
    row = await reads.one(ServiceRow, sql, value)
    if row is None:
        raise ServiceNotFound(str(value))
    return row


async def switch_named(call: Call, body: OldUpdate, changes: dict[str, object]) -> None:
    """Change the service of a host by its name.  Raises NotACompute, HostUnmapped."""
    if body.binary != COMPUTE:
        raise NotACompute(body.binary)
    async with call.db.tx() as tx:
        row = await compute_service(tx, body.host)
        if row is None:
            raise HostUnmapped(body.host)
        await switch(tx, call.world, row, changes)


async def forget(tx: Transaction, row: ServiceRow) -> None:
    """Delete a service and, of a host, all that is known of it.  Raises ServiceHasServers."""
    if row.kind == COMPUTE:
        if await tx.value("SELECT 1 FROM servers WHERE host = $1 AND NOT deleted LIMIT 1", row.host):
            raise ServiceHasServers
        await tx.delete("aggregate_hosts", {"host": row.host})
        await forget_node(tx, row.host)
    await tx.delete("compute_services", {"id": row.id})
