"""EC2 keys over HTTP: credentials of the type `ec2`, named by their access key."""

from __future__ import annotations

import msgspec

from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.credentials import policy, rows
from welkin.services.identity.credentials.api import EC2, carried, ec2_blob, insert
from welkin.services.identity.credentials.rows import CredentialRow
from welkin.services.identity.credentials.shapes import Ec2Create
from welkin.services.identity.credentials.vault import Vault, ec2_id
from welkin.services.identity.errors import NoSuch
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.tokens import delegation
from welkin.services.identity.users import rows as users
from welkin.services.identity.wire import View, about, collection, link

routes = Routes(discovery.service)


@routes.get("/v3/users/{user_id}/credentials/OS-EC2", rule=policy.EC2_LIST, late=True)
async def list_ec2_keys(call: Call, user_id: str) -> View:
    """List a user's EC2 keys."""
    call.enforce(policy.EC2_LIST, user_id=user_id)
    await users.get(call.db, user_id)
    context = await delegation.context_of(call)
    sql = f"SELECT {rows.COLUMNS} FROM identity_credentials WHERE user_id = $1 AND type = $2 ORDER BY id"
    found = [
        _view(call, row)
        for row in await call.db.all(CredentialRow, sql, user_id, EC2)
        if delegation.reaches(context, row.project_id)
    ]
    return collection(call, "credentials", found)


@routes.post("/v3/users/{user_id}/credentials/OS-EC2", rule=policy.EC2_CREATE, late=True)
async def create_ec2_key(call: Call, user_id: str, body: Ec2Create) -> View:
    """Create an EC2 key for a user on a project."""
    call.enforce(policy.EC2_CREATE, **{"target.credential.user_id": user_id})
    await users.get(call.db, user_id)
    await projects.get(call.db, body.tenant_id)
    context = await delegation.forbid_other_projects(call, body.tenant_id)
    delegation.forbid_restricted(context, "credentials")
    blob = {"access": call.world.new_hex(), "secret": call.world.secret(16).hex()} | carried(context)
    row = CredentialRow(
        id=ec2_id(blob["access"]),
        user_id=user_id,
        project_id=body.tenant_id,
        type=EC2,
        blob=call.get(Vault).seal(msgspec.json.encode(blob).decode()),
        extra={},
    )
    await insert(call, row)
    return {"credential": _view(call, row)}


@routes.get("/v3/users/{user_id}/credentials/OS-EC2/{access}", rule=policy.EC2_GET, late=True)
async def show_ec2_key(call: Call, user_id: str, access: str) -> View:
    """Show an EC2 key."""
    return {"credential": _view(call, await _load(call, user_id, access, policy.EC2_GET))}


@routes.delete("/v3/users/{user_id}/credentials/OS-EC2/{access}", rule=policy.EC2_DELETE, late=True)
async def delete_ec2_key(call: Call, user_id: str, access: str) -> None:
    """Delete an EC2 key."""
    row = await _load(call, user_id, access, policy.EC2_DELETE)
    async with call.db.tx() as tx:
        await tx.delete("identity_credentials", {"id": row.id})
        await changed(call, tx, "credential", row.id, "deleted")


async def _load(call: Call, user_id: str, access: str, rule: Rule) -> CredentialRow:
    row = await rows.find(call.db, ec2_id(access))
    if row is None or row.type != EC2 or row.user_id != user_id:
        raise NoSuch("credential", access)
    call.enforce(rule, **about("credential", row))
    await delegation.forbid_other_projects(call, row.project_id)
    return row


def _view(call: Call, row: CredentialRow) -> View:
    blob = ec2_blob(call.get(Vault).open(row.blob))
    return {
        "user_id": row.user_id,
        "tenant_id": row.project_id,
        "access": blob["access"],
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
        "links": link(call, "users", row.user_id, "credentials", "OS-EC2", blob["access"]),
    }
