"""Giving, taking and seeing roles over HTTP: every form of assignment has the same four calls."""

from __future__ import annotations

from typing import Literal

import msgspec

from welkin.core.db import columns
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.assignments import policy, rows
from welkin.services.identity.assignments.rows import AssignmentRow
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import NoAssignment, NotAllowed
from welkin.services.identity.groups import rows as groups
from welkin.services.identity.groups.rows import GroupRow
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.roles import api as roles_api
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.roles.rows import RoleRow
from welkin.services.identity.users import rows as users
from welkin.services.identity.users.rows import UserRow
from welkin.services.identity.wire import View, about, collection

routes = Routes(discovery.service)


class Form(msgspec.Struct, frozen=True):
    """One of the forms of assignment: who can have a role on what, there or below it."""

    target_kind: Literal["project", "domain", "system"]
    actor_kind: Literal["user", "group"]
    inherited: bool = False

    @property
    def path(self) -> str:
        """The path of the list of roles."""
        target = "/system" if self.target_kind == "system" else f"/{self.target_kind}s/{{target_id}}"
        start = "/v3/OS-INHERIT" if self.inherited else "/v3"
        return f"{start}{target}/{self.actor_kind}s/{{actor_id}}/roles"

    @property
    def end(self) -> str:
        """What ends each path."""
        return "/inherited_to_projects" if self.inherited else ""

    def rule(self, verb: str) -> Rule:
        """Return the rule for one of the four calls."""
        if self.target_kind == "system":
            return policy.SYSTEM[self.actor_kind][verb]
        plain = {"list": policy.LIST, "check": policy.CHECK, "create": policy.CREATE, "revoke": policy.REVOKE}
        return plain[verb]

    def row(self, actor_id: str, target_id: str, role_id: str) -> AssignmentRow:
        """Return the assignment as it is stored."""
        return AssignmentRow(self.actor_kind, actor_id, self.target_kind, target_id, role_id, self.inherited)


FORMS = (
    Form("project", "user"),
    Form("project", "group"),
    Form("domain", "user"),
    Form("domain", "group"),
    Form("project", "user", inherited=True),
    Form("project", "group", inherited=True),
    Form("domain", "user", inherited=True),
    Form("domain", "group", inherited=True),
    Form("system", "user"),
    Form("system", "group"),
)


def offer(form: Form) -> None:
    """Register the four calls of one form."""

    @routes.get(form.path + form.end, rule=form.rule("list"), late=True)
    async def list_grants(call: Call, actor_id: str, target_id: str = rows.SYSTEM) -> View:
        """List the roles that somebody was given directly on something."""
        await _check(call, form, form.rule("list"), actor_id, target_id)
        found = await call.db.all(RoleRow, ROLES_OF, form.actor_kind, actor_id, target_id, form.inherited)
        return collection(call, "roles", [roles_api.view(call, row) for row in found])

    @routes.get(form.path + "/{role_id}" + form.end, rule=form.rule("check"), late=True, status=204)
    async def check_grant(call: Call, actor_id: str, role_id: str, target_id: str = rows.SYSTEM) -> None:
        """Say whether somebody was given a role directly on something."""
        await _check(call, form, form.rule("check"), actor_id, target_id, role_id)
        found = await call.db.all(RoleRow, ROLES_OF, form.actor_kind, actor_id, target_id, form.inherited)
        if role_id not in [row.id for row in found]:
            raise NoAssignment(role_id, actor_id, target_id)

    @routes.put(form.path + "/{role_id}" + form.end, rule=form.rule("create"), late=True, status=204)
    async def create_grant(call: Call, actor_id: str, role_id: str, target_id: str = rows.SYSTEM) -> None:
        """Give somebody a role on something."""
        await _check(call, form, form.rule("create"), actor_id, target_id, role_id)
        await _check_domain(call, form, target_id, role_id)
        row = form.row(actor_id, target_id, role_id)
        async with call.db.tx() as tx:
            if not await tx.value(SAME, *msgspec.structs.astuple(row)):
                await tx.insert("identity_assignments", row)
                await changed(call, tx, "assignment", actor_id, "created")

    @routes.delete(form.path + "/{role_id}" + form.end, rule=form.rule("revoke"), late=True)
    async def revoke_grant(call: Call, actor_id: str, role_id: str, target_id: str = rows.SYSTEM) -> None:
        """Take a role away from somebody."""
        await _check(call, form, form.rule("revoke"), actor_id, target_id, role_id)
        row = form.row(actor_id, target_id, role_id)
        async with call.db.tx() as tx:
            if not await tx.delete("identity_assignments", msgspec.structs.asdict(row)):
                raise NoAssignment(role_id, actor_id, target_id)
            await changed(call, tx, "assignment", actor_id, "deleted")


ROLES_OF = f"""
    SELECT {columns(RoleRow, "r.")} FROM identity_roles AS r JOIN identity_assignments AS a ON a.role_id = r.id
    WHERE a.actor_kind = $1 AND a.actor_id = $2 AND a.target_id = $3 AND a.inherited = $4 ORDER BY r.name, r.id
"""
SAME = """
    SELECT 1 FROM identity_assignments WHERE actor_kind = $1 AND actor_id = $2 AND target_kind = $3
    AND target_id = $4 AND role_id = $5 AND inherited = $6
"""


async def _check(call: Call, form: Form, rule: Rule, actor_id: str, target_id: str, role_id: str | None = None) -> None:
    """Raise NoSuch for a part that is not there, and PolicyDenied unless the caller may."""
    target: dict[str, object] = {}
    if role_id is not None:
        target |= roles_api.facts(await roles.get(call.db, role_id))
    actor: UserRow | GroupRow | None
    if form.actor_kind == "user":
        actor = await users.find(call.db, actor_id)
    else:
        actor = await groups.find(call.db, actor_id)
    if form.target_kind == "project":
        project = await projects.get(call.db, target_id)
        target |= about("project", {"id": project.id, "domain_id": project.domain_id or None})
    elif form.target_kind == "domain":
        target |= about("domain", await projects.get_domain(call.db, target_id))
    call.enforce(rule, **target, **about(form.actor_kind, actor))
    if actor is None and rule is not form.rule("revoke"):
        await (users.get if form.actor_kind == "user" else groups.get)(call.db, actor_id)


async def _check_domain(call: Call, form: Form, target_id: str, role_id: str) -> None:
    """A domain's own role is given only within that domain."""
    role = await roles.get(call.db, role_id)
    if not role.domain_id:
        return
    found: ProjectRow | None = await projects.find(call.db, target_id)
    if found is None or (found.domain_id or found.id) != role.domain_id:
        raise NotAllowed(f"Project {target_id} must be in the same domain as the role {role_id} being assigned.")


for each in FORMS:
    offer(each)
