"""Networks as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core import listing
from welkin.core.db import Reads
from welkin.core.listing import Listing
from welkin.services.network import sharing, troubles
from welkin.services.network.collection import Collection, View, sorts, standard, standard_filters, tags_of
from welkin.services.network.errors import NetworkNotFound
from welkin.services.network.networks import policy
from welkin.services.network.tables import NetworkRow

ZONE = "nova"
"""The availability zone that every host is in."""


class SubnetOf(msgspec.Struct):
    """A subnet of a network, and the address scope of the pool that it comes from."""

    network_id: str
    id: str
    ip_version: int
    address_scope_id: str | None


async def views(reads: Reads, rows: Sequence[NetworkRow], project_id: str | None) -> list[View]:
    """Return networks as the wire has them."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    marks = ", ".join(f"${index}" for index in range(1, len(ids) + 1))
    subnets: dict[str, list[SubnetOf]] = {}
    sql = (
        "SELECT s.network_id, s.id, s.ip_version, p.address_scope_id FROM subnets AS s "
        f"LEFT JOIN subnet_pools AS p ON p.id = s.subnetpool_id WHERE s.network_id IN ({marks}) "
        "ORDER BY s.created_at, s.id"
    )
    for each in await reads.all(SubnetOf, sql, *ids):
        subnets.setdefault(each.network_id, []).append(each)
    hosted = set(
        await reads.values(f"SELECT DISTINCT network_id FROM ports WHERE network_id IN ({marks}) AND host <> ''", *ids)
    )
    shared = await sharing.shared_ids(reads, ids, project_id)
    wrong = await troubles.troubled(reads, troubles.NETWORK, ids)
    tags = await tags_of(reads, "networks", rows)
    return [
        view(row, subnets.get(row.id, []))
        | {
            "status": "ERROR" if row.id in wrong else "ACTIVE",
            "shared": row.id in shared,
            "tags": tags[row.id],
            "availability_zones": [ZONE] if row.id in hosted else [],
        }
        for row in rows
    ]


def view(row: NetworkRow, subnets: Sequence[SubnetOf]) -> View:
    """Return what is known of a network from its row and its subnets."""
    scopes = {each.ip_version: each.address_scope_id for each in subnets if each.address_scope_id}
    found = standard(row) | {
        "status": "ACTIVE",
        "admin_state_up": row.admin_state_up,
        "subnets": [each.id for each in subnets],
        "router:external": row.external,
        "mtu": row.mtu,
        "port_security_enabled": row.port_security_enabled,
        "dns_domain": row.dns_domain,
        "provider:network_type": row.network_type,
        "provider:physical_network": row.physical_network or None,
        "provider:segmentation_id": row.segmentation_id,
        "availability_zone_hints": row.availability_zone_hints,
        "ipv4_address_scope": scopes.get(4),
        "ipv6_address_scope": scopes.get(6),
    }
    if row.external:
        found["is_default"] = row.is_default
    return found


NETWORKS = Collection(
    singular="network",
    plural="networks",
    listing=Listing(
        table="networks",
        row=NetworkRow,
        filters=standard_filters("networks", "dns_domain")
        | {
            "status": troubles.by_status(troubles.NETWORK, "networks.id"),
            "admin_state_up": listing.boolean("admin_state_up"),
            "router:external": listing.boolean("external"),
            "is_default": listing.boolean("is_default"),
            "shared": sharing.shared_filter("networks.id"),
            "mtu": listing.integer("mtu"),
            "port_security_enabled": listing.boolean("port_security_enabled"),
            "provider:network_type": listing.equal("network_type"),
            "provider:physical_network": listing.equal("physical_network"),
            "provider:segmentation_id": listing.integer("segmentation_id"),
        },
        sorts=sorts("admin_state_up", "mtu", "dns_domain") | {"status": "id", "shared": "id"},
    ),
    get=policy.GET,
    views=views,
    scope=sharing.own_or_shared("networks"),
    not_found=NetworkNotFound,
    hidden=policy.HIDDEN,
)
