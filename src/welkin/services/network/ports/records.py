"""Writing ports, in the caller's transaction."""

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
from welkin.services.network.errors import InvalidInput, MacAddressInUse, PortNotFound
from welkin.services.network.ports import addressing
from welkin.services.network.ports.shapes import ExtraOption, FixedIp, Pair, PortCreate
from welkin.services.network.ports.views import addresses_of, groups_of
from welkin.services.network.security_groups import records as groups
from welkin.services.network.security_groups.errors import (
    AddressPairAndPortSecurityRequired,
    PortSecurityAndIPRequiredForSecurityGroups,
    PortSecurityPortHasSecurityGroup,
)
from welkin.services.network.tables import AddressPair, DhcpOption, FixedIpRow, NetworkRow, PortRow
from welkin.services.network.values import dns_name, mac

MAC_PREFIX = "fa:16:3e"
MAC_TRIES = 16
PAIRS_MAX = 10
GUESTS = "compute:"
"""What the device_owner of a server's port begins with."""
BY_ID = f"SELECT {columns(PortRow)} FROM ports WHERE id = $1"
OF_SERVER = f"SELECT {columns(PortRow)} FROM ports WHERE server_id = $1 ORDER BY created_at, id"


async def get(reads: Reads, port_id: str) -> PortRow:
    """Return a port.  Raises PortNotFound."""
    row = await reads.one(PortRow, BY_ID, port_id)
    if row is None:
        raise PortNotFound(port_id)
    return row


async def of_server(reads: Reads, server_id: str) -> list[PortRow]:
    """Return the ports that a server was given, oldest first."""
    return await reads.all(PortRow, OF_SERVER, server_id)


