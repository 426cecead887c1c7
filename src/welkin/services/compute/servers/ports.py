"""A server's ports: asked for, made, bound and given back, in the server's own transaction.

Everything about networks that servers need goes through here, by the network room's door.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, Struct, field
from msgspec.structs import replace

from welkin.core.db import Reads, Transaction
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound, OverQuota, Problem
from welkin.core.http import Call
from welkin.core.world import World
from welkin.services.compute.fields import address
from welkin.services.compute.host.wanted import Nic
from welkin.services.compute.servers import policy
from welkin.services.compute.servers.shapes import NetworkAsked, ServerToCreate
from welkin.services.compute.servers.tables import NicRow, ServerRow
from welkin.services.network import public as network

OWNER = "compute:"
"""What the owner of a server's port is called: this and the server's zone."""


class Wish(Struct, frozen=True, kw_only=True):
    """One port that a server shall have: made on a network, or one that exists."""

    network_id: str = ""
    port_id: str = ""
    fixed_ip: str = ""
    tag: str | None = None


Asked = tuple[Wish, ...]


class Address(Struct):
    """One address of a server as clients see it."""

    addr: str
    version: int
    type: str = field(name="OS-EXT-IPS:type")
    mac: str = field(name="OS-EXT-IPS-MAC:mac_addr")


class Attached(Struct, kw_only=True):
    """A port of a server with everything that a host or a client learns of it."""

    port: network.DevicePort
    tag: str | None
    position: int

    @property
    def groups(self) -> tuple[str, ...]:
        """The names of its security groups."""
        return tuple(self.port.security_groups)

    @property
    def fixed_ips(self) -> tuple[str, ...]:
        """Its own addresses."""
        return tuple(each.address for each in self.port.fixed_ips)

    @property
    def floating_ips(self) -> tuple[str, ...]:
        """The addresses outside that stand for it."""
        return tuple(each.floating_address for each in self.port.floating_ips)


async def read(call: Call, reads: Reads, wish: ServerToCreate, count: int) -> Asked:
    """Return the ports that a request asks for.  Raises Invalid, Conflict, Forbidden."""
    if wish.networks == "none":
        return ()
    if wish.networks == "auto" or not wish.networks:
        return await usual(call, reads, auto=wish.networks == "auto")
    assert not isinstance(wish.networks, str)
    target = {"project_id": call.actor.project_id, "user_id": call.actor.user_id}
    call.enforce(policy.ATTACH_NETWORK, **target)
    return tuple([await read_one(call, reads, each, count) for each in distinct(wish.networks)])


def distinct(asked: Sequence[NetworkAsked]) -> Sequence[NetworkAsked]:
    """Check that no port is named twice.  Raises Invalid."""
    seen = set()
    for each in asked:
        if each.port and each.port in seen:
            raise Invalid(f"Port ID '{each.port}' was specified twice: you cannot attach a port multiple times.")
        seen.add(each.port)
    return asked


async def read_one(call: Call, reads: Reads, asked: NetworkAsked, count: int) -> Wish:
    """Check one port that is asked for.  Raises Invalid, Conflict, Forbidden."""
    fixed_ip = address("fixed_ip", asked.fixed_ip) if asked.fixed_ip else ""
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
        await check_port(call, reads, asked.port)
        return Wish(port_id=asked.port, tag=asked.tag)
    if asked.uuid is UNSET:
        raise Invalid("Bad network format: missing 'uuid'")
    if fixed_ip and count > 1:
        raise Invalid("Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.")
    await check_network(call, reads, asked.uuid)
    return Wish(network_id=asked.uuid, fixed_ip=fixed_ip, tag=asked.tag)


async def check_network(call: Call, reads: Reads, network_id: str) -> None:
    """Check that the caller may have a server on a network.  Raises Invalid, Forbidden."""
    found = await network.usable_networks(reads, call.actor, [network_id])
    if not found:
        raise Invalid(f"Network {network_id} could not be found.")
    if not found[0].has_subnets:
        raise Invalid(f"Network {network_id} requires a subnet in order to boot instances on.")
    if found[0].external and not found[0].shared and not call.actor.is_admin:
        raise Forbidden(f"It is not allowed to create an interface on external network {network_id}")


async def check_port(call: Call, reads: Reads, port_id: str) -> network.DevicePort:
    """Return a port that the caller may give to a server.  Raises Invalid, Conflict."""
    port = await network.find_port(reads, port_id)
    if port is None or (port.project_id != call.actor.project_id and not call.actor.is_admin):
        raise Invalid(f"Port id {port_id} could not be found.")
    if port.device_id:
        raise Conflict(f"Port {port_id} is still in use.")
    if not port.fixed_ips:
        raise Invalid(f"Port {port_id} requires a FixedIP in order to be used.")
    return port


async def usual(call: Call, reads: Reads, *, auto: bool) -> Asked:
    """Return the one network that the project has, or none.  Raises Conflict, Invalid."""
    found = [each for each in await network.usable_networks(reads, call.actor, None) if each.offered]
    if len(found) > 1:
        raise Conflict(
            "Multiple possible networks found, use a Network ID to be more specific."
            if not auto
            else "More than one possible network found. Specify network ID(s) to select which one(s) to connect to."
        )
    if not found:
        if auto:
            raise Invalid(f"Unable to automatically allocate a network for project {call.actor.project_id}")
        return ()
    await check_network(call, reads, found[0].id)
    return (Wish(network_id=found[0].id),)


async def make(call: Call, tx: Transaction, server: ServerRow, wishes: Asked, group_names: Sequence[str]) -> list[str]:
    """Make or take the ports of a new server, and return their ids.  Raises Invalid, Conflict, Forbidden."""
    group_ids = await groups(tx, server.project_id, group_names)
    return [await add(call, tx, server, wish, group_ids) for wish in wishes]


async def count(reads: Reads, server_id: str) -> int:
    """Return the position of a server's next port."""
    return int(
        await reads.value("SELECT COALESCE(MAX(position) + 1, 0) FROM server_nics WHERE server_id = $1", server_id)
    )


