"""Subnets as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core import listing
from welkin.core.db import Reads
from welkin.core.listing import Listing, Select
from welkin.services.network import sharing
from welkin.services.network.collection import (
    Collection,
    View,
    null_filter,
    sorts,
    standard,
    standard_filters,
    tags_of,
)
from welkin.services.network.subnets import policy
from welkin.services.network.subnets.errors import SubnetNotFound
from welkin.services.network.tables import SubnetRow


async def views(reads: Reads, rows: Sequence[SubnetRow], _project_id: str | None) -> list[View]:
    """Return subnets as the wire has them."""
    tags = await tags_of(reads, "subnets", rows)
    return [view(row) | {"tags": tags[row.id]} for row in rows]


def view(row: SubnetRow) -> View:
    """Return a subnet from its row."""
    return standard(row) | {
        "network_id": row.network_id,
        "ip_version": row.ip_version,
        "cidr": row.cidr,
        "gateway_ip": row.gateway_ip,
        "enable_dhcp": row.enable_dhcp,
        "ipv6_ra_mode": row.ipv6_ra_mode,
        "ipv6_address_mode": row.ipv6_address_mode,
        "subnetpool_id": row.subnetpool_id,
        "allocation_pools": msgspec.to_builtins(row.allocation_pools),
        "dns_nameservers": row.dns_nameservers,
        "host_routes": msgspec.to_builtins(row.host_routes),
        "service_types": row.service_types,
        "dns_publish_fixed_ip": row.dns_publish_fixed_ip,
    }


def scope(select: Select, project_id: str) -> None:
    """Show a project its own subnets, those on its networks, and those on networks shared with it."""
    own = select.value(project_id)
    select.conditions.append(
        f"(subnets.project_id = {own} OR EXISTS (SELECT 1 FROM networks AS n WHERE n.id = subnets.network_id"
        f" AND n.project_id = {own}) OR EXISTS (SELECT 1 FROM rbac_policies AS r WHERE r.object_id = subnets.network_id"
        f" AND r.action = '{sharing.SHARED}' AND r.target_project IN ('{sharing.EVERYBODY}', {own})))"
    )


SUBNETS = Collection(
    singular="subnet",
    plural="subnets",
    listing=Listing(
        table="subnets",
        row=SubnetRow,
        filters=standard_filters("subnets", "network_id", "cidr")
        | {
            "gateway_ip": null_filter("gateway_ip"),
            "subnetpool_id": null_filter("subnetpool_id"),
            "ipv6_ra_mode": null_filter("ipv6_ra_mode"),
            "ipv6_address_mode": null_filter("ipv6_address_mode"),
            "ip_version": listing.integer("ip_version"),
            "enable_dhcp": listing.boolean("enable_dhcp"),
            "dns_publish_fixed_ip": listing.boolean("dns_publish_fixed_ip"),
            "shared": sharing.shared_filter("subnets.network_id"),
        },
        sorts=sorts("network_id", "ip_version", "cidr", "enable_dhcp")
        | {
            "gateway_ip": "COALESCE(gateway_ip, '')",
            "subnetpool_id": "COALESCE(subnetpool_id, '')",
            "ipv6_ra_mode": "COALESCE(ipv6_ra_mode, '')",
            "ipv6_address_mode": "COALESCE(ipv6_address_mode, '')",
        },
    ),
    get=policy.GET,
    views=views,
    scope=scope,
    not_found=SubnetNotFound,
)