async def create(
    tx: Transaction, world: World, network: NetworkRow, project_id: str, body: PortCreate, *, any_project: bool = False
) -> PortRow:
    """Store a port with its addresses and security groups; the caller has claimed its quota.

    any_project  whether security groups of other projects may be used, as admins may.
    Raises       what is wrong with the body, or that no address is left.
    """
    own_mac = await _mac(tx, world, network.id, body.mac_address)
    place = await addressing.place_of(tx, network.id, own_mac, body.device_owner)
    addresses = await addressing.choose(tx, world, place, body.fixed_ips)
    of_network = body.device_owner.startswith("network:")
    security = body.port_security_enabled
    if security is None:
        security = network.port_security_enabled and not of_network
    group_ids = await _groups(tx, world, project_id, body, security and bool(addresses), any_project=any_project)
    if group_ids and not (security and addresses):
        raise PortSecurityAndIPRequiredForSecurityGroups
    pairs = checked_pairs(body.allowed_address_pairs or [], own_mac)
    if pairs and not security:
        raise AddressPairAndPortSecurityRequired
    now = world.now()
    row = PortRow(
        id=world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        network_id=network.id,
        mac_address=own_mac,
        admin_state_up=body.admin_state_up,
        device_id=body.device_id,
        device_owner=body.device_owner,
        port_security_enabled=security,
        allowed_address_pairs=pairs,
        extra_dhcp_opts=merged_options([], body.extra_dhcp_opts or []),
        dns_name=dns_name(body.dns_name),
        dns_domain=body.dns_domain,
        propagate_uplink_status=body.propagate_uplink_status,
        vnic_type=body.vnic_type,
        profile=body.profile or {},
        host=body.host_id or "",
        server_id="",
        made_for_device=False,
        status="DOWN",
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("ports", row)
    await _store_addresses(tx, row, addresses)
    for group_id in group_ids:
        await tx.insert("port_security_groups", {"port_id": row.id, "security_group_id": group_id})
    if body.tags:
        await tags.put(tx, "network.ports", row.id, body.tags)
    if row.host:
        await touching.network(tx, row.network_id, row.host)
    if row.host or not row.device_owner.startswith(GUESTS):
        await touching.members(tx, group_ids)  # of a guest's port they hear when it is bound: nobody speaks from it yet
    return row


async def _groups(
    tx: Transaction,
    world: World,
    project_id: str,
    body: PortCreate,
    wants_default: bool,  # noqa: FBT001 - the last fact of a decision
    *,
    any_project: bool,
) -> list[str]:
    """Return the security groups of a new port: those named, or the project's default one."""
    if isinstance(body.security_groups, list):
        return await groups.usable(tx, body.security_groups, project_id, any_project=any_project)
    if body.security_groups is None or not wants_default or body.device_owner.startswith("network:"):
        return []
    return [await groups.ensure_default(tx, world, project_id)]


async def _mac(tx: Transaction, world: World, network_id: str, wanted: str | None) -> str:
    """Return the MAC address of a new port: the one wanted, or a new one.  Raises MacAddressInUse."""
    used = "SELECT 1 FROM ports WHERE network_id = $1 AND mac_address = $2"
    if wanted is not None:
        found = mac(wanted)
        if await tx.value(used, network_id, found):
            raise MacAddressInUse(network_id, found)
        return found
    for _ in range(MAC_TRIES):
        number = world.random.randrange(1 << 24)
        found = f"{MAC_PREFIX}:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        if not await tx.value(used, network_id, found):
            return found
    raise MacAddressInUse(network_id, MAC_PREFIX)


async def _store_addresses(tx: Transaction, row: PortRow, addresses: Sequence[tuple[str, str]]) -> None:
    for position, (subnet_id, text) in enumerate(addresses):
        await tx.insert("fixed_ips", FixedIpRow(subnet_id, text, row.network_id, row.id, position))


def checked_pairs(pairs: Sequence[Pair], own_mac: str) -> list[AddressPair]:
    """Return address pairs with their MAC addresses.  Raises InvalidInput."""
    if len(pairs) > PAIRS_MAX:
        raise InvalidInput(f"The number of allowed address pair exceeds the maximum {PAIRS_MAX}")
    found = []
    for pair in pairs:
        try:
            ipaddress.ip_network(pair.ip_address, strict=False)
        except ValueError:
            raise InvalidInput(f"'{pair.ip_address}' is not a valid IP address or range") from None
        found.append(AddressPair(pair.ip_address, mac(pair.mac_address) if pair.mac_address else own_mac))
    if len(set(found)) < len(found):
        raise InvalidInput("Request contains duplicate address pair")
    return found


def merged_options(known: Sequence[DhcpOption], wanted: Sequence[ExtraOption]) -> list[DhcpOption]:
    """Return DHCP options after a change: each replaces the one of its name, a null value removes it."""
    found = {(each.opt_name, each.ip_version): each for each in known}
    for each in wanted:
        if not each.opt_name.strip():
            raise InvalidInput("A DHCP option needs a name")
        if each.opt_value is None:
            found.pop((each.opt_name, each.ip_version), None)
        else:
            found[each.opt_name, each.ip_version] = DhcpOption(each.opt_name, each.opt_value, each.ip_version)
    return list(found.values())


class Change(msgspec.Struct):
    """What an update of a port writes beside its columns."""

    columns: dict[str, Any]
    addresses: list[tuple[str, str]] | None = None
    group_ids: list[str] | None = None


async def plan_change(
    tx: Transaction, world: World, row: PortRow, changes: Mapping[str, Any], *, any_project: bool
) -> Change:
    """Return what an update writes.  Raises what is wrong with it."""
    kept = ("name", "description", "admin_state_up", "device_id", "device_owner", "port_security_enabled")
    plain = (*kept, "dns_domain", "propagate_uplink_status", "vnic_type")
    found = Change({name: changes[name] for name in plain if name in changes})
    if "dns_name" in changes:
        found.columns["dns_name"] = dns_name(changes["dns_name"])
    if "profile" in changes:
        found.columns["profile"] = changes["profile"] or {}
    if "host_id" in changes:
        found.columns["host"] = changes["host_id"] or ""
    own_mac = row.mac_address
    if "mac_address" in changes and mac(changes["mac_address"]) != own_mac:
        own_mac = found.columns["mac_address"] = await _mac(tx, world, row.network_id, changes["mac_address"])
    if "extra_dhcp_opts" in changes:
        found.columns["extra_dhcp_opts"] = merged_options(row.extra_dhcp_opts, changes["extra_dhcp_opts"] or [])
    if "allowed_address_pairs" in changes:
        found.columns["allowed_address_pairs"] = checked_pairs(changes["allowed_address_pairs"] or [], own_mac)
    if "fixed_ips" in changes:
        owner = changes.get("device_owner", row.device_owner)
        place = await addressing.place_of(tx, row.network_id, own_mac, owner)
        now_has = (await addresses_of(tx, [row.id]))[row.id]
        found.addresses = await addressing.choose(tx, world, place, changes["fixed_ips"] or [], now_has)
    if "security_groups" in changes:
        wanted = changes["security_groups"] or []
        found.group_ids = await groups.usable(tx, wanted, row.project_id, any_project=any_project)
    await _check_security(tx, row, found)
    return found


async def _check_security(tx: Transaction, row: PortRow, change: Change) -> None:
    """Refuse groups or address pairs on a port without security, or without an address."""
    if not ({"port_security_enabled", "allowed_address_pairs"} & set(change.columns) or change.group_ids is not None):
        return
    security = change.columns.get("port_security_enabled", row.port_security_enabled)
    if not security and change.columns.get("allowed_address_pairs", row.allowed_address_pairs):
        raise AddressPairAndPortSecurityRequired
    if not security and change.group_ids:
        raise PortSecurityAndIPRequiredForSecurityGroups
    if not security and change.group_ids is None and (await groups_of(tx, [row.id]))[row.id]:
        raise PortSecurityPortHasSecurityGroup


async def apply(tx: Transaction, row: PortRow, change: Change) -> None:
    """Write addresses and groups of an update, and tell the hosts; the caller writes the columns."""
    before = (await groups_of(tx, [row.id]))[row.id]
    if change.addresses is not None:
        await tx.delete("fixed_ips", {"port_id": row.id})
        await _store_addresses(tx, row, change.addresses)
        await _release_floating_ips(tx, row.id, {text for _, text in change.addresses})
    if change.group_ids is not None:
        await tx.delete("port_security_groups", {"port_id": row.id})
        for group_id in change.group_ids:
            await tx.insert("port_security_groups", {"port_id": row.id, "security_group_id": group_id})
    if row.host or change.columns.get("host"):
        await touching.network(tx, row.network_id, change.columns.get("host", ""))
    if change.addresses is not None or change.group_ids is not None or "host" in change.columns:
        await touching.members(tx, sorted({*before, *(change.group_ids or ())}))
    if row.device_owner in addressing.ROUTER_OWNERS:
        await touching.router(tx, row.device_id)
    await touching.owner(tx, row.server_id)


async def _release_floating_ips(tx: Transaction, port_id: str, addresses: set[str]) -> None:
    """Take floating IPs and forwardings from addresses that a port no longer has."""
    rows = await tx.all(
        Associated, "SELECT id, router_id, fixed_ip_address FROM floating_ips WHERE port_id = $1", port_id
    )
    for row in rows:
        if row.fixed_ip_address not in addresses:
            nothing = {"port_id": None, "fixed_ip_address": None, "router_id": None, "status": "DOWN"}
            await tx.update("floating_ips", {"id": row.id}, nothing)
            if row.router_id:
                await touching.router(tx, row.router_id)
    sql = (
        "SELECT f.id, f.internal_ip_address, i.router_id FROM port_forwardings AS f "
        "JOIN floating_ips AS i ON i.id = f.floating_ip_id WHERE f.internal_port_id = $1"
    )
    for each in await tx.all(Forwarded, sql, port_id):
        if each.internal_ip_address not in addresses:
            await tx.delete("port_forwardings", {"id": each.id})
            if each.router_id:
                await touching.router(tx, each.router_id)


class Associated(msgspec.Struct):
    """A floating IP of a port."""

    id: str
    router_id: str | None
    fixed_ip_address: str | None


class Forwarded(msgspec.Struct):
    """A forwarding to a port."""

    id: str
    internal_ip_address: str
    router_id: str | None


async def delete(tx: Transaction, row: PortRow) -> None:
    """Delete a port with everything that hangs on it."""
    before = (await groups_of(tx, [row.id]))[row.id]
    await _release_floating_ips(tx, row.id, set())
    for table in ("fixed_ips", "port_security_groups"):
        await tx.delete(table, {"port_id": row.id})
    await tags.clear(tx, "network.ports", row.id)
    await tx.delete("ports", {"id": row.id})
    await touching.owner(tx, row.server_id)
    if row.device_owner in addressing.ROUTER_OWNERS:
        await touching.router(tx, row.device_id)
    if row.host:
        await touching.network(tx, row.network_id)
    await touching.members(tx, before)


async def bind(tx: Transaction, row: PortRow, changes: Mapping[str, object]) -> None:
    """Write where a port is plugged, or what has it, outside of an update by a client."""
    await tx.update("ports", {"id": row.id}, {**changes, "revision_number": row.revision_number + 1})
    await touching.network(tx, row.network_id, str(changes.get("host", "")))


def on_subnet(subnet_id: str, text: str | None = None) -> FixedIp:
    """Return what asks for an address of a subnet, or for a certain one."""
    return FixedIp(subnet_id, text if text is not None else UNSET)
