"""Rows of groups."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.services.identity.errors import NoSuch


class GroupRow(msgspec.Struct, frozen=True):
    """A group of users, who have every role that the group has."""

    id: str
    name: str
    domain_id: str
    description: str
    extra: dict[str, Any]


COLUMNS = columns(GroupRow)


async def find(reads: Reads, group_id: str) -> GroupRow | None:
    """Return a group, or None."""
    return await reads.one(GroupRow, f"SELECT {COLUMNS} FROM identity_groups WHERE id = $1", group_id)


async def get(reads: Reads, group_id: str) -> GroupRow:
    """Return a group.  Raises NoSuch."""
    row = await find(reads, group_id)
    if row is None:
        raise NoSuch("group", group_id)
    return row


async def forget(tx: Transaction, group_id: str) -> None:
    """Delete a group, its memberships and its assignments."""
    await tx.delete("identity_groups", {"id": group_id})
    await tx.delete("identity_members", {"group_id": group_id})
    await tx.delete("identity_assignments", {"actor_kind": "group", "actor_id": group_id})