async def add(call: Call, tx: Transaction, server: ServerRow, wish: Wish, group_ids: Sequence[str] | None) -> str:
    """Make or take one port of a server and return its id."""
    ours = not wish.port_id
    try:
        if ours:
            wanted = network.PortWanted(
                network_id=wish.network_id,
                project_id=server.project_id,
                device_id=server.id,
                device_owner=owner(server),
                dns_name=server.hostname,
                fixed_ip=wish.fixed_ip,
                security_group_ids=group_ids,
                host=server.host or "",
            )
            port_id = await network.create_port(tx, call.world, wanted)
        else:
            port_id = wish.port_id
            await network.take_port(tx, call.world, port_id, server.id, owner(server), server.host or "")
    except OverQuota as error:
        raise Forbidden(f"Maximum number of ports exceeded: {error}") from error
    except Problem as error:
        if error.status >= 500:
            raise
        raise Invalid(str(error)) from error
    await tx.insert("server_nics", NicRow(server.id, port_id, await count(tx, server.id), wish.tag, ours))
    return port_id


def owner(server: ServerRow) -> str:
    """Return what the owner of a server's port is called."""
    return OWNER + (server.zone or server.availability_zone or "")


async def groups(reads: Reads, project_id: str, names: Sequence[str]) -> list[str] | None:
    """Return the ids of security groups by name or id; None stands for the default one.

    Raises  Invalid, Conflict.
    """
    wanted = [name for name in names if name != "default"]
    if not wanted and not names:
        return None
    found = await network.security_groups_named(reads, project_id, names)
    ids = []
    for name in names:
        matching = found.get(name, [])
        if not matching and name == "default":
            return None  # it is made when its first port is
        if not matching:
            raise Invalid(f"Security group {name} not found for project {project_id}.")
        if len(matching) > 1:
            raise Conflict(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
        ids.append(matching[0])
    return ids


async def bind(tx: Transaction, world: World, server: ServerRow, host: str) -> None:
    """Bind a server's ports to its host."""
    for row in await rows(tx, [server.id]):
        await network.bind_port(tx, world, row.port_id, host)


async def unbind(tx: Transaction, world: World, server: ServerRow) -> None:
    """Have a server's ports leave its host, and stay the server's."""
    for row in await rows(tx, [server.id]):
        await network.bind_port(tx, world, row.port_id, "")


async def release(tx: Transaction, world: World, server: ServerRow) -> None:
    """Give back the ports of a server that is gone: those made for it go, others are free again."""
    for row in await rows(tx, [server.id]):
        await give_back(tx, world, row)


async def give_back(tx: Transaction, world: World, row: NicRow) -> None:
    """Give back one port of a server."""
    if row.ours:
        await network.delete_port(tx, world, row.port_id)
    else:
        await network.free_port(tx, world, row.port_id)
    await tx.delete("server_nics", {"server_id": row.server_id, "port_id": row.port_id})


async def rows(reads: Reads, server_ids: Sequence[str]) -> list[NicRow]:
    """Return the ports of servers, in the order in which they were attached."""
    if not server_ids:
        return []
    marks = ", ".join(f"${index}" for index in range(1, len(server_ids) + 1))
    sql = f"SELECT server_id, port_id, position, tag, ours FROM server_nics WHERE server_id IN ({marks})"
    return await reads.all(NicRow, sql + " ORDER BY server_id, position", *server_ids)


async def attached(reads: Reads, server_id: str) -> list[Attached]:
    """Return the ports of a server with everything about them, in the order in which they were attached."""
    ports = {port.id: port for port in await network.ports_of_devices(reads, [server_id])}
    return [
        Attached(port=ports[row.port_id], tag=row.tag, position=row.position)
        for row in await rows(reads, [server_id])
        if row.port_id in ports
    ]


def nics(found: Sequence[Attached]) -> tuple[Nic, ...]:
    """Return a server's network cards, as its host reads them."""
    return tuple(
        Nic(
            port_id=each.port.id,
            network_id=each.port.network_id,
            mac=each.port.mac_address,
            mtu=each.port.mtu,
            tag=each.tag,
            fixed_ips=each.fixed_ips,
        )
        for each in found
    )


async def addresses_of(reads: Reads, server_ids: Sequence[str]) -> dict[str, dict[str, list[Address]]]:
    """Return the addresses of servers by network, fixed ones first, each followed by its floating one."""
    found: dict[str, dict[str, list[Address]]] = {}
    for port in await network.ports_of_devices(reads, server_ids):
        of_network = found.setdefault(port.device_id, {}).setdefault(port.network_name, [])
        floating = {each.fixed_address: each.floating_address for each in port.floating_ips}
        for each in port.fixed_ips:
            of_network.append(Address(each.address, version(each.address), "fixed", port.mac_address))
            if each.address in floating:
                outside = floating[each.address]
                of_network.append(Address(outside, version(outside), "floating", port.mac_address))
    return found


async def groups_of(reads: Reads, server_ids: Sequence[str]) -> dict[str, list[dict[str, str]]]:
    """Return the names of the security groups of each server that has some."""
    found: dict[str, list[dict[str, str]]] = {}
    for port in await network.ports_of_devices(reads, server_ids):
        for name in port.security_groups:
            found.setdefault(port.device_id, []).append({"name": name})
    return found


async def read_attachment(call: Call, reads: Reads, wish: Wish) -> Wish:
    """Check a port that shall be attached to a server that is there.  Raises NotFound, Invalid, Conflict."""
    if wish.port_id:
        if await network.find_port(reads, wish.port_id) is None:
            raise NotFound(f"Port id {wish.port_id} could not be found.")
        await check_port(call, reads, wish.port_id)
        return wish
    if wish.network_id:
        if not await network.usable_networks(reads, call.actor, [wish.network_id]):
            raise NotFound(f"Network {wish.network_id} could not be found.")
        await check_network(call, reads, wish.network_id)
        return wish
    try:
        found = await usual(call, reads, auto=False)
    except Conflict as error:
        raise Invalid(str(error)) from error
    if not found:
        raise Invalid("No specific network was requested and none are available.")
    return replace(found[0], tag=wish.tag)


async def add_group(tx: Transaction, world: World, server: ServerRow, name: str) -> None:
    """Add a security group to every port of a server.  Raises NotFound, Conflict, Invalid."""
    group_id = await one_group(tx, server, name)
    for row in await rows(tx, [server.id]):
        await network.add_security_group(tx, world, row.port_id, group_id)


async def remove_group(tx: Transaction, world: World, server: ServerRow, name: str) -> None:
    """Remove a security group from every port of a server.  Raises NotFound, Conflict."""
    group_id = await one_group(tx, server, name)
    had = [await network.remove_security_group(tx, world, row.port_id, group_id) for row in await rows(tx, [server.id])]
    if not any(had):
        raise NotFound(f"Security group {group_id} not associated with the instance {server.id}")


async def one_group(reads: Reads, server: ServerRow, name: str) -> str:
    """Return the id of one security group by name or id.  Raises NotFound, Conflict."""
    matching = (await network.security_groups_named(reads, server.project_id, [name])).get(name, [])
    if not matching:
        raise NotFound(f"Security group {name} not found for project {server.project_id}.")
    if len(matching) > 1:
        raise Conflict(f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return matching[0]


async def group_views(reads: Reads, server_id: str) -> list[dict[str, Any]]:
    """Return the security groups of a server with their rules, as compute's own proxy shows them."""
    return await network.security_group_views(reads, [row.port_id for row in await rows(reads, [server_id])])


async def add_address(tx: Transaction, world: World, server: ServerRow, network_id: str) -> None:
    """Give a server's port on a network one more address.  Raises Invalid."""
    for each in await attached(tx, server.id):
        if each.port.network_id == network_id:
            await network.add_fixed_ip(tx, world, each.port.id)
            return
    raise Invalid(f"Network {network_id} could not be found.")


async def remove_address(tx: Transaction, world: World, server: ServerRow, text: str) -> None:
    """Take an address from a server's port.  Raises Invalid."""
    for each in await attached(tx, server.id):
        if text in each.fixed_ips:
            await network.remove_fixed_ip(tx, world, each.port.id, text)
            return
    raise Invalid(f"Fixed IP address {text} is not associated with instance {server.id}.")


def version(text: str) -> int:
    """Return the IP version of an address."""
    return 6 if ":" in text else 4


async def servers_with_address(reads: Reads, pattern: str, ip_version: int) -> list[str]:
    """Return the servers that have an address which matches a regular expression.  Raises Invalid."""
    return await network.devices_with_address(reads, pattern, ip_version)


def network_data(found: Sequence[Attached]) -> dict[str, Any]:
    """Return what a guest reads about its networks, in OpenStack's own format."""
    return network.network_data([each.port for each in found])
