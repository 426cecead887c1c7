"""Server groups as rows, and what servers do with them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.core.quota import Resource

SERVER_GROUPS = """
    CREATE TABLE server_groups (
        id         TEXT PRIMARY KEY,
        name       TEXT NOT NULL,
        policy     TEXT NOT NULL,
        rules      TEXT NOT NULL,
        project_id TEXT NOT NULL,
        user_id    TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL
    );
    CREATE INDEX server_groups_by_project ON server_groups (project_id, created_at, id);
    CREATE TABLE server_group_members (
        group_id  TEXT NOT NULL REFERENCES server_groups (id),
        server_id TEXT NOT NULL,
        PRIMARY KEY (group_id, server_id)
    );
    CREATE INDEX server_group_members_by_server ON server_group_members (server_id);
"""

COUNT = "SELECT COUNT(*) FROM server_groups WHERE project_id = $1"
GROUPS = Resource("compute", "server_groups", 10, COUNT, unified="server_groups")
MEMBERS = Resource("compute", "server_group_members", 10, unified="server_group_members")
"""How many servers one group may have; checked where a server joins."""


class GroupRow(msgspec.Struct):
    """A server group as stored; the fields are the columns, in the table's order."""

    id: str
    name: str
    policy: str
    rules: dict[str, int]
    project_id: str
    user_id: str
    created_at: float

    @property
    def max_server_per_host(self) -> int:
        """How many members one host may have, where they shall be apart."""
        return self.rules.get("max_server_per_host", 1)


class Member(msgspec.Struct, frozen=True):
    """A server in a group."""

    group_id: str
    server_id: str


async def get_group(reads: Reads, id: str) -> GroupRow | None:
    """Return a server group, or None."""
    return await reads.one(GroupRow, f"SELECT {columns(GroupRow)} FROM server_groups WHERE id = $1", id)


async def add_member(tx: Transaction, group_id: str, server_id: str) -> None:
    """Put a server into a group, for good."""
    await tx.insert("server_group_members", {"group_id": group_id, "server_id": server_id})


async def remove_member(tx: Transaction, server_id: str) -> None:
    """Take a server that is gone out of its group."""
    await tx.delete("server_group_members", {"server_id": server_id})


async def groups_of(reads: Reads, server_id: str) -> list[str]:
    """Return the ids of the groups that a server is in."""
    sql = "SELECT group_id FROM server_group_members WHERE server_id = $1 ORDER BY group_id"
    return await reads.values(sql, server_id)


async def members_of(reads: Reads, group_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the servers in each group, those apart that were deleted."""
    found: dict[str, list[str]] = {id: [] for id in group_ids}
    if not found:
        return found
    marks = ", ".join(f"${index}" for index in range(1, len(found) + 1))
    sql = (
        "SELECT m.group_id, m.server_id FROM server_group_members AS m JOIN servers AS s ON s.id = m.server_id "
        f"WHERE NOT s.deleted AND m.group_id IN ({marks}) ORDER BY s.created_at, s.id"
    )
    for member in await reads.all(Member, sql, *found):
        found[member.group_id].append(member.server_id)
    return found


async def hosts_of_members(reads: Reads, group_id: str) -> dict[str, int]:
    """Return how many members of a group each host has."""
    sql = (
        "SELECT s.host FROM server_group_members AS m JOIN servers AS s ON s.id = m.server_id "
        "WHERE m.group_id = $1 AND NOT s.deleted AND s.host IS NOT NULL"
    )
    counts: dict[str, int] = {}
    for host in await reads.values(sql, group_id):
        counts[host] = counts.get(host, 0) + 1
    return counts
