"""Server groups over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core import quota
from welkin.core.db import Reads, columns
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX
from welkin.core.policy import Rule
from welkin.core.quota import Claim
from welkin.services.compute.server_groups import policy
from welkin.services.compute.server_groups.errors import GroupNotFound, RulesNotWanted, TooManyGroups
from welkin.services.compute.server_groups.shapes import GroupCreate, GroupQuery, NewGroup, view
from welkin.services.compute.server_groups.tables import GROUPS, GroupRow, get_group, members_of
from welkin.services.compute.service import service
from welkin.services.compute.values import INTEGER_MAX, NoQuery, whole

routes = Routes(service)


@routes.get("/v2.1/os-server-groups", rule=policy.INDEX)
async def list_groups(call: Call, query: GroupQuery) -> dict[str, Any]:
    """List the project's server groups, or for an administrator every project's."""
    limit = min(query.limit or LIMIT_MAX, LIMIT_MAX)
    where, values = "project_id = $1", [call.actor.project_id]
    if query.all_projects is not None and call.actor.is_admin:
        call.enforce(policy.INDEX_ALL, project_id=call.actor.project_id)
        where, values = "1 = 1", []
    sql = f"SELECT {columns(GroupRow)} FROM server_groups WHERE {where} ORDER BY created_at, id"
    rows = await call.db.all(GroupRow, f"{sql} LIMIT {limit} OFFSET {min(query.offset, INTEGER_MAX)}", *values)
    members = await members_of(call.db, [row.id for row in rows])
    return {"server_groups": [view(row, members[row.id]) for row in rows]}


@routes.post("/v2.1/os-server-groups", rule=policy.CREATE, status=200)
async def create_group(call: Call, body: GroupCreate) -> dict[str, Any]:
    """Make a server group."""
    new = body.server_group
    project_id = call.actor.project_id or ""
    row = GroupRow(
        id=call.world.new_id(),
        name=new.name,
        policy=new.policy,
        rules=rules_of(new),
        project_id=project_id,
        user_id=call.actor.user_id,
        created_at=call.world.now(),
    )
    async with call.db.tx() as tx:
        await quota.claim(tx, project_id, [Claim(GROUPS, 1)], lambda _excesses: TooManyGroups())
        await tx.insert("server_groups", row)
    return {"server_group": view(row, ())}


@routes.get("/v2.1/os-server-groups/{group_id}", rule=policy.SHOW, late=True)
async def show_group(call: Call, group_id: str, query: NoQuery) -> dict[str, Any]:
    """Show a server group and its members."""
    row = await own_group(call, call.db, policy.SHOW, group_id)
    return {"server_group": view(row, (await members_of(call.db, [group_id]))[group_id])}


@routes.delete("/v2.1/os-server-groups/{group_id}", rule=policy.DELETE, late=True)
async def delete_group(call: Call, group_id: str) -> None:
    """Delete a server group; its members stay where they are."""
    async with call.db.tx() as tx:
        await own_group(call, tx, policy.DELETE, group_id)
        await tx.delete("server_group_members", {"group_id": group_id})
        await tx.delete("server_groups", {"id": group_id})


async def own_group(call: Call, reads: Reads, rule: Rule, group_id: str) -> GroupRow:
    """Return a group that the caller may know of.  Raises GroupNotFound, PolicyDenied."""
    row = await get_group(reads, group_id)
    mine = row is not None and (call.actor.is_admin or row.project_id == call.actor.project_id)
    call.enforce(rule, project_id=row.project_id if row is not None and mine else call.actor.project_id)
    if row is None or not mine:
        raise GroupNotFound(group_id)
    return row


def rules_of(new: NewGroup) -> dict[str, int]:
    """Return the rules as they are kept.  Raises Invalid, RulesNotWanted."""
    if new.rules is None or new.rules.max_server_per_host is None:
        return {}
    if new.policy != "anti-affinity":
        raise RulesNotWanted
    return {"max_server_per_host": whole(new.rules.max_server_per_host, "max_server_per_host", 1)}
