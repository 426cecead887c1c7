"""Routers over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core.db import Reads, Transaction
from welkin.core.http import Call, Routes
from welkin.services.network import limits, sharing, touching
from welkin.services.network.collection import (
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    attribute_rules,
    bump,
    change,
    check_revision,
    find,
    sees_all,
)
from welkin.services.network.errors import BadRequest, InvalidInput
from welkin.services.network.networks import records as networks
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.ports import policy as port_policy
from welkin.services.network.ports import records as ports
from welkin.services.network.ports.views import PORTS, addresses_of
from welkin.services.network.routers import placing, policy, records
from welkin.services.network.routers.errors import RouterInterfaceNotFound, RouterInterfaceNotFoundForSubnet
from welkin.services.network.routers.shapes import (
    Gateway,
    InterfaceBody,
    RouterCreateBody,
    RouterUpdateBody,
    RoutesBody,
)
from welkin.services.network.routers.views import ROUTERS
from welkin.services.network.service import service
from welkin.services.network.subnets import records as subnets
from welkin.services.network.subnets.views import SUBNETS
from welkin.services.network.tables import NetworkRow, PortRow, RouterRow, SubnetRow
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/routers", rule=policy.GET, late=True)
async def list_routers(call: Call) -> View:
    """List the caller's routers."""
    return await answer_list(call, ROUTERS)


@routes.get("/v2.0/routers/{router_id}", rule=policy.GET, late=True)
async def show_router(call: Call, router_id: str) -> View:
    """Show a router."""
    return await answer_show(call, ROUTERS, router_id)


@routes.post("/v2.0/routers", rule=policy.CREATE, late=True)
async def create_router(call: Call, body: RouterCreateBody) -> View:
    """Create a router, or several at once: all or none."""
    wanted, one = several(body.router, body.routers, "router")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id, each in zip(projects, wanted, strict=True):
        call.enforce(policy.CREATE, project_id=project_id)
        attribute_rules(call, policy.CREATE_ATTRIBUTES, attributes(given(each)), project_id=project_id)
        check_kind(each.distributed, each.ha, each.flavor_id)
    async with call.db.tx() as tx:
        await limits.claim(tx, limits.ROUTER, projects)
        rows = []
        for project_id, each in zip(projects, wanted, strict=True):
            row = await records.create(tx, call.world, project_id, each)
            await _set_gateway(call, tx, row, each.external_gateway_info)
            rows.append(row)
        return await answer_created(call, tx, ROUTERS, rows, one=one)


async def _set_gateway(call: Call, tx: Transaction, row: RouterRow, wanted: Gateway | None) -> None:
    """Find the network that a gateway names, as the caller sees it, and connect the router."""
    network_id = records.named_network(wanted)
    outside = await find(call, tx, NETWORKS, network_id) if network_id is not None else None
    await records.set_gateway(tx, call.world, row, outside, wanted)
    await placing.place(tx, call.world, row.id)


def attributes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body sets, with the parts of the gateway as attributes of their own."""
    found = dict(changes)
    gateway = changes.get("external_gateway_info")
    if isinstance(gateway, Gateway):
        found |= {name: value for name, value in given(gateway).items() if name != "network_id"}
    return found


def check_kind(distributed: object, ha: object, flavor_id: object = None) -> None:
    """Refuse kinds of routers that there are not.  Raises InvalidInput."""
    if distributed is True or ha is True:
        raise InvalidInput("Routers are neither distributed nor highly available here")
    if flavor_id is not None:
        raise InvalidInput("There are no router flavors here")


@routes.put("/v2.0/routers/{router_id}", rule=policy.UPDATE, late=True)
async def update_router(call: Call, router_id: str, body: RouterUpdateBody) -> View:
    """Change a router, its gateway or its routes."""
    changes = given(body.router)
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.UPDATE, project_id=row.project_id)
        attribute_rules(call, policy.UPDATE_ATTRIBUTES, attributes(changes), project_id=row.project_id)
        check_kind(changes.get("distributed"), changes.get("ha"))
        check_revision(call, row.revision_number)
        if "external_gateway_info" in changes:
            await _set_gateway(call, tx, row, changes["external_gateway_info"])
        kept = ("name", "description", "admin_state_up")
        written: dict[str, Any] = {name: changes[name] for name in kept if name in changes}
        if "routes" in changes:
            written["routes"] = await records.checked_routes(tx, row, changes["routes"] or [])
        row = await change(call, tx, ROUTERS, row, written)
        await touching.router(tx, row.id)
        return await answer_one(call, tx, ROUTERS, row)


@routes.delete("/v2.0/routers/{router_id}", rule=policy.DELETE, late=True)
async def delete_router(call: Call, router_id: str) -> None:
    """Delete a router that has no interfaces."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.DELETE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        await records.delete(tx, row)


