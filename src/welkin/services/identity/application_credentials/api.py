"""Application credentials and access rules over HTTP."""

from __future__ import annotations

import base64

import msgspec

from welkin.core import times
from welkin.core.db import Transaction, UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.application_credentials import policy, rows
from welkin.services.identity.application_credentials.rows import AccessRuleRow, ApplicationCredentialRow
from welkin.services.identity.application_credentials.shapes import (
    AccessRule,
    ApplicationCredentialBody,
    ApplicationCredentialCreate,
    RoleRef,
)
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, NoSuch, NotAllowed
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.roles import api as roles_api
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.tokens import delegation
from welkin.services.identity.tokens.context import Context
from welkin.services.identity.wire import View, collection, end_of, link, page, text_filters

routes = Routes(discovery.service)

SECRET_BYTES = 64
CREDENTIALS: Listing[ApplicationCredentialRow] = Listing(
    table="identity_application_credentials",
    row=ApplicationCredentialRow,
    filters=text_filters("name"),
    sorts={"id": "id", "name": "name"},
)
RULES: Listing[AccessRuleRow] = Listing(
    table="identity_access_rules",
    row=AccessRuleRow,
    filters={name: equal(name) for name in ("service", "method", "path")},
    sorts={"id": "id"},
)


@routes.get("/v3/users/{user_id}/application_credentials", rule=policy.LIST, late=True)
async def list_application_credentials(call: Call, user_id: str) -> View:
    """List a user's application credentials."""
    call.enforce(policy.LIST, user_id=user_id)
    await delegation.forbid_trusts(call)
    select = Select()
    select.where("user_id = ?", user_id)
    found = await page(call, CREDENTIALS, select, "application credential")
    views = [await _view(call, row) for row in found.rows]
    return collection(call, "application_credentials", views, truncated=found.more)


@routes.post("/v3/users/{user_id}/application_credentials", rule=policy.CREATE, late=True)
async def create_application_credential(call: Call, user_id: str, body: ApplicationCredentialBody) -> View:
    """Create an application credential on the token's project; the secret is shown now and never again."""
    call.enforce(policy.CREATE, user_id=user_id)
    wanted = body.application_credential
    context = await delegation.forbid_trusts(call)
    delegation.forbid_restricted(context, "application credentials")
    if context.project is None:
        raise Invalid("Invalid application credential: a project-scoped token is required to create one.")
    secret = wanted.secret or base64.urlsafe_b64encode(call.world.secret(SECRET_BYTES)).decode().rstrip("=")
    row = ApplicationCredentialRow(
        id=call.world.new_hex(),
        name=wanted.name.strip(),
        description=wanted.description,
        user_id=user_id,
        project_id=context.project.id,
        secret_hash=await call.get(Hashing).hash(secret),
        expires_at=_expiry(call, wanted, context),
        unrestricted=bool(wanted.unrestricted),
        role_ids=await _role_ids(call, wanted.roles, context),
        rule_ids=None,
    )
    async with call.db.tx() as tx:
        row = await _insert(call, tx, row, wanted.access_rules, context)
    view = await _view(call, row)
    return {"application_credential": view | {"secret": secret}}


@routes.get("/v3/users/{user_id}/application_credentials/{application_credential_id}", rule=policy.GET, late=True)
async def show_application_credential(call: Call, user_id: str, application_credential_id: str) -> View:
    """Show an application credential."""
    row = await _load(call, user_id, application_credential_id, policy.GET)
    return {"application_credential": await _view(call, row)}


@routes.delete("/v3/users/{user_id}/application_credentials/{application_credential_id}", rule=policy.DELETE, late=True)
async def delete_application_credential(call: Call, user_id: str, application_credential_id: str) -> None:
    """Delete an application credential; its tokens end with it."""
    row = await _load(call, user_id, application_credential_id, policy.DELETE)
    delegation.forbid_restricted(await delegation.context_of(call), "application credentials")
    async with call.db.tx() as tx:
        await tx.delete("identity_application_credentials", {"id": row.id})
        await changed(call, tx, "application-credential", row.id, "deleted")


@routes.get("/v3/users/{user_id}/access_rules", rule=policy.LIST_RULES, late=True)
async def list_access_rules(call: Call, user_id: str) -> View:
    """List a user's access rules."""
    call.enforce(policy.LIST_RULES, **{"target.user.id": user_id})
    await delegation.forbid_trusts(call)
    select = Select()
    select.where("user_id = ?", user_id)
    found = await page(call, RULES, select, "access rule")
    return collection(call, "access_rules", [_rule_view(call, row) for row in found.rows], truncated=found.more)


@routes.get("/v3/users/{user_id}/access_rules/{access_rule_id}", rule=policy.GET_RULE, late=True)
async def show_access_rule(call: Call, user_id: str, access_rule_id: str) -> View:
    """Show an access rule."""
    return {"access_rule": _rule_view(call, await _load_rule(call, user_id, access_rule_id, policy.GET_RULE))}


@routes.delete("/v3/users/{user_id}/access_rules/{access_rule_id}", rule=policy.DELETE_RULE, late=True)
async def delete_access_rule(call: Call, user_id: str, access_rule_id: str) -> None:
    """Delete an access rule that no application credential has."""
    row = await _load_rule(call, user_id, access_rule_id, policy.DELETE_RULE)
    async with call.db.tx() as tx:
        sql = "SELECT rule_ids FROM identity_application_credentials WHERE user_id = $1 AND rule_ids IS NOT NULL"
        for ids in await tx.values(sql, user_id):
            if row.id in msgspec.json.decode(ids):
                raise NotAllowed("May not delete access rule in use")
        await tx.delete("identity_access_rules", {"id": row.id})
        await changed(call, tx, "access-rule", row.id, "deleted")


