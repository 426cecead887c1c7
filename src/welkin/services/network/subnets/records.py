"""Writing subnets: what is checked, and what is stored, in the caller's transaction."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import touching
from welkin.services.network.collection import bump
from welkin.services.network.errors import BadRequest, InvalidInput
from welkin.services.network.subnet_pools import prefixes
from welkin.services.network.subnets import ranges
from welkin.services.network.subnets.errors import (
    DNSNameServersExhausted,
    GatewayIpInUse,
    HostRoutesExhausted,
    SubnetInUse,
    SubnetNotFound,
)
from welkin.services.network.subnets.shapes import SubnetCreate
from welkin.services.network.tables import FixedIpRow, NetworkRow, Route, SubnetRow
from welkin.services.network.values import Network, address, eui64, network, or_else

DNS_NAMESERVERS_MAX = 5
HOST_ROUTES_MAX = 20
AUTOMATIC = ("slaac", "dhcpv6-stateless")
"""Modes in which a guest makes its own address from its MAC address."""
SERVICE_TYPES = ("network:", "compute:", "baremetal:", "trunk:")
BY_ID = f"SELECT {columns(SubnetRow)} FROM subnets WHERE id = $1"
OF_NETWORK = f"SELECT {columns(SubnetRow)} FROM subnets WHERE network_id = $1 ORDER BY created_at, id"


class PortOf(msgspec.Struct):
    """A port that gets an address on a new subnet, and how many it has."""

    id: str
    mac_address: str
    addresses: int


async def get(reads: Reads, subnet_id: str) -> SubnetRow:
    """Return a subnet.  Raises SubnetNotFound."""
    row = await reads.one(SubnetRow, BY_ID, subnet_id)
    if row is None:
        raise SubnetNotFound(subnet_id)
    return row


async def of_network(reads: Reads, network_id: str) -> list[SubnetRow]:
    """Return the subnets of a network, oldest first."""
    return await reads.all(SubnetRow, OF_NETWORK, network_id)


def is_automatic(subnet: SubnetRow) -> bool:
    """Return whether ports of this subnet have the address that follows from their MAC address."""
    return subnet.ipv6_address_mode in AUTOMATIC


async def create(tx: Transaction, world: World, on: NetworkRow, project_id: str, body: SubnetCreate) -> SubnetRow:
    """Store a subnet; the caller has claimed its quota."""
    await tx.lock(f"network:{on.id}")
    neighbours = await of_network(tx, on.id)
    cidr, pool_id = await _range(tx, project_id, body, neighbours)
    check_modes(body, cidr)
    gateway = or_else(body.gateway_ip, ranges.default_gateway(cidr))
    if isinstance(body.allocation_pools, list):
        pools = ranges.checked_pools(cidr, body.allocation_pools)
    else:
        pools = ranges.default_pools(cidr, gateway)
    if gateway is not None:
        ranges.check_gateway(cidr, gateway, pools)
    now = world.now()
    id = world.new_id()
    row = SubnetRow(
        id=id,
        project_id=project_id,
        name=body.name,
        description=body.description,
        network_id=on.id,
        ip_version=cidr.version,
        cidr=str(cidr),
        gateway_ip=str(address(gateway)) if gateway is not None else None,
        enable_dhcp=body.enable_dhcp,
        ipv6_ra_mode=body.ipv6_ra_mode or None,
        ipv6_address_mode=body.ipv6_address_mode or None,
        subnetpool_id=pool_id,
        allocation_pools=pools,
        dns_nameservers=checked_nameservers(id, body.dns_nameservers or []),
        host_routes=checked_routes(id, cidr, body.host_routes or []),
        service_types=checked_service_types(body.service_types),
        dns_publish_fixed_ip=body.dns_publish_fixed_ip,
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("subnets", row)
    if body.tags:
        await tags.put(tx, "network.subnets", row.id, body.tags)
    await _number_ports(tx, row)
    await bump(tx, "networks", on.id, now)
    await touching.network(tx, on.id)
    return row


async def _range(
    tx: Transaction, project_id: str, body: SubnetCreate, neighbours: Sequence[SubnetRow]
) -> tuple[Network, str | None]:
    """Return the range of a new subnet and the pool that it comes from."""
    if body.use_default_subnetpool and body.subnetpool_id:
        raise BadRequest("subnets", "subnetpool_id and use_default_subnetpool cannot both be specified")
    if body.subnetpool_id or body.use_default_subnetpool:
        return await prefixes.allocate(tx, project_id, body, neighbours)
    if not isinstance(body.cidr, str):
        raise BadRequest("subnets", "a subnetpool must be specified in the absence of a cidr")
    if body.prefixlen is not UNSET:
        raise BadRequest("subnets", "cidr and prefixlen must not be supplied together")
    cidr = network(body.cidr, strict=True)
    if cidr.version != body.ip_version:
        raise InvalidInput(f"cidr '{body.cidr}' does not match the ip_version '{body.ip_version}'")
    if body.enable_dhcp and (cidr.prefixlen == 0 or cidr.is_multicast or cidr.is_loopback):
        raise InvalidInput(f"{cidr} cannot be served by DHCP: it is multicast, loopback or everything")
    for other in neighbours:
        known = ipaddress.ip_network(other.cidr)
        if known.version == cidr.version and cidr.overlaps(known):
            text = f"Requested subnet with cidr: {cidr} for network: {body.network_id} overlaps with another subnet"
            raise InvalidInput(text)
    return cidr, None


def check_modes(body: SubnetCreate, cidr: Network) -> None:
    """Refuse IPv6 modes that do not fit.  Raises InvalidInput."""
    ra, mode = body.ipv6_ra_mode or None, body.ipv6_address_mode or None
    if body.ip_version == 4:
        if (body.ipv6_ra_mode is not UNSET and ra) or (body.ipv6_address_mode is not UNSET and mode):
            raise InvalidInput("ipv6_ra_mode or ipv6_address_mode are not valid when ip_version is 4")
        return
    if (ra or mode) and not body.enable_dhcp:
        raise InvalidInput("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
    if ra and mode and ra != mode:
        raise InvalidInput(f"ipv6_ra_mode set to '{ra}' with ipv6_address_mode set to '{mode}' is not valid")
    if (ra in AUTOMATIC or mode in AUTOMATIC) and cidr.prefixlen != 64:
        raise InvalidInput("Invalid CIDR for subnet: a prefix of 64 is required for SLAAC and DHCPv6 stateless")


def checked_nameservers(subnet_id: str, servers: Sequence[str]) -> list[str]:
    """Return addresses of name servers, in their order.  Raises what is wrong with them."""
    if len(servers) > DNS_NAMESERVERS_MAX:
        raise DNSNameServersExhausted(subnet_id, DNS_NAMESERVERS_MAX)
    found = [str(address(server)) for server in servers]
    if len(set(found)) < len(found):
        raise InvalidInput(f"Duplicate nameserver in {found}")
    return found


def checked_routes(subnet_id: str, cidr: Network, routes: Sequence[Route]) -> list[Route]:
    """Return routes for guests.  Raises what is wrong with them."""
    if len(routes) > HOST_ROUTES_MAX:
        raise HostRoutesExhausted(subnet_id, HOST_ROUTES_MAX)
    found = []
    for route in routes:
        destination, hop = network(route.destination), address(route.nexthop)
        if destination.version != cidr.version or hop.version != cidr.version:
            raise InvalidInput(f"The route {route.destination} via {route.nexthop} is not of IPv{cidr.version}")
        found.append(Route(str(destination), str(hop)))
    if len(set(found)) < len(found):
        raise InvalidInput("Duplicate hostroute")
    return found


def checked_service_types(kinds: Sequence[str]) -> list[str]:
    """Return kinds of devices that a subnet is reserved for.  Raises InvalidInput."""
    for kind in kinds:
        if not kind.startswith(SERVICE_TYPES):
            raise InvalidInput(f"Service type {kind} does not correspond to a valid device owner")
    if len(set(kinds)) < len(kinds):
        raise InvalidInput("Duplicate service type")
    return list(kinds)


async def check_changes(tx: Transaction, row: SubnetRow, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that an update writes.  Raises what is wrong with it."""
    cidr = ipaddress.ip_network(row.cidr)
    written = {name: changes[name] for name in ("name", "description", "dns_publish_fixed_ip") if name in changes}
    pools = row.allocation_pools
    if isinstance(changes.get("allocation_pools"), list):
        pools = written["allocation_pools"] = ranges.checked_pools(cidr, changes["allocation_pools"])
    gateway = changes.get("gateway_ip", row.gateway_ip)
    if gateway is not None and ("gateway_ip" in changes or "allocation_pools" in changes):
        ranges.check_gateway(cidr, gateway, pools)
    if "gateway_ip" in changes and gateway != row.gateway_ip:
        await _check_gateway_free(tx, row)
        written["gateway_ip"] = str(address(gateway)) if gateway is not None else None
    if "dns_nameservers" in changes:
        written["dns_nameservers"] = checked_nameservers(row.id, changes["dns_nameservers"] or [])
    if "host_routes" in changes:
        written["host_routes"] = checked_routes(row.id, cidr, changes["host_routes"] or [])
    if "service_types" in changes:
        written["service_types"] = checked_service_types(changes["service_types"])
    if "enable_dhcp" in changes:
        if not changes["enable_dhcp"] and (row.ipv6_ra_mode or row.ipv6_address_mode):
            raise InvalidInput("ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False")
        written["enable_dhcp"] = changes["enable_dhcp"]
    return written


