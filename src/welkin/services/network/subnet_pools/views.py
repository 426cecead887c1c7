"""Subnet pools and address scopes as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import listing
from welkin.core.db import Reads
from welkin.core.listing import Listing
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
from welkin.services.network.subnet_pools import policy
from welkin.services.network.subnet_pools.errors import AddressScopeNotFound, SubnetPoolNotFound
from welkin.services.network.tables import AddressScopeRow, SubnetPoolRow

LENGTHS = ("min_prefixlen", "max_prefixlen", "default_prefixlen")


async def pool_views(reads: Reads, rows: Sequence[SubnetPoolRow], project_id: str | None) -> list[View]:
    """Return subnet pools as the wire has them."""
    shared = await sharing.shared_ids(reads, [row.id for row in rows], project_id)
    tags = await tags_of(reads, "subnetpools", rows)
    names = ("ip_version", "prefixes", *LENGTHS, "default_quota", "address_scope_id", "is_default")
    return [
        standard(row)
        | {name: getattr(row, name) for name in names}
        | {"shared": row.id in shared, "tags": tags[row.id]}
        for row in rows
    ]


async def scope_views(reads: Reads, rows: Sequence[AddressScopeRow], project_id: str | None) -> list[View]:
    """Return address scopes as the wire has them."""
    shared = await sharing.shared_ids(reads, [row.id for row in rows], project_id)
    return [
        {
            "id": row.id,
            "name": row.name,
            "tenant_id": row.project_id,
            "project_id": row.project_id,
            "ip_version": row.ip_version,
            "shared": row.id in shared,
        }
        for row in rows
    ]


SUBNET_POOLS = Collection(
    singular="subnetpool",
    plural="subnetpools",
    listing=Listing(
        table="subnet_pools",
        row=SubnetPoolRow,
        filters=standard_filters("subnetpools", table="subnet_pools")
        | {name: listing.integer(name) for name in ("ip_version", *LENGTHS)}
        | {
            "address_scope_id": null_filter("address_scope_id"),
            "default_quota": listing.integer("default_quota"),
            "is_default": listing.boolean("is_default"),
            "shared": sharing.shared_filter("subnet_pools.id"),
        },
        sorts=sorts("ip_version", "is_default", *LENGTHS),
    ),
    get=policy.GET,
    views=pool_views,
    scope=sharing.own_or_shared("subnet_pools"),
    not_found=SubnetPoolNotFound,
)

SCOPE_NAMES = ("id", "name", "project_id")

ADDRESS_SCOPES = Collection(
    singular="address_scope",
    plural="address_scopes",
    listing=Listing(
        table="address_scopes",
        row=AddressScopeRow,
        filters={name: listing.equal(name) for name in SCOPE_NAMES}
        | {
            "tenant_id": listing.equal("project_id"),
            "ip_version": listing.integer("ip_version"),
            "shared": sharing.shared_filter("address_scopes.id"),
        },
        sorts={name: name for name in (*SCOPE_NAMES, "ip_version")} | {"tenant_id": "project_id"},
    ),
    get=policy.GET_SCOPE,
    views=scope_views,
    scope=sharing.own_or_shared("address_scopes"),
    not_found=AddressScopeNotFound,
)