def _expiry(call: Call, wanted: ApplicationCredentialCreate, context: Context) -> float | None:
    """Return when the new one ends: as asked, and not after the one that makes it.  Raises Invalid."""
    ends = [] if wanted.expires_at is None else [end_of(call, wanted.expires_at)]
    maker = context.application_credential
    if maker is not None and maker.expires_at is not None:
        ends.append(maker.expires_at)
    return min(ends, default=None)


async def _role_ids(call: Call, wanted: list[RoleRef] | None, context: Context) -> list[str]:
    """Return the ids of the roles that are wanted, which the token must have.  Raises Invalid."""
    mine = {role.id: role for role in context.roles}
    if not wanted:
        return sorted(mine)
    by_name = {role.name: role.id for role in context.roles}
    found = [ref.id if ref.id is not None else by_name.get(ref.name or "") for ref in wanted]
    ids = [id for id in found if id in mine]
    if len(ids) != len(found):
        raise Invalid("Invalid application credential: Cannot create an application credential with unassigned role")
    return [role.id for role in (await roles.book(call.db)).effective(ids)]


async def _insert(
    call: Call,
    tx: Transaction,
    row: ApplicationCredentialRow,
    rules: list[AccessRule] | None,
    context: Context,
) -> ApplicationCredentialRow:
    limit = call.get(IdentityOptions).application_credentials_max
    sql = "SELECT COUNT(*) FROM identity_application_credentials WHERE user_id = $1"
    if limit >= 0 and await tx.value(sql, row.user_id) >= limit:
        raise NotAllowed(
            f"Unable to create additional application credentials, maximum of {limit} already exceeded for user."
        )
    rule_ids = None if rules is None else [await _rule_id(call, tx, row.user_id, rule) for rule in rules]
    if rule_ids is None and context.access_rules is not None:
        rule_ids = [rule.id for rule in context.access_rules]  # what is restricted makes nothing that is not
    row = msgspec.structs.replace(row, rule_ids=rule_ids)
    try:
        await tx.insert("identity_application_credentials", row)
    except UniqueViolation:
        raise Duplicate("application_credential", "Duplicate entry found with name " + row.name) from None
    await changed(call, tx, "application-credential", row.id, "created")
    return row


async def _rule_id(call: Call, tx: Transaction, user_id: str, rule: AccessRule) -> str:
    """Return the id of the user's access rule that says this; make it when there is none.  Raises NoSuch, Invalid."""
    if rule.id is not None and rule.service is None:
        sql = "SELECT id FROM identity_access_rules WHERE user_id = $1 AND id = $2"
        if await tx.value(sql, user_id, rule.id) is None:
            raise NoSuch("Access Rule", rule.id)
        return rule.id
    if rule.service is None or rule.method is None or rule.path is None:
        raise Invalid("An access rule has a service, a method and a path.")
    sql = "SELECT id FROM identity_access_rules WHERE user_id = $1 AND service = $2 AND method = $3 AND path = $4"
    found = await tx.value(sql, user_id, rule.service, rule.method, rule.path)
    if found is not None:
        return str(found)
    row = AccessRuleRow(call.world.new_hex(), user_id, rule.service, rule.method, rule.path)
    await tx.insert("identity_access_rules", row)
    return row.id


async def _load(call: Call, user_id: str, id: str, rule: Rule) -> ApplicationCredentialRow:
    """Return an application credential; whose it is decides, not whose the path says that it is."""
    row = await rows.find(call.db, id)
    call.enforce(rule, user_id=user_id if row is None else row.user_id)
    if row is None or row.user_id != user_id:
        raise NoSuch("Application Credential", id)
    await delegation.forbid_trusts(call)
    return row


async def _load_rule(call: Call, user_id: str, id: str, rule: Rule) -> AccessRuleRow:
    found = await rows.rules(call.db, [id])
    owner = found[0].user_id if found else user_id
    call.enforce(rule, **{"target.user.id": owner})
    if not found or owner != user_id:
        raise NoSuch("Access Rule", id)
    await delegation.forbid_trusts(call)
    return found[0]


async def _view(call: Call, row: ApplicationCredentialRow) -> View:
    book = await roles.book(call.db)
    view: View = {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "system": None,
        "expires_at": None if row.expires_at is None else times.with_micros(row.expires_at),
        "unrestricted": row.unrestricted,
        "roles": [_role(call, book.roles[id]) for id in row.role_ids if id in book.roles],
        "links": link(call, "users", row.user_id, "application_credentials", row.id),
    }
    if row.rule_ids is not None:
        found = await rows.rules(call.db, row.rule_ids)
        view["access_rules"] = [
            {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path} for rule in found
        ]
    return view


def _role(call: Call, row: roles.RoleRow) -> View:
    view = roles_api.view(call, row)
    return {name: view[name] for name in ("id", "name", "domain_id", "description", "options")}


def _rule_view(call: Call, row: AccessRuleRow) -> View:
    return {
        "id": row.id,
        "service": row.service,
        "method": row.method,
        "path": row.path,
        "links": link(call, "users", row.user_id, "access_rules", row.id),
    }
