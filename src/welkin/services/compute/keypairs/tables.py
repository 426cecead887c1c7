"""Key pairs as rows.  They belong to a user, not to a project."""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads, columns
from welkin.core.quota import Resource

KEYPAIRS = """
    CREATE TABLE keypairs (
        user_id     TEXT NOT NULL,
        name        TEXT NOT NULL,
        type        TEXT NOT NULL,
        public_key  TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        number      BIGINT NOT NULL,
        created_at  DOUBLE PRECISION NOT NULL,
        PRIMARY KEY (user_id, name)
    );
"""

KEY_PAIRS = Resource("compute", "key_pairs", 100, unified="server_key_pairs")
"""Counted for each user."""


class KeypairRow(msgspec.Struct):
    """A key pair as stored; the fields are the columns, in the table's order."""

    user_id: str
    name: str
    type: str
    public_key: str
    fingerprint: str
    number: int
    created_at: float


async def get_keypair(reads: Reads, user_id: str, name: str) -> KeypairRow | None:
    """Return a user's key pair, or None."""
    sql = f"SELECT {columns(KeypairRow)} FROM keypairs WHERE user_id = $1 AND name = $2"
    return await reads.one(KeypairRow, sql, user_id, name)
