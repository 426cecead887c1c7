"""Moves of servers from host to host, or from size to size, as rows."""

from __future__ import annotations

from msgspec import Struct

MIGRATIONS = """
    CREATE TABLE server_migrations (
        id             BIGINT PRIMARY KEY,
        uuid           TEXT NOT NULL UNIQUE,
        server_id      TEXT NOT NULL,
        project_id     TEXT NOT NULL,
        user_id        TEXT NOT NULL,
        type           TEXT NOT NULL,
        status         TEXT NOT NULL,
        source_host    TEXT,
        target_host    TEXT,
        target_address TEXT,
        old_flavor     BIGINT,
        new_flavor     BIGINT,
        created_at     DOUBLE PRECISION NOT NULL,
        updated_at     DOUBLE PRECISION
    );
    CREATE INDEX server_migrations_by_time ON server_migrations (created_at, id);
    CREATE INDEX server_migrations_by_server ON server_migrations (server_id);
"""


class MigrationRow(Struct):
    """A move as stored; the fields are the columns, in the table's order."""

    id: int
    uuid: str
    server_id: str
    project_id: str
    user_id: str
    type: str
    """`migration`, `resize`, `live-migration` or `evacuation`."""
    status: str
    source_host: str | None
    target_host: str | None
    target_address: str | None
    old_flavor: int | None
    new_flavor: int | None
    created_at: float
    updated_at: float | None
