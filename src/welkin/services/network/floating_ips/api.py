"""Floating IPs over HTTP."""

from __future__ import annotations

from welkin.core.db import Transaction
from welkin.core.http import Call, Routes
from welkin.services.network import limits
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
)
from welkin.services.network.floating_ips import policy, records
from welkin.services.network.floating_ips.shapes import FloatingIpCreateBody, FloatingIpUpdateBody
from welkin.services.network.floating_ips.views import FLOATING_IPS
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.ports.views import PORTS
from welkin.services.network.service import service
from welkin.services.network.tables import FloatingIpRow
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/floatingips", rule=policy.GET, late=True)
async def list_floating_ips(call: Call) -> View:
    """List the caller's floating IPs."""
    return await answer_list(call, FLOATING_IPS)


@routes.get("/v2.0/floatingips/{floatingip_id}", rule=policy.GET, late=True)
async def show_floating_ip(call: Call, floatingip_id: str) -> View:
    """Show a floating IP."""
    return await answer_show(call, FLOATING_IPS, floatingip_id)


@routes.post("/v2.0/floatingips", rule=policy.CREATE, late=True)
async def create_floating_ip(call: Call, body: FloatingIpCreateBody) -> View:
    """Create a floating IP, or several at once: all or none."""
    wanted, one = several(body.floatingip, body.floatingips, "floatingip")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id, each in zip(projects, wanted, strict=True):
        call.enforce(policy.CREATE, project_id=project_id)
        attribute_rules(call, policy.CREATE_ATTRIBUTES, given(each), project_id=project_id)
    async with call.db.tx() as tx:
        await limits.claim(tx, limits.FLOATING_IP, projects)
        rows = []
        for project_id, each in zip(projects, wanted, strict=True):
            outside = await find(call, tx, NETWORKS, each.floating_network_id)
            row = await records.create(tx, call.world, outside, project_id, each)
            await _associate(call, tx, row, each.port_id, each.fixed_ip_address)
            rows.append(row)
        return await answer_created(call, tx, FLOATING_IPS, rows, one=one)


async def _associate(
    call: Call, tx: Transaction, row: FloatingIpRow, port_id: str | None, fixed_ip_address: str | None
) -> None:
    """Let a floating IP lead to a port that the caller sees, or nowhere."""
    inside = None
    if port_id is not None:
        port = await find(call, tx, PORTS, port_id)
        inside = await records.inside_of(tx, row, port, fixed_ip_address)
    await records.associate(tx, row, inside)


@routes.put("/v2.0/floatingips/{floatingip_id}", rule=policy.UPDATE, late=True)
async def update_floating_ip(call: Call, floatingip_id: str, body: FloatingIpUpdateBody) -> View:
    """Associate a floating IP with a port, disassociate it, or describe it."""
    changes = given(body.floatingip)
    async with call.db.tx() as tx:
        row = await find(call, tx, FLOATING_IPS, floatingip_id)
        call.enforce(policy.UPDATE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        if "port_id" in changes or "fixed_ip_address" in changes:
            port_id = changes.get("port_id", row.port_id)
            await _associate(call, tx, row, port_id, changes.get("fixed_ip_address"))
        written = {name: changes[name] for name in ("description",) if name in changes}
        row = await change(call, tx, FLOATING_IPS, row, written)
        return await answer_one(call, tx, FLOATING_IPS, row)


@routes.delete("/v2.0/floatingips/{floatingip_id}", rule=policy.DELETE, late=True)
async def delete_floating_ip(call: Call, floatingip_id: str) -> None:
    """Delete a floating IP."""
    async with call.db.tx() as tx:
        row = await find(call, tx, FLOATING_IPS, floatingip_id)
        call.enforce(policy.DELETE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        await records.delete(tx, row)
