"""Telling hosts that what is wanted of them has changed.  Called in the transaction that changes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from welkin.core import agents
from welkin.core.db import Transaction

NETWORK = "network.network"
ROUTER = "network.router"


async def network(tx: Transaction, network_id: str, *hosts: str) -> None:
    """Say that a network has changed, to the hosts that have it and to `hosts`, which shall have it now."""
    concerned = set(await agents.hosts_of(tx, NETWORK, network_id)) | {host for host in hosts if host}
    for host in sorted(concerned):
        await agents.touch(tx, host, NETWORK, [network_id])


async def networks(tx: Transaction, network_ids: Iterable[str]) -> None:
    """Say that networks have changed."""
    for network_id in sorted(set(network_ids)):
        await network(tx, network_id)


async def router(tx: Transaction, router_id: str, host: str = "") -> None:
    """Say that a router has changed, to the hosts that have it and to `host`, which shall have it now."""
    concerned = set(await agents.hosts_of(tx, ROUTER, router_id)) | ({host} if host else set())
    for each in sorted(concerned):
        await agents.touch(tx, each, ROUTER, [router_id])


async def owner(tx: Transaction, server_id: str) -> None:
    """Say that the addresses of a server's port have changed; whoever has the server is told."""
    if server_id:
        await agents.touch_id(tx, server_id)


async def owners(tx: Transaction, port_ids: Iterable[str | None]) -> None:
    """Say that the addresses of these ports have changed."""
    for port_id in port_ids:
        if port_id is not None:
            await owner(tx, await tx.value("SELECT server_id FROM ports WHERE id = $1", port_id) or "")


async def routers_of(tx: Transaction, network_id: str) -> None:
    """Say that the routers of a network have changed, because it has."""
    sql = "SELECT DISTINCT device_id FROM ports WHERE network_id = $1 AND device_owner LIKE 'network:router_%'"
    for router_id in await tx.values(sql, network_id):
        await router(tx, router_id)


async def groups(tx: Transaction, group_ids: Sequence[str]) -> None:
    """Say that the rules of security groups have changed, where ports with them are plugged."""
    if not group_ids:
        return
    marks = ", ".join(f"${index}" for index in range(1, len(group_ids) + 1))
    sql = (
        "SELECT DISTINCT p.network_id FROM port_security_groups AS g JOIN ports AS p ON p.id = g.port_id "
        f"WHERE g.security_group_id IN ({marks}) AND p.host <> ''"
    )
    await networks(tx, await tx.values(sql, *group_ids))


async def members(tx: Transaction, group_ids: Sequence[str]) -> None:
    """Say that security groups have other members: rules that name them as their remote mean other addresses."""
    if not group_ids:
        return
    marks = ", ".join(f"${index}" for index in range(1, len(group_ids) + 1))
    sql = f"SELECT DISTINCT security_group_id FROM security_group_rules WHERE remote_group_id IN ({marks})"
    await groups(tx, await tx.values(sql, *group_ids))
