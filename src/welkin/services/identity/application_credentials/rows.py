"""Rows of application credentials and of the access rules that restrict them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core.db import Reads, columns
from welkin.services.identity.wire import marks


class ApplicationCredentialRow(msgspec.Struct, frozen=True):
    """A part of a user's roles on one project, for a program that holds the secret."""

    id: str
    name: str
    description: str | None
    user_id: str
    project_id: str
    secret_hash: str
    expires_at: float | None
    unrestricted: bool
    role_ids: list[str]
    rule_ids: list[str] | None
    """The access rules; None for every request, empty for none at all."""


class AccessRuleRow(msgspec.Struct, frozen=True):
    """A kind of request that an application credential may make."""

    id: str
    user_id: str
    service: str
    method: str
    path: str


COLUMNS = columns(ApplicationCredentialRow)
RULE_COLUMNS = columns(AccessRuleRow)


async def find(reads: Reads, id: str | None) -> ApplicationCredentialRow | None:
    """Return an application credential, or None."""
    if id is None:
        return None
    sql = f"SELECT {COLUMNS} FROM identity_application_credentials WHERE id = $1"
    return await reads.one(ApplicationCredentialRow, sql, id)


async def find_named(reads: Reads, user_id: str, name: str) -> ApplicationCredentialRow | None:
    """Return a user's application credential of this name."""
    sql = f"SELECT {COLUMNS} FROM identity_application_credentials WHERE user_id = $1 AND name = $2"
    return await reads.one(ApplicationCredentialRow, sql, user_id, name)


async def rules(reads: Reads, ids: Sequence[str]) -> list[AccessRuleRow]:
    """Return access rules by their ids."""
    if not ids:
        return []
    sql = f"SELECT {RULE_COLUMNS} FROM identity_access_rules WHERE id IN ({marks(ids)}) ORDER BY id"
    return await reads.all(AccessRuleRow, sql, *ids)
