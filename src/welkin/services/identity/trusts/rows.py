"""Rows of trusts."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, columns


class TrustRow(msgspec.Struct, frozen=True):
    """Roles on a project that the trustor lends to the trustee."""

    id: str
    trustor_user_id: str
    trustee_user_id: str
    project_id: str | None
    impersonation: bool
    expires_at: float | None
    remaining_uses: int | None
    redelegated_trust_id: str | None
    redelegation_count: int
    role_ids: list[str]
    extra: dict[str, Any]


COLUMNS = columns(TrustRow)


async def find(reads: Reads, trust_id: str | None) -> TrustRow | None:
    """Return a trust, or None."""
    if trust_id is None:
        return None
    return await reads.one(TrustRow, f"SELECT {COLUMNS} FROM identity_trusts WHERE id = $1", trust_id)


async def original_trustor(reads: Reads, trust: TrustRow) -> str:
    """Return the id of the user whose roles a trust lends, at the beginning of a chain of trusts."""
    while trust.redelegated_trust_id is not None:
        above = await find(reads, trust.redelegated_trust_id)
        if above is None:
            break
        trust = above
    return trust.trustor_user_id
