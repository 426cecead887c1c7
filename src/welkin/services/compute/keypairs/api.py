"""Key pairs over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from welkin.core import quota
from welkin.core.db import Transaction, UniqueViolation, columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX
from welkin.services.compute.keypairs import keys, policy
from welkin.services.compute.keypairs.errors import KeypairExists, KeypairNotFound, TooManyKeypairs
from welkin.services.compute.keypairs.shapes import (
    KeypairCreate,
    KeypairQuery,
    OldKeypair,
    OldKeypairCreate,
    UserQuery,
    brief,
    full,
)
from welkin.services.compute.keypairs.tables import KEY_PAIRS, KeypairRow, get_keypair
from welkin.services.compute.links import next_links
from welkin.services.compute.numbers import next_number
from welkin.services.compute.service import service

routes = Routes(service)


@routes.get("/v2.1/os-keypairs", rule=policy.INDEX, late=True)
async def list_keypairs(call: Call, query: KeypairQuery) -> dict[str, Any]:
    """List a user's key pairs by name."""
    user_id = query.user_id or call.actor.user_id
    call.enforce(policy.INDEX, user_id=user_id)
    if query.marker is not None and await get_keypair(call.db, user_id, query.marker) is None:
        raise Invalid(f"Marker {query.marker} could not be found.")
    limit = LIMIT_MAX if query.limit is None else min(query.limit, LIMIT_MAX)
    sql = f"SELECT {columns(KeypairRow)} FROM keypairs WHERE user_id = $1 AND name > $2 ORDER BY name LIMIT {limit}"
    rows = await call.db.all(KeypairRow, sql, user_id, query.marker or "")
    following = next_links(call, "os-keypairs", [row.name for row in rows])
    found: dict[str, Any] = {"keypairs": [{"keypair": brief(row)} for row in rows]}
    return {**found, "keypairs_links": following} if following else found


@routes.post("/v2.1/os-keypairs", rule=policy.CREATE, late=True, since="2.92")
async def import_keypair(call: Call, body: KeypairCreate) -> dict[str, Any]:
    """Import a key pair's public half."""
    user_id = owner(call, body.keypair)
    return {"keypair": await keep(call, user_id, body.keypair, body.keypair.public_key)}


@routes.post("/v2.1/os-keypairs", rule=policy.CREATE, late=True, until="2.91")
async def create_keypair(call: Call, body: OldKeypairCreate) -> dict[str, Any]:
    """Import a key pair's public half, or make both halves and give the private one away."""
    new = body.keypair
    user_id = owner(call, new)
    if new.public_key is not None:
        return {"keypair": await keep(call, user_id, new, new.public_key)}
    if new.type == "x509":
        serial = int.from_bytes(call.world.secret(16)) >> 1
        made = await asyncio.to_thread(keys.make_x509, user_id, call.world.now(), serial)
    else:
        made = await asyncio.to_thread(keys.make_ssh)
    return {"keypair": {**await keep(call, user_id, new, made.public_key), "private_key": made.private_key}}


@routes.get("/v2.1/os-keypairs/{name}", rule=policy.SHOW, late=True)
async def show_keypair(call: Call, name: str, query: UserQuery) -> dict[str, Any]:
    """Show a user's key pair."""
    user_id = query.user_id or call.actor.user_id
    call.enforce(policy.SHOW, user_id=user_id)
    row = await get_keypair(call.db, user_id, name)
    if row is None:
        raise KeypairNotFound(name, user_id)
    return {"keypair": full(row)}


@routes.delete("/v2.1/os-keypairs/{name}", rule=policy.DELETE, late=True)
async def delete_keypair(call: Call, name: str, query: UserQuery) -> None:
    """Delete a user's key pair; servers that have it keep it."""
    user_id = query.user_id or call.actor.user_id
    call.enforce(policy.DELETE, user_id=user_id)
    async with call.db.tx() as tx:
        if not await tx.delete("keypairs", {"user_id": user_id, "name": name}):
            raise KeypairNotFound(name, user_id)


def owner(call: Call, new: OldKeypair) -> str:
    """Return whose key pair it will be.  Raises PolicyDenied."""
    user_id = new.user_id or call.actor.user_id
    call.enforce(policy.CREATE, user_id=user_id)
    return user_id


async def keep(call: Call, user_id: str, new: OldKeypair, public_key: str) -> dict[str, Any]:
    """Write a key pair down and return it as the answer has it.  Raises BadKey, KeypairExists, TooManyKeypairs."""
    print_of_key = keys.fingerprint(public_key, new.type)
    try:
        async with call.db.tx() as tx:
            await check_quota(tx, call.actor.project_id or "", user_id)
            row = KeypairRow(
                user_id=user_id,
                name=new.name,
                type=new.type,
                public_key=public_key,
                fingerprint=print_of_key,
                number=await next_number(tx, "keypair"),
                created_at=call.world.now(),
            )
            await tx.insert("keypairs", row)
    except UniqueViolation:
        raise KeypairExists(new.name) from None
    return {**brief(row), "user_id": user_id}


async def check_quota(tx: Transaction, project_id: str, user_id: str) -> None:
    """Demand that the user may have one more.  Raises TooManyKeypairs."""
    limit = (await quota.limits(tx, project_id, [KEY_PAIRS]))[KEY_PAIRS.name]
    count = await tx.value("SELECT COUNT(*) FROM keypairs WHERE user_id = $1", user_id)
    if limit != quota.UNLIMITED and count >= limit:
        raise TooManyKeypairs
