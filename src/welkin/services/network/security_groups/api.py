"""Security groups and their rules over HTTP."""

from __future__ import annotations

from welkin.core import tags
from welkin.core.http import Call, Routes
from welkin.services.network import limits, touching
from welkin.services.network.collection import (
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    bump,
    change,
    check_revision,
    find,
    sees_all,
)
from welkin.services.network.security_groups import policy, records
from welkin.services.network.security_groups.errors import (
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupInUse,
    SecurityGroupNotSingleGroupRules,
)
from welkin.services.network.security_groups.shapes import GroupCreateBody, GroupUpdateBody, RuleCreateBody
from welkin.services.network.security_groups.views import RULES, SECURITY_GROUPS
from welkin.services.network.service import service
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/security-groups", rule=policy.GET, late=True)
async def list_security_groups(call: Call) -> View:
    """List the security groups that the caller may use; a project's default group is made at its first look."""
    project_id = call.actor.project_id
    known = "SELECT 1 FROM security_groups WHERE project_id = $1 AND name = 'default'"
    if project_id and not await call.db.value(known, project_id):
        async with call.db.tx() as tx:
            await records.ensure_default(tx, call.world, project_id)
    return await answer_list(call, SECURITY_GROUPS)


@routes.get("/v2.0/security-groups/{security_group_id}", rule=policy.GET, late=True)
async def show_security_group(call: Call, security_group_id: str) -> View:
    """Show a security group with its rules."""
    return await answer_show(call, SECURITY_GROUPS, security_group_id)


@routes.post("/v2.0/security-groups", rule=policy.CREATE, late=True)
async def create_security_group(call: Call, body: GroupCreateBody) -> View:
    """Create a security group, or several at once: all or none."""
    wanted, one = several(body.security_group, body.security_groups, "security_group")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id in projects:
        call.enforce(policy.CREATE, project_id=project_id)
    if any(each.name.lower() == records.DEFAULT for each in wanted):
        raise SecurityGroupDefaultAlreadyExists
    async with call.db.tx() as tx:
        for project_id in set(projects):
            await records.ensure_default(tx, call.world, project_id)
        await limits.claim(tx, limits.SECURITY_GROUP, projects)
        pairs = zip(projects, wanted, strict=True)
        rows = [await records.create(tx, call.world, project_id, each) for project_id, each in pairs]
        return await answer_created(call, tx, SECURITY_GROUPS, rows, one=one)


@routes.put("/v2.0/security-groups/{security_group_id}", rule=policy.UPDATE, late=True)
async def update_security_group(call: Call, security_group_id: str, body: GroupUpdateBody) -> View:
    """Change a security group; of the default one, only its description and state."""
    changes = given(body.security_group)
    async with call.db.tx() as tx:
        row = await find(call, tx, SECURITY_GROUPS, security_group_id)
        call.enforce(policy.UPDATE, project_id=row.project_id)
        if "name" in changes:
            if row.name == records.DEFAULT and changes["name"] != row.name:
                raise SecurityGroupCannotUpdateDefault
            if row.name != records.DEFAULT and changes["name"].lower() == records.DEFAULT:
                raise SecurityGroupDefaultAlreadyExists
        if changes.get("stateful", row.stateful) != row.stateful:
            used = "SELECT 1 FROM port_security_groups WHERE security_group_id = $1 LIMIT 1"
            if await tx.value(used, row.id):
                raise SecurityGroupInUse(row.id)
        row = await change(call, tx, SECURITY_GROUPS, row, changes)
        return await answer_one(call, tx, SECURITY_GROUPS, row)


@routes.delete("/v2.0/security-groups/{security_group_id}", rule=policy.DELETE, late=True)
async def delete_security_group(call: Call, security_group_id: str) -> None:
    """Delete a security group that no port has."""
    async with call.db.tx() as tx:
        row = await find(call, tx, SECURITY_GROUPS, security_group_id)
        call.enforce(policy.DELETE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        if row.name == records.DEFAULT and not sees_all(call, policy.GET):
            raise SecurityGroupCannotRemoveDefault
        await records.delete(tx, row)


@routes.get("/v2.0/security-group-rules", rule=policy.GET_RULE, late=True)
async def list_security_group_rules(call: Call) -> View:
    """List the rules of the caller's security groups."""
    return await answer_list(call, RULES)


@routes.get("/v2.0/security-group-rules/{rule_id}", rule=policy.GET_RULE, late=True)
async def show_security_group_rule(call: Call, rule_id: str) -> View:
    """Show a rule."""
    return await answer_show(call, RULES, rule_id)


@routes.post("/v2.0/security-group-rules", rule=policy.CREATE_RULE, late=True)
async def create_security_group_rule(call: Call, body: RuleCreateBody) -> View:
    """Add a rule to a security group, or several to one: all or none."""
    wanted, one = several(body.security_group_rule, body.security_group_rules, "security_group_rule")
    groups = {each.security_group_id for each in wanted}
    if len(groups) > 1:
        raise SecurityGroupNotSingleGroupRules
    async with call.db.tx() as tx:
        group = await find(call, tx, SECURITY_GROUPS, groups.pop())
        call.enforce(
            policy.CREATE_RULE, **{"project_id": group.project_id, "security_group:project_id": group.project_id}
        )
        project_id = owner(wanted[0].project_id, wanted[0].tenant_id, group.project_id)
        if project_id != group.project_id:
            call.enforce(policy.CREATE, project_id=project_id)
        await limits.claim(tx, limits.SECURITY_GROUP_RULE, [project_id] * len(wanted))
        rows = await records.add_rules(tx, call.world, group, project_id, wanted)
        for row in rows:
            await records.check_remotes(tx, row, any_project=sees_all(call, policy.GET))
        await bump(tx, "security_groups", group.id, call.world.now())
        return await answer_created(call, tx, RULES, rows, one=one)


@routes.delete("/v2.0/security-group-rules/{rule_id}", rule=policy.DELETE_RULE, late=True)
async def delete_security_group_rule(call: Call, rule_id: str) -> None:
    """Delete a rule."""
    async with call.db.tx() as tx:
        row = await find(call, tx, RULES, rule_id)
        group_owner = await tx.value("SELECT project_id FROM security_groups WHERE id = $1", row.security_group_id)
        call.enforce(policy.DELETE_RULE, **{"project_id": row.project_id, "security_group:project_id": group_owner})
        check_revision(call, row.revision_number)
        await tags.clear(tx, "network.security_group_rules", row.id)
        await tx.delete("security_group_rules", {"id": row.id})
        await bump(tx, "security_groups", row.security_group_id, call.world.now())
        await touching.groups(tx, [row.security_group_id])
