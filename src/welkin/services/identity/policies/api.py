"""Policy blobs over HTTP.  Nothing here obeys them: they are kept for whoever put them there."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from welkin.core.db import columns
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import NoSuch
from welkin.services.identity.policies import policy
from welkin.services.identity.wire import Given, View, changes, collection, link, page, take

routes = Routes(discovery.service)

Type = Annotated[str, msgspec.Meta(max_length=255)]


class PolicyRow(msgspec.Struct, frozen=True):
    """A policy blob as stored."""

    id: str
    type: str
    blob: str
    extra: dict[str, Any]


class PolicyCreate(msgspec.Struct, kw_only=True):
    """A new policy blob."""

    type: Type
    blob: str


class PolicyUpdate(msgspec.Struct, kw_only=True):
    """Changes of a policy blob."""

    type: Type | UnsetType = UNSET
    blob: str | UnsetType = UNSET


class PolicyBody(msgspec.Struct):
    """A body about a policy blob."""

    policy: Given


POLICIES: Listing[PolicyRow] = Listing(
    table="identity_policies", row=PolicyRow, filters={"type": equal("type")}, sorts={"id": "id"}
)


@routes.get("/v3/policies", rule=policy.LIST)
async def list_policies(call: Call) -> View:
    """List policy blobs."""
    found = await page(call, POLICIES, Select(), "policy")
    return collection(call, "policies", [_view(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/policies", rule=policy.CREATE)
async def create_policy(call: Call, body: PolicyBody) -> View:
    """Keep a policy blob."""
    wanted, extra = take(PolicyCreate, body.policy)
    row = PolicyRow(id=call.world.new_hex(), type=wanted.type, blob=wanted.blob, extra=extra)
    async with call.db.tx() as tx:
        await tx.insert("identity_policies", row)
        await changed(call, tx, "policy", row.id, "created")
    return {"policy": _view(call, row)}


@routes.get("/v3/policies/{policy_id}", rule=policy.GET)
async def show_policy(call: Call, policy_id: str) -> View:
    """Show a policy blob."""
    return {"policy": _view(call, await _get(call, policy_id))}


@routes.patch("/v3/policies/{policy_id}", rule=policy.UPDATE)
async def update_policy(call: Call, policy_id: str, body: PolicyBody) -> View:
    """Change a policy blob."""
    row = await _get(call, policy_id)
    wanted, extra = take(PolicyUpdate, body.policy)
    fresh = msgspec.structs.replace(row, **changes(wanted), extra=row.extra | extra)
    async with call.db.tx() as tx:
        await tx.update("identity_policies", {"id": row.id}, msgspec.structs.asdict(fresh))
        await changed(call, tx, "policy", row.id)
    return {"policy": _view(call, fresh)}


@routes.delete("/v3/policies/{policy_id}", rule=policy.DELETE)
async def delete_policy(call: Call, policy_id: str) -> None:
    """Delete a policy blob."""
    row = await _get(call, policy_id)
    async with call.db.tx() as tx:
        await tx.delete("identity_policies", {"id": row.id})
        await changed(call, tx, "policy", row.id, "deleted")


async def _get(call: Call, policy_id: str) -> PolicyRow:
    sql = f"SELECT {columns(PolicyRow)} FROM identity_policies WHERE id = $1"
    row = await call.db.one(PolicyRow, sql, policy_id)
    if row is None:
        raise NoSuch("policy", policy_id)
    return row


def _view(call: Call, row: PolicyRow) -> View:
    return {
        **row.extra,
        "id": row.id,
        "type": row.type,
        "blob": row.blob,
        "links": link(call, "policies", row.id),
    }
