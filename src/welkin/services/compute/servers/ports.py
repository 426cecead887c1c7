"""A server's ports: asked for, made, bound and given back, in the server's own transaction.

Everything about networks that servers need goes through here, by the network room's door.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, Struct, field
from msgspec.structs import replace

from welkin.core import patterns
from welkin.core.db import Reads, Transaction
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound, OverQuota, Problem
from welkin.core.http import Call
from welkin.core.world import World
from welkin.services.compute.fields import address
from welkin.services.compute.host import wanted
from welkin.services.compute.servers import policy
from welkin.services.compute.servers.shapes import NetworkAsked, ServerToCreate
from welkin.services.compute.servers.tables import NicRow, ServerRow
from welkin.services.network import public as network
from welkin.services.network.public import Nic, NicWanted

Asked = tuple[NicWanted, ...]
AUTOMATIC = "auto"
"""Instead of a network's id: the one that is made for a project which has none."""


class Address(Struct):
    """One address of a server as clients see it."""

    addr: str
    version: int
    type: str = field(name="OS-EXT-IPS:type")
    mac: str = field(name="OS-EXT-IPS-MAC:mac_addr")


class Attached(Struct, frozen=True):
    """A port of a server, and the tag that it has there."""

    nic: Nic
    tag: str | None


async def read(call: Call, reads: Reads, wish: ServerToCreate, count: int) -> Asked:
    """Return the ports that a request asks for.  Raises Invalid, Conflict, Forbidden."""
    if wish.networks == "none":
        return ()
    if wish.networks == "auto" or not wish.networks:
        return await usual(call, reads, auto=wish.networks == "auto")
    call.enforce(policy.ATTACH_NETWORK, project_id=call.actor.project_id, user_id=call.actor.user_id)
    named = [each for each in wish.networks if not isinstance(each, str)]
    check_distinct(named)
    return tuple([await read_one(call, reads, each, count) for each in named])


def check_distinct(asked: Sequence[NetworkAsked]) -> None:
    """Check that no port is named twice.  Raises Invalid."""
    seen = set()
    for each in asked:
        if each.port and each.port in seen:
            raise Invalid(f"Port ID '{each.port}' was specified twice: you cannot attach a port multiple times.")
        seen.add(each.port)


async def read_one(call: Call, reads: Reads, asked: NetworkAsked, count: int) -> NicWanted:
    """Check one port that is asked for.  Raises Invalid, Conflict, Forbidden."""
    fixed_ip = address("fixed_ip", asked.fixed_ip) if asked.fixed_ip else None
    if asked.port:
        if fixed_ip:
            raise Invalid(
                f"Specified Fixed IP '{fixed_ip}' cannot be used with port '{asked.port}': the two cannot be "
                "specified together."
            )
        if count > 1:
            raise Invalid(
                "Failed to launch instances: Unable to launch multiple instances with a single configured port ID. "
                "Please launch your instance one by one with different ports."
            )
        nic = NicWanted(port_id=asked.port, tag=asked.tag)
    elif asked.uuid is UNSET:
        raise Invalid("Bad network format: missing 'uuid'")
    elif fixed_ip and count > 1:
        raise Invalid("Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.")
    else:
        nic = NicWanted(network_id=asked.uuid, fixed_ip=fixed_ip, tag=asked.tag)
    await check(call, reads, nic)
    return nic


async def check(call: Call, reads: Reads, nic: NicWanted) -> None:
    """Check that the caller may give a server this port or network.  Raises Invalid, Conflict, Forbidden."""
    device = network.Device(id="", project_id=call.actor.project_id or "", any_project=call.actor.is_admin)
    try:
        if nic.port_id is not None:
            await network.usable_port(reads, nic.port_id, device)
        else:
            await network.usable_network(reads, nic.network_id or "", device)
    except Problem as error:
        raise translated(error, nic) from error


