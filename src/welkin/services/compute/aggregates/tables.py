"""Aggregates as rows.  The availability zone is metadata like any other, as upstream keeps it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core.db import Reads, columns

AGGREGATES = """
    CREATE TABLE aggregates (
        id         BIGINT PRIMARY KEY,
        uuid       TEXT NOT NULL UNIQUE,
        name       TEXT NOT NULL UNIQUE,
        metadata   TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        updated_at DOUBLE PRECISION
    );
    CREATE TABLE aggregate_hosts (
        aggregate_id BIGINT NOT NULL REFERENCES aggregates (id),
        host         TEXT NOT NULL,
        PRIMARY KEY (aggregate_id, host)
    );
    CREATE INDEX aggregate_hosts_by_host ON aggregate_hosts (host);
"""

ZONE_KEY = "availability_zone"


class AggregateRow(msgspec.Struct):
    """An aggregate as stored; the fields are the columns, in the table's order."""

    id: int
    uuid: str
    name: str
    metadata: dict[str, str]
    created_at: float
    updated_at: float | None

    @property
    def zone(self) -> str | None:
        """The availability zone that its hosts are in, or None if it says nothing of that."""
        return self.metadata.get(ZONE_KEY)


class Membership(msgspec.Struct, frozen=True):
    """A host in an aggregate."""

    host: str
    aggregate_id: int
    metadata: dict[str, str]


async def find_aggregate(reads: Reads, id: int) -> AggregateRow | None:
    """Return an aggregate, or None."""
    return await reads.one(AggregateRow, f"SELECT {columns(AggregateRow)} FROM aggregates WHERE id = $1", id)


async def memberships(reads: Reads) -> list[Membership]:
    """Return every host of every aggregate, with the aggregate's metadata."""
    sql = (
        "SELECT h.host, h.aggregate_id, a.metadata FROM aggregate_hosts AS h "
        "JOIN aggregates AS a ON a.id = h.aggregate_id ORDER BY h.host, h.aggregate_id"
    )
    return await reads.all(Membership, sql)


async def hosts_of(reads: Reads, id: int) -> list[str]:
    """Return the hosts of an aggregate."""
    return await reads.values("SELECT host FROM aggregate_hosts WHERE aggregate_id = $1 ORDER BY host", id)


async def other_zones(reads: Reads, hosts: Sequence[str], id: int) -> dict[str, str]:
    """Return the zones that other aggregates than `id` put some hosts into."""
    return {
        each.host: each.metadata[ZONE_KEY]
        for each in await memberships(reads)
        if each.host in hosts and each.aggregate_id != id and ZONE_KEY in each.metadata
    }
