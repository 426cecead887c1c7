"""Unified limits over HTTP.  The model is flat: a project's limit does not depend on its parent's."""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads, Transaction, UniqueViolation
from welkin.core.errors import Conflict, Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal
from welkin.services.identity import discovery
from welkin.services.identity.catalog import rows as catalog
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import NoSuch, NotAllowed
from welkin.services.identity.limits import policy, views
from welkin.services.identity.limits.rows import JOINED, LIMIT_COLUMNS, REGISTERED_COLUMNS, LimitRow, RegisteredLimitRow
from welkin.services.identity.limits.shapes import (
    Limit,
    LimitCreateBody,
    LimitUpdateBody,
    RegisteredCreateBody,
    RegisteredUpdateBody,
)
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.wire import View, changes, collection, page

routes = Routes(discovery.service)

ALREADY = "There is a limit for this resource already."
REGISTERED: Listing[RegisteredLimitRow] = Listing(
    table="identity_registered_limits",
    row=RegisteredLimitRow,
    filters={name: equal(name) for name in ("service_id", "region_id", "resource_name")},
    sorts={"id": "id"},
)


@routes.get("/v3/registered_limits", rule=policy.LIST_REGISTERED)
async def list_registered_limits(call: Call) -> View:
    """List registered limits."""
    found = await page(call, REGISTERED, Select(), "registered limit")
    shown = [views.registered(call, row) for row in found.rows]
    return collection(call, "registered_limits", shown, truncated=found.more)


@routes.post("/v3/registered_limits", rule=policy.CREATE_REGISTERED)
async def create_registered_limits(call: Call, body: RegisteredCreateBody) -> View:
    """Register limits, all of them or none."""
    made = []
    async with call.db.tx() as tx:
        for wanted in body.registered_limits:
            await _check_place(tx, wanted.service_id, wanted.region_id)
            row = RegisteredLimitRow(
                id=call.world.new_hex(),
                service_id=wanted.service_id,
                region_id=wanted.region_id or "",
                resource_name=wanted.resource_name,
                default_limit=wanted.default_limit,
                description=wanted.description,
            )
            try:
                await tx.insert("identity_registered_limits", row)
            except UniqueViolation:
                raise Conflict(ALREADY) from None
            await changed(call, tx, "registered-limit", row.id, "created")
            made.append(views.registered(call, row))
    return {"registered_limits": made}


@routes.get("/v3/registered_limits/{registered_limit_id}", rule=policy.GET_REGISTERED)
async def show_registered_limit(call: Call, registered_limit_id: str) -> View:
    """Show a registered limit."""
    return {"registered_limit": views.registered(call, await _registered(call.db, registered_limit_id))}


@routes.patch("/v3/registered_limits/{registered_limit_id}", rule=policy.UPDATE_REGISTERED)
async def update_registered_limit(call: Call, registered_limit_id: str, body: RegisteredUpdateBody) -> View:
    """Change a registered limit; what it is about only while no project departs from it."""
    row = await _registered(call.db, registered_limit_id)
    given = changes(body.registered_limit)
    if "region_id" in given:
        given["region_id"] = given["region_id"] or ""
    fresh = msgspec.structs.replace(row, **given)
    async with call.db.tx() as tx:
        await _check_place(tx, fresh.service_id, fresh.region_id or None)
        if (fresh.service_id, fresh.region_id, fresh.resource_name) != (
            row.service_id,
            row.region_id,
            row.resource_name,
        ):
            await _check_unused(tx, row.id)
        try:
            await tx.update("identity_registered_limits", {"id": row.id}, msgspec.structs.asdict(fresh))
        except UniqueViolation:
            raise Conflict(ALREADY) from None
        await changed(call, tx, "registered-limit", row.id)
    return {"registered_limit": views.registered(call, fresh)}


@routes.delete("/v3/registered_limits/{registered_limit_id}", rule=policy.DELETE_REGISTERED)
async def delete_registered_limit(call: Call, registered_limit_id: str) -> None:
    """Delete a registered limit from which no project departs."""
    row = await _registered(call.db, registered_limit_id)
    async with call.db.tx() as tx:
        await _check_unused(tx, row.id)
        await tx.delete("identity_registered_limits", {"id": row.id})
        await changed(call, tx, "registered-limit", row.id, "deleted")


@routes.get("/v3/limits/model", rule=policy.MODEL)
async def show_limit_model(call: Call) -> View:
    """Say how limits are enforced."""
    description = "Limit enforcement and validation does not take project hierarchy into consideration."
    return {"model": {"name": "flat", "description": description}}


@routes.get("/v3/limits", rule=policy.LIST)
async def list_limits(call: Call) -> View:
    """List limits: all of them for administrators and services, else those of the caller's project or domain."""
    select, actor = Select(), call.actor
    names = {"service_id": "r.service_id", "region_id": "r.region_id", "resource_name": "r.resource_name"}
    for name, column in names.items():
        if name in call.args:
            select.any_of(column, call.args[name])
    for name, is_domain in (("project_id", False), ("domain_id", True)):
        if name in call.args:
            select.where("l.is_domain = ?", is_domain)
            select.any_of("l.owner_id", call.args[name])
    if not (actor.system or actor.roles & {"admin", "service"}):
        if actor.domain_id is not None:
            owned = "l.owner_id = ? OR l.owner_id IN (SELECT id FROM identity_projects WHERE domain_id = ?)"
            select.where(f"({owned})", actor.domain_id, actor.domain_id)
        else:
            select.where("l.owner_id = ?", actor.project_id or "")
    sql = f"SELECT {LIMIT_COLUMNS} FROM {JOINED}{select.clause()} ORDER BY l.id"
    found = await call.db.all(LimitRow, sql, *select.values)
    return collection(call, "limits", [views.limit(call, row) for row in found])


