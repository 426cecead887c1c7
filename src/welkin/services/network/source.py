"""The documents that hosts get of networks and routers, and what their reports mean.

The shapes are the host's own (`host/wanted.py`).  A document is made whole from the rows
whenever something has changed; a host that has no port of a network, and no router, gets
none, and takes away what it had.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

from welkin.core import agents
from welkin.core.agents import Report
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import touching, troubles, underlays
from welkin.services.network.filtering import Filters, load_filters
from welkin.services.network.host import wanted
from welkin.services.network.ports.addressing import DHCP_OWNER
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.routers.placing import OF_ROUTER
from welkin.services.network.tables import (
    FixedIpRow,
    FloatingIpRow,
    NetworkRow,
    PortForwardingRow,
    PortRow,
    RouterRow,
    SubnetRow,
)

CURRENT = "SELECT generation FROM host_items WHERE host = $1 AND kind = $2 AND id = $3"


def marks(count: int, first: int = 1) -> str:
    """Return the places of `count` values in a statement."""
    return ", ".join(f"${index}" for index in range(first, first + count))


class NetworkSource:
    """Speaks for the networks of every host."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        """Return the documents of those networks that have a port on the host."""
        here = set(
            await reads.values(
                f"SELECT DISTINCT network_id FROM ports WHERE host = $1 AND network_id IN ({marks(len(ids), 2)})",
                host,
                *ids,
            )
        )
        if not here:
            return {}
        chosen = sorted(here)
        places = marks(len(chosen))
        networks = await reads.all(
            NetworkRow, f"SELECT {columns(NetworkRow)} FROM networks WHERE id IN ({places})", *chosen
        )
        subnets = await reads.all(
            SubnetRow,
            f"SELECT {columns(SubnetRow)} FROM subnets WHERE network_id IN ({places}) ORDER BY created_at, id",
            *chosen,
        )
        ports = await reads.all(
            PortRow,
            f"SELECT {columns(PortRow)} FROM ports WHERE network_id IN ({places}) "
            f"AND (host <> '' OR device_owner = '{DHCP_OWNER}') ORDER BY created_at, id",
            *chosen,
        )
        addresses = await addresses_of(reads, [port.id for port in ports])
        filters = await load_filters(reads, [port.id for port in ports if port.host == host])
        underlay = await underlays.addresses(reads)
        found: dict[str, Any] = {}
        for network in networks:
            mine = [port for port in ports if port.network_id == network.id]
            document = network_document(
                network,
                [subnet_document(subnet, mine, addresses) for subnet in subnets if subnet.network_id == network.id],
                [port_document(port, addresses[port.id], filters, host) for port in mine if port.host],
            )
            peers = {port.host: underlay[port.host] for port in mine if port.host in underlay and port.host != host}
            groups = filters.members_for(port.id for port in mine if port.host == host and port.port_security_enabled)
            found[network.id] = msgspec.structs.replace(document, peers=peers, groups=groups)
        return found

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        """Write down which ports are plugged, and why others are not; forget a network that has left the host."""
        if report.seen is None:
            await troubles.write(tx, self._world, report.id, host, {})
            if not await tx.value("SELECT 1 FROM ports WHERE network_id = $1 AND host = $2 LIMIT 1", report.id, host):
                await agents.forget(tx, host, touching.NETWORK, report.id)
                await touching.network(tx, report.id)
                if not await agents.hosts_of(tx, touching.NETWORK, report.id):
                    of_network = {"network_id": report.id, "device_owner": DHCP_OWNER}
                    await tx.update("ports", of_network, {"status": "DOWN"})
            return
        seen = msgspec.convert(report.seen, wanted.NetworkSeen)
        plugged = set(seen.plugged)
        wrong = {(troubles.NETWORK, report.id): seen.error} if seen.error else {}
        sql = f"SELECT {columns(PortRow)} FROM ports WHERE network_id = $1 AND (host = $2 OR device_owner = $3)"
        for port in await tx.all(PortRow, sql, report.id, host, DHCP_OWNER):
            serving = port.device_owner == DHCP_OWNER
            if serving and not seen.dhcp:
                continue  # another host may answer
            if seen.error and not (serving or port.id in plugged):
                wrong[troubles.PORT, port.id] = seen.error
            up = serving or port.id in plugged
            status = "ACTIVE" if up and port.admin_state_up else "DOWN"
            if status != port.status:
                await tx.update("ports", {"id": port.id}, {"status": status})
        await troubles.write(tx, self._world, report.id, host, wrong)


def network_document(row: NetworkRow, subnets: list[wanted.Subnet], ports: list[wanted.Port]) -> wanted.NetworkWanted:
    """Return what a host needs of a network."""
    return wanted.NetworkWanted(
        id=row.id,
        name=row.name,
        admin_state_up=row.admin_state_up,
        mtu=row.mtu,
        vni=None if row.external else row.segmentation_id,
        external=row.external,
        dns_domain=row.dns_domain,
        subnets=subnets,
        ports=ports,
    )


def subnet_document(
    row: SubnetRow, ports: Iterable[PortRow], addresses: Mapping[str, Sequence[FixedIpRow]]
) -> wanted.Subnet:
    """Return what a host needs of a subnet; its DHCP server has the address of the network's DHCP port."""
    serving = [
        each.address
        for port in ports
        if port.device_owner == DHCP_OWNER
        for each in addresses[port.id]
        if each.subnet_id == row.id
    ]
    return wanted.Subnet(
        id=row.id,
        cidr=row.cidr,
        gateway_ip=row.gateway_ip,
        enable_dhcp=row.enable_dhcp,
        dhcp_address=serving[0] if serving else None,
        dns_nameservers=row.dns_nameservers,
        host_routes=[wanted.HostRoute(destination=each.destination, nexthop=each.nexthop) for each in row.host_routes],
        ipv6_address_mode=cast(Any, row.ipv6_address_mode),
        ipv6_ra_mode=cast(Any, row.ipv6_ra_mode),
    )


