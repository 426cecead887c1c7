"""Writing subnet pools, in the caller's transaction."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import sharing
from welkin.services.network.errors import InvalidInput
from welkin.services.network.subnet_pools import prefixes
from welkin.services.network.subnet_pools.errors import (
    AddressScopeNotFound,
    AddressScopePrefixConflict,
    EmptySubnetPoolPrefixList,
    IllegalSubnetPoolIpVersionAssociationToAddressScope,
    IllegalSubnetPoolPrefixBounds,
    IllegalSubnetPoolPrefixUpdate,
    PrefixVersionMismatch,
    SubnetPoolDeleteError,
    UnsupportedMinSubnetPoolPrefix,
)
from welkin.services.network.subnet_pools.shapes import PoolCreate
from welkin.services.network.tables import AddressScopeRow, SubnetPoolRow
from welkin.services.network.values import Network, network, or_else

MIN_PREFIXLEN = {4: 8, 6: 64}
"""The shortest prefix that a pool of each version gives out, unless told otherwise."""
MAX_PREFIXLEN = {4: 32, 6: 128}
SCOPE_BY_ID = f"SELECT {columns(AddressScopeRow)} FROM address_scopes WHERE id = $1"


async def create(tx: Transaction, world: World, project_id: str, body: PoolCreate) -> SubnetPoolRow:
    """Store a pool; the caller has claimed its quota."""
    ranges = merged(body.prefixes)
    version = ranges[0].version
    shortest = or_else(body.min_prefixlen, MIN_PREFIXLEN[version])
    longest = or_else(body.max_prefixlen, MAX_PREFIXLEN[version])
    usual = or_else(body.default_prefixlen, shortest)
    check_bounds(version, shortest, longest, usual)
    now = world.now()
    row = SubnetPoolRow(
        id=world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        ip_version=version,
        prefixes=[str(each) for each in ranges],
        min_prefixlen=shortest,
        max_prefixlen=longest,
        default_prefixlen=usual,
        default_quota=body.default_quota,
        address_scope_id=body.address_scope_id,
        is_default=body.is_default,
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    if body.is_default:
        await _only_default(tx, row)
    await _check_scope(tx, row)
    await tx.insert("subnet_pools", row)
    if body.shared:
        await sharing.grant(tx, world, "subnetpool", row.id, project_id)
    if body.tags:
        await tags.put(tx, "network.subnetpools", row.id, body.tags)
    return row


def merged(texts: Sequence[str]) -> list[Network]:
    """Return prefixes of one version without overlaps, neighbours joined.  Raises what is wrong with them."""
    if not texts:
        raise EmptySubnetPoolPrefixList
    found = [network(text) for text in texts]
    if len({each.version for each in found}) > 1:
        raise PrefixVersionMismatch
    if found[0].version == 4:
        return list(ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv4Network)))
    return list(ipaddress.collapse_addresses(each for each in found if isinstance(each, ipaddress.IPv6Network)))


def check_bounds(version: int, shortest: int, longest: int, usual: int) -> None:
    """Refuse lengths of prefixes that contradict each other."""
    if longest > MAX_PREFIXLEN[version]:
        raise IllegalSubnetPoolPrefixBounds("max_prefixlen", longest, "ip_version_max", MAX_PREFIXLEN[version])
    if shortest < 1:
        raise UnsupportedMinSubnetPoolPrefix(shortest, version)
    if shortest > longest:
        raise IllegalSubnetPoolPrefixBounds("min_prefixlen", shortest, "max_prefixlen", longest)
    if usual < shortest:
        raise IllegalSubnetPoolPrefixBounds("default_prefixlen", usual, "min_prefixlen", shortest)
    if usual > longest:
        raise IllegalSubnetPoolPrefixBounds("default_prefixlen", usual, "max_prefixlen", longest)


async def check_changes(tx: Transaction, row: SubnetPoolRow, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that an update writes.  Raises what is wrong with it."""
    written = dict(changes)
    if "prefixes" in changes:
        ranges = merged(changes["prefixes"])
        if ranges[0].version != row.ip_version:
            raise PrefixVersionMismatch
        if not all(any(prefixes.within(ipaddress.ip_network(old), new) for new in ranges) for old in row.prefixes):
            raise IllegalSubnetPoolPrefixUpdate("Existing prefixes must be a subset of the new prefixes")
        row.prefixes = written["prefixes"] = [str(each) for each in ranges]
    lengths = [
        changes.get(name, getattr(row, name)) for name in ("min_prefixlen", "max_prefixlen", "default_prefixlen")
    ]
    check_bounds(row.ip_version, *lengths)
    if changes.get("is_default") and not row.is_default:
        await _only_default(tx, row)
    if "address_scope_id" in changes or "prefixes" in changes:
        row.address_scope_id = changes.get("address_scope_id", row.address_scope_id)
        await _check_scope(tx, row)
    return written


