"""Writing routers: gateways, interfaces and routes, in the caller's transaction."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import touching, troubles
from welkin.services.network.errors import BadRequest, PortInUse
from welkin.services.network.ports import addressing
from welkin.services.network.ports import records as ports
from welkin.services.network.ports.shapes import PortCreate
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.routers.errors import (
    InvalidRoutes,
    RouterExternalGatewayInUseByFloatingIp,
    RouterInterfaceInUseByFloatingIP,
    RouterInterfaceInUseByRoute,
    RouterInUse,
    RoutesExhausted,
)
from welkin.services.network.routers.shapes import Gateway, RouterCreate
from welkin.services.network.subnets import records as subnets
from welkin.services.network.tables import FixedIpRow, NetworkRow, PortRow, Route, RouterRow, SubnetRow
from welkin.services.network.values import address, network

INTERFACE = "network:router_interface"
GATEWAY = "network:router_gateway"
ROUTES_MAX = 30
BY_ID = f"SELECT {columns(RouterRow)} FROM routers WHERE id = $1"
INTERFACES = (
    f"SELECT {columns(PortRow)} FROM ports WHERE device_id = $1 AND device_owner = '{INTERFACE}' "
    "ORDER BY created_at, id"
)


class Leg(msgspec.Struct):
    """An interface of a router with one of its addresses and the subnet."""

    port_id: str
    network_id: str
    address: str
    subnet_id: str
    cidr: str
    ip_version: int


async def legs(reads: Reads, router_id: str) -> list[Leg]:
    """Return where a router is connected, its gateway included."""
    sql = (
        "SELECT p.id, p.network_id, f.address, s.id, s.cidr, s.ip_version FROM ports AS p "
        "JOIN fixed_ips AS f ON f.port_id = p.id JOIN subnets AS s ON s.id = f.subnet_id "
        f"WHERE p.device_id = $1 AND p.device_owner IN ('{INTERFACE}', '{GATEWAY}') "
        "ORDER BY p.created_at, p.id, f.position"
    )
    return await reads.all(Leg, sql, router_id)


async def create(tx: Transaction, world: World, project_id: str, body: RouterCreate) -> RouterRow:
    """Store a router without a gateway; the caller has claimed its quota."""
    now = world.now()
    row = RouterRow(
        id=world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        admin_state_up=body.admin_state_up,
        gateway_network_id=None,
        gateway_port_id=None,
        enable_snat=True,
        routes=[],
        availability_zone_hints=body.availability_zone_hints,
        host="",
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("routers", row)
    if body.tags:
        await tags.put(tx, "network.routers", row.id, body.tags)
    return row


async def set_gateway(
    tx: Transaction, world: World, row: RouterRow, outside: NetworkRow | None, wanted: Gateway | None
) -> None:
    """Make the gateway of a router what is wanted; `outside` is the network that it names."""
    if outside is None or wanted is None:
        if row.gateway_port_id is not None:
            await _drop_gateway(tx, row)
        return
    if not outside.external:
        raise BadRequest("router", f"Network {outside.id} is not an external network")
    snat = wanted.enable_snat if isinstance(wanted.enable_snat, bool) else True
    fixed_ips = wanted.external_fixed_ips if isinstance(wanted.external_fixed_ips, list) else None
    if row.gateway_network_id == outside.id and row.gateway_port_id is not None:
        if fixed_ips is not None:
            port = await ports.get(tx, row.gateway_port_id)
            changes = {"fixed_ips": fixed_ips}
            await ports.apply(tx, port, await ports.plan_change(tx, world, port, changes, any_project=True))
    else:
        if row.gateway_port_id is not None:
            await _drop_gateway(tx, row)
        await _check_overlap(tx, row.id, await subnets.of_network(tx, outside.id))
        body = PortCreate(network_id=outside.id, device_id=row.id, device_owner=GATEWAY, fixed_ips=fixed_ips)
        port = await ports.create(tx, world, outside, "", body)
        row.gateway_network_id, row.gateway_port_id = outside.id, port.id
    row.enable_snat = snat
    await _write_gateway(tx, row)


async def _write_gateway(tx: Transaction, row: RouterRow) -> None:
    names = ("gateway_network_id", "gateway_port_id", "enable_snat")
    await tx.update("routers", {"id": row.id}, {name: getattr(row, name) for name in names})


async def _drop_gateway(tx: Transaction, row: RouterRow) -> None:
    """Take a router's gateway away.  Raises RouterExternalGatewayInUseByFloatingIp."""
    used = "SELECT 1 FROM floating_ips WHERE router_id = $1 AND floating_network_id = $2 LIMIT 1"
    if await tx.value(used, row.id, row.gateway_network_id):
        raise RouterExternalGatewayInUseByFloatingIp(row.id, str(row.gateway_network_id))
    port_id, row.gateway_network_id, row.gateway_port_id = row.gateway_port_id, None, None
    row.enable_snat = True
    await _write_gateway(tx, row)
    if port_id is not None:
        await ports.delete(tx, await ports.get(tx, port_id))