def port_document(row: PortRow, addresses: Sequence[FixedIpRow], filters: Filters, host: str) -> wanted.Port:
    """Return what a host needs of a port; what may pass matters only where it is plugged."""
    here = row.host == host and row.port_security_enabled
    return wanted.Port(
        id=row.id,
        mac=row.mac_address,
        fixed_ips=[wanted.FixedIp(subnet_id=each.subnet_id, address=each.address) for each in addresses],
        host=row.host,
        device_owner=row.device_owner,
        device_id=row.device_id,
        hostname=row.dns_name or hostname(addresses),
        admin_state_up=row.admin_state_up,
        port_security=row.port_security_enabled,
        address_pairs=[
            wanted.AddressPair(mac=pair.mac_address, address=pair.ip_address) for pair in row.allowed_address_pairs
        ],
        dhcp_options=[
            wanted.DhcpOption(name=each.opt_name, value=each.opt_value, ip_version=cast(Any, each.ip_version))
            for each in row.extra_dhcp_opts
        ],
        rules=filters.rules_of(row.id) if here else [],
        stateful=filters.is_stateful(row.id),
    )


def hostname(addresses: Sequence[FixedIpRow]) -> str:
    """Return what a host without a name is called: by its first address."""
    return "host-" + addresses[0].address.replace(".", "-").replace(":", "-") if addresses else ""


