"""Projects and domains as clients read them."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import tags
from welkin.core.http import Call
from welkin.services.identity.projects.rows import TAGGED, ProjectRow
from welkin.services.identity.wire import View, link


async def projects(call: Call, rows: Sequence[ProjectRow]) -> list[View]:
    """Return projects with their tags."""
    found = await tags.get_many(call.db, TAGGED, [row.id for row in rows])
    return [_project(call, row, found[row.id]) for row in rows]


async def project(call: Call, row: ProjectRow) -> View:
    """Return one project."""
    return _project(call, row, await tags.get(call.db, TAGGED, row.id))


async def domains(call: Call, rows: Sequence[ProjectRow]) -> list[View]:
    """Return domains with their tags."""
    found = await tags.get_many(call.db, TAGGED, [row.id for row in rows])
    return [_domain(call, row, found[row.id]) for row in rows]


async def domain(call: Call, row: ProjectRow) -> View:
    """Return one domain."""
    return _domain(call, row, await tags.get(call.db, TAGGED, row.id))


def _project(call: Call, row: ProjectRow, found: list[str]) -> View:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id or None,
        "parent_id": row.parent_id,
        "is_domain": row.is_domain,
        "description": row.description,
        "enabled": row.enabled,
        "tags": found,
        "options": row.options,
        "links": link(call, "projects", row.id),
    }


def _domain(call: Call, row: ProjectRow, found: list[str]) -> View:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "enabled": row.enabled,
        "tags": found,
        "options": row.options,
        "links": link(call, "domains", row.id),
    }
