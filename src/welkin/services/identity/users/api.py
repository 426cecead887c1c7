"""Users over HTTP, and their own change of password."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from welkin.core import times
from welkin.core.db import UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, comparison
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, NoSuch, NotAuthenticated, PasswordExpired
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects import views as project_views
from welkin.services.identity.projects.api import domain_for
from welkin.services.identity.projects.shapes import merged
from welkin.services.identity.tokens.proof import Prover
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.users import passwords, policy, rows, views
from welkin.services.identity.users.rows import UserRow
from welkin.services.identity.users.shapes import PasswordBody, UserBody, UserCreate, UserUpdate
from welkin.services.identity.wire import View, about, changes, collection, flag, page, take, text_filters

routes = Routes(discovery.service)

EXPIRES_AT = (
    "(SELECT p.expires_at FROM identity_passwords AS p WHERE p.user_id = identity_users.id "
    "ORDER BY p.created_at DESC LIMIT 1)"
)
USERS: Listing[UserRow] = Listing(
    table="identity_users",
    row=UserRow,
    filters=text_filters("name", "domain_id", "id")
    | {"enabled": flag("enabled"), "password_expires_at": comparison(EXPIRES_AT, times.parse)},
    sorts={"id": "id", "name": "name"},
)


@routes.get("/v3/users", rule=policy.LIST, late=True)
async def list_users(call: Call) -> View:
    """List users; for somebody who acts in one domain, those of that domain."""
    domain_id = call.actor.domain_id
    call.enforce(policy.LIST, **({} if domain_id is None else {"target.domain_id": domain_id}))
    select = Select()
    if domain_id is not None:
        select.where("domain_id = ?", domain_id)
    found = await page(call, USERS, select, "user")
    return collection(call, "users", await views.users(call, found.rows), truncated=found.more)


@routes.post("/v3/users", rule=policy.CREATE, late=True)
async def create_user(call: Call, body: UserBody) -> View:
    """Create a user."""
    call.enforce(policy.CREATE, **about("user", body.user))
    wanted, extra = take(UserCreate, body.user)
    domain = await domain_for(call, call.db, wanted.domain_id)
    await _check_default_project(call, wanted.default_project_id)
    row = UserRow(
        id=call.world.new_hex(),
        name=wanted.name.strip(),
        domain_id=domain.id,
        enabled=wanted.enabled,
        default_project_id=wanted.default_project_id,
        options=merged({}, wanted.options),
        extra=extra,
        created_at=call.world.now(),
    )
    password = None if wanted.password is None else await passwords.prepare(call, row, wanted.password)
    async with call.db.tx() as tx:
        try:
            await tx.insert("identity_users", row)
        except UniqueViolation:
            raise Duplicate("user", f"Duplicate entry found with name {row.name} at domain ID {domain.id}") from None
        if password is not None:
            await passwords.store(call, tx, password)
        await changed(call, tx, "user", row.id, "created")
    return {"user": await views.user(call, row)}


@routes.get("/v3/users/{user_id}", rule=policy.GET, late=True)
async def show_user(call: Call, user_id: str) -> View:
    """Show a user."""
    return {"user": await views.user(call, await load(call, user_id, policy.GET))}


@routes.patch("/v3/users/{user_id}", rule=policy.UPDATE, late=True)
async def update_user(call: Call, user_id: str, body: UserBody) -> View:
    """Change a user; a new password, or being disabled, ends all their tokens."""
    row = await load(call, user_id, policy.UPDATE)
    wanted, extra = take(UserUpdate, body.user)
    given = changes(wanted)
    password_text = given.pop("password", None)
    fresh = msgspec.structs.replace(row, **await _checked(call, row, given), extra=row.extra | extra)
    password = None if password_text is None else await passwords.prepare(call, fresh, password_text)
    columns = {name: getattr(fresh, name) for name in ("name", "enabled", "default_project_id", "options", "extra")}
    async with call.db.tx() as tx:
        try:
            await tx.update("identity_users", {"id": row.id}, columns)
        except UniqueViolation:
            details = f"Duplicate entry found with name {fresh.name} at domain ID {row.domain_id}"
            raise Duplicate("user", details) from None
        if password is not None:
            await passwords.store(call, tx, password)
        if password is not None or (row.enabled and not fresh.enabled):
            await call.get(Tokens).revoke(tx, user_id=row.id)
        await changed(call, tx, "user", row.id)
    return {"user": await views.user(call, fresh)}


@routes.delete("/v3/users/{user_id}", rule=policy.DELETE, late=True)
async def delete_user(call: Call, user_id: str) -> None:
    """Delete a user, and everything that is only theirs."""
    row = await load(call, user_id, policy.DELETE)
    async with call.db.tx() as tx:
        await rows.forget(tx, row.id)
        await call.get(Tokens).revoke(tx, user_id=row.id)
        await changed(call, tx, "user", row.id, "deleted")


@routes.post("/v3/users/{user_id}/password", rule=policy.CHANGE_PASSWORD, status=204)
async def change_password(call: Call, user_id: str, body: PasswordBody) -> None:
    """Change one's own password, which takes the old one and no token; it may have expired."""
    row = await rows.find(call.db, user_id)
    if row is None:
        await call.get(Prover).hashing.verify_nobody(body.user.original_password)
        raise NotAuthenticated
    with contextlib.suppress(PasswordExpired):  # then it was the right one, and they are here to change it
        await call.get(Prover).check_password(row, body.user.original_password)
    password = await passwords.prepare(call, row, body.user.password, self_service=True)
    async with call.db.tx() as tx:
        await passwords.store(call, tx, password)
        await call.get(Tokens).revoke(tx, user_id=row.id)
        await changed(call, tx, "user", row.id)


@routes.get("/v3/users/{user_id}/projects", rule=policy.LIST_PROJECTS, late=True)
async def list_user_projects(call: Call, user_id: str) -> View:
    """List the projects on which a user has a role."""
    row = await load(call, user_id, policy.LIST_PROJECTS)
    found = await assignments.projects_of(call.db, row.id)
    return collection(call, "projects", await project_views.projects(call, found))


async def load(call: Call, user_id: str, rule: Rule) -> UserRow:
    """Return a user that the caller may use so.  Raises PolicyDenied, NoSuch."""
    row = await rows.find(call.db, user_id)
    call.enforce(rule, user_id=user_id, **about("user", row))
    if row is None:
        raise NoSuch("user", user_id)
    return row


async def _checked(call: Call, row: UserRow, given: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that a PATCH changes.  Raises Invalid."""
    given.pop("password_expires_at", None)
    if given.pop("domain_id", row.domain_id) != row.domain_id:
        raise Invalid("Cannot change Domain ID")
    if "options" in given:
        given["options"] = merged(row.options, given["options"])
    if "name" in given:
        given["name"] = given["name"].strip()
    await _check_default_project(call, given.get("default_project_id"))
    return given


async def _check_default_project(call: Call, project_id: str | None) -> None:
    project = await projects.find(call.db, project_id)
    if project is not None and project.is_domain:
        raise Invalid("User's default project ID cannot be a domain ID.")