class RouterSource:
    """Speaks for the routers of every host."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        """Return the documents of those routers that forward on the host."""
        sql = f"SELECT {columns(RouterRow)} FROM routers WHERE host = $1 AND id IN ({marks(len(ids), 2)})"
        return {row.id: await router_document(reads, row) for row in await reads.all(RouterRow, sql, host, *ids)}

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        """Write down whether floating IPs work, and what is wrong; forget a router that has left the host."""
        if report.seen is None:
            await troubles.write(tx, self._world, report.id, host, {})
            if not await tx.value("SELECT 1 FROM routers WHERE id = $1 AND host = $2", report.id, host):
                await agents.forget(tx, host, touching.ROUTER, report.id)
            return
        seen = msgspec.convert(report.seen, wanted.RouterSeen)
        if await tx.value(CURRENT, host, touching.ROUTER, report.id) != report.generation:
            return  # what was found is not what is wanted now; another report follows
        wrong = {(troubles.ROUTER, report.id): seen.error} if seen.error else {}
        await troubles.write(tx, self._world, report.id, host, wrong)
        status = "ACTIVE" if seen.active else "DOWN"
        sql = "UPDATE floating_ips SET status = $2 WHERE router_id = $1 AND status <> $2"
        await tx.run(sql, report.id, status)


async def router_document(reads: Reads, row: RouterRow) -> wanted.RouterWanted:
    """Return what a host needs of a router."""
    ports = await reads.all(
        PortRow, f"SELECT {columns(PortRow)} FROM ports WHERE {OF_ROUTER} ORDER BY created_at, id", row.id
    )
    addresses = await addresses_of(reads, [port.id for port in ports])
    network_ids = sorted({port.network_id for port in ports})
    places = marks(len(network_ids))
    networks: dict[str, NetworkRow] = {}
    subnets: dict[str, SubnetRow] = {}
    if network_ids:
        sql = f"SELECT {columns(NetworkRow)} FROM networks WHERE id IN ({places})"
        networks = {each.id: each for each in await reads.all(NetworkRow, sql, *network_ids)}
        sql = f"SELECT {columns(SubnetRow)} FROM subnets WHERE network_id IN ({places})"
        subnets = {each.id: each for each in await reads.all(SubnetRow, sql, *network_ids)}
    legs = []
    gateway = None
    for port in ports:
        has = [each for each in addresses[port.id] if each.subnet_id in subnets]
        if port.id == row.gateway_port_id:
            gateway = gateway_document(row, port, has, subnets)
        elif port.admin_state_up:
            legs.append(leg_document(port, has, networks[port.network_id], subnets))
    floating = await reads.all(
        FloatingIpRow, f"SELECT {columns(FloatingIpRow)} FROM floating_ips WHERE router_id = $1 ORDER BY id", row.id
    )
    return wanted.RouterWanted(
        id=row.id,
        admin_state_up=row.admin_state_up,
        legs=legs,
        gateway=gateway,
        routes=[wanted.HostRoute(destination=each.destination, nexthop=each.nexthop) for each in row.routes],
        floating_ips=[
            wanted.FloatingIp(id=each.id, address=each.floating_ip_address, fixed_address=each.fixed_ip_address)
            for each in floating
            if each.fixed_ip_address is not None
        ],
        port_forwardings=await forwardings(reads, floating),
    )


def with_prefix(row: FixedIpRow, subnets: Mapping[str, SubnetRow]) -> str:
    """Return an address with the prefix length of its subnet."""
    return f"{row.address}/{ipaddress.ip_network(subnets[row.subnet_id].cidr).prefixlen}"


def leg_document(
    port: PortRow, has: Sequence[FixedIpRow], network: NetworkRow, subnets: Mapping[str, SubnetRow]
) -> wanted.RouterLeg:
    """Return what a host needs of a router's interface."""
    modes = [subnets[each.subnet_id].ipv6_ra_mode for each in has]
    return wanted.RouterLeg(
        port_id=port.id,
        network_id=port.network_id,
        mac=port.mac_address,
        mtu=network.mtu,
        addresses=[with_prefix(each, subnets) for each in has],
        ra_mode=cast(Any, next((mode for mode in modes if mode), None)),
    )


def gateway_document(
    row: RouterRow, port: PortRow, has: Sequence[FixedIpRow], subnets: Mapping[str, SubnetRow]
) -> wanted.RouterGateway:
    """Return what a host needs of a router's gateway."""
    hops = [subnets[each.subnet_id].gateway_ip for each in has]
    return wanted.RouterGateway(
        port_id=port.id,
        network_id=port.network_id,
        mac=port.mac_address,
        addresses=[with_prefix(each, subnets) for each in has],
        next_hops=list(dict.fromkeys(hop for hop in hops if hop)),
        enable_snat=row.enable_snat,
    )


async def forwardings(reads: Reads, floating: Sequence[FloatingIpRow]) -> list[wanted.PortForwarding]:
    """Return the port forwardings of a router's floating IPs."""
    if not floating:
        return []
    outer = {each.id: each.floating_ip_address for each in floating}
    sql = (
        f"SELECT {columns(PortForwardingRow)} FROM port_forwardings "
        f"WHERE floating_ip_id IN ({marks(len(outer))}) ORDER BY id"
    )
    return [
        wanted.PortForwarding(
            id=each.id,
            protocol=each.protocol,
            address=outer[each.floating_ip_id],
            port_min=each.external_port,
            port_max=each.external_port,
            fixed_address=each.internal_ip_address,
            fixed_port_min=each.internal_port,
            fixed_port_max=each.internal_port,
        )
        for each in await reads.all(PortForwardingRow, sql, *outer)
    ]