async def _check_gateway_free(tx: Transaction, row: SubnetRow) -> None:
    """Refuse to move a gateway that a router has.  Raises GatewayIpInUse."""
    if row.gateway_ip is None:
        return
    sql = (
        "SELECT p.id FROM fixed_ips AS f JOIN ports AS p ON p.id = f.port_id WHERE f.subnet_id = $1 "
        "AND f.address = $2 AND p.device_owner = 'network:router_interface'"
    )
    port_id = await tx.value(sql, row.id, row.gateway_ip)
    if port_id:
        raise GatewayIpInUse(row.gateway_ip, port_id)


async def delete(tx: Transaction, row: SubnetRow, now: float) -> None:
    """Delete a subnet; ports that have an automatic address there, or serve DHCP, lose it.  Raises SubnetInUse."""
    routed = (
        "SELECT 1 FROM fixed_ips AS f JOIN ports AS p ON p.id = f.port_id WHERE f.subnet_id = $1 "
        "AND p.device_owner <> 'network:dhcp'"
    )
    if is_automatic(row):
        routed += " AND p.device_owner IN ('network:router_interface', 'network:router_gateway')"
    if await tx.value(routed + " LIMIT 1", row.id):
        raise SubnetInUse(row.id)
    await tx.delete("fixed_ips", {"subnet_id": row.id})
    await tags.clear(tx, "network.subnets", row.id)
    await tx.delete("subnets", {"id": row.id})
    await bump(tx, "networks", row.network_id, now)
    await touching.network(tx, row.network_id)


async def _number_ports(tx: Transaction, row: SubnetRow) -> None:
    """Give the ports that exist their address on a new subnet where guests make their own."""
    if not is_automatic(row):
        return
    sql = (
        "SELECT p.id, p.mac_address, (SELECT COUNT(*) FROM fixed_ips AS f WHERE f.port_id = p.id) FROM ports AS p "
        "WHERE p.network_id = $1 AND p.device_owner NOT LIKE 'network:%'"
    )
    for port in await tx.all(PortOf, sql, row.network_id):
        own = eui64(ipaddress.ip_network(row.cidr), port.mac_address)
        await tx.insert("fixed_ips", FixedIpRow(row.id, own, row.network_id, port.id, port.addresses))
