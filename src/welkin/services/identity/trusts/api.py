"""Trusts over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec

from welkin.core import times
from welkin.core.db import Transaction
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.application_credentials.shapes import RoleRef
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import NoSuch, NotAllowed
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.roles import api as roles_api
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.roles.rows import RoleRow
from welkin.services.identity.tokens import delegation
from welkin.services.identity.trusts import policy, rows
from welkin.services.identity.trusts.rows import TrustRow
from welkin.services.identity.users import rows as users
from welkin.services.identity.wire import View, about, collection, end_of, link

routes = Routes(discovery.service)

REDELEGATIONS_MAX = 3


class TrustCreate(msgspec.Struct, kw_only=True):
    """A new trust."""

    trustor_user_id: str
    trustee_user_id: str
    impersonation: bool
    project_id: str | None = None
    roles: list[RoleRef] = []
    expires_at: str | None = None
    remaining_uses: Annotated[int, msgspec.Meta(ge=1, le=0x7FFFFFFF)] | None = None
    allow_redelegation: bool = False
    redelegation_count: Annotated[int, msgspec.Meta(ge=0)] | None = None


class TrustBody(msgspec.Struct):
    """A body about a trust."""

    trust: TrustCreate


@routes.get("/v3/OS-TRUST/trusts", rule=policy.LIST, late=True)
async def list_trusts(call: Call) -> View:
    """List trusts: all, or those that a user lends, or is lent."""
    args = {name: values[-1] for name, values in call.args.items()}
    column, value = "", ""
    if "trustor_user_id" in args:
        column, value = "trustor_user_id", args["trustor_user_id"]
        call.enforce(policy.LIST_FOR_TRUSTOR, **{"target.trust.trustor_user_id": value})
    elif "trustee_user_id" in args:
        column, value = "trustee_user_id", args["trustee_user_id"]
        call.enforce(policy.LIST_FOR_TRUSTEE, **{"target.trust.trustee_user_id": value})
    else:
        call.enforce(policy.LIST)
    await _forbid_application_credentials(call)
    where = f" WHERE {column} = $1" if column else ""
    sql = f"SELECT {rows.COLUMNS} FROM identity_trusts{where} ORDER BY id"
    found = await call.db.all(TrustRow, sql, *([value] if column else []))
    return collection(call, "trusts", [_view(call, row) for row in found])


@routes.post("/v3/OS-TRUST/trusts", rule=policy.CREATE, late=True)
async def create_trust(call: Call, body: TrustBody) -> View:
    """Lend roles to another user; with a trust's own token, lend on what was lent."""
    wanted = body.trust
    call.enforce(policy.CREATE, **about("trust", wanted))
    await _forbid_application_credentials(call)
    if wanted.project_id and not wanted.roles:
        raise NotAllowed("At least one role should be specified")
    await users.get(call.db, wanted.trustee_user_id)
    above = (await delegation.context_of(call)).trust
    lent = await _roles(call, wanted)
    row = TrustRow(
        id=call.world.new_hex(),
        trustor_user_id=wanted.trustor_user_id,
        trustee_user_id=wanted.trustee_user_id,
        project_id=wanted.project_id,
        impersonation=wanted.impersonation,
        expires_at=None if wanted.expires_at is None else end_of(call, wanted.expires_at),
        remaining_uses=wanted.remaining_uses,
        redelegated_trust_id=None if above is None else above.id,
        redelegation_count=_depth(wanted, above),
        role_ids=[role.id for role in lent],
        extra={},
    )
    row = row if above is None else _within(row, above)
    await _check_roles(call, row)
    async with call.db.tx() as tx:
        await tx.insert("identity_trusts", row)
        await changed(call, tx, "trust", row.id, "created")
    return {"trust": _view(call, row) | _role_views(call, row, lent)}


@routes.get("/v3/OS-TRUST/trusts/{trust_id}", rule=policy.GET, late=True)
async def show_trust(call: Call, trust_id: str) -> View:
    """Show a trust."""
    row = await _load(call, trust_id, policy.GET)
    return {"trust": _view(call, row) | _role_views(call, row, await _lent(call, row))}


@routes.delete("/v3/OS-TRUST/trusts/{trust_id}", rule=policy.DELETE, late=True)
async def delete_trust(call: Call, trust_id: str) -> None:
    """Delete a trust, and those that lent its roles on; their tokens end."""
    row = await _load(call, trust_id, policy.DELETE)
    async with call.db.tx() as tx:
        await _forget(tx, row.id)
        await changed(call, tx, "trust", row.id, "deleted")


@routes.get("/v3/OS-TRUST/trusts/{trust_id}/roles", rule=policy.LIST_ROLES, late=True)
async def list_trust_roles(call: Call, trust_id: str) -> View:
    """List the roles that a trust lends."""
    row = await _load(call, trust_id, policy.LIST_ROLES)
    found = _role_views(call, row, await _lent(call, row))
    return {"roles": found["roles"], "links": found["roles_links"]}


