"""Rows of credentials; their blobs are encrypted."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, columns
from welkin.services.identity.errors import NoSuch


class CredentialRow(msgspec.Struct, frozen=True):
    """A secret of some type that a user keeps here."""

    id: str
    user_id: str
    project_id: str | None
    type: str
    blob: str
    extra: dict[str, Any]


COLUMNS = columns(CredentialRow)


async def find(reads: Reads, credential_id: str) -> CredentialRow | None:
    """Return a credential, or None."""
    return await reads.one(CredentialRow, f"SELECT {COLUMNS} FROM identity_credentials WHERE id = $1", credential_id)


async def get(reads: Reads, credential_id: str) -> CredentialRow:
    """Return a credential.  Raises NoSuch."""
    row = await find(reads, credential_id)
    if row is None:
        raise NoSuch("credential", credential_id)
    return row
