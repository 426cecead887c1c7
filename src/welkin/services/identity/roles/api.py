"""Roles over HTTP, and what they imply."""

from __future__ import annotations

import msgspec

from welkin.core.answers import Answer
from welkin.core.db import UniqueViolation
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, Immutable, NotAllowed
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects.shapes import merged
from welkin.services.identity.roles import policy, rows
from welkin.services.identity.roles.rows import RoleRow
from welkin.services.identity.roles.shapes import RoleBody, RoleCreate, RoleUpdate
from welkin.services.identity.wire import View, about, changes, collection, link, page, take, text_filters

routes = Routes(discovery.service)

NEVER_IMPLIED = "admin"
ROLES: Listing[RoleRow] = Listing(
    table="identity_roles",
    row=RoleRow,
    filters=text_filters("name", "domain_id"),
    sorts={"id": "id", "name": "name"},
)


@routes.get("/v3/roles", rule=policy.LIST, late=True)
async def list_roles(call: Call) -> View:
    """List the roles of the cloud, or with `domain_id` a domain's own."""
    of_domain = "domain_id" in call.args
    call.enforce(policy.LIST_OF_DOMAIN if of_domain else policy.LIST)
    select = Select()
    if not of_domain:
        select.where("domain_id = ''")
    found = await page(call, ROLES, select, "role")
    return collection(call, "roles", [view(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/roles", rule=policy.CREATE, late=True)
async def create_role(call: Call, body: RoleBody) -> View:
    """Create a role."""
    call.enforce(policy.CREATE_OF_DOMAIN if body.role.get("domain_id") else policy.CREATE)
    wanted, extra = take(RoleCreate, body.role)
    if wanted.domain_id is not None:
        await projects.get_domain(call.db, wanted.domain_id)
    row = RoleRow(
        id=call.world.new_hex(),
        name=wanted.name.strip(),
        domain_id=wanted.domain_id or "",
        description=wanted.description,
        options=merged({}, wanted.options),
        extra=extra,
    )
    async with call.db.tx() as tx:
        try:
            await tx.insert("identity_roles", row)
        except UniqueViolation:
            raise Duplicate("role", f"Duplicate entry found with name {row.name}") from None
        await changed(call, tx, "role", row.id, "created")
    return {"role": view(call, row)}


@routes.get("/v3/roles/{role_id}", rule=policy.GET, late=True)
async def show_role(call: Call, role_id: str) -> View:
    """Show a role."""
    return {"role": view(call, await _load(call, role_id, policy.GET, policy.GET_OF_DOMAIN))}


@routes.patch("/v3/roles/{role_id}", rule=policy.UPDATE, late=True)
async def update_role(call: Call, role_id: str, body: RoleBody) -> View:
    """Change a role."""
    row = await _load(call, role_id, policy.UPDATE, policy.UPDATE_OF_DOMAIN)
    wanted, extra = take(RoleUpdate, body.role)
    given = changes(wanted)
    if (given.pop("domain_id", row.domain_id) or "") != row.domain_id:
        raise Invalid("Cannot change Domain ID")
    if "options" in given:
        given["options"] = merged(row.options, given["options"])
    if row.options.get("immutable") and given.get("options", row.options).get("immutable"):
        raise Immutable("role", row.id)
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    async with call.db.tx() as tx:
        try:
            await tx.update("identity_roles", {"id": row.id}, msgspec.structs.asdict(fresh))
        except UniqueViolation:
            raise Duplicate("role", f"Duplicate entry found with name {fresh.name}") from None
        await changed(call, tx, "role", row.id)
    return {"role": view(call, fresh)}


@routes.delete("/v3/roles/{role_id}", rule=policy.DELETE, late=True)
async def delete_role(call: Call, role_id: str) -> None:
    """Delete a role, wherever it is assigned."""
    row = await _load(call, role_id, policy.DELETE, policy.DELETE_OF_DOMAIN)
    if row.options.get("immutable"):
        raise Immutable("role", row.id)
    async with call.db.tx() as tx:
        await rows.forget(tx, row.id)
        await changed(call, tx, "role", row.id, "deleted")


@routes.get("/v3/roles/{prior_role_id}/implies", rule=policy.LIST_IMPLIED)
async def list_implied(call: Call, prior_role_id: str) -> View:
    """List what a role implies at first hand."""
    prior = await rows.get(call.db, prior_role_id)
    book = await rows.book(call.db)
    implied = [_short(call, book.roles[id]) for id in book.implied.get(prior.id, ())]
    inference = {"prior_role": _short(call, prior), "implies": implied}
    return {"role_inference": inference, "links": link(call, "roles", prior.id, "implies")}


@routes.put("/v3/roles/{prior_role_id}/implies/{implied_role_id}", rule=policy.CREATE_IMPLIED, status=201)
async def create_implied(call: Call, prior_role_id: str, implied_role_id: str) -> View:
    """Make a role imply another."""
    prior, implied = await rows.get(call.db, prior_role_id), await rows.get(call.db, implied_role_id)
    if (implied.domain_id and not prior.domain_id) or implied.name.lower() == NEVER_IMPLIED:
        raise NotAllowed(f"{implied.id} cannot be an implied roles.")
    async with call.db.tx() as tx:
        sql = "INSERT INTO identity_inferences (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        await tx.run(sql, prior.id, implied.id)
        await changed(call, tx, "role", prior.id)
    return _inference(call, prior, implied)


@routes.get("/v3/roles/{prior_role_id}/implies/{implied_role_id}", rule=policy.GET_IMPLIED, late=True)
async def show_implied(call: Call, prior_role_id: str, implied_role_id: str) -> View | Answer:
    """Show that a role implies another; a HEAD only checks it."""
    call.enforce(policy.CHECK_IMPLIED if call.method == "HEAD" else policy.GET_IMPLIED)
    prior, implied = await rows.get(call.db, prior_role_id), await rows.get(call.db, implied_role_id)
    sql = "SELECT 1 FROM identity_inferences WHERE prior_id = $1 AND implied_id = $2"
    if not await call.db.value(sql, prior.id, implied.id):
        raise NotFound(f"{prior.id} does not imply {implied.id}.")
    return Answer(status=204) if call.method == "HEAD" else _inference(call, prior, implied)


@routes.delete("/v3/roles/{prior_role_id}/implies/{implied_role_id}", rule=policy.DELETE_IMPLIED)
async def delete_implied(call: Call, prior_role_id: str, implied_role_id: str) -> None:
    """Make a role imply another no more."""
    prior, implied = await rows.get(call.db, prior_role_id), await rows.get(call.db, implied_role_id)
    async with call.db.tx() as tx:
        if not await tx.delete("identity_inferences", {"prior_id": prior.id, "implied_id": implied.id}):
            raise NotFound(f"{prior.id} does not imply {implied.id}.")
        await changed(call, tx, "role", prior.id)


@routes.get("/v3/role_inferences", rule=policy.LIST_INFERENCES)
async def list_inferences(call: Call) -> View:
    """List every role that implies something, with what it implies."""
    book = await rows.book(call.db)
    found = [
        {"prior_role": _short(call, book.roles[prior]), "implies": [_short(call, book.roles[id]) for id in implied]}
        for prior, implied in book.implied.items()
    ]
    return {"role_inferences": found, "links": link(call, "role_inferences")}


def view(call: Call, row: RoleRow) -> View:
    """Return a role as clients read it."""
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id or None,
        "description": row.description,
        "options": row.options,
        "links": link(call, "roles", row.id),
    }


def facts(row: RoleRow) -> dict[str, object]:
    """Return what policy checks know about a role."""
    return about("role", {"id": row.id, "name": row.name, "domain_id": row.domain_id or None})


async def _load(call: Call, role_id: str, rule: Rule, rule_of_domain: Rule) -> RoleRow:
    row = await rows.get(call.db, role_id)
    call.enforce(rule_of_domain if row.domain_id else rule, **facts(row))
    return row


def _short(call: Call, row: RoleRow) -> View:
    return {"id": row.id, "name": row.name, "links": link(call, "roles", row.id)}


def _inference(call: Call, prior: RoleRow, implied: RoleRow) -> View:
    inference = {"prior_role": _short(call, prior), "implies": _short(call, implied)}
    return {"role_inference": inference, "links": link(call, "roles", prior.id, "implies", implied.id)}
