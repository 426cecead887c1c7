"""Groups and their members over HTTP."""

from __future__ import annotations

import msgspec

from welkin.core.db import UniqueViolation
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, NoSuch
from welkin.services.identity.groups import policy, rows
from welkin.services.identity.groups.rows import GroupRow
from welkin.services.identity.groups.shapes import GroupBody, GroupCreate, GroupUpdate
from welkin.services.identity.projects.api import domain_for
from welkin.services.identity.users import policy as user_policy
from welkin.services.identity.users import rows as users
from welkin.services.identity.users import views as user_views
from welkin.services.identity.users.api import USERS
from welkin.services.identity.users.api import load as load_user
from welkin.services.identity.users.rows import UserRow
from welkin.services.identity.wire import View, about, changes, collection, link, page, take, text_filters

routes = Routes(discovery.service)

GROUPS: Listing[GroupRow] = Listing(
    table="identity_groups",
    row=GroupRow,
    filters=text_filters("name", "domain_id"),
    sorts={"id": "id", "name": "name"},
)


@routes.get("/v3/groups", rule=policy.LIST, late=True)
async def list_groups(call: Call) -> View:
    """List groups; for somebody who acts in one domain, those of that domain."""
    select = _within_own_domain(call, policy.LIST)
    found = await page(call, GROUPS, select, "group")
    return collection(call, "groups", [_view(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/groups", rule=policy.CREATE, late=True)
async def create_group(call: Call, body: GroupBody) -> View:
    """Create a group."""
    call.enforce(policy.CREATE, **about("group", body.group))
    wanted, extra = take(GroupCreate, body.group)
    domain = await domain_for(call, call.db, wanted.domain_id)
    row = GroupRow(
        id=call.world.new_hex(),
        name=wanted.name.strip(),
        domain_id=domain.id,
        description=wanted.description or "",
        extra=extra,
    )
    async with call.db.tx() as tx:
        try:
            await tx.insert("identity_groups", row)
        except UniqueViolation:
            raise _duplicate(row) from None
        await changed(call, tx, "group", row.id, "created")
    return {"group": _view(call, row)}


@routes.get("/v3/groups/{group_id}", rule=policy.GET, late=True)
async def show_group(call: Call, group_id: str) -> View:
    """Show a group."""
    return {"group": _view(call, await _load(call, group_id, policy.GET))}


@routes.patch("/v3/groups/{group_id}", rule=policy.UPDATE, late=True)
async def update_group(call: Call, group_id: str, body: GroupBody) -> View:
    """Change a group."""
    row = await _load(call, group_id, policy.UPDATE)
    wanted, extra = take(GroupUpdate, body.group)
    given = changes(wanted)
    if given.pop("domain_id", row.domain_id) != row.domain_id:
        raise Invalid("Cannot change Domain ID")
    if "description" in given:
        given["description"] = given["description"] or ""
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    async with call.db.tx() as tx:
        try:
            await tx.update("identity_groups", {"id": row.id}, msgspec.structs.asdict(fresh))
        except UniqueViolation:
            raise _duplicate(fresh) from None
        await changed(call, tx, "group", row.id)
    return {"group": _view(call, fresh)}


@routes.delete("/v3/groups/{group_id}", rule=policy.DELETE, late=True)
async def delete_group(call: Call, group_id: str) -> None:
    """Delete a group; its users stay, without the roles that they had by it."""
    row = await _load(call, group_id, policy.DELETE)
    async with call.db.tx() as tx:
        await rows.forget(tx, row.id)
        await changed(call, tx, "group", row.id, "deleted")


@routes.get("/v3/groups/{group_id}/users", rule=policy.LIST_USERS, late=True)
async def list_users_in_group(call: Call, group_id: str) -> View:
    """List the users in a group."""
    row = await _load(call, group_id, policy.LIST_USERS)
    select = Select()
    select.where("id IN (SELECT user_id FROM identity_members WHERE group_id = ?)", row.id)
    found = await page(call, USERS, select, "user")
    return collection(call, "users", await user_views.users(call, found.rows), truncated=found.more)


@routes.get("/v3/groups/{group_id}/users/{user_id}", rule=policy.CHECK_USER, late=True, status=204)
async def check_user_in_group(call: Call, group_id: str, user_id: str) -> None:
    """Say whether a user is in a group."""
    group, user = await _pair(call, group_id, user_id, policy.CHECK_USER)
    if group.id not in await users.groups_of(call.db, user.id):
        raise NotFound(f"User '{user.id}' not found in group '{group.id}'")


@routes.put("/v3/groups/{group_id}/users/{user_id}", rule=policy.ADD_USER, late=True, status=204)
async def add_user_to_group(call: Call, group_id: str, user_id: str) -> None:
    """Add a user to a group."""
    group, user = await _pair(call, group_id, user_id, policy.ADD_USER)
    async with call.db.tx() as tx:
        sql = "INSERT INTO identity_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        await tx.run(sql, group.id, user.id)
        await changed(call, tx, "group", group.id)


@routes.delete("/v3/groups/{group_id}/users/{user_id}", rule=policy.REMOVE_USER, late=True)
async def remove_user_from_group(call: Call, group_id: str, user_id: str) -> None:
    """Remove a user from a group."""
    group, user = await _pair(call, group_id, user_id, policy.REMOVE_USER)
    async with call.db.tx() as tx:
        if not await tx.delete("identity_members", {"group_id": group.id, "user_id": user.id}):
            raise NotFound(f"User '{user.id}' not found in group '{group.id}'")
        await changed(call, tx, "group", group.id)


@routes.get("/v3/users/{user_id}/groups", rule=user_policy.LIST_GROUPS, late=True)
async def list_groups_of_user(call: Call, user_id: str) -> View:
    """List the groups that a user is in."""
    user = await load_user(call, user_id, user_policy.LIST_GROUPS)
    select = Select()
    select.where("id IN (SELECT group_id FROM identity_members WHERE user_id = ?)", user.id)
    found = await page(call, GROUPS, select, "group")
    return collection(call, "groups", [_view(call, row) for row in found.rows], truncated=found.more)


def _within_own_domain(call: Call, rule: Rule) -> Select:
    domain_id = call.actor.domain_id
    call.enforce(rule, **({} if domain_id is None else {"target.group.domain_id": domain_id}))
    select = Select()
    if domain_id is not None:
        select.where("domain_id = ?", domain_id)
    return select


async def _load(call: Call, group_id: str, rule: Rule) -> GroupRow:
    row = await rows.find(call.db, group_id)
    call.enforce(rule, **about("group", row))
    if row is None:
        raise NoSuch("group", group_id)
    return row


async def _pair(call: Call, group_id: str, user_id: str, rule: Rule) -> tuple[GroupRow, UserRow]:
    group, user = await rows.find(call.db, group_id), await users.find(call.db, user_id)
    call.enforce(rule, **about("group", group), **about("user", user))
    if group is None:
        raise NoSuch("group", group_id)
    if user is None:
        raise NoSuch("user", user_id)
    return group, user


def _duplicate(row: GroupRow) -> Duplicate:
    return Duplicate("group", f"Duplicate entry found with name {row.name} at domain ID {row.domain_id}")


def _view(call: Call, row: GroupRow) -> View:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "description": row.description,
        "links": link(call, "groups", row.id),
    }
