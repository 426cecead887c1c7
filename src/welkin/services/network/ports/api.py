"""Ports over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core.db import Reads
from welkin.core.http import Call, Routes
from welkin.services.network import limits, sharing
from welkin.services.network.collection import (
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    attribute_rules,
    change,
    check_revision,
    find,
    sees_all,
)
from welkin.services.network.errors import (
    DeviceIDNotOwnedByTenant,
    PortBound,
    ServicePortInUse,
    UnsupportedPortDeviceOwner,
)
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.ports import policy, records
from welkin.services.network.ports.shapes import FixedIp, PortCreate, PortCreateBody, PortUpdateBody
from welkin.services.network.ports.views import PORTS
from welkin.services.network.service import service
from welkin.services.network.tables import NetworkRow, PortRow
from welkin.services.network.values import given, owner, several

SERVICE_OWNERS = ("network:router_interface", "network:router_gateway", "network:floatingip")

routes = Routes(service)


@routes.get("/v2.0/ports", rule=policy.GET, late=True)
async def list_ports(call: Call) -> View:
    """List the caller's ports, and those on the caller's networks."""
    return await answer_list(call, PORTS)


@routes.get("/v2.0/ports/{port_id}", rule=policy.GET, late=True)
async def show_port(call: Call, port_id: str) -> View:
    """Show a port."""
    return await answer_show(call, PORTS, port_id)


@routes.post("/v2.0/ports", rule=policy.CREATE, late=True)
async def create_port(call: Call, body: PortCreateBody) -> View:
    """Create a port, or several at once: all or none."""
    wanted, one = several(body.port, body.ports, "port")
    everybody = sees_all(call, policy.GET)
    async with call.db.tx() as tx:
        places = [await _place(call, tx, each) for each in wanted]
        await limits.claim(tx, limits.PORT, [project_id for _, project_id in places])
        rows = []
        for (network, project_id), each in zip(places, wanted, strict=True):
            row = await records.create(tx, call.world, network, project_id, each, any_project=everybody)
            rows.append(row)
        return await answer_created(call, tx, PORTS, rows, one=one)


async def _place(call: Call, reads: Reads, wanted: PortCreate) -> tuple[NetworkRow, str]:
    """Return the network of a new port and the project that it will belong to; enforce that the caller may."""
    network = await find(call, reads, NETWORKS, wanted.network_id)
    project_id = owner(wanted.project_id, wanted.tenant_id, call.actor.project_id)
    target = {
        **await target_of(reads, network.id, network.project_id, project_id),
        "network_device": wanted.device_owner.startswith("network:"),
    }
    call.enforce(policy.CREATE, **target)
    check_device(call, wanted.device_owner, wanted.device_id)
    attribute_rules(call, policy.CREATE_ATTRIBUTES, attributes(given(wanted)), **target)
    if project_id != call.actor.project_id and not sees_all(call, policy.GET):
        call.enforce(policy.UPDATE, project_id=project_id)
    return network, project_id


def check_device(call: Call, device_owner: str, device_id: str) -> None:
    """Refuse a port that says it is a router's: those are made by connecting the router."""
    if device_owner in SERVICE_OWNERS and not sees_all(call, policy.GET):
        raise DeviceIDNotOwnedByTenant(device_id)


async def target_of(reads: Reads, network_id: str, network_owner: str, project_id: str) -> dict[str, object]:
    """Return the target of a rule about a port: who owns it, who owns its network, and whether that is shared."""
    shared = await sharing.may_use(reads, network_id, project_id)
    return {"project_id": project_id, "network:project_id": network_owner, "shared": shared}


def attributes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body sets, with certain addresses as an attribute of their own."""
    found = {name: value for name, value in changes.items() if value is not None}
    wanted = found.get("fixed_ips") or ()
    if any(isinstance(each, FixedIp) and isinstance(each.ip_address, str) for each in wanted):
        found["fixed_ips:ip_address"] = True
    return found


@routes.put("/v2.0/ports/{port_id}", rule=policy.UPDATE, late=True)
async def update_port(call: Call, port_id: str, body: PortUpdateBody) -> View:
    """Change a port."""
    changes = given(body.port)
    async with call.db.tx() as tx:
        row = await find(call, tx, PORTS, port_id)
        await _enforce_update(call, tx, row, changes)
        check_revision(call, row.revision_number)
        planned = await records.plan_change(tx, call.world, row, changes, any_project=sees_all(call, policy.GET))
        _check_binding(row, planned.columns)
        if planned.columns.get("host", row.host) != row.host:
            planned.columns["status"] = "DOWN"
        await records.apply(tx, row, planned)
        row = await change(call, tx, PORTS, row, planned.columns)
        return await answer_one(call, tx, PORTS, row)


async def _enforce_update(call: Call, reads: Reads, row: PortRow, changes: Mapping[str, Any]) -> None:
    network_owner = await reads.value("SELECT project_id FROM networks WHERE id = $1", row.network_id)
    target = {
        **await target_of(reads, row.network_id, str(network_owner), row.project_id),
        "network_device": str(changes.get("device_owner", "")).startswith("network:"),
    }
    call.enforce(policy.UPDATE, **target)
    if changes.get("device_owner", row.device_owner) != row.device_owner:
        check_device(call, changes["device_owner"], changes.get("device_id", row.device_id))
    named = attributes({name: value for name, value in changes.items() if unlike(row, name, value)})
    attribute_rules(call, policy.UPDATE_ATTRIBUTES, named, **target)


def unlike(row: PortRow, name: str, value: object) -> bool:
    """Return whether an attribute would change; to say again what is so needs no permission."""
    known = {"host_id": "host"}.get(name, name)
    return not hasattr(row, known) or getattr(row, known) != value


def _check_binding(row: PortRow, columns: Mapping[str, object]) -> None:
    """Refuse to change what a plugged port is."""
    if row.host and row.device_owner.startswith("compute:") and "mac_address" in columns:
        raise PortBound(row.id)
    if row.device_owner in SERVICE_OWNERS and any(
        columns.get(name, getattr(row, name)) != getattr(row, name) for name in ("device_owner", "device_id")
    ):  # a router's interface would else be another's, who may be a stranger
        raise UnsupportedPortDeviceOwner("update", row.id, row.device_owner)


@routes.delete("/v2.0/ports/{port_id}", rule=policy.DELETE, late=True)
async def delete_port(call: Call, port_id: str) -> None:
    """Delete a port and give its addresses back."""
    async with call.db.tx() as tx:
        row = await find(call, tx, PORTS, port_id)
        network_owner = await tx.value("SELECT project_id FROM networks WHERE id = $1", row.network_id)
        call.enforce(policy.DELETE, **{"project_id": row.project_id, "network:project_id": network_owner})
        check_revision(call, row.revision_number)
        if row.device_owner in SERVICE_OWNERS and row.device_id:
            raise ServicePortInUse(row.id, f"has device owner {row.device_owner}")
        await records.delete(tx, row)