@routes.post("/v3/limits", rule=policy.CREATE)
async def create_limits(call: Call, body: LimitCreateBody) -> View:
    """Create limits, all of them or none."""
    made = []
    async with call.db.tx() as tx:
        for wanted in body.limits:
            row = await _insert(call, tx, wanted)
            await changed(call, tx, "limit", row.id, "created")
            made.append(views.limit(call, row))
    return {"limits": made}


@routes.get("/v3/limits/{limit_id}", rule=policy.GET, late=True)
async def show_limit(call: Call, limit_id: str) -> View:
    """Show a limit."""
    row = await _find(call.db, limit_id)
    target: dict[str, object] = {}
    if row is not None and row.is_domain:
        target = {"target.limit.domain.id": row.owner_id, "target.limit.project_id": None}
    elif row is not None:
        project = await projects.find(call.db, row.owner_id)
        domain_id = project.domain_id if project is not None else None
        target = {"target.limit.project.domain_id": domain_id, "target.limit.project_id": row.owner_id}
    call.enforce(policy.GET, **target)
    if row is None:
        raise NoSuch("limit for", limit_id)
    return {"limit": views.limit(call, row)}


@routes.patch("/v3/limits/{limit_id}", rule=policy.UPDATE)
async def update_limit(call: Call, limit_id: str, body: LimitUpdateBody) -> View:
    """Change a limit."""
    row = await _limit(call.db, limit_id)
    given = changes(body.limit)
    async with call.db.tx() as tx:
        await tx.update("identity_limits", {"id": row.id}, given)
        await changed(call, tx, "limit", row.id)
    return {"limit": views.limit(call, msgspec.structs.replace(row, **given))}


@routes.delete("/v3/limits/{limit_id}", rule=policy.DELETE)
async def delete_limit(call: Call, limit_id: str) -> None:
    """Delete a limit: what is registered counts again."""
    row = await _limit(call.db, limit_id)
    async with call.db.tx() as tx:
        await tx.delete("identity_limits", {"id": row.id})
        await changed(call, tx, "limit", row.id, "deleted")


async def _insert(call: Call, tx: Transaction, wanted: Limit) -> LimitRow:
    """Store a limit.  Raises Invalid, Conflict, and NotAllowed without a registered limit to depart from."""
    if (wanted.project_id is None) == (wanted.domain_id is None):
        raise Invalid("A limit is for either a project or a domain.")
    owner = await projects.find(tx, wanted.project_id or wanted.domain_id)
    if owner is None or (wanted.domain_id is not None and not owner.is_domain):
        raise Invalid("Expecting to find project_id in limit." if wanted.project_id else "Expecting a domain_id.")
    await _check_place(tx, wanted.service_id, wanted.region_id)
    sql = "SELECT id FROM identity_registered_limits WHERE service_id = $1 AND region_id = $2 AND resource_name = $3"
    registered_id = await tx.value(sql, wanted.service_id, wanted.region_id or "", wanted.resource_name)
    if registered_id is None:
        raise NotAllowed("Unable to create a limit that has no corresponding registered limit.")
    stored = {
        "id": call.world.new_hex(),
        "registered_limit_id": registered_id,
        "owner_id": owner.id,
        "is_domain": owner.is_domain,
        "resource_limit": wanted.resource_limit,
        "description": wanted.description,
    }
    try:
        await tx.insert("identity_limits", stored)
    except UniqueViolation:
        raise Conflict(ALREADY) from None
    return await _limit(tx, str(stored["id"]))


async def _check_place(reads: Reads, service_id: str, region_id: str | None) -> None:
    try:
        await catalog.get_service(reads, service_id)
        if region_id is not None:
            await catalog.get_region(reads, region_id)
    except NoSuch as error:
        raise Invalid(str(error)) from error


async def _check_unused(tx: Transaction, registered_limit_id: str) -> None:
    sql = "SELECT 1 FROM identity_limits WHERE registered_limit_id = $1 LIMIT 1"
    if await tx.value(sql, registered_limit_id):
        raise NotAllowed(
            f"Unable to update or delete registered limit {registered_limit_id} "
            "because there are project limits associated with it."
        )


async def _registered(reads: Reads, id: str) -> RegisteredLimitRow:
    sql = f"SELECT {REGISTERED_COLUMNS} FROM identity_registered_limits WHERE id = $1"
    row = await reads.one(RegisteredLimitRow, sql, id)
    if row is None:
        raise NoSuch("registered limit for", id)
    return row


async def _find(reads: Reads, id: str) -> LimitRow | None:
    return await reads.one(LimitRow, f"SELECT {LIMIT_COLUMNS} FROM {JOINED} WHERE l.id = $1", id)


async def _limit(reads: Reads, id: str) -> LimitRow:
    row = await _find(reads, id)
    if row is None:
        raise NoSuch("limit for", id)
    return row