@routes.get("/v3/OS-TRUST/trusts/{trust_id}/roles/{role_id}", rule=policy.GET_ROLE, late=True)
async def show_trust_role(call: Call, trust_id: str, role_id: str) -> View:
    """Show a role that a trust lends."""
    row = await _load(call, trust_id, policy.GET_ROLE)
    for role in await _lent(call, row):
        if role.id == role_id:
            return {"role": roles_api.view(call, role)}
    raise NoSuch("role", role_id)


async def _forbid_application_credentials(call: Call) -> None:
    if (await delegation.context_of(call)).application_credential is not None:
        raise NotAllowed("Using method 'application_credential' is not allowed for managing trusts.")


async def _load(call: Call, trust_id: str, rule: Rule) -> TrustRow:
    row = await rows.find(call.db, trust_id)
    if row is None or (row.expires_at is not None and row.expires_at <= call.world.now()):
        raise NoSuch("trust", trust_id)
    call.enforce(rule, **about("trust", row))
    await _forbid_application_credentials(call)
    return row


async def _roles(call: Call, wanted: TrustCreate) -> list[RoleRow]:
    """Return the roles that are to be lent.  Raises NoSuch."""
    found = []
    for ref in wanted.roles:
        row = await (roles.find(call.db, ref.id) if ref.id else roles.find_named(call.db, ref.name or ""))
        if row is None:
            raise NoSuch("role", ref.id or ref.name or "")
        found.append(row)
    return found


async def _check_roles(call: Call, row: TrustRow) -> None:
    """Raise NoSuch for a role that whoever lends it, at the beginning of the chain, does not have."""
    if row.project_id is None:
        return
    project = await projects.get(call.db, row.project_id)
    lender = await rows.original_trustor(call.db, row)
    has = (await roles.book(call.db)).closure(await assignments.on_project(call.db, lender, project))
    for role_id in row.role_ids:
        if role_id not in has:
            raise NoSuch("role", role_id)


def _depth(wanted: TrustCreate, above: TrustRow | None) -> int:
    """Return how many times the trust can be lent on.  Raises Invalid, NotAllowed."""
    if not wanted.allow_redelegation or wanted.redelegation_count == 0:
        return 0
    if wanted.remaining_uses is not None:
        raise Invalid("remaining_uses must not be set if redelegation is allowed")
    count = wanted.redelegation_count
    if count is not None and count > REDELEGATIONS_MAX:
        raise NotAllowed(f"Requested redelegation depth of {count} is greater than allowed {REDELEGATIONS_MAX}")
    if above is None:
        return REDELEGATIONS_MAX if count is None else count
    if count is not None and count != above.redelegation_count - 1:
        raise NotAllowed('Modifying "redelegation_count" upon redelegation is forbidden.')
    return above.redelegation_count - 1


def _within(row: TrustRow, above: TrustRow) -> TrustRow:
    """Return a trust that lends on, no wider and no longer than the one above it.  Raises NotAllowed."""
    if above.redelegation_count <= 0:
        raise NotAllowed("This trust cannot be lent on.")
    if row.remaining_uses is not None:
        raise NotAllowed("remaining_uses must not be set in order to redelegate a trust")
    if row.project_id != above.project_id or not set(row.role_ids) <= set(above.role_ids):
        raise NotAllowed("Some of requested roles are not in redelegated trust")
    if row.impersonation and not above.impersonation:
        raise NotAllowed("Impersonation is not allowed because redelegated trust does not specify impersonation.")
    if above.expires_at is None:
        return row
    if row.expires_at is not None and row.expires_at > above.expires_at:
        raise NotAllowed("Requested expiration time is more than redelegated trust can provide")
    return msgspec.structs.replace(row, expires_at=row.expires_at or above.expires_at)


async def _forget(tx: Transaction, trust_id: str) -> None:
    for below in await tx.values("SELECT id FROM identity_trusts WHERE redelegated_trust_id = $1", trust_id):
        await _forget(tx, below)
    await tx.delete("identity_trusts", {"id": trust_id})


async def _lent(call: Call, row: TrustRow) -> list[RoleRow]:
    book = await roles.book(call.db)
    return [book.roles[id] for id in row.role_ids if id in book.roles]


def _role_views(call: Call, row: TrustRow, lent: list[RoleRow]) -> View:
    links = link(call, "OS-TRUST", "trusts", row.id, "roles")
    return {
        "roles": [roles_api.view(call, role) for role in lent],
        "roles_links": {**links, "next": None, "previous": None},
    }


def _view(call: Call, row: TrustRow) -> View:
    return {
        "id": row.id,
        "trustor_user_id": row.trustor_user_id,
        "trustee_user_id": row.trustee_user_id,
        "project_id": row.project_id,
        "impersonation": row.impersonation,
        "expires_at": None if row.expires_at is None else times.with_micros_z(row.expires_at),
        "remaining_uses": row.remaining_uses,
        "redelegated_trust_id": row.redelegated_trust_id,
        "redelegation_count": row.redelegation_count,
        "deleted_at": None,
        "links": link(call, "OS-TRUST", "trusts", row.id),
    }
