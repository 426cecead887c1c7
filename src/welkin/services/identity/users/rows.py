"""Rows of users, their passwords, and what follows from both."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.services.identity.errors import NoSuch

DAY_S = 86_400


class UserRow(msgspec.Struct, frozen=True):
    """A user as stored."""

    id: str
    name: str
    domain_id: str
    enabled: bool = True
    default_project_id: str | None = None
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    created_at: float = 0.0
    last_active_at: float | None = None
    failures: int = 0
    failed_at: float | None = None


class PasswordRow(msgspec.Struct, frozen=True):
    """One password of a user, past or in force."""

    id: str
    user_id: str
    hash: str
    created_at: float
    expires_at: float | None = None
    self_service: bool = False
    """Whether the user chose it, and not an administrator."""


COLUMNS = columns(UserRow)
BY_ID = f"SELECT {COLUMNS} FROM identity_users WHERE id = $1"
PASSWORDS = f"""
    SELECT {columns(PasswordRow)} FROM identity_passwords WHERE user_id = $1 ORDER BY created_at DESC, id DESC
"""


async def find(reads: Reads, user_id: str | None) -> UserRow | None:
    """Return a user, or None."""
    return None if user_id is None else await reads.one(UserRow, BY_ID, user_id)


async def get(reads: Reads, user_id: str) -> UserRow:
    """Return a user.  Raises NoSuch."""
    row = await find(reads, user_id)
    if row is None:
        raise NoSuch("user", user_id)
    return row


async def find_named(reads: Reads, name: str, domain_id: str) -> UserRow | None:
    """Return the user with this name in a domain."""
    return await reads.one(
        UserRow, f"SELECT {COLUMNS} FROM identity_users WHERE name = $1 AND domain_id = $2", name, domain_id
    )


async def passwords(reads: Reads, user_id: str) -> list[PasswordRow]:
    """Return a user's passwords, the one in force first."""
    return await reads.all(PasswordRow, PASSWORDS, user_id)


async def password(reads: Reads, user_id: str) -> PasswordRow | None:
    """Return the password in force."""
    return await reads.one(PasswordRow, PASSWORDS + " LIMIT 1", user_id)


async def groups_of(reads: Reads, user_id: str) -> list[str]:
    """Return the ids of the groups that a user is in."""
    return await reads.values("SELECT group_id FROM identity_members WHERE user_id = $1 ORDER BY group_id", user_id)


async def forget(tx: Transaction, user_id: str) -> None:
    """Delete a user, and everything that is only theirs."""
    await tx.delete("identity_users", {"id": user_id})
    for table in (
        "identity_passwords",
        "identity_members",
        "identity_credentials",
        "identity_application_credentials",
        "identity_access_rules",
    ):
        await tx.delete(table, {"user_id": user_id})
    await tx.delete("identity_trusts", {"trustor_user_id": user_id})
    await tx.delete("identity_trusts", {"trustee_user_id": user_id})
    await tx.delete("identity_assignments", {"actor_kind": "user", "actor_id": user_id})
