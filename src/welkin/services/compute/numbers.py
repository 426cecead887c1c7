"""Small numbers for what upstream numbers: aggregates, and in old versions services and hypervisors."""

from __future__ import annotations

from welkin.core.db import Transaction

NUMBERS = """
    CREATE TABLE compute_numbers (
        kind TEXT PRIMARY KEY,
        last BIGINT NOT NULL
    );
"""


async def next_number(tx: Transaction, kind: str) -> int:
    """Return a number that nothing of this kind ever had."""
    sql = (
        "INSERT INTO compute_numbers (kind, last) VALUES ($1, 1) "
        "ON CONFLICT (kind) DO UPDATE SET last = compute_numbers.last + 1 RETURNING last"
    )
    return int(await tx.value(sql, kind))
