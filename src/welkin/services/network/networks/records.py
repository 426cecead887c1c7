"""Writing networks: what is checked, and what is stored, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import limits, sharing, touching, troubles
from welkin.services.network.errors import (
    DefaultExternalNetworkExists,
    ExternalNetworkInUse,
    FlatNetworkInUse,
    InvalidInput,
    InvalidSharedSetting,
    NetworkInUse,
    NetworkNotFound,
    NoNetworkAvailable,
    TunnelIdInUse,
)
from welkin.services.network.networks.shapes import NetworkCreate
from welkin.services.network.options import NetworkOptions
from welkin.services.network.tables import NetworkRow

VXLAN_OVERHEAD = 50
"""Octets that VXLAN over IPv4 takes from each frame."""
VNI_MAX = (1 << 24) - 1
MTU_MIN = 68
BY_ID = f"SELECT {columns(NetworkRow)} FROM networks WHERE id = $1"


async def get(reads: Reads, network_id: str) -> NetworkRow:
    """Return a network.  Raises NetworkNotFound."""
    row = await reads.one(NetworkRow, BY_ID, network_id)
    if row is None:
        raise NetworkNotFound(network_id)
    return row


async def create(
    tx: Transaction, world: World, options: NetworkOptions, project_id: str, body: NetworkCreate
) -> NetworkRow:
    """Store a network; the caller has claimed its quota."""
    kind, wire, segment = await _segment(tx, options, body)
    largest = largest_mtu(options, kind)
    if body.is_default:
        await _only_default(tx, "")
    now = world.now()
    row = NetworkRow(
        id=world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        admin_state_up=body.admin_state_up,
        external=body.router_external,
        is_default=body.is_default,
        mtu=checked_mtu(body.mtu, largest),
        port_security_enabled=body.port_security_enabled,
        dns_domain=body.dns_domain,
        network_type=kind,
        physical_network=wire,
        segmentation_id=segment,
        availability_zone_hints=body.availability_zone_hints,
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("networks", row)
    if body.shared:
        await sharing.grant(tx, world, "network", row.id, project_id)
    if body.router_external:
        await sharing.grant(tx, world, "network", row.id, project_id, sharing.EXTERNAL)
    if body.tags:
        await tags.put(tx, "network.networks", row.id, body.tags)
    return row


def largest_mtu(options: NetworkOptions, network_type: str) -> int:
    """Return the largest MTU that a network of a type can have."""
    return options.underlay_mtu - (VXLAN_OVERHEAD if network_type == "vxlan" else 0)


def checked_mtu(mtu: int, largest: int) -> int:
    """Return the MTU that was asked for, or the largest for 0.  Raises InvalidInput."""
    if mtu == 0:
        return largest
    if not MTU_MIN <= mtu <= largest:
        raise InvalidInput(f"Requested MTU is too big, maximum is {largest}" if mtu > largest else "MTU is too small")
    return mtu


async def _segment(tx: Transaction, options: NetworkOptions, body: NetworkCreate) -> tuple[str, str, int | None]:
    """Return type, wire and identifier of a new network."""
    if body.network_type in (None, "vxlan"):
        if body.physical_network:
            raise InvalidInput("provider:physical_network specified for VXLAN network")
        if body.network_type is None and body.segmentation_id is not None:
            raise InvalidInput("network_type required")
        return "vxlan", "", await _vni(tx, options, body.segmentation_id)
    if body.network_type != "flat":
        raise InvalidInput(f"network_type value '{body.network_type}' not supported")
    if not body.physical_network:
        raise InvalidInput("physical_network required for flat provider network")
    if body.segmentation_id is not None:
        raise InvalidInput("segmentation_id prohibited for flat provider network")
    sql = "SELECT 1 FROM networks WHERE network_type = 'flat' AND physical_network = $1"
    if await tx.value(sql, body.physical_network):
        raise FlatNetworkInUse(body.physical_network)
    return "flat", body.physical_network, None


async def _vni(tx: Transaction, options: NetworkOptions, wanted: int | None) -> int:
    """Return the VXLAN identifier of a new network: the one wanted, or the next that is free."""
    await tx.lock("network:vni")
    taken = "SELECT 1 FROM networks WHERE network_type = 'vxlan' AND segmentation_id = $1"
    if wanted is not None:
        if not 1 <= wanted <= VNI_MAX:
            raise InvalidInput(f"segmentation_id out of range (1 through {VNI_MAX})")
        if await tx.value(taken, wanted):
            raise TunnelIdInUse(wanted)
        return wanted
    if not await tx.value(taken, options.vni_min):
        return options.vni_min
    gap = (
        "SELECT MIN(n.segmentation_id) + 1 FROM networks AS n WHERE n.network_type = 'vxlan' "
        "AND n.segmentation_id >= $1 AND n.segmentation_id < $2 AND NOT EXISTS (SELECT 1 FROM networks AS m "
        "WHERE m.network_type = 'vxlan' AND m.physical_network = '' AND m.segmentation_id = n.segmentation_id + 1)"
    )
    found = await tx.value(gap, options.vni_min, options.vni_max)
    if found is None:
        raise NoNetworkAvailable
    return int(found)


async def check_changes(
    tx: Transaction, options: NetworkOptions, row: NetworkRow, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the columns that an update writes.  Raises what is wrong with it."""
    for name in ("network_type", "physical_network", "segmentation_id"):
        if name in changes and (changes[name] or None) != (getattr(row, name) or None):
            raise InvalidInput("Plugin does not support updating the following provider attributes: " + name)
    kept = ("name", "description", "admin_state_up", "port_security_enabled", "dns_domain", "is_default")
    written = {name: changes[name] for name in kept if name in changes}
    if "mtu" in changes:
        written["mtu"] = checked_mtu(changes["mtu"], largest_mtu(options, row.network_type))
    if changes.get("is_default"):
        await _only_default(tx, row.id)
    if "router_external" in changes:
        if not changes["router_external"] and row.external and await _has_outside_ports(tx, row.id):
            raise ExternalNetworkInUse(row.id)
        written["external"] = changes["router_external"]
    return written