def translated(error: Problem, nic: NicWanted) -> Problem:
    """Return what compute says where the network room refuses."""
    if isinstance(error, network.PortInUse):
        return Conflict(f"Port {nic.port_id} is still in use.")
    if isinstance(error, network.PortNotFound):
        return Invalid(f"Port id {nic.port_id} could not be found.")
    if isinstance(error, network.NetworkNotFound):
        return Invalid(f"Network {nic.network_id} could not be found.")
    if isinstance(error, network.ExternalNetworkForbidden):
        return Forbidden(f"It is not allowed to create an interface on external network {nic.network_id}")
    if isinstance(error, network.NetworkWithoutSubnet):
        return Invalid(f"Network {nic.network_id} requires a subnet in order to boot instances on.")
    if isinstance(error, network.IpAddressAlreadyAllocated):
        return Invalid(f"Fixed IP address {nic.fixed_ip} is already in use on instance.")
    if isinstance(error, network.IpAddressGenerationFailure):
        return Invalid(f"No fixed IP addresses available for network: {nic.network_id}")
    if isinstance(error, network.SecurityGroupAmbiguous):
        return Conflict(f"{error}. Use an ID to be more specific.")
    if isinstance(error, OverQuota | network.OverQuota):
        return Forbidden("Maximum number of ports exceeded")
    return Invalid(str(error)) if error.status < 500 else error


async def usual(call: Call, reads: Reads, *, auto: bool) -> Asked:
    """Return the one network that the project has, or none; `auto` makes one.  Raises Conflict, Invalid."""
    found = await network.available_networks(reads, call.actor.project_id or "")
    if len(found) > 1:
        raise Conflict("Multiple possible networks found, use a Network ID to be more specific.")
    if auto:  # one of the project's own that is down is passed over, as if it were not ready yet
        found = [row for row in found if row.admin_state_up or row.project_id != call.actor.project_id]
    if not found:
        return await automatic(call, reads) if auto else ()
    nic = NicWanted(network_id=found[0].id)
    await check(call, reads, nic)
    return (nic,)


async def automatic(call: Call, reads: Reads) -> Asked:
    """Return the network that is made for a project which has none.  Raises Invalid."""
    project_id = call.actor.project_id or ""
    try:
        await network.check_auto_network(reads, project_id)
    except network.AutoAllocationFailure as error:
        raise Invalid(f"Unable to automatically allocate a network for project {project_id}") from error
    return (NicWanted(network_id=AUTOMATIC),)


async def make(call: Call, tx: Transaction, server: ServerRow, asked: Asked, group_names: Sequence[str]) -> None:
    """Make or take the ports of a new server.  Raises Invalid, Conflict, Forbidden."""
    for nic in asked:
        await add(call, tx, server, nic, group_names)
    if not asked and group_names:
        await one_of_each(tx, server.project_id, group_names)


async def one_of_each(reads: Reads, project_id: str, names: Sequence[str]) -> None:
    """Check security groups that no port needs yet.  Raises Invalid, Conflict."""
    named = [name for name in names if name != "default"]
    try:
        await network.group_ids(reads, project_id, named)
    except Problem as error:
        raise translated(error, NicWanted()) from error


async def add(call: Call, tx: Transaction, server: ServerRow, nic: NicWanted, group_names: Sequence[str] = ()) -> str:
    """Make or take one port of a server and return its id.  Raises Invalid, Conflict, Forbidden."""
    device = network.Device(
        id=server.id,
        project_id=server.project_id,
        hostname=server.hostname,
        zone=server.zone or server.availability_zone or "nova",
        host=server.host or "",
        any_project=call.actor.is_admin,
    )
    try:
        if nic.network_id == AUTOMATIC:
            made = await network.auto_network(tx, call.world, call.get(network.NetworkOptions), server.project_id)
            nic = replace(nic, network_id=made)
        (port_id,) = await network.create_ports(tx, call.world, device, [nic], group_names)
    except Problem as error:
        raise translated(error, nic) from error
    sql = "SELECT COALESCE(MAX(position) + 1, 0) FROM server_nics WHERE server_id = $1"
    position = int(await tx.value(sql, server.id))
    await tx.delete("server_nics", {"port_id": port_id})
    await tx.insert("server_nics", NicRow(server.id, port_id, position, nic.tag))
    return port_id


