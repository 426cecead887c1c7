"""Ports as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core import listing
from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid
from welkin.core.listing import Listing, Select
from welkin.services.network.collection import Collection, View, sorts, standard, standard_filters, tags_of
from welkin.services.network.errors import PortNotFound
from welkin.services.network.ports import policy
from welkin.services.network.tables import FixedIpRow, PortRow

DNS_DOMAIN = "openstacklocal."
"""What the names of hosts end with on a network that has no domain of its own."""


class GroupOf(msgspec.Struct):
    """A security group of a port."""

    port_id: str
    security_group_id: str


async def addresses_of(reads: Reads, ids: Sequence[str]) -> dict[str, list[FixedIpRow]]:
    """Return the addresses of each port, in their order."""
    found: dict[str, list[FixedIpRow]] = {id: [] for id in ids}
    if ids:
        marks = ", ".join(f"${index}" for index in range(1, len(ids) + 1))
        sql = f"SELECT {columns(FixedIpRow)} FROM fixed_ips WHERE port_id IN ({marks}) ORDER BY port_id, position"
        for row in await reads.all(FixedIpRow, sql, *ids):
            found[row.port_id].append(row)
    return found


async def groups_of(reads: Reads, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the security groups of each port."""
    found: dict[str, list[str]] = {id: [] for id in ids}
    if ids:
        marks = ", ".join(f"${index}" for index in range(1, len(ids) + 1))
        sql = (
            f"SELECT port_id, security_group_id FROM port_security_groups WHERE port_id IN ({marks}) "
            "ORDER BY port_id, security_group_id"
        )
        for row in await reads.all(GroupOf, sql, *ids):
            found[row.port_id].append(row.security_group_id)
    return found


async def views(reads: Reads, rows: Sequence[PortRow], _project_id: str | None) -> list[View]:
    """Return ports as the wire has them."""
    ids = [row.id for row in rows]
    addresses, groups = await addresses_of(reads, ids), await groups_of(reads, ids)
    tags = await tags_of(reads, "ports", rows)
    return [view(row, addresses[row.id], groups[row.id]) | {"tags": tags[row.id]} for row in rows]


def view(row: PortRow, addresses: Sequence[FixedIpRow], groups: list[str]) -> View:
    """Return a port from its rows."""
    return standard(row) | {
        "network_id": row.network_id,
        "mac_address": row.mac_address,
        "admin_state_up": row.admin_state_up,
        "status": row.status,
        "device_id": row.device_id,
        "device_owner": row.device_owner,
        "fixed_ips": [{"subnet_id": each.subnet_id, "ip_address": each.address} for each in addresses],
        "security_groups": groups,
        "port_security_enabled": row.port_security_enabled,
        "allowed_address_pairs": [
            {"ip_address": pair.ip_address, "mac_address": pair.mac_address} for pair in row.allowed_address_pairs
        ],
        "extra_dhcp_opts": msgspec.to_builtins(row.extra_dhcp_opts),
        "dns_name": row.dns_name,
        "dns_domain": row.dns_domain,
        "dns_assignment": [assignment(row, each.address) for each in addresses],
        "propagate_uplink_status": row.propagate_uplink_status,
        "binding:host_id": row.host,
        "binding:vnic_type": row.vnic_type,
        "binding:profile": row.profile,
        "binding:vif_type": vif_type(row),
        "binding:vif_details": {"port_filter": True, "connectivity": "l2"} if vif_type(row) == "bridge" else {},
    }


def vif_type(row: PortRow) -> str:
    """Return how a port is plugged, in the words of bindings."""
    if row.device_owner == "network:floatingip" or not row.host:
        return "unbound"
    return "bridge" if row.vnic_type == "normal" else "binding_failed"


def assignment(row: PortRow, address: str) -> View:
    """Return the name under which one address of a port is known on its network."""
    name = row.dns_name or "host-" + address.replace(".", "-").replace(":", "-")
    return {"ip_address": address, "hostname": name, "fqdn": f"{name}.{DNS_DOMAIN}"}


def scope(select: Select, project_id: str) -> None:
    """Show a project its own ports and those on its networks."""
    own = select.value(project_id)
    select.conditions.append(
        f"(ports.project_id = {own} OR ports.network_id IN (SELECT id FROM networks WHERE project_id = {own}))"
    )


def by_fixed_ips(select: Select, values: Sequence[str]) -> None:
    """Match addresses and subnets: `ip_address=…`, `subnet_id=…`, `ip_address_substr=…`; several of a kind are or."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        name, separator, operand = value.partition("=")
        if not separator or name not in ("ip_address", "subnet_id", "ip_address_substr"):
            raise Invalid(f"Invalid input for fixed_ips filter: {value!r}.")
        wanted.setdefault(name, []).append(operand)
    conditions = []
    for name, operands in wanted.items():
        if name == "ip_address_substr":
            likes = (
                f"f.address LIKE {select.value(f'%{listing.escape_like(each)}%')} ESCAPE '\\'" for each in operands
            )
            conditions.append(f"({' OR '.join(likes)})")
        else:
            marks = ", ".join(select.value(each) for each in operands)
            conditions.append(f"f.{'address' if name == 'ip_address' else 'subnet_id'} IN ({marks})")
    if conditions:
        inner = " AND ".join(conditions)
        select.conditions.append(f"EXISTS (SELECT 1 FROM fixed_ips AS f WHERE f.port_id = ports.id AND {inner})")


def by_group(select: Select, values: Sequence[str]) -> None:
    """Match ports that have any of these security groups."""
    marks = ", ".join(select.value(each) for each in values)
    select.conditions.append(
        "EXISTS (SELECT 1 FROM port_security_groups AS g WHERE g.port_id = ports.id"
        f" AND g.security_group_id IN ({marks}))"
    )


PORTS = Collection(
    singular="port",
    plural="ports",
    listing=Listing(
        table="ports",
        row=PortRow,
        filters=standard_filters("ports", "network_id", "device_id", "device_owner", "status", "dns_name")
        | {
            "mac_address": lambda select, values: select.any_of("mac_address", [each.lower() for each in values]),
            "admin_state_up": listing.boolean("admin_state_up"),
            "port_security_enabled": listing.boolean("port_security_enabled"),
            "fixed_ips": by_fixed_ips,
            "ip_address": lambda select, values: by_fixed_ips(select, [f"ip_address={each}" for each in values]),
            "security_groups": by_group,
            "security_group": by_group,
            "binding:host_id": listing.equal("host"),
            "binding:vnic_type": listing.equal("vnic_type"),
            "dns_domain": listing.equal("dns_domain"),
        },
        sorts=sorts("network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner", "dns_name"),
    ),
    get=policy.GET,
    views=views,
    scope=scope,
    not_found=PortNotFound,
    hidden=policy.HIDDEN,
)