async def share(tx: Transaction, world: World, row: NetworkRow, changes: Mapping[str, Any]) -> None:
    """Grant to everybody, or withdraw, the use of a network as the changes say."""
    if "router_external" in changes:
        if changes["router_external"]:
            await sharing.grant(tx, world, "network", row.id, row.project_id, sharing.EXTERNAL)
        else:
            await sharing.withdraw(tx, row.id, sharing.EXTERNAL)
    if "shared" not in changes:
        return
    if changes["shared"]:
        await sharing.grant(tx, world, "network", row.id, row.project_id)
        return
    await sharing.withdraw(tx, row.id)
    strangers = (
        "SELECT 1 FROM ports WHERE network_id = $1 AND project_id NOT IN ('', $2) "
        "AND device_owner NOT LIKE 'network:%' AND project_id NOT IN "
        "(SELECT target_project FROM rbac_policies WHERE object_id = $1) LIMIT 1"
    )
    if await tx.value(strangers, row.id, row.project_id):
        raise InvalidSharedSetting(row.id)


async def delete(tx: Transaction, row: NetworkRow) -> None:
    """Delete a network with its subnets and its DHCP ports.  Raises NetworkInUse."""
    used = "SELECT 1 FROM ports WHERE network_id = $1 AND device_owner <> 'network:dhcp' LIMIT 1"
    if await tx.value(used, row.id):
        raise NetworkInUse(row.id)
    await tx.delete("fixed_ips", {"network_id": row.id})
    for table, kind in (("ports", "network.ports"), ("subnets", "network.subnets")):
        for id in await tx.values(f"SELECT id FROM {table} WHERE network_id = $1", row.id):
            await tags.clear(tx, kind, id)
        await tx.delete(table, {"network_id": row.id})
    await sharing.forget(tx, row.id)
    await troubles.forget(tx, row.id)
    await tags.clear(tx, "network.networks", row.id)
    await tx.delete("networks", {"id": row.id})
    await touching.network(tx, row.id)


async def claim(tx: Transaction, projects: list[str]) -> None:
    """Check that the projects may have one more network each time that they are named."""
    await limits.claim(tx, limits.NETWORK, projects)


async def _has_outside_ports(tx: Transaction, network_id: str) -> bool:
    sql = (
        "SELECT 1 FROM ports WHERE network_id = $1 "
        "AND device_owner IN ('network:router_gateway', 'network:floatingip') LIMIT 1"
    )
    return bool(await tx.value(sql, network_id))


async def _only_default(tx: Transaction, but: str) -> None:
    known = await tx.value("SELECT id FROM networks WHERE is_default AND id <> $1", but)
    if known:
        raise DefaultExternalNetworkExists(known)
