"""The ports of servers: made from what a server's request says, plugged on a host, and given back.

Everything here happens in the caller's transaction, which is that of the server itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.network import limits, sharing, touching
from welkin.services.network.errors import BadRequest, NetworkNotFound, PortInUse, PortNotFound
from welkin.services.network.networks import records as networks
from welkin.services.network.ports import records as ports
from welkin.services.network.ports.shapes import FixedIp, PortCreate
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.security_groups import records as groups
from welkin.services.network.security_groups.errors import SecurityGroupNotFound
from welkin.services.network.subnets.records import of_network
from welkin.services.network.tables import FixedIpRow, NetworkRow, PortRow, Route


class SecurityGroupAmbiguous(Invalid):
    """Several security groups of the project have the name."""

    code = "network.security-group-ambiguous"


class NetworkAmbiguous(Invalid):
    """Several networks could be meant."""

    code = "network.ambiguous"


class NetworkWithoutSubnet(Invalid):
    """A network on which no server can have an address."""

    code = "network.without-subnet"


class ExternalNetworkForbidden(Invalid):
    """An external network that is not shared: servers are not plugged there."""

    code = "network.external-forbidden"


class NicWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A network card that a server shall have: a port that exists, or a new one on a network."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The server whose ports are meant, and what holds for all of them."""

    id: str
    project_id: str
    hostname: str = ""
    """The name that its ports have in DHCP and DNS."""
    zone: str = "nova"
    host: str = ""
    """Where it runs; empty while that is not known."""
    any_project: bool = False
    """Whether ports and networks of other projects may be used, as admins may."""