async def _check_overlap(reads: Reads, router_id: str, wanted: Iterable[SubnetRow]) -> None:
    """Refuse subnets that a router has, or whose range overlaps one that it has.  Raises BadRequest."""
    known = await legs(reads, router_id)
    for subnet in wanted:
        cidr = ipaddress.ip_network(subnet.cidr)
        for leg in known:
            if leg.subnet_id == subnet.id:
                raise BadRequest("router", f"Router already has a port on subnet {subnet.id}")
            if leg.ip_version == subnet.ip_version and cidr.overlaps(ipaddress.ip_network(leg.cidr)):
                raise BadRequest(
                    "router",
                    f"Cidr {subnet.cidr} of subnet {subnet.id} overlaps with cidr {leg.cidr} of subnet {leg.subnet_id}",
                )


async def connect_subnet(tx: Transaction, world: World, row: RouterRow, on: NetworkRow, subnet: SubnetRow) -> PortRow:
    """Connect a router to a subnet as its gateway, and return the port that does it."""
    if subnet.gateway_ip is None:
        raise BadRequest("router", "Subnet for router interface must have a gateway IP")
    await _check_overlap(tx, row.id, [subnet])
    wanted = ports.on_subnet(subnet.id, subnet.gateway_ip)
    port = await _port_for_ipv6(tx, row, subnet) if subnet.ip_version == 6 else None
    if port is not None:
        has = (await addresses_of(tx, [port.id]))[port.id]
        place = await addressing.place_of(tx, on.id, port.mac_address, port.device_owner)
        for subnet_id, text in await addressing.choose(tx, world, place, [wanted], has):
            await tx.insert("fixed_ips", FixedIpRow(subnet_id, text, on.id, port.id, len(has)))
        return port
    body = PortCreate(network_id=on.id, device_id=row.id, device_owner=INTERFACE, fixed_ips=[wanted])
    return await ports.create(tx, world, on, row.project_id, body)


async def _port_for_ipv6(tx: Transaction, row: RouterRow, subnet: SubnetRow) -> PortRow | None:
    """Return the router's port on the network of an IPv6 subnet that has only IPv6 addresses: it takes them all."""
    for port in await tx.all(PortRow, INTERFACES, row.id):
        if port.network_id == subnet.network_id:
            has = (await addresses_of(tx, [port.id]))[port.id]
            if has and all(":" in each.address for each in has):
                return port
    return None


async def connect_port(tx: Transaction, row: RouterRow, port: PortRow) -> list[SubnetRow]:
    """Connect a router by a port that exists, and return the port's subnets."""
    taken = port.server_id or port.device_id
    if taken:
        raise PortInUse(port.id, port.network_id, taken)
    has = (await addresses_of(tx, [port.id]))[port.id]
    if not has:
        raise BadRequest("router", "Router port must have at least one fixed IP")
    found = [await subnets.get(tx, each.subnet_id) for each in has]
    if sum(subnet.ip_version == 4 for subnet in found) > 1:
        raise BadRequest("router", "Cannot have multiple IPv4 subnets on router port")
    await _check_overlap(tx, row.id, found)
    changes: dict[str, object] = {"device_id": row.id, "device_owner": INTERFACE}
    if port.port_security_enabled:
        await tx.delete("port_security_groups", {"port_id": port.id})
        changes["port_security_enabled"] = False
    await ports.bind(tx, port, changes)
    return found


