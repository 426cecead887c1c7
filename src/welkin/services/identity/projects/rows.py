"""Rows of projects and domains, and how they hang together."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.services.identity.errors import NoSuch

DEFAULT_DOMAIN_ID = "default"
TAGGED = "identity.project"
"""The kind under which a project's tags are kept."""


class ProjectRow(msgspec.Struct, frozen=True):
    """A project, or a domain when `is_domain`; a domain's own domain_id is empty."""

    id: str
    name: str
    domain_id: str
    parent_id: str | None = None
    is_domain: bool = False
    description: str = ""
    enabled: bool = True
    options: dict[str, Any] = {}
    extra: dict[str, Any] = {}


COLUMNS = columns(ProjectRow)
BY_ID = f"SELECT {COLUMNS} FROM identity_projects WHERE id = $1"
CHILDREN = f"SELECT {COLUMNS} FROM identity_projects WHERE parent_id = $1 AND NOT is_domain ORDER BY id"


def new_domain(id: str, name: str, description: str) -> ProjectRow:
    """Return a domain to insert."""
    return ProjectRow(id=id, name=name, domain_id="", is_domain=True, description=description)


def new_project(id: str, name: str, domain_id: str, description: str) -> ProjectRow:
    """Return a project at the top of a domain to insert."""
    return ProjectRow(id=id, name=name, domain_id=domain_id, parent_id=domain_id, description=description)


async def find(reads: Reads, project_id: str | None) -> ProjectRow | None:
    """Return a project or a domain, or None."""
    return None if project_id is None else await reads.one(ProjectRow, BY_ID, project_id)


async def get(reads: Reads, project_id: str) -> ProjectRow:
    """Return a project or a domain.  Raises NoSuch."""
    row = await find(reads, project_id)
    if row is None:
        raise NoSuch("project", project_id)
    return row


async def find_domain(reads: Reads, domain_id: str | None) -> ProjectRow | None:
    """Return a domain, or None."""
    row = await find(reads, domain_id)
    return row if row is not None and row.is_domain else None


async def get_domain(reads: Reads, domain_id: str) -> ProjectRow:
    """Return a domain.  Raises NoSuch."""
    row = await find_domain(reads, domain_id)
    if row is None:
        raise NoSuch("domain", domain_id)
    return row


async def find_named(reads: Reads, name: str, domain_id: str) -> ProjectRow | None:
    """Return the project with this name in a domain; with the domain_id '' the domain of this name."""
    sql = f"SELECT {COLUMNS} FROM identity_projects WHERE name = $1 AND domain_id = $2"
    return await reads.one(ProjectRow, sql, name, domain_id)


async def find_domain_named(reads: Reads, name: str) -> ProjectRow | None:
    """Return the domain with this name, or the only one that differs from it in case alone.

    Most clouds keep their names in a database that ignores case, so clients write `default` for `Default`.
    """
    exact = await find_named(reads, name, "")
    if exact is not None:
        return exact
    sql = f"SELECT {COLUMNS} FROM identity_projects WHERE LOWER(name) = LOWER($1) AND is_domain LIMIT 2"
    found = await reads.all(ProjectRow, sql, name)
    return found[0] if len(found) == 1 else None


async def children(reads: Reads, project_id: str) -> list[ProjectRow]:
    """Return the projects directly below one."""
    return await reads.all(ProjectRow, CHILDREN, project_id)


async def subtree(reads: Reads, project_id: str) -> list[ProjectRow]:
    """Return every project below one, parents before children."""
    found: list[ProjectRow] = []
    level = await children(reads, project_id)
    while level:
        found += level
        level = [child for row in level for child in await children(reads, row.id)]
    return found


async def parents(reads: Reads, row: ProjectRow) -> list[ProjectRow]:
    """Return every project above one, the nearest first; the domain is not among them."""
    found: list[ProjectRow] = []
    while row.parent_id and row.parent_id != row.domain_id:
        above = await find(reads, row.parent_id)
        if above is None:
            break
        found.append(above)
        row = above
    return found


async def forget(tx: Transaction, project_id: str) -> None:
    """Delete a project or a domain, and everything that means nothing without it."""
    await tx.delete("identity_projects", {"id": project_id})
    await tx.delete("identity_assignments", {"target_id": project_id})
    for table in ("identity_credentials", "identity_application_credentials", "identity_trusts"):
        await tx.delete(table, {"project_id": project_id})
    await tx.delete("identity_limits", {"owner_id": project_id})
    await tx.update("identity_users", {"default_project_id": project_id}, {"default_project_id": None})
    await tags.clear(tx, TAGGED, project_id)
