"""On which host a router forwards."""

from __future__ import annotations

from welkin.core import agents
from welkin.core.db import Reads, Transaction
from welkin.core.world import World
from welkin.services.network import touching
from welkin.services.network.routers.records import BY_ID
from welkin.services.network.tables import RouterRow

OF_ROUTER = "device_id = $1 AND device_owner IN ('network:router_interface', 'network:router_gateway')"
"""The ports of a router: no other may name one as its device and be taken for its interface."""
AT_ONCE_MAX = 20
"""How many routers to move in one transaction."""


async def emptiest_host(reads: Reads, now: float) -> str:
    """Return the live host that forwards for the fewest routers, or "" when there is none."""
    sql = (
        "SELECT h.name FROM hosts AS h WHERE h.seen_at > $1 "
        "ORDER BY (SELECT COUNT(*) FROM routers AS r WHERE r.host = h.name), h.name LIMIT 1"
    )
    return str(await reads.value(sql, now - agents.DEAD_AFTER_S) or "")


async def place(tx: Transaction, world: World, router_id: str) -> None:
    """Give a router that has something to route a host, its ports with it, and tell whom it concerns.

    Safe to call after any change of a router: one that has a host keeps it, one that has
    nothing to route any more gives it up.
    """
    row = await tx.one(RouterRow, BY_ID, router_id)
    if row is None:
        return
    networks = await tx.values(f"SELECT DISTINCT network_id FROM ports WHERE {OF_ROUTER}", router_id)
    host = row.host
    if not networks:
        host = ""
    elif not host:
        host = await emptiest_host(tx, world.now())
    if host != row.host:
        await tx.update("routers", {"id": router_id}, {"host": host})
    await tx.run(f"UPDATE ports SET host = $2 WHERE {OF_ROUTER} AND host <> $2", router_id, host)
    for network_id in networks:
        await touching.network(tx, network_id, host)
    await touching.router(tx, router_id, host)


async def place_waiting(tx: Transaction, world: World) -> None:
    """Place routers that wait for a host, and move those whose host has died."""
    sql = (
        "SELECT r.id FROM routers AS r WHERE (r.host = '' OR r.host IN (SELECT name FROM hosts WHERE seen_at <= $1)) "
        "AND EXISTS (SELECT 1 FROM ports AS p WHERE p.device_id = r.id AND p.device_owner LIKE 'network:router_%') "
        f"AND EXISTS (SELECT 1 FROM hosts WHERE seen_at > $1) LIMIT {AT_ONCE_MAX}"
    )
    for router_id in await tx.values(sql, world.now() - agents.DEAD_AFTER_S):
        await tx.update("routers", {"id": router_id}, {"host": ""})
        await place(tx, world, router_id)
