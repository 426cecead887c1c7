"""Limits as clients read them."""

from __future__ import annotations

from welkin.core.http import Call
from welkin.services.identity.limits.rows import JOINED, LIMIT_COLUMNS, LimitRow, RegisteredLimitRow
from welkin.services.identity.wire import View, link


def registered(call: Call, row: RegisteredLimitRow) -> View:
    """Return a registered limit."""
    return {
        "id": row.id,
        "service_id": row.service_id,
        "region_id": row.region_id or None,
        "resource_name": row.resource_name,
        "default_limit": row.default_limit,
        "description": row.description,
        "links": link(call, "registered_limits", row.id),
    }


def limit(call: Call, row: LimitRow) -> View:
    """Return a project's or a domain's limit."""
    return {
        "id": row.id,
        "project_id": None if row.is_domain else row.owner_id,
        "domain_id": row.owner_id if row.is_domain else None,
        "service_id": row.service_id,
        "region_id": row.region_id or None,
        "resource_name": row.resource_name,
        "resource_limit": row.resource_limit,
        "description": row.description,
        "links": link(call, "limits", row.id),
    }


async def of_owner(call: Call, owner_id: str) -> list[View]:
    """Return the limits of a project or a domain."""
    sql = f"SELECT {LIMIT_COLUMNS} FROM {JOINED} WHERE l.owner_id = $1 ORDER BY l.id"
    return [limit(call, row) for row in await call.db.all(LimitRow, sql, owner_id)]