@routes.put("/v2.0/routers/{router_id}/add_router_interface", rule=policy.ADD_INTERFACE, late=True)
async def add_router_interface(call: Call, router_id: str, body: InterfaceBody) -> View:
    """Connect a router to a subnet, by the subnet or by a port there."""
    if isinstance(body.subnet_id, str) == isinstance(body.port_id, str):
        both = isinstance(body.subnet_id, str)
        text = "Cannot specify both subnet-id and port-id" if both else "Either subnet_id or port_id must be specified"
        raise BadRequest("router", text)
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.ADD_INTERFACE, project_id=row.project_id)
        if isinstance(body.subnet_id, str):
            subnet = await find(call, tx, SUBNETS, body.subnet_id)
            on = await networks.get(tx, subnet.network_id)
            await _check_gateway(call, tx, on, subnet)
            port = await records.connect_subnet(tx, call.world, row, on, subnet)
            connected = [subnet]
        else:
            port = await find(call, tx, PORTS, str(body.port_id))
            call.enforce(port_policy.UPDATE, project_id=port.project_id)
            connected = await records.connect_port(tx, row, port)
        return await _answer_interface(call, tx, row, port, connected)


async def _check_gateway(call: Call, reads: Reads, on: NetworkRow, subnet: SubnetRow) -> None:
    """Refuse to be the gateway of a network that is for everybody; whom its owner names may.  Raises BadRequest."""
    mine = call.actor.project_id or ""
    if mine in (subnet.project_id, on.project_id) or sees_all(call, policy.GET):
        return
    if not await sharing.is_target(reads, on.id, mine):
        text = f"Cannot add interface to router because subnet {subnet.id} is not owned by project making the request"
        raise BadRequest("router", text)


@routes.put("/v2.0/routers/{router_id}/remove_router_interface", rule=policy.REMOVE_INTERFACE, late=True)
async def remove_router_interface(call: Call, router_id: str, body: InterfaceBody) -> View:
    """Disconnect a router from a subnet, by the subnet or by the port there."""
    if not isinstance(body.subnet_id, str) and not isinstance(body.port_id, str):
        raise BadRequest("router", "Either subnet_id or port_id must be specified")
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.REMOVE_INTERFACE, project_id=row.project_id)
        port, leaving = await _interface(call, tx, row, body)
        await records.disconnect(tx, row, port, leaving)
        return await _answer_interface(call, tx, row, port, leaving)


async def _interface(
    call: Call, tx: Transaction, row: RouterRow, body: InterfaceBody
) -> tuple[PortRow, list[SubnetRow]]:
    """Return the port of an interface and the subnets that it shall leave."""
    legs = await records.legs(tx, row.id)
    if isinstance(body.port_id, str):
        matching = [leg for leg in legs if leg.port_id == body.port_id and leg.port_id != row.gateway_port_id]
        if not matching:
            raise RouterInterfaceNotFound(row.id, body.port_id)
        if isinstance(body.subnet_id, str) and body.subnet_id not in [leg.subnet_id for leg in matching]:
            raise BadRequest("router", f"Subnet on port {body.port_id} does not match subnet {body.subnet_id}")
    else:
        subnet = await find(call, tx, SUBNETS, str(body.subnet_id))
        matching = [leg for leg in legs if leg.subnet_id == subnet.id and leg.port_id != row.gateway_port_id]
        if not matching:
            raise RouterInterfaceNotFoundForSubnet(row.id, subnet.id)
    port = await ports.get(tx, matching[0].port_id)
    if isinstance(body.port_id, str):
        ids = [each.subnet_id for each in (await addresses_of(tx, [port.id]))[port.id]]
    else:
        ids = [str(body.subnet_id)]
    return port, [await subnets.get(tx, id) for id in dict.fromkeys(ids)]


async def _answer_interface(
    call: Call, tx: Transaction, row: RouterRow, port: PortRow, connected: list[SubnetRow]
) -> View:
    """Count the router's revision, tell the hosts, and answer what was connected."""
    await bump(tx, "routers", row.id, call.world.now())
    await placing.place(tx, call.world, row.id)
    return {
        "id": row.id,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "port_id": port.id,
        "network_id": port.network_id,
        "subnet_id": connected[0].id,
        "subnet_ids": [subnet.id for subnet in connected],
    }


@routes.put("/v2.0/routers/{router_id}/add_extraroutes", rule=policy.ADD_ROUTES, late=True)
async def add_extra_routes(call: Call, router_id: str, body: RoutesBody) -> View:
    """Add routes to those that a router has; one that it has is no error."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.ADD_ROUTES, project_id=row.project_id)
        fresh = await records.checked_routes(tx, row, body.router.routes)
        merged = [*row.routes, *(route for route in fresh if route not in row.routes)]
        row = await change(call, tx, ROUTERS, row, {"routes": await records.checked_routes(tx, row, merged)})
        await touching.router(tx, row.id)
        return await answer_one(call, tx, ROUTERS, row)


@routes.put("/v2.0/routers/{router_id}/remove_extraroutes", rule=policy.REMOVE_ROUTES, late=True)
async def remove_extra_routes(call: Call, router_id: str, body: RoutesBody) -> View:
    """Remove routes from those that a router has; one that it has not is no error."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ROUTERS, router_id)
        call.enforce(policy.REMOVE_ROUTES, project_id=row.project_id)
        kept = [route for route in row.routes if route not in body.router.routes]
        row = await change(call, tx, ROUTERS, row, {"routes": kept})
        await touching.router(tx, row.id)
        return await answer_one(call, tx, ROUTERS, row)
