"""Giving out addresses, in the caller's transaction.

The primary key of `fixed_ips` is what makes sure that no address has two owners; this
module chooses well, so that the key hardly ever has to say no.
"""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads
from welkin.core.world import World
from welkin.services.network.subnets import ranges
from welkin.services.network.tables import SubnetRow

TRIES = 6
"""How often to draw before looking at everything that is taken; a draw costs one read."""


class Chosen(msgspec.Struct, frozen=True):
    """An address that a port shall have."""

    subnet_id: str
    address: str


async def is_taken(reads: Reads, subnet_id: str, address: str) -> bool:
    """Return whether a port has this address."""
    sql = "SELECT 1 FROM fixed_ips WHERE subnet_id = $1 AND address = $2"
    return bool(await reads.value(sql, subnet_id, address))


async def free_address(
    reads: Reads, world: World, subnet: SubnetRow, taken: frozenset[str] = frozenset()
) -> str | None:
    """Return an address of the subnet's pools that nobody has, or None.

    taken    addresses that the caller gives to somebody in the same breath.
    Returns  a random one, so that an address which was given back is not reused at once.
    """
    total = ranges.size(subnet.allocation_pools)
    if total == 0:
        return None
    for _ in range(min(TRIES, total)):
        drawn = ranges.nth(subnet.allocation_pools, world.random.randrange(total))
        if drawn is not None and drawn not in taken and not await is_taken(reads, subnet.id, drawn):
            return drawn
    used = set(await reads.values("SELECT address FROM fixed_ips WHERE subnet_id = $1", subnet.id)) | taken
    first = world.random.randrange(total)
    # Of n addresses at most len(used) are taken, so among len(used) + 1 different ones one is free.
    for step in range(min(total, len(used) + 1)):
        found = ranges.nth(subnet.allocation_pools, (first + step) % total)
        if found is not None and found not in used:
            return found
    return None
