"""Rows of assignments, and the roles that follow from them."""

from __future__ import annotations

from typing import Literal

import msgspec

from welkin.core.db import Reads, columns
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.wire import marks

SYSTEM = "system"
"""The target_id of the whole cloud."""


class AssignmentRow(msgspec.Struct, frozen=True):
    """A role of a user or a group on a project, a domain or the system."""

    actor_kind: Literal["user", "group"]
    actor_id: str
    target_kind: Literal["project", "domain", "system"]
    target_id: str
    role_id: str
    inherited: bool = False
    """Whether it holds below the target, and not on the target itself."""


MINE = (
    "((actor_kind = 'user' AND actor_id = $1) OR (actor_kind = 'group' AND actor_id IN "
    "(SELECT group_id FROM identity_members WHERE user_id = $1)))"
)
"""What is assigned to the user `$1`, or to one of their groups."""

PROJECTS = f"""
    WITH RECURSIVE
    mine AS (
        SELECT target_kind, target_id, inherited FROM identity_assignments WHERE {MINE}
    ),
    below (id) AS (
        SELECT p.id FROM identity_projects p JOIN mine m ON m.inherited AND NOT p.is_domain
        AND ((m.target_kind = 'domain' AND p.domain_id = m.target_id)
            OR (m.target_kind = 'project' AND p.parent_id = m.target_id))
        UNION
        SELECT p.id FROM identity_projects p JOIN below b ON p.parent_id = b.id AND NOT p.is_domain
    )
    SELECT {columns(ProjectRow)} FROM identity_projects
    WHERE id IN (SELECT target_id FROM mine WHERE target_kind = 'project' AND NOT inherited)
        OR id IN (SELECT id FROM below)
    ORDER BY name, id
"""
DOMAINS = f"""
    SELECT {columns(ProjectRow)} FROM identity_projects WHERE is_domain AND id IN
    (SELECT target_id FROM identity_assignments WHERE {MINE} AND target_kind = 'domain' AND NOT inherited)
    ORDER BY name, id
"""


async def projects_of(reads: Reads, user_id: str) -> list[ProjectRow]:
    """Return the projects on which a user has a role, enabled or not."""
    return await reads.all(ProjectRow, PROJECTS, user_id)


async def domains_of(reads: Reads, user_id: str) -> list[ProjectRow]:
    """Return the domains on which a user has a role, enabled or not."""
    return await reads.all(ProjectRow, DOMAINS, user_id)


async def on_project(reads: Reads, user_id: str, project: ProjectRow) -> list[str]:
    """Return the ids of the roles that a user was given on a project: there, or above it and inherited."""
    above = [row.id for row in await projects.parents(reads, project)]
    above.append(project.domain_id or project.id)
    sql = (
        f"SELECT DISTINCT role_id FROM identity_assignments WHERE {MINE} AND "
        "((target_kind = 'project' AND target_id = $2 AND NOT inherited) OR "
        f"(inherited AND target_id IN ({marks(above, 3)})))"
    )
    return await reads.values(sql, user_id, project.id, *above)


async def on_target(reads: Reads, user_id: str, kind: str, target_id: str) -> list[str]:
    """Return the ids of the roles that a user was given on a domain or the system itself."""
    sql = (
        f"SELECT DISTINCT role_id FROM identity_assignments WHERE {MINE} "
        "AND target_kind = $2 AND target_id = $3 AND NOT inherited"
    )
    return await reads.values(sql, user_id, kind, target_id)