async def read_attachment(call: Call, reads: Reads, nic: NicWanted) -> NicWanted:
    """Check a port that shall be attached to a server that is there.  Raises NotFound, Invalid, Conflict."""
    if nic.port_id is not None or nic.network_id is not None:
        try:
            await check(call, reads, nic)
        except Invalid as error:
            if isinstance(error.__cause__, NotFound):
                raise NotFound(str(error)) from error
            raise
        return nic
    try:
        found = await usual(call, reads, auto=False)
    except Conflict as error:
        raise Invalid(str(error)) from error
    if not found:
        raise Invalid("No specific network was requested and none are available.")
    return replace(found[0], tag=nic.tag)


async def bind(tx: Transaction, server: ServerRow, host: str) -> None:
    """Bind a server's ports to its host; an empty one has them leave it."""
    await network.bind(tx, server.id, host)


async def trouble(reads: Reads, server_id: str) -> str:
    """Return why a server's ports are not plugged, in sentences; nothing when none is in trouble."""
    return await network.plug_trouble(reads, server_id)


async def release(tx: Transaction, server: ServerRow) -> None:
    """Give back the ports of a server that is gone: those made for it go, others are free again."""
    await network.release(tx, server.id)
    await tx.delete("server_nics", {"server_id": server.id})


async def give_back(tx: Transaction, server_id: str, port_id: str) -> None:
    """Give back one port of a server.  Raises NotFound."""
    try:
        await network.release(tx, server_id, [port_id])
    except network.PortNotFound as error:
        raise NotFound(f"Port id {port_id} could not be found.") from error
    await tx.delete("server_nics", {"server_id": server_id, "port_id": port_id})


async def attached(reads: Reads, server_id: str) -> list[Attached]:
    """Return the ports of a server, in the order in which they were attached."""
    sql = "SELECT server_id, port_id, position, tag FROM server_nics WHERE server_id = $1"
    rows = {row.port_id: row for row in await reads.all(NicRow, sql, server_id)}
    found = (await network.nics(reads, [server_id]))[server_id]
    found.sort(key=lambda nic: rows[nic.port_id].position if nic.port_id in rows else len(rows))
    return [Attached(nic, rows[nic.port_id].tag if nic.port_id in rows else None) for nic in found]


def nics(found: Sequence[Attached]) -> tuple[wanted.Nic, ...]:
    """Return a server's network cards, as its host reads them."""
    return tuple(
        wanted.Nic(
            port_id=each.nic.port_id,
            network_id=each.nic.network_id,
            mac=each.nic.mac_address,
            mtu=each.nic.mtu,
            tag=each.tag,
            fixed_ips=tuple(one.address for one in each.nic.addresses),
        )
        for each in found
    )


async def addresses_of(reads: Reads, server_ids: Sequence[str]) -> dict[str, dict[str, list[Address]]]:
    """Return the addresses of servers by network, each followed by the floating ones that lead to it."""
    found: dict[str, dict[str, list[Address]]] = {}
    for row in await network.addresses_of_servers(reads, server_ids):
        addresses = found.setdefault(row.server_id, {}).setdefault(row.network_name, [])
        text = row.address
        if not (row.floating and addresses and any(each.addr == text for each in addresses)):
            addresses.append(Address(text, 6 if ":" in text else 4, "fixed", row.mac_address))
        if row.floating:
            version = 6 if ":" in row.floating else 4
            addresses.append(Address(row.floating, version, "floating", row.mac_address))
    return found


async def groups_of(reads: Reads, server_ids: Sequence[str]) -> Mapping[str, list[dict[str, str]]]:
    """Return the names of the security groups of each server that has some."""
    groups = await network.security_groups(reads, server_ids)
    return {id: [{"name": group.name} for group in found] for id, found in groups.items() if found}


async def group_names_of(reads: Reads, server_id: str) -> tuple[str, ...]:
    """Return the names of a server's security groups."""
    return tuple(group.name for group in (await network.security_groups(reads, [server_id]))[server_id])


async def add_group(tx: Transaction, server: ServerRow, name: str) -> None:
    """Add a security group to every port of a server.  Raises NotFound, Conflict, Invalid."""
    try:
        await network.add_group(tx, server.id, await one_group(tx, server, name))
    except network.BadRequest as error:
        raise Invalid(str(error)) from error


