"""Writing floating IPs, in the caller's transaction."""

from __future__ import annotations

import ipaddress

import msgspec

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import touching
from welkin.services.network.errors import BadRequest
from welkin.services.network.floating_ips.shapes import FloatingIpCreate
from welkin.services.network.ports import records as ports
from welkin.services.network.ports.shapes import FixedIp, PortCreate
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.routers.errors import (
    ExternalGatewayForFloatingIPNotFound,
    FipInUseByPortForwarding,
    FloatingIPPortAlreadyAssociated,
)
from welkin.services.network.subnets import records as subnets
from welkin.services.network.subnets.allocation import free_address
from welkin.services.network.subnets.errors import ExternalIpAddressExhausted, IpAddressGenerationFailure
from welkin.services.network.tables import FixedIpRow, FloatingIpRow, NetworkRow, PortRow
from welkin.services.network.values import address

OWNER = "network:floatingip"
BY_ID = f"SELECT {columns(FloatingIpRow)} FROM floating_ips WHERE id = $1"


class Inside(msgspec.Struct, frozen=True):
    """What a floating IP leads to."""

    port_id: str
    fixed_ip_address: str
    router_id: str


async def create(
    tx: Transaction, world: World, outside: NetworkRow, project_id: str, body: FloatingIpCreate
) -> FloatingIpRow:
    """Store a floating IP that leads nowhere yet; the caller has claimed its quota."""
    if not outside.external:
        raise BadRequest("floatingip", f"Network {outside.id} is not a valid external network")
    id = world.new_id()
    fixed_ips = await _outer(tx, world, outside.id, body)
    wanted = PortCreate(network_id=outside.id, device_id=id, device_owner=OWNER, fixed_ips=fixed_ips)
    port = await ports.create(tx, world, outside, "", wanted)
    await tx.update("ports", {"id": port.id}, {"status": "N/A"})
    outer = [each.address for each in (await addresses_of(tx, [port.id]))[port.id] if ":" not in each.address]
    if not outer:
        raise ExternalIpAddressExhausted(outside.id)
    now = world.now()
    row = FloatingIpRow(
        id=id,
        project_id=project_id,
        description=body.description,
        floating_network_id=outside.id,
        floating_ip_address=outer[0],
        floating_port_id=port.id,
        port_id=None,
        fixed_ip_address=None,
        router_id=None,
        dns_name=body.dns_name,
        dns_domain=body.dns_domain,
        status="DOWN",
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("floating_ips", row)
    if body.tags:
        await tags.put(tx, "network.floatingips", id, body.tags)
    return row


async def _outer(tx: Transaction, world: World, network_id: str, body: FloatingIpCreate) -> list[FixedIp]:
    """Return the outer address to ask for: the one wanted, or a free one of IPv4."""
    if body.floating_ip_address is not None:
        if address(body.floating_ip_address).version != 4:
            raise BadRequest("floatingip", "A floating IP is an IPv4 address")
        wanted = FixedIp(ip_address=body.floating_ip_address)
        return [msgspec.structs.replace(wanted, subnet_id=body.subnet_id) if body.subnet_id else wanted]
    if body.subnet_id is not None:
        return [FixedIp(subnet_id=body.subnet_id)]
    offered = [each for each in await subnets.of_network(tx, network_id) if each.ip_version == 4]
    for subnet in offered:
        if subnet.service_types and OWNER not in subnet.service_types:
            continue
        found = await free_address(tx, world, subnet)
        if found is not None:
            return [FixedIp(subnet.id, found)]
    raise IpAddressGenerationFailure(network_id) if offered else ExternalIpAddressExhausted(network_id)


async def inside_of(
    reads: Reads, row: FloatingIpRow, port: PortRow, wanted: str | None, *, alone: bool = True
) -> Inside:
    """Return what a floating IP shall lead to.

    wanted   the address of the port; None where it has only one.
    alone    whether no other floating IP of the network may lead there.
    Raises   BadRequest, ExternalGatewayForFloatingIPNotFound, FloatingIPPortAlreadyAssociated.
    """
    if port.project_id != row.project_id:
        raise BadRequest(
            "floatingip",
            f"Port {port.id} is associated with a different project than Floating IP {row.id} and therefore cannot "
            "be bound",
        )
    fixed = _fixed(port.id, (await addresses_of(reads, [port.id]))[port.id], wanted)
    if alone:
        sql = (
            "SELECT id FROM floating_ips WHERE floating_network_id = $1 AND port_id = $2 AND fixed_ip_address = $3 "
            "AND id <> $4"
        )
        other = await reads.value(sql, row.floating_network_id, port.id, fixed.address, row.id)
        if other:
            raise FloatingIPPortAlreadyAssociated(
                row.floating_ip_address, str(other), port.id, fixed.address, row.floating_network_id
            )
    return Inside(port.id, fixed.address, await router_between(reads, row.floating_network_id, fixed))


def _fixed(port_id: str, addresses: list[FixedIpRow], wanted: str | None) -> FixedIpRow:
    """Return the address of a port that was asked for, or its only one of IPv4.  Raises BadRequest."""
    if wanted is not None:
        for each in addresses:
            if ipaddress.ip_address(each.address) == address(wanted):
                return each
        raise BadRequest("floatingip", f"Port {port_id} does not have fixed ip {wanted}")
    inner = [each for each in addresses if ":" not in each.address]
    if not inner:
        raise BadRequest("floatingip", f"Cannot add floating IP to port {port_id} that has no fixed IPv4 addresses")
    if len(inner) > 1:
        raise BadRequest(
            "floatingip",
            f"Port {port_id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a "
            "floating IP",
        )
    return inner[0]


async def router_between(reads: Reads, network_id: str, fixed: FixedIpRow) -> str:
    """Return the router that leads from an address to a network outside; the subnet's gateway comes first.

    Raises ExternalGatewayForFloatingIPNotFound.
    """
    sql = (
        "SELECT r.id FROM routers AS r JOIN ports AS p ON p.device_id = r.id JOIN fixed_ips AS f ON f.port_id = p.id "
        "JOIN subnets AS s ON s.id = f.subnet_id WHERE r.gateway_network_id = $1 AND f.subnet_id = $2 "
        "AND p.device_owner = 'network:router_interface' "
        "ORDER BY CASE WHEN f.address = s.gateway_ip THEN 0 ELSE 1 END, r.id LIMIT 1"
    )
    found = await reads.value(sql, network_id, fixed.subnet_id)
    if not found:
        raise ExternalGatewayForFloatingIPNotFound(network_id, fixed.subnet_id, fixed.port_id)
    return str(found)


async def associate(tx: Transaction, row: FloatingIpRow, inside: Inside | None) -> None:
    """Let a floating IP lead to what is inside, or nowhere; the hosts that it concerns are told."""
    if await tx.value("SELECT 1 FROM port_forwardings WHERE floating_ip_id = $1 LIMIT 1", row.id):
        raise FipInUseByPortForwarding(row.id)
    before, port_before = row.router_id, row.port_id
    found = (inside.port_id, inside.fixed_ip_address, inside.router_id) if inside is not None else (None, None, None)
    if found == (row.port_id, row.fixed_ip_address, row.router_id):
        return
    row.port_id, row.fixed_ip_address, row.router_id = found
    row.status = "DOWN"
    names = ("port_id", "fixed_ip_address", "router_id", "status")
    await tx.update("floating_ips", {"id": row.id}, {name: getattr(row, name) for name in names})
    for router_id in {before, row.router_id} - {None}:
        await touching.router(tx, str(router_id))
    await touching.owners(tx, {port_before, row.port_id})


async def delete(tx: Transaction, row: FloatingIpRow) -> None:
    """Delete a floating IP, its forwardings and its outer port."""
    await tx.delete("port_forwardings", {"floating_ip_id": row.id})
    await tags.clear(tx, "network.floatingips", row.id)
    await tx.delete("floating_ips", {"id": row.id})
    await ports.delete(tx, await ports.get(tx, row.floating_port_id))
    await touching.owners(tx, {row.port_id})
    if row.router_id is not None:
        await touching.router(tx, row.router_id)


async def delete_idle(tx: Transaction, network_id: str) -> None:
    """Delete the floating IPs of a network that lead nowhere."""
    sql = f"SELECT {columns(FloatingIpRow)} FROM floating_ips WHERE floating_network_id = $1 AND port_id IS NULL"
    for row in await tx.all(FloatingIpRow, sql, network_id):
        if not await tx.value("SELECT 1 FROM port_forwardings WHERE floating_ip_id = $1 LIMIT 1", row.id):
            await delete(tx, row)
