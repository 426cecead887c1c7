"""Cutting subnets out of pools."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

from welkin.core.db import Reads, Transaction, columns
from welkin.services.network import sharing
from welkin.services.network.errors import BadRequest
from welkin.services.network.subnet_pools.errors import (
    MaxPrefixSubnetAllocationError,
    MinPrefixSubnetAllocationError,
    NoDefaultSubnetPool,
    SubnetAllocationError,
    SubnetPoolNotFound,
    SubnetPoolQuotaExceeded,
)
from welkin.services.network.subnets.errors import NetworkSubnetPoolAffinityError
from welkin.services.network.subnets.shapes import SubnetCreate
from welkin.services.network.tables import SubnetPoolRow, SubnetRow
from welkin.services.network.values import Network, network, or_else

BY_ID = f"SELECT {columns(SubnetPoolRow)} FROM subnet_pools WHERE id = $1"


async def allocate(
    tx: Transaction, project_id: str, body: SubnetCreate, neighbours: Sequence[SubnetRow]
) -> tuple[Network, str | None]:
    """Return the range that a new subnet gets and its pool.  Raises what is wrong, or that nothing is free."""
    pool = await pool_of(tx, project_id, body)
    if pool.ip_version != body.ip_version:
        raise BadRequest("subnets", "Cannot allocate a subnet of another IP version than the subnet pool's")
    if any(each.ip_version == pool.ip_version and each.subnetpool_id != pool.id for each in neighbours):
        raise NetworkSubnetPoolAffinityError
    await tx.lock(f"network:pool:{pool.id}")
    taken = [ipaddress.ip_network(text) for text in await allocated(tx, pool.id)]
    prefixes = [ipaddress.ip_network(prefix) for prefix in pool.prefixes]
    if isinstance(body.cidr, str):
        cidr = network(body.cidr, strict=True)
        check_length(pool, cidr.prefixlen)
        if not any(within(cidr, prefix) for prefix in prefixes) or any(cidr.overlaps(each) for each in taken):
            raise SubnetAllocationError("Cannot allocate requested subnet from the available set of prefixes")
    else:
        length = or_else(body.prefixlen, pool.default_prefixlen)
        check_length(pool, length)
        cidr = first_free(prefixes, taken, length)
    await check_pool_quota(tx, project_id, pool, cidr)
    return cidr, pool.id


async def pool_of(reads: Reads, project_id: str, body: SubnetCreate) -> SubnetPoolRow:
    """Return the pool that a new subnet names, or the default one.  Raises SubnetPoolNotFound, NoDefaultSubnetPool."""
    if body.subnetpool_id:
        row = await reads.one(SubnetPoolRow, BY_ID, body.subnetpool_id)
        if row is None or not (row.project_id == project_id or await sharing.may_use(reads, row.id, project_id)):
            raise SubnetPoolNotFound(str(body.subnetpool_id))
        return row
    sql = f"SELECT {columns(SubnetPoolRow)} FROM subnet_pools WHERE is_default AND ip_version = $1 ORDER BY created_at"
    for row in await reads.all(SubnetPoolRow, sql, body.ip_version):
        if row.project_id == project_id or await sharing.may_use(reads, row.id, project_id):
            return row
    raise NoDefaultSubnetPool(body.ip_version)


async def allocated(reads: Reads, pool_id: str) -> list[str]:
    """Return the ranges that are cut from a pool."""
    return await reads.values("SELECT cidr FROM subnets WHERE subnetpool_id = $1", pool_id)


def within(cidr: Network, prefix: Network) -> bool:
    """Return whether a range lies inside of another."""
    if cidr.version != prefix.version:
        return False
    return int(prefix.network_address) <= int(cidr.network_address) and int(cidr.broadcast_address) <= int(
        prefix.broadcast_address
    )


def check_length(pool: SubnetPoolRow, length: int) -> None:
    """Refuse a prefix length that the pool does not give out."""
    if length < pool.min_prefixlen:
        raise MinPrefixSubnetAllocationError(length, pool.min_prefixlen)
    if length > pool.max_prefixlen:
        raise MaxPrefixSubnetAllocationError(length, pool.max_prefixlen)


def first_free(prefixes: Iterable[Network], taken: Iterable[Network], length: int) -> Network:
    """Return the first range of a length that overlaps nothing taken, from the smallest prefix that has room.

    Raises SubnetAllocationError when nothing is left.
    """
    busy = sorted((int(each.network_address), int(each.broadcast_address)) for each in taken)
    for prefix in sorted(prefixes, key=lambda each: (-each.prefixlen, int(each.network_address))):
        if prefix.prefixlen > length:
            continue
        size = 1 << (prefix.max_prefixlen - length)
        start, last = int(prefix.network_address), int(prefix.broadcast_address)
        for low, high in busy:
            if high < start:
                continue
            if low >= start + size:
                break
            start = (high // size + 1) * size
        if start + size - 1 <= last:
            kind = ipaddress.IPv4Network if prefix.version == 4 else ipaddress.IPv6Network
            return kind((start, length))
    raise SubnetAllocationError(f"Insufficient prefix space to allocate subnet size /{length}")


async def check_pool_quota(reads: Reads, project_id: str, pool: SubnetPoolRow, cidr: Network) -> None:
    """Refuse what passes the pool's limit for each project: addresses of IPv4, /64 ranges of IPv6."""
    if pool.default_quota is None:
        return
    sql = "SELECT cidr FROM subnets WHERE subnetpool_id = $1 AND project_id = $2"
    mine = [ipaddress.ip_network(text) for text in await reads.values(sql, pool.id, project_id)]
    if sum(map(weight, [*mine, cidr])) > pool.default_quota:
        raise SubnetPoolQuotaExceeded


def weight(cidr: Network) -> int:
    """Return what a range counts against a pool's quota."""
    return int(cidr.num_addresses) if cidr.version == 4 else max(1, int(cidr.num_addresses) >> 64)