class NicSubnet(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest needs to know of a subnet that it has an address on."""

    id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    enable_dhcp: bool
    dns_nameservers: list[str]
    host_routes: list[Route]
    ipv6_address_mode: str | None


class NicAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a card, and the floating ones that lead to it."""

    address: str
    subnet: NicSubnet
    floating: list[str] = []

    @property
    def version(self) -> int:
        """The version of IP."""
        return self.subnet.ip_version


class Nic(msgspec.Struct, frozen=True, kw_only=True):
    """A network card of a server, with all that compute tells of it."""

    port_id: str
    server_id: str
    network_id: str
    network_name: str
    mac_address: str
    mtu: int
    status: str
    """ACTIVE once its host has plugged it."""
    host: str
    made_for_device: bool
    addresses: list[NicAddress]


async def available_networks(reads: Reads, project_id: str) -> list[NetworkRow]:
    """Return the networks that a server of the project may be plugged into without naming them, by age."""
    sql = (
        f"SELECT {columns(NetworkRow)} FROM networks WHERE project_id = $1 OR id IN "
        f"(SELECT object_id FROM rbac_policies WHERE action = '{sharing.SHARED}' AND target_project IN ('*', $1)) "
        "ORDER BY created_at, id"
    )
    return await reads.all(NetworkRow, sql, project_id)


async def usable_network(reads: Reads, network_id: str, device: Device) -> NetworkRow:
    """Return a network that a server may be plugged into.

    Raises NetworkNotFound, ExternalNetworkForbidden, NetworkWithoutSubnet.
    """
    row = await networks.get(reads, network_id)
    own = device.any_project or row.project_id == device.project_id
    if not own and not await sharing.may_use(reads, row.id, device.project_id):
        if row.external:
            raise ExternalNetworkForbidden(f"External network {row.id} is not shared")
        raise NetworkNotFound(network_id)
    if not await of_network(reads, row.id):
        raise NetworkWithoutSubnet(f"Network {row.id} requires a subnet in order to boot instances on")
    return row


async def usable_port(reads: Reads, port_id: str, device: Device) -> PortRow:
    """Return a port that a server may take.  Raises PortNotFound, PortInUse, BadRequest."""
    row = await ports.get(reads, port_id)
    if not (device.any_project or row.project_id == device.project_id):
        raise PortNotFound(port_id)
    taken = row.server_id or row.device_id
    if taken and taken != device.id:
        raise PortInUse(row.id, row.network_id, taken)
    return row


async def group_ids(reads: Reads, project_id: str, names: Sequence[str]) -> list[str]:
    """Return the ids of security groups by their names or ids.

    Raises SecurityGroupNotFound, SecurityGroupAmbiguous.
    """
    found = []
    for name, ids in (await groups.by_names(reads, project_id, names)).items():
        if len(ids) > 1:
            raise SecurityGroupAmbiguous(f"Multiple security groups named '{name}' found")
        if not ids and not await sharing.may_use(reads, name, project_id):
            raise SecurityGroupNotFound(name)
        found.append(ids[0] if ids else name)
    return found


async def create(
    tx: Transaction, world: World, device: Device, wanted: Sequence[NicWanted], group_names: Sequence[str] = ()
) -> list[str]:
    """Give a server its ports, in the order of `wanted`, and return their ids.

    wanted       networks or ports; see `available_networks` for a request that names none.
    group_names  names or ids of security groups for the ports that are made; none is the default group.
    Raises       NetworkNotFound, PortNotFound, PortInUse, SecurityGroupNotFound, SecurityGroupAmbiguous,
                 IpAddressGenerationFailure, IpAddressAlreadyAllocated, OverQuota and what is said above.
    """
    fresh = [nic for nic in wanted if nic.port_id is None]
    await limits.claim(tx, limits.PORT, [device.project_id] * len(fresh))
    names = [name for name in group_names if name != groups.DEFAULT]
    if names and len(names) < len(group_names):
        await groups.ensure_default(tx, world, device.project_id)
        names = list(group_names)
    chosen = await group_ids(tx, device.project_id, names)
    return [
        await (_take(tx, nic, device) if nic.port_id is not None else _make(tx, world, nic, device, chosen))
        for nic in wanted
    ]


async def _make(tx: Transaction, world: World, nic: NicWanted, device: Device, chosen: list[str]) -> str:
    """Make a port on a network for a server."""
    network = await usable_network(tx, nic.network_id or "", device)
    body = PortCreate(
        network_id=network.id,
        device_id=device.id,
        device_owner=f"compute:{device.zone}",
        fixed_ips=[FixedIp(ip_address=nic.fixed_ip)] if nic.fixed_ip else None,
        dns_name=device.hostname,
        host_id=device.host,
    )
    if chosen:
        if not network.port_security_enabled:
            raise BadRequest("network", "Network requires port_security_enabled in order to apply security groups")
        body.security_groups = list(chosen)
    row = await ports.create(tx, world, network, device.project_id, body)
    await tx.update("ports", {"id": row.id}, {"made_for_device": True, "server_id": device.id})
    return row.id


async def _take(tx: Transaction, nic: NicWanted, device: Device) -> str:
    """Give a port that exists to a server."""
    row = await usable_port(tx, str(nic.port_id), device)
    owner = f"compute:{device.zone}"
    changes: dict[str, object] = {"device_id": device.id, "device_owner": owner, "host": device.host}
    changes["server_id"] = device.id
    if not row.dns_name and device.hostname:
        changes["dns_name"] = device.hostname
    await ports.bind(tx, row, {**changes, "status": "DOWN"})
    return row.id


async def bind(tx: Transaction, server_id: str, host: str) -> None:
    """Say on which host a server's ports are to be plugged; an empty one unplugs them."""
    for row in await ports.of_server(tx, server_id):
        if row.host != host:
            await ports.bind(tx, row, {"host": host, "status": "DOWN"})
            await touching.members(tx, await tx.values(GROUPS_OF_PORT, row.id))


FREE = {"device_id": "", "device_owner": "", "host": "", "server_id": ""}
"""What a port says that nothing has."""
GROUPS_OF_PORT = "SELECT security_group_id FROM port_security_groups WHERE port_id = $1"


async def release(tx: Transaction, server_id: str, port_ids: Sequence[str] | None = None) -> None:
    """Take ports from a server, all or some: those made for it are deleted, the others are free again.

    Raises PortNotFound for a port that the server does not have.
    """
    rows = {row.id: row for row in await ports.of_server(tx, server_id)}
    for port_id in rows if port_ids is None else port_ids:
        row = rows.get(port_id)
        if row is None:
            raise PortNotFound(port_id)
        if row.made_for_device:
            await ports.delete(tx, row)
        else:
            await ports.bind(tx, row, {**FREE, "status": "DOWN"})


class _NicRow(msgspec.Struct):
    """A port of a server with its network."""

    port_id: str
    server_id: str
    network_id: str
    network_name: str
    mac_address: str
    mtu: int
    status: str
    host: str
    made_for_device: bool


class _AddressRow(msgspec.Struct):
    """An address of a port with its subnet."""

    port_id: str
    address: str
    id: str
    cidr: str
    ip_version: int
    gateway_ip: str | None
    enable_dhcp: bool
    dns_nameservers: list[str]
    host_routes: list[Route]
    ipv6_address_mode: str | None


class _FloatingRow(msgspec.Struct):
    """A floating IP that leads to a port."""

    port_id: str
    fixed_ip_address: str
    floating_ip_address: str


async def nics(reads: Reads, server_ids: Sequence[str]) -> dict[str, list[Nic]]:
    """Return the network cards of each server, in the order in which they came; three queries for any number."""
    found: dict[str, list[Nic]] = {id: [] for id in server_ids}
    if not server_ids:
        return found
    marks = ", ".join(f"${index}" for index in range(1, len(server_ids) + 1))
    rows = await reads.all(
        _NicRow,
        "SELECT p.id, p.server_id, p.network_id, n.name, p.mac_address, n.mtu, p.status, p.host, p.made_for_device "
        f"FROM ports AS p JOIN networks AS n ON n.id = p.network_id WHERE p.server_id IN ({marks}) "
        "ORDER BY p.server_id, p.created_at, p.id",
        *server_ids,
    )
    addresses = await _addresses(reads, [row.port_id for row in rows])
    for row in rows:
        facts: Mapping[str, Any] = msgspec.structs.asdict(row)
        found[row.server_id].append(Nic(**facts, addresses=addresses.get(row.port_id, [])))
    return found


async def _addresses(reads: Reads, port_ids: Sequence[str]) -> dict[str, list[NicAddress]]:
    """Return the addresses of each port with their subnets and floating IPs."""
    if not port_ids:
        return {}
    marks = ", ".join(f"${index}" for index in range(1, len(port_ids) + 1))
    floating: dict[tuple[str, str], list[str]] = {}
    sql = (
        "SELECT port_id, fixed_ip_address, floating_ip_address FROM floating_ips "
        f"WHERE port_id IN ({marks}) ORDER BY created_at, id"
    )
    for each in await reads.all(_FloatingRow, sql, *port_ids):
        floating.setdefault((each.port_id, each.fixed_ip_address), []).append(each.floating_ip_address)
    sql = (
        "SELECT f.port_id, f.address, s.id, s.cidr, s.ip_version, s.gateway_ip, s.enable_dhcp, s.dns_nameservers, "
        "s.host_routes, s.ipv6_address_mode FROM fixed_ips AS f JOIN subnets AS s ON s.id = f.subnet_id "
        f"WHERE f.port_id IN ({marks}) ORDER BY f.port_id, f.position"
    )
    found: dict[str, list[NicAddress]] = {}
    for row in await reads.all(_AddressRow, sql, *port_ids):
        names = NicSubnet.__struct_fields__
        subnet = NicSubnet(**{name: getattr(row, name) for name in names})
        outer = floating.get((row.port_id, row.address), [])
        found.setdefault(row.port_id, []).append(NicAddress(address=row.address, subnet=subnet, floating=outer))
    return found


async def servers_with_address(reads: Reads, texts: Sequence[str], project_id: str | None = None) -> list[str]:
    """Return the ids of servers that have one of these fixed or floating addresses."""
    if not texts:
        return []
    marks = ", ".join(f"${index}" for index in range(2, len(texts) + 2))
    sql = (
        "SELECT DISTINCT p.server_id FROM ports AS p WHERE p.server_id <> '' "
        "AND ($1 = '' OR p.project_id = $1) AND (p.id IN (SELECT port_id FROM fixed_ips WHERE address IN "
        f"({marks})) OR p.id IN (SELECT port_id FROM floating_ips WHERE floating_ip_address IN ({marks})))"
    )
    return await reads.values(sql, project_id or "", *texts)


async def all_addresses(reads: Reads, project_id: str | None = None) -> list[tuple[str, str]]:
    """Return (server id, fixed address) of every server of a project, or of all: for filters by pattern."""
    sql = (
        "SELECT p.server_id, f.address FROM ports AS p JOIN fixed_ips AS f ON f.port_id = p.id "
        "WHERE p.server_id <> '' AND ($1 = '' OR p.project_id = $1)"
    )
    return [(row.server_id, row.address) for row in await reads.all(_ServerAddress, sql, project_id or "")]


class _ServerAddress(msgspec.Struct):
    """A server and one of its addresses."""

    server_id: str
    address: str


class GroupOfServer(msgspec.Struct, frozen=True):
    """A security group that a server's ports have."""

    server_id: str
    id: str
    name: str


async def security_groups(reads: Reads, server_ids: Sequence[str]) -> dict[str, list[GroupOfServer]]:
    """Return the security groups of each server's ports, each once, by name."""
    found: dict[str, list[GroupOfServer]] = {id: [] for id in server_ids}
    if not server_ids:
        return found
    marks = ", ".join(f"${index}" for index in range(1, len(server_ids) + 1))
    sql = (
        "SELECT DISTINCT p.server_id, g.id, g.name FROM ports AS p JOIN port_security_groups AS m ON m.port_id = p.id "
        f"JOIN security_groups AS g ON g.id = m.security_group_id WHERE p.server_id IN ({marks}) "
        "ORDER BY p.server_id, g.name, g.id"
    )
    for row in await reads.all(GroupOfServer, sql, *server_ids):
        found[row.server_id].append(row)
    return found


async def add_group(tx: Transaction, server_id: str, group_id: str) -> None:
    """Put every port of a server that has port security into a security group.  Raises BadRequest without one."""
    eligible = [row for row in await ports.of_server(tx, server_id) if row.port_security_enabled]
    if not eligible:
        raise BadRequest("security_group", "The server has no port that a security group can be applied to")
    for row in eligible:
        sql = "INSERT INTO port_security_groups (port_id, security_group_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        await tx.run(sql, row.id, group_id)
        await touching.network(tx, row.network_id)
    await touching.members(tx, [group_id])


async def remove_group(tx: Transaction, server_id: str, group_id: str) -> bool:
    """Take a server's ports out of a security group; return whether any was in it."""
    found = False
    for row in await ports.of_server(tx, server_id):
        gone = await tx.delete("port_security_groups", {"port_id": row.id, "security_group_id": group_id})
        if gone:
            found = True
            await touching.network(tx, row.network_id)
    if found:
        await touching.members(tx, [group_id])
    return found


async def add_fixed_ip(tx: Transaction, world: World, server_id: str, network_id: str) -> str:
    """Give a server's port on a network one more address, and return it.  Raises PortNotFound without such a port."""
    for row in await ports.of_server(tx, server_id):
        if row.network_id == network_id:
            has = (await addresses_of(tx, [row.id]))[row.id]
            for subnet in await of_network(tx, network_id):
                wanted = [*map(_again, has), FixedIp(subnet_id=subnet.id)]
                change = await ports.plan_change(tx, world, row, {"fixed_ips": wanted}, any_project=True)
                known = {each.address for each in has}
                fresh = [text for _, text in change.addresses or () if text not in known]
                if fresh:
                    await ports.apply(tx, row, change)
                    return fresh[0]
    raise PortNotFound(f"of server {server_id} on network {network_id}")


async def remove_fixed_ip(tx: Transaction, world: World, server_id: str, text: str) -> bool:
    """Take an address from a server; return whether it had it."""
    for row in await ports.of_server(tx, server_id):
        has = (await addresses_of(tx, [row.id]))[row.id]
        kept = [_again(each) for each in has if each.address != text]
        if len(kept) < len(has):
            change = await ports.plan_change(tx, world, row, {"fixed_ips": kept}, any_project=True)
            await ports.apply(tx, row, change)
            return True
    return False


def _again(row: FixedIpRow) -> FixedIp:
    return FixedIp(row.subnet_id, row.address)
