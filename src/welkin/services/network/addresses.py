"""The addresses of servers, in bulk: what a list of servers shows, in one query."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core.db import Reads


class ServerAddress(msgspec.Struct):
    """A fixed address of a server, with the floating one that leads to it."""

    server_id: str
    network_name: str
    mac_address: str
    address: str
    floating: str | None


async def of_servers(reads: Reads, server_ids: Sequence[str]) -> list[ServerAddress]:
    """Return the addresses of servers, each server's in the order in which its ports came."""
    if not server_ids:
        return []
    marks = ", ".join(f"${index}" for index in range(1, len(server_ids) + 1))
    sql = (
        "SELECT p.server_id, n.name, p.mac_address, f.address, o.floating_ip_address FROM ports AS p "
        "JOIN networks AS n ON n.id = p.network_id JOIN fixed_ips AS f ON f.port_id = p.id "
        "LEFT JOIN floating_ips AS o ON o.port_id = p.id AND o.fixed_ip_address = f.address "
        f"WHERE p.server_id IN ({marks}) "
        "ORDER BY p.server_id, p.created_at, p.id, f.position, o.created_at"
    )
    return await reads.all(ServerAddress, sql, *server_ids)
