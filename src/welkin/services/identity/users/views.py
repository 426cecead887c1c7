"""Users as clients read them: never with a password."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core import times
from welkin.core.http import Call
from welkin.services.identity.users.rows import UserRow
from welkin.services.identity.wire import View, link

ENDING = """
    SELECT user_id, expires_at FROM identity_passwords AS p WHERE expires_at IS NOT NULL AND NOT EXISTS
    (SELECT 1 FROM identity_passwords AS q WHERE q.user_id = p.user_id AND q.created_at > p.created_at)
"""


class Ending(msgspec.Struct, frozen=True):
    """When a user's password ends."""

    user_id: str
    expires_at: float


async def users(call: Call, rows: Sequence[UserRow]) -> list[View]:
    """Return users; passwords that end are few, so all of those are read at once."""
    ends = {ending.user_id: ending.expires_at for ending in await call.db.all(Ending, ENDING)}
    return [_user(call, row, ends.get(row.id)) for row in rows]


async def user(call: Call, row: UserRow) -> View:
    """Return one user."""
    ending = await call.db.one(Ending, f"{ENDING} AND user_id = $1", row.id)
    return _user(call, row, None if ending is None else ending.expires_at)


def _user(call: Call, row: UserRow, end: float | None) -> View:
    view: View = {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "enabled": row.enabled,
        "password_expires_at": None if end is None else times.with_micros(end),
        "options": row.options,
        "links": link(call, "users", row.id),
    }
    if row.default_project_id is not None:
        view["default_project_id"] = row.default_project_id
    return view
