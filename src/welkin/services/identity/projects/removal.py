"""Deleting a domain, by either of its names: as a domain, and as the project that it also is."""

from __future__ import annotations

from welkin.core.http import Call
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Immutable, NotAllowed
from welkin.services.identity.groups import rows as groups
from welkin.services.identity.projects import rows
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.users import rows as users


def check_mutable(row: ProjectRow) -> None:
    """Raise Immutable when the option protects the project or domain."""
    if row.options.get("immutable"):
        raise Immutable("domain" if row.is_domain else "project", row.id)


async def remove_domain(call: Call, row: ProjectRow) -> None:
    """Delete a disabled domain, with every project, user, group and role in it.  Raises Immutable, NotAllowed."""
    check_mutable(row)
    if row.enabled:
        raise NotAllowed("Cannot delete a domain that is enabled, please disable it first.")
    tokens = call.get(Tokens)
    async with call.db.tx() as tx:
        for project_id in await tx.values("SELECT id FROM identity_projects WHERE domain_id = $1", row.id):
            await rows.forget(tx, project_id)
            await tokens.revoke(tx, project_id=project_id)
        for user_id in await tx.values("SELECT id FROM identity_users WHERE domain_id = $1", row.id):
            await users.forget(tx, user_id)
            await tokens.revoke(tx, user_id=user_id)
        for group_id in await tx.values("SELECT id FROM identity_groups WHERE domain_id = $1", row.id):
            await groups.forget(tx, group_id)
        for role_id in await tx.values("SELECT id FROM identity_roles WHERE domain_id = $1", row.id):
            await roles.forget(tx, role_id)
        await rows.forget(tx, row.id)
        await tokens.revoke(tx, domain_id=row.id)
        await changed(call, tx, "domain", row.id, "deleted")