async def disconnect(tx: Transaction, row: RouterRow, port: PortRow, leaving: Sequence[SubnetRow]) -> None:
    """Take a router from subnets of a port; a port that keeps no address goes."""
    for subnet in leaving:
        await check_unused(tx, row, subnet)
    has = (await addresses_of(tx, [port.id]))[port.id]
    gone = {subnet.id for subnet in leaving}
    if all(each.subnet_id in gone for each in has):
        await ports.delete(tx, port)
        return
    for each in has:
        if each.subnet_id in gone:
            await tx.delete("fixed_ips", {"subnet_id": each.subnet_id, "address": each.address})
    await touching.network(tx, port.network_id)


async def check_unused(tx: Transaction, row: RouterRow, subnet: SubnetRow) -> None:
    """Refuse to leave a subnet that floating IPs or routes need."""
    sql = (
        "SELECT 1 FROM floating_ips AS i JOIN fixed_ips AS f ON f.port_id = i.port_id "
        "AND f.address = i.fixed_ip_address WHERE i.router_id = $1 AND f.subnet_id = $2 LIMIT 1"
    )
    forwarded = (
        "SELECT 1 FROM port_forwardings AS w JOIN floating_ips AS i ON i.id = w.floating_ip_id "
        "JOIN fixed_ips AS f ON f.port_id = w.internal_port_id AND f.address = w.internal_ip_address "
        "WHERE i.router_id = $1 AND f.subnet_id = $2 LIMIT 1"
    )
    if await tx.value(sql, row.id, subnet.id) or await tx.value(forwarded, row.id, subnet.id):
        raise RouterInterfaceInUseByFloatingIP(subnet.id, row.id)
    cidr = ipaddress.ip_network(subnet.cidr)
    if any(ipaddress.ip_address(route.nexthop) in cidr for route in row.routes):
        raise RouterInterfaceInUseByRoute(subnet.id, row.id)


async def delete(tx: Transaction, row: RouterRow) -> None:
    """Delete a router and its gateway.  Raises RouterInUse while it has interfaces."""
    if await tx.all(PortRow, INTERFACES, row.id):
        raise RouterInUse(row.id)
    if row.gateway_port_id is not None:
        await _drop_gateway(tx, row)
    await troubles.forget(tx, row.id)
    await tags.clear(tx, "network.routers", row.id)
    await tx.delete("routers", {"id": row.id})
    await touching.router(tx, row.id)


async def checked_routes(reads: Reads, row: RouterRow, routes: Sequence[Route]) -> list[Route]:
    """Return routes whose next hops the router reaches.  Raises InvalidRoutes, RoutesExhausted."""
    if len(routes) > ROUTES_MAX:
        raise RoutesExhausted(row.id, ROUTES_MAX)
    known = await legs(reads, row.id)
    own = {leg.address for leg in known}
    found = []
    for route in routes:
        destination, hop = network(route.destination), address(route.nexthop)
        if destination.version != hop.version:
            raise InvalidRoutes(str(msgspec.to_builtins(routes)), "the destination and the nexthop differ in version")
        if not any(hop in ipaddress.ip_network(leg.cidr) for leg in known if leg.ip_version == hop.version):
            raise InvalidRoutes(str(msgspec.to_builtins(routes)), "the nexthop is not connected with router")
        if str(hop) in own:
            raise InvalidRoutes(str(msgspec.to_builtins(routes)), "the nexthop is used by router")
        found.append(Route(str(destination), str(hop)))
    if len(set(found)) < len(found):
        raise InvalidRoutes(str(msgspec.to_builtins(routes)), "there are duplicates")
    return found


def named_network(wanted: Gateway | None) -> str | None:
    """Return the network that a gateway names.  Raises BadRequest when it says more without naming one."""
    if wanted is None:
        return None
    if isinstance(wanted.network_id, str):
        return wanted.network_id
    if wanted.enable_snat is not UNSET or wanted.external_fixed_ips not in (UNSET, None):
        raise BadRequest("router", "network_id is required in external_gateway_info")
    return None