async def remove_group(tx: Transaction, server: ServerRow, name: str) -> None:
    """Remove a security group from every port of a server.  Raises NotFound, Conflict."""
    group_id = await one_group(tx, server, name)
    if not await network.remove_group(tx, server.id, group_id):
        raise NotFound(f"Security group {group_id} not associated with the instance {server.id}")


async def one_group(reads: Reads, server: ServerRow, name: str) -> str:
    """Return the id of one security group by name or id.  Raises NotFound, Conflict."""
    try:
        return (await network.group_ids(reads, server.project_id, [name]))[0]
    except network.SecurityGroupNotFound as error:
        raise NotFound(f"Security group {name} not found for project {server.project_id}.") from error
    except network.SecurityGroupAmbiguous as error:
        raise Conflict(f"{error}. Use an ID to be more specific.") from error


async def add_address(tx: Transaction, world: World, server: ServerRow, network_id: str) -> None:
    """Give a server's port on a network one more address.  Raises Invalid."""
    try:
        await network.add_fixed_ip(tx, world, server.id, network_id)
    except Problem as error:
        raise translated(error, NicWanted(network_id=network_id)) from error


async def remove_address(tx: Transaction, world: World, server: ServerRow, text: str) -> None:
    """Take an address from a server's port.  Raises Invalid."""
    if not await network.remove_fixed_ip(tx, world, server.id, text):
        raise Invalid(f"Fixed IP address {text} is not associated with instance {server.id}.")


async def servers_with_address(reads: Reads, text: str, ip_version: int) -> list[str]:
    """Return the servers that have an address which matches a regular expression.  Raises Invalid."""
    matches = patterns.pattern(text).search
    found = await network.all_addresses(reads)
    return [id for id, address in found if (6 if ":" in address else 4) == ip_version and matches(address)]


def network_data(found: Sequence[Attached]) -> dict[str, Any]:
    """Return what a guest reads about its networks, in OpenStack's own format."""
    links: list[dict[str, Any]] = []
    networks: list[dict[str, Any]] = []
    services: dict[str, int] = {}
    for each in found:
        nic, link = each.nic, f"tap{each.nic.port_id[:11]}"
        links.append(
            {
                "id": link,
                "vif_id": nic.port_id,
                "type": "bridge",
                "mtu": nic.mtu,
                "ethernet_mac_address": nic.mac_address,
            }
        )
        for one in nic.addresses:
            networks.append(network_entry(nic, one, link, f"network{len(networks)}"))
            services |= {server: one.subnet.ip_version for server in one.subnet.dns_nameservers}
    return {
        "links": links,
        "networks": networks,
        "services": [{"type": "dns", "address": address} for address in services],
    }


def network_entry(nic: Nic, one: network.NicAddress, link: str, name: str) -> dict[str, Any]:
    """Return one address as a guest reads it."""
    subnet = one.subnet
    entry: dict[str, Any] = {"id": name, "link": link, "network_id": nic.network_id}
    if subnet.ip_version == 4 and subnet.enable_dhcp:
        return entry | {"type": "ipv4_dhcp"}
    if subnet.ip_version == 6 and subnet.enable_dhcp:
        kinds = {"slaac": "ipv6_slaac", "dhcpv6-stateful": "ipv6_dhcpv6-stateful"}
        kind = kinds.get(subnet.ipv6_address_mode or "", "ipv6_dhcpv6-stateless")
        return entry | {"type": kind}
    routes = [route(each.destination, each.nexthop) for each in subnet.host_routes]
    if subnet.gateway_ip:
        routes.append(route("::/0" if subnet.ip_version == 6 else "0.0.0.0/0", subnet.gateway_ip))
    services = [{"type": "dns", "address": server} for server in subnet.dns_nameservers]
    return entry | {
        "type": f"ipv{subnet.ip_version}",
        "ip_address": one.address,
        "netmask": netmask(subnet.cidr),
        "routes": routes,
        "services": services,
    }


def route(destination: str, gateway: str) -> dict[str, str]:
    """Return a way to a range of addresses as a guest reads it."""
    range_ = ipaddress.ip_network(destination, strict=False)
    return {"network": str(range_.network_address), "netmask": str(range_.netmask), "gateway": gateway}


def netmask(cidr: str) -> str:
    """Return the mask of a range of addresses."""
    return str(ipaddress.ip_network(cidr).netmask)
