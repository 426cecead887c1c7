"""Members of an image over HTTP: with which projects it is shared, and what they say to it."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core import times
from welkin.core.db import Reads, UniqueViolation, columns
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.image import policy
from welkin.services.image.errors import ImageNotFound, LimitExceeded
from welkin.services.image.images import store as images
from welkin.services.image.images.api import ONE, load
from welkin.services.image.options import ImageOptions
from welkin.services.image.service import service
from welkin.services.image.tables import ImageRow, MemberRow

routes = Routes(service)
ALL = ONE + "/members"
MEMBER = ALL + "/{member_id}"
SELECT = f"SELECT {columns(MemberRow)} FROM image_members WHERE image_id = $1"


class MemberCreate(msgspec.Struct, kw_only=True):
    """A project to share with."""

    member: str


class MemberUpdate(msgspec.Struct, kw_only=True):
    """What a project says to an image that is shared with it."""

    status: str


@routes.get(ALL, rule=policy.GET_MEMBERS, late=True)
async def list_members(call: Call, image_id: str) -> dict[str, Any]:
    """List the projects with which an image is shared; a member sees itself."""
    row = await _shared(call, call.db, image_id)
    await _enforce(call, call.db, row, policy.GET_MEMBERS)
    found = await call.db.all(MemberRow, f"{SELECT} ORDER BY created_at, member_id", image_id)
    shown = [each for each in found if _may_see(call, row, each)]
    return {"members": [view(each) for each in shown], "schema": "/v2/schemas/members"}


@routes.post(ALL, rule=policy.ADD_MEMBER, late=True, status=200)
async def add_member(call: Call, image_id: str, body: MemberCreate) -> dict[str, Any]:
    """Share an image with a project."""
    if not body.member or len(body.member) > 255:
        raise Invalid("Member can't be empty, nor longer than 255 characters")
    async with call.db.tx() as tx:
        row = await _shared(call, tx, image_id)
        await _enforce(call, tx, row, policy.ADD_MEMBER)
        limit = call.get(ImageOptions).members_max
        count = await tx.value("SELECT COUNT(*) FROM image_members WHERE image_id = $1", image_id)
        if 0 <= limit <= count:
            raise LimitExceeded(
                f"The limit has been exceeded on the number of allowed image members for this image. "
                f"Attempted: {count + 1}, Maximum: {limit}"
            )
        member = MemberRow(image_id, body.member, "pending", call.world.now(), call.world.now())
        try:
            await tx.insert("image_members", member)
        except UniqueViolation:
            raise Conflict(f"Member {body.member} is duplicated for image {image_id}") from None
    return view(member)


@routes.get(MEMBER, rule=policy.GET_MEMBER, late=True)
async def show_member(call: Call, image_id: str, member_id: str) -> dict[str, Any]:
    """Show one project with which an image is shared."""
    row = await load(call, call.db, image_id, policy.GET_IMAGE)
    member = await _find(call.db, image_id, member_id)
    if row.visibility != "shared" or not _may_see(call, row, member):
        raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")
    return view(member)


@routes.put(MEMBER, rule=policy.MODIFY_MEMBER, late=True)
async def update_member(call: Call, image_id: str, member_id: str, body: MemberUpdate) -> dict[str, Any]:
    """Accept or reject an image that is shared with one's project."""
    async with call.db.tx() as tx:
        row = await _shared(call, tx, image_id)
        member = await _find(tx, image_id, member_id)
        if not _may_see(call, row, member):
            raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")
        call.enforce(policy.MODIFY_MEMBER, project_id=row.owner, member_id=member_id)
        if body.status not in ("pending", "accepted", "rejected"):
            raise Invalid(f"Incorrect request: Status must be pending, accepted or rejected, not {body.status!r}.")
        member = msgspec.structs.replace(member, status=body.status, updated_at=call.world.now())
        key = {"image_id": image_id, "member_id": member_id}
        await tx.update("image_members", key, {"status": member.status, "updated_at": member.updated_at})
    return view(member)


@routes.delete(MEMBER, rule=policy.DELETE_MEMBER, late=True)
async def remove_member(call: Call, image_id: str, member_id: str) -> None:
    """Stop sharing an image with a project."""
    async with call.db.tx() as tx:
        row = await _shared(call, tx, image_id)
        await _enforce(call, tx, row, policy.DELETE_MEMBER)
        await _find(tx, image_id, member_id)
        await tx.delete("image_members", {"image_id": image_id, "member_id": member_id})


def view(row: MemberRow) -> dict[str, Any]:
    """Return a member as clients see it."""
    return {
        "member_id": row.member_id,
        "image_id": row.image_id,
        "status": row.status,
        "created_at": times.with_z(row.created_at),
        "updated_at": times.with_z(row.updated_at),
        "schema": "/v2/schemas/member",
    }


async def _shared(call: Call, reads: Reads, image_id: str) -> ImageRow:
    try:
        row = await load(call, reads, image_id, policy.GET_IMAGE)
    except ImageNotFound:
        raise NotFound(f"Image {image_id} not found.") from None
    if row.visibility != "shared":
        raise Forbidden("Only shared images have members.")
    return row


async def _enforce(call: Call, reads: Reads, row: ImageRow, rule: Rule) -> None:
    call.enforce(rule, **await images.target(reads, row, call.actor))


def _may_see(call: Call, row: ImageRow, member: MemberRow) -> bool:
    return call.allowed(policy.GET_MEMBER, project_id=row.owner, member_id=member.member_id)


async def _find(reads: Reads, image_id: str, member_id: str) -> MemberRow:
    member = await reads.one(MemberRow, f"{SELECT} AND member_id = $2", image_id, member_id)
    if member is None:
        raise NotFound(f"{member_id} not found in the member list of the image {image_id}.")
    return member
