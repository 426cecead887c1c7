"""Ranges of addresses of a subnet: what may be given out, and how they are checked.  Pure."""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Sequence

from welkin.services.network.errors import InvalidInput
from welkin.services.network.subnets.errors import (
    GatewayConflictWithAllocationPools,
    InvalidAllocationPool,
    OutOfBoundsAllocationPool,
    OverlappingAllocationPools,
)
from welkin.services.network.tables import Pool
from welkin.services.network.values import Address, Network, address

Range = tuple[int, int]
"""The first and the last address, as numbers."""


def ends(pool: Pool) -> Range:
    """Return a pool as numbers."""
    return int(ipaddress.ip_address(pool.start)), int(ipaddress.ip_address(pool.end))


def usable(cidr: Network) -> Range:
    """Return what can be given out in a range at all: not the network's address, nor IPv4's broadcast."""
    first, last = int(cidr.network_address), int(cidr.broadcast_address)
    if cidr.version == 4:
        return (first, last) if cidr.prefixlen >= 31 else (first + 1, last - 1)
    return (first, last) if cidr.prefixlen >= 127 else (first + 1, last)


def is_usable(cidr: Network, wanted: Address) -> bool:
    """Return whether an address can be given to a port of this range."""
    if wanted.version != cidr.version:
        return False
    first, last = usable(cidr)
    return first <= int(wanted) <= last


def default_gateway(cidr: Network) -> str:
    """Return the first address behind the network's own."""
    return str(cidr.network_address + (1 if cidr.num_addresses > 1 else 0))


def default_pools(cidr: Network, gateway: str | None) -> list[Pool]:
    """Return all that is usable, without the gateway."""
    first, last = usable(cidr)
    ranges = [(first, last)]
    if gateway is not None:
        number = int(ipaddress.ip_address(gateway))
        if first <= number <= last:
            ranges = [(first, number - 1), (number + 1, last)]
    kind = ipaddress.IPv4Address if cidr.version == 4 else ipaddress.IPv6Address
    return [Pool(str(kind(start)), str(kind(end))) for start, end in ranges if start <= end]


def checked_pools(cidr: Network, pools: Sequence[Pool]) -> list[Pool]:
    """Return pools in order, as the wire has them.  Raises what is wrong with them."""
    found = []
    for pool in pools:
        start, end = address(pool.start), address(pool.end)
        text = f"{pool.start}-{pool.end}"
        if start.version != cidr.version or end.version != cidr.version or int(end) < int(start):
            raise InvalidAllocationPool(text)
        if not (is_usable(cidr, start) and is_usable(cidr, end)):
            raise OutOfBoundsAllocationPool(text, str(cidr))
        found.append(Pool(str(start), str(end)))
    found.sort(key=ends)
    for one, other in itertools.pairwise(found):
        if ends(other)[0] <= ends(one)[1]:
            raise OverlappingAllocationPools(f"{one.start}-{one.end}", f"{other.start}-{other.end}", str(cidr))
    return found


def check_gateway(cidr: Network, gateway: str, pools: Iterable[Pool]) -> None:
    """Refuse a gateway that is no host's address, or that could be given to a port."""
    number = address(gateway)
    if number.version != cidr.version:
        raise InvalidInput(f"gateway_ip '{gateway}' does not match the ip_version '{cidr.version}'")
    if number in cidr and not is_usable(cidr, number):
        raise InvalidInput("Gateway is not valid on subnet")
    for pool in pools:
        start, end = ends(pool)
        if start <= int(number) <= end:
            raise GatewayConflictWithAllocationPools(gateway, f"{pool.start}-{pool.end}")


def size(pools: Iterable[Pool]) -> int:
    """Return how many addresses pools hold."""
    return sum(end - start + 1 for start, end in map(ends, pools))


def nth(pools: Iterable[Pool], index: int) -> str | None:
    """Return the address at an index over all pools, or None behind the last."""
    for pool in pools:
        start, end = ends(pool)
        if index <= end - start:
            return str(ipaddress.ip_address(pool.start) + index)
        index -= end - start + 1
    return None
