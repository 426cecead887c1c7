"""Port forwardings of floating IPs over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from welkin.core import listing
from welkin.core.db import Reads, Transaction
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select
from welkin.services.network import touching
from welkin.services.network.collection import (
    Collection,
    Showing,
    View,
    answer_created,
    answer_one,
    find,
    order,
    pick,
)
from welkin.services.network.errors import BadRequest
from welkin.services.network.floating_ips import policy
from welkin.services.network.floating_ips.records import inside_of
from welkin.services.network.floating_ips.shapes import (
    ForwardingCreate,
    ForwardingCreateBody,
    ForwardingUpdateBody,
)
from welkin.services.network.floating_ips.views import FLOATING_IPS
from welkin.services.network.ports.views import PORTS
from welkin.services.network.routers.errors import PortForwardingNotFound, PortHasPortForwarding
from welkin.services.network.service import service
from welkin.services.network.tables import FloatingIpRow, PortForwardingRow
from welkin.services.network.values import given, several

routes = Routes(service)
PATH = "/v2.0/floatingips/{floatingip_id}/port_forwardings"
SHOWN = (
    "id", "protocol", "internal_ip_address", "internal_port", "internal_port_id", "external_port", "description",
)  # fmt: skip


async def views(_reads: Reads, rows: Sequence[PortForwardingRow], _project_id: str | None) -> list[View]:
    """Return forwardings as the wire has them."""
    return [{name: getattr(row, name) for name in SHOWN} for row in rows]


FORWARDINGS = Collection(
    singular="port_forwarding",
    plural="port_forwardings",
    listing=Listing(
        table="port_forwardings",
        row=PortForwardingRow,
        filters={
            name: listing.equal(name)
            for name in ("id", "protocol", "internal_ip_address", "internal_port_id", "description")
        }
        | {name: listing.integer(name) for name in ("internal_port", "external_port")},
        sorts={name: name for name in SHOWN},
    ),
    get=policy.GET_FORWARDING,
    views=views,
    scope=lambda _select, _project_id: None,
    not_found=PortForwardingNotFound,
)


async def _parent(call: Call, reads: Reads, floatingip_id: str, rule: Any) -> FloatingIpRow:
    row = await find(call, reads, FLOATING_IPS, floatingip_id)
    call.enforce(rule, **{"project_id": row.project_id, "ext_parent:project_id": row.project_id})
    return row


async def _one(reads: Reads, parent: FloatingIpRow, id: str) -> PortForwardingRow:
    select = Select()
    select.where("id = ? AND floating_ip_id = ?", id, parent.id)
    row = await pick(reads, FORWARDINGS, select)
    if row is None:
        raise PortForwardingNotFound(id)
    return row


@routes.get(PATH, rule=policy.GET_FORWARDING, late=True)
async def list_port_forwardings(call: Call, floatingip_id: str) -> View:
    """List the port forwardings of a floating IP."""
    parent = await _parent(call, call.db, floatingip_id, policy.GET_FORWARDING)
    select = Select()
    select.where("floating_ip_id = ?", parent.id)
    FORWARDINGS.listing.filter(select, call.args)
    sort = order(call.args, reverse=False)
    page = await FORWARDINGS.listing.page(
        call.db, select, sort, listing.limit_of(call.args) or None, listing.marker_of(call.args)
    )
    showing = Showing(call, FORWARDINGS)
    return {FORWARDINGS.plural: [showing.of(view) for view in await views(call.db, page.rows, None)]}


@routes.get(PATH + "/{port_forwarding_id}", rule=policy.GET_FORWARDING, late=True)
async def show_port_forwarding(call: Call, floatingip_id: str, port_forwarding_id: str) -> View:
    """Show a port forwarding."""
    parent = await _parent(call, call.db, floatingip_id, policy.GET_FORWARDING)
    return await answer_one(call, call.db, FORWARDINGS, await _one(call.db, parent, port_forwarding_id))


@routes.post(PATH, rule=policy.CREATE_FORWARDING, late=True)
async def create_port_forwarding(call: Call, floatingip_id: str, body: ForwardingCreateBody) -> View:
    """Let a port of a floating IP lead to a port inside, or several at once."""
    wanted, one = several(body.port_forwarding, body.port_forwardings, "port_forwarding")
    async with call.db.tx() as tx:
        parent = await _parent(call, tx, floatingip_id, policy.CREATE_FORWARDING)
        if parent.port_id is not None:
            raise BadRequest("port_forwarding", f"Floating IP {parent.id} is associated with port {parent.port_id}")
        rows = [await _create(call, tx, parent, each) for each in wanted]
        return await answer_created(call, tx, FORWARDINGS, rows, one=one)


async def _create(call: Call, tx: Transaction, parent: FloatingIpRow, body: ForwardingCreate) -> PortForwardingRow:
    if not isinstance(body.internal_port, int) or not isinstance(body.external_port, int):
        raise BadRequest("port_forwarding", "internal_port and external_port are required")
    row = PortForwardingRow(
        id=call.world.new_id(),
        project_id=parent.project_id,
        floating_ip_id=parent.id,
        description=body.description,
        protocol=body.protocol,
        external_port=body.external_port,
        internal_port=body.internal_port,
        internal_port_id=body.internal_port_id,
        internal_ip_address=body.internal_ip_address or "",
    )
    await _aim(call, tx, parent, row)
    await tx.insert("port_forwardings", row)
    return row


async def _aim(call: Call, tx: Transaction, parent: FloatingIpRow, row: PortForwardingRow) -> None:
    """Check where a forwarding leads, and that nothing else leads from there; the router is told."""
    port = await find(call, tx, PORTS, row.internal_port_id)
    inside = await inside_of(tx, parent, port, row.internal_ip_address or None, alone=False)
    row.internal_ip_address = inside.fixed_ip_address
    taken = "SELECT 1 FROM floating_ips WHERE port_id = $1 AND fixed_ip_address = $2"
    if await tx.value(taken, port.id, row.internal_ip_address):
        raise PortHasPortForwarding(port.id)
    clash = (
        "SELECT id FROM port_forwardings WHERE floating_ip_id = $1 AND protocol = $2 AND external_port = $3 "
        "AND id <> $4"
    )
    if await tx.value(clash, parent.id, row.protocol, row.external_port, row.id):
        raise BadRequest("port_forwarding", "A duplicate port forwarding entry with same attributes already exists")
    if parent.router_id not in (None, inside.router_id):
        raise BadRequest("port_forwarding", "All port forwardings of a floating IP lead through the same router")
    parent.router_id = inside.router_id
    await tx.update("floating_ips", {"id": parent.id}, {"router_id": inside.router_id})
    await touching.router(tx, inside.router_id)


@routes.put(PATH + "/{port_forwarding_id}", rule=policy.UPDATE_FORWARDING, late=True)
async def update_port_forwarding(
    call: Call, floatingip_id: str, port_forwarding_id: str, body: ForwardingUpdateBody
) -> View:
    """Change where a port forwarding leads, or from where."""
    changes = given(body.port_forwarding)
    async with call.db.tx() as tx:
        parent = await _parent(call, tx, floatingip_id, policy.UPDATE_FORWARDING)
        row = await _one(tx, parent, port_forwarding_id)
        if "internal_port_id" in changes and "internal_ip_address" not in changes:
            row.internal_ip_address = ""
        for name, value in changes.items():
            setattr(row, name, value)
        await _aim(call, tx, parent, row)
        names = [name for name in SHOWN if name != "id"]
        await tx.update("port_forwardings", {"id": row.id}, {name: getattr(row, name) for name in names})
        return await answer_one(call, tx, FORWARDINGS, row)


@routes.delete(PATH + "/{port_forwarding_id}", rule=policy.DELETE_FORWARDING, late=True)
async def delete_port_forwarding(call: Call, floatingip_id: str, port_forwarding_id: str) -> None:
    """Delete a port forwarding."""
    async with call.db.tx() as tx:
        parent = await _parent(call, tx, floatingip_id, policy.DELETE_FORWARDING)
        row = await _one(tx, parent, port_forwarding_id)
        await tx.delete("port_forwardings", {"id": row.id})
        if not await tx.value("SELECT 1 FROM port_forwardings WHERE floating_ip_id = $1 LIMIT 1", parent.id):
            await tx.update("floating_ips", {"id": parent.id}, {"router_id": None, "status": "DOWN"})
        if parent.router_id is not None:
            await touching.router(tx, parent.router_id)