async def add_prefixes(tx: Transaction, row: SubnetPoolRow, texts: Sequence[str]) -> list[str]:
    """Return the prefixes of a pool with more of them."""
    ranges = merged([*row.prefixes, *texts])
    row.prefixes = [str(each) for each in ranges]
    await _check_scope(tx, row)
    return row.prefixes


async def remove_prefixes(reads: Reads, row: SubnetPoolRow, texts: Sequence[str]) -> list[str]:
    """Return the prefixes of a pool with fewer of them.  Raises where a subnet comes from what would go."""
    left = [ipaddress.ip_network(text) for text in row.prefixes]
    for gone in (network(text) for text in texts):
        rest: list[Network] = []
        for each in left:
            if prefixes.within(each, gone):
                continue
            if prefixes.within(gone, each):
                rest.extend(each.address_exclude(gone))  # type: ignore[arg-type]
            else:
                rest.append(each)
        left = rest
    for text in await prefixes.allocated(reads, row.id):
        if not any(prefixes.within(ipaddress.ip_network(text), each) for each in left):
            raise IllegalSubnetPoolPrefixUpdate(f"subnet {text} comes from a prefix that would be removed")
    if not left:
        raise EmptySubnetPoolPrefixList
    return [str(each) for each in merged([str(each) for each in left])]


async def delete(tx: Transaction, row: SubnetPoolRow) -> None:
    """Delete a pool.  Raises SubnetPoolDeleteError while subnets come from it."""
    if await prefixes.allocated(tx, row.id):
        raise SubnetPoolDeleteError(row.id)
    await sharing.forget(tx, row.id)
    await tags.clear(tx, "network.subnetpools", row.id)
    await tx.delete("subnet_pools", {"id": row.id})


async def _only_default(tx: Transaction, row: SubnetPoolRow) -> None:
    sql = "SELECT id FROM subnet_pools WHERE is_default AND ip_version = $1 AND id <> $2"
    if await tx.value(sql, row.ip_version, row.id):
        raise InvalidInput(f"A default subnetpool for IPv{row.ip_version} has already been set. Only one can exist")


async def _check_scope(tx: Transaction, row: SubnetPoolRow) -> None:
    """Refuse an address scope that is not there, of another version, or in which addresses would be used twice."""
    if row.address_scope_id is None:
        return
    scope = await tx.one(AddressScopeRow, SCOPE_BY_ID, row.address_scope_id)
    if scope is None or not (scope.project_id == row.project_id or await sharing.may_use(tx, scope.id, row.project_id)):
        raise AddressScopeNotFound(row.address_scope_id)
    if scope.ip_version != row.ip_version:
        raise IllegalSubnetPoolIpVersionAssociationToAddressScope(row.id, scope.id, scope.ip_version)
    sql = f"SELECT {columns(SubnetPoolRow)} FROM subnet_pools WHERE address_scope_id = $1 AND id <> $2"
    mine = [ipaddress.ip_network(text) for text in row.prefixes]
    for other in await tx.all(SubnetPoolRow, sql, scope.id, row.id):
        if any(own.overlaps(ipaddress.ip_network(text)) for own in mine for text in other.prefixes):
            raise AddressScopePrefixConflict
