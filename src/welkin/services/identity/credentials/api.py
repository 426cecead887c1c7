"""Credentials over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.credentials import policy, rows
from welkin.services.identity.credentials.rows import CredentialRow
from welkin.services.identity.credentials.shapes import Blob, CredentialBody, CredentialCreate, CredentialUpdate
from welkin.services.identity.credentials.vault import Vault, ec2_id
from welkin.services.identity.errors import Duplicate, Missing, NoSuch, NotAllowed
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.tokens import delegation
from welkin.services.identity.tokens.context import Context
from welkin.services.identity.wire import View, about, changes, collection, link, page, take

routes = Routes(discovery.service)

EC2 = "ec2"
FIXED = ("trust_id", "app_cred_id", "access_token_id", "access_id")
"""What in an EC2 key's blob says whose rights it carries; nobody may change that."""
CREDENTIALS: Listing[CredentialRow] = Listing(
    table="identity_credentials",
    row=CredentialRow,
    filters={"user_id": equal("user_id"), "type": equal("type")},
    sorts={"id": "id"},
)


@routes.get("/v3/credentials", rule=policy.LIST, late=True)
async def list_credentials(call: Call) -> View:
    """List the credentials that the caller may see."""
    own = {} if call.actor.system else {"target.credential.user_id": call.actor.user_id}
    call.enforce(policy.LIST, **own)
    select = Select()
    if not call.allowed(policy.GET, **{"target.credential.user_id": ""}):
        select.where("user_id = ?", call.actor.user_id)
    context = await delegation.context_of(call)
    if not delegation.reaches(context, None):
        select.where("project_id = ?", call.actor.project_id)
    found = await page(call, CREDENTIALS, select, "credential")
    return collection(call, "credentials", [_view(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/credentials", rule=policy.CREATE, late=True)
async def create_credential(call: Call, body: CredentialBody) -> View:
    """Create a credential."""
    call.enforce(policy.CREATE, **about("credential", body.credential))
    wanted, extra = take(CredentialCreate, body.credential)
    context = await delegation.forbid_other_projects(call, wanted.project_id)
    id, blob = call.world.new_hex(), text_of(wanted.blob)
    if wanted.type.lower() == EC2:
        delegation.forbid_restricted(context, "credentials")
        if not wanted.project_id:
            raise Missing("project_id", "credential")
        content = ec2_blob(blob) | carried(context)
        id, blob = ec2_id(content["access"]), msgspec.json.encode(content).decode()
    row = CredentialRow(
        id=id,
        user_id=wanted.user_id,
        project_id=wanted.project_id,
        type=wanted.type,
        blob=call.get(Vault).seal(blob),
        extra=extra,
    )
    await insert(call, row)
    return {"credential": _view(call, row)}


@routes.get("/v3/credentials/{credential_id}", rule=policy.GET, late=True)
async def show_credential(call: Call, credential_id: str) -> View:
    """Show a credential, its secret in clear."""
    return {"credential": _view(call, await _load(call, credential_id, policy.GET))}


@routes.patch("/v3/credentials/{credential_id}", rule=policy.UPDATE, late=True)
async def update_credential(call: Call, credential_id: str, body: CredentialBody) -> View:
    """Change a credential."""
    row = await _load(call, credential_id, policy.UPDATE)
    wanted, extra = take(CredentialUpdate, body.credential)
    given = changes(wanted)
    clear = call.get(Vault).open(row.blob)
    if "blob" in given:
        blob = text_of(given["blob"])
        if row.type.lower() == EC2:
            _check_fixed(ec2_blob(clear), ec2_blob(blob))
        given["blob"] = call.get(Vault).seal(blob)
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    if fresh.type.lower() == EC2 and not fresh.project_id:
        raise Missing("project_id", "credential")
    call.enforce(policy.UPDATE, **about("credential", fresh))
    await delegation.forbid_other_projects(call, fresh.project_id)
    async with call.db.tx() as tx:
        await tx.update("identity_credentials", {"id": row.id}, msgspec.structs.asdict(fresh))
        await changed(call, tx, "credential", row.id)
    return {"credential": _view(call, fresh)}


@routes.delete("/v3/credentials/{credential_id}", rule=policy.DELETE, late=True)
async def delete_credential(call: Call, credential_id: str) -> None:
    """Delete a credential."""
    row = await _load(call, credential_id, policy.DELETE)
    async with call.db.tx() as tx:
        await tx.delete("identity_credentials", {"id": row.id})
        await changed(call, tx, "credential", row.id, "deleted")


async def insert(call: Call, row: CredentialRow) -> None:
    """Store a new credential.  Raises Duplicate, NotAllowed beyond the limit."""
    limit = call.get(IdentityOptions).credentials_max
    async with call.db.tx() as tx:
        count = await tx.value("SELECT COUNT(*) FROM identity_credentials WHERE user_id = $1", row.user_id)
        if limit >= 0 and count >= limit:
            raise NotAllowed(f"Unable to create additional credentials, maximum of {limit} already exceeded for user.")
        try:
            await tx.insert("identity_credentials", row)
        except UniqueViolation:
            raise Duplicate("credential", "Duplicate entry") from None
        await changed(call, tx, "credential", row.id, "created")


def text_of(blob: Blob) -> str:
    """Return a blob as text."""
    return blob if isinstance(blob, str) else msgspec.json.encode(blob).decode()


def ec2_blob(blob: str) -> dict[str, Any]:
    """Read the blob of an EC2 key.  Raises Invalid."""
    try:
        found: dict[str, Any] = msgspec.json.decode(blob, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise Invalid("Invalid blob in credential") from None
    if not isinstance(found.get("access"), str):
        raise Missing("access", "credential")
    return found


def carried(context: Context) -> dict[str, str]:
    """Return what an EC2 key made with this token must say about the limits of its rights."""
    found: dict[str, str] = {}
    if context.trust is not None:
        found["trust_id"] = context.trust.id
    if context.application_credential is not None:
        found["app_cred_id"] = context.application_credential.id
    return found


def _check_fixed(old: dict[str, Any], new: dict[str, Any]) -> None:
    for name in FIXED:
        if old.get(name) != new.get(name):
            raise Invalid(f"{name} can not be updated for credential")


async def _load(call: Call, credential_id: str, rule: Rule) -> CredentialRow:
    row = await rows.find(call.db, credential_id)
    call.enforce(rule, **about("credential", row))
    if row is None:
        raise NoSuch("credential", credential_id)
    await delegation.forbid_other_projects(call, row.project_id)
    return row


def _view(call: Call, row: CredentialRow) -> View:
    return {
        **row.extra,
        "id": row.id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "type": row.type,
        "blob": call.get(Vault).open(row.blob),
        "links": link(call, "credentials", row.id),
    }
