"""Images over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core import quota, tags
from welkin.core.answers import Answer
from welkin.core.db import Reads, UniqueViolation
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound
from welkin.core.events import record
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX, limit_of, marker_of
from welkin.core.policy import Rule
from welkin.services.image import policy
from welkin.services.image.errors import ImageNotFound, WrongStatus, over_quota
from welkin.services.image.images import listing, patch, store
from welkin.services.image.images.shapes import NAME_LENGTH_MAX, STORE, WRITABLE, Asked, read_create
from welkin.services.image.images.store import Quotas
from welkin.services.image.options import ImageOptions
from welkin.services.image.service import service
from welkin.services.image.tables import ImageRow

routes = Routes(service)
ALL = "/v2/images"
ONE = "/v2/images/{image_id}"
IMPORT_METHODS = ("glance-direct", "web-download")


@routes.get(ALL, rule=policy.GET_IMAGES)
async def list_images(call: Call) -> dict[str, Any]:
    """List the images that the caller may see."""
    if call.path.endswith("/"):
        raise ImageNotFound("")  # an image whose id is empty, not a list
    args = call.args
    select = listing.filtered(args)
    visibility = listing.chosen(args, "visibility", listing.VISIBILITIES)
    status = listing.chosen(args, "member_status", listing.MEMBER_STATUSES) or "accepted"
    store.only_visible(select, call.actor, visibility, status)
    limit = limit_of(args)
    limit = listing.LIMIT_DEFAULT if limit is None else min(limit, LIMIT_MAX)
    page = await listing.IMAGES.page(call.db, select, listing.sorting(args), limit, marker_of(args))
    last = page.rows[-1].id if page.more and page.rows else None
    body: dict[str, Any] = {"images": await store.views(call.db, page.rows), "schema": "/v2/schemas/images"}
    return body | listing.links(args, ALL, last)


@routes.delete(ALL, rule=policy.GET_IMAGES)
async def delete_nothing(call: Call) -> None:
    """Say that there is no image whose id is empty."""
    raise ImageNotFound("")


@routes.post(ALL, rule=policy.ADD_IMAGE, late=True)
async def create_image(call: Call, body: dict[str, Any]) -> Answer:
    """Create an image that waits for its data."""
    asked = read_create(body)
    row = new_row(call, asked)
    call.enforce(policy.ADD_IMAGE, project_id=call.actor.project_id, owner=row.owner)
    _enforce_visibility(call, row)
    options = call.get(ImageOptions)
    async with call.db.tx() as tx:
        if row.owner is not None:
            await quota.claim(tx, row.owner, [quota.Claim(Quotas(options).count, 1)], over_quota)
        try:
            await tx.insert("images", row)
        except UniqueViolation:
            raise Conflict(f"Image ID {row.id} already exists!") from None
        await store.set_properties(tx, row.id, asked.properties, options)
        await store.set_tags(tx, row.id, asked.tags, options)
        await record(tx, call.world, "image.created", row.id, project_id=row.owner, user_id=call.actor.user_id)
        shown = (await store.views(tx, [row]))[0]
    headers = {
        "Location": f"{call.base_url}/v2/images/{row.id}",
        "OpenStack-image-import-methods": ",".join(IMPORT_METHODS),
        "OpenStack-image-store-ids": STORE,
    }
    return Answer(body=shown, headers=headers)


@routes.get(ONE, rule=policy.GET_IMAGE, late=True)
async def show_image(call: Call, image_id: str) -> dict[str, Any]:
    """Show an image."""
    row = await load(call, call.db, image_id, policy.GET_IMAGE)
    return (await store.views(call.db, [row]))[0]


@routes.patch(ONE, rule=policy.MODIFY_IMAGE, late=True)
async def update_image(call: Call, image_id: str, body: Any) -> dict[str, Any]:
    """Change an image by a JSON patch."""
    content_type = call.headers.get(b"content-type", b"").decode("latin-1")
    changes = patch.read(content_type, body)
    options = call.get(ImageOptions)
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, policy.MODIFY_IMAGE)
        draft = patch.Draft(
            fields={name: getattr(row, name) for name in WRITABLE},
            properties=(await store.properties_of(tx, [image_id]))[image_id],
            tags=await tags.get(tx, store.TAGS, image_id),
            queued=row.status == "queued",
        )
        patch.apply(changes, draft)
        if draft.fields["owner"] != row.owner and not call.actor.is_admin:
            raise Forbidden("Owner can't be updated by non admin.")
        new = msgspec.structs.replace(row, **draft.fields, updated_at=call.world.now())
        if new.visibility != row.visibility:
            _enforce_visibility(call, new)
        await tx.update("images", {"id": image_id}, {**draft.fields, "updated_at": new.updated_at})
        await store.set_properties(tx, image_id, draft.properties, options)
        await store.set_tags(tx, image_id, draft.tags, options)
        return (await store.views(tx, [new]))[0]


@routes.delete(ONE, rule=policy.DELETE_IMAGE, late=True)
async def delete_image(call: Call, image_id: str) -> None:
    """Delete an image; its data follows."""
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, policy.DELETE_IMAGE)
        if row.protected:
            raise Forbidden(f"Image {image_id} is protected and cannot be deleted.")
        await store.delete(tx, image_id)
        await record(tx, call.world, "image.deleted", image_id, project_id=row.owner, user_id=call.actor.user_id)


@routes.post(ONE + "/actions/deactivate", rule=policy.DEACTIVATE, late=True, status=204)
async def deactivate_image(call: Call, image_id: str) -> None:
    """Forbid downloads of an image."""
    await _switch(call, image_id, policy.DEACTIVATE, "active", "deactivated")


@routes.post(ONE + "/actions/reactivate", rule=policy.REACTIVATE, late=True, status=204)
async def reactivate_image(call: Call, image_id: str) -> None:
    """Allow downloads of an image again."""
    await _switch(call, image_id, policy.REACTIVATE, "deactivated", "active")


@routes.put(ONE + "/tags/{tag}", rule=policy.MODIFY_IMAGE, late=True, status=204)
async def add_tag(call: Call, image_id: str, tag: str) -> None:
    """Tag an image."""
    if len(tag) > NAME_LENGTH_MAX:
        raise Invalid(f"Provided object does not match schema 'image': {tag!r} is too long")
    async with call.db.tx() as tx:
        await load(call, tx, image_id, policy.MODIFY_IMAGE)
        have = await tags.get(tx, store.TAGS, image_id)
        await store.set_tags(tx, image_id, [*have, tag], call.get(ImageOptions))
        await store.touch(tx, call.world, image_id)


@routes.delete(ONE + "/tags/{tag}", rule=policy.MODIFY_IMAGE, late=True)
async def remove_tag(call: Call, image_id: str, tag: str) -> None:
    """Take a tag from an image."""
    async with call.db.tx() as tx:
        await load(call, tx, image_id, policy.MODIFY_IMAGE)
        if not await tags.remove(tx, store.TAGS, image_id, tag):
            raise NotFound(f"Image {image_id} has no tag {tag}.")
        await store.touch(tx, call.world, image_id)


async def load(call: Call, reads: Reads, image_id: str, rule: Rule) -> ImageRow:
    """Return an image that the caller may see, and may do what `rule` names to.  Raises ImageNotFound, Forbidden."""
    row = await store.see(reads, image_id, call.actor)
    call.enforce(rule, **await store.target(reads, row, call.actor))
    return row


def new_row(call: Call, asked: Asked) -> ImageRow:
    """Return the row of an image that is asked for, with the defaults of what is not said."""
    fields = {"owner": call.actor.project_id, "name": None, "visibility": "shared", **asked.fields}
    return ImageRow(
        id=(asked.id or call.world.new_id()).lower(),
        owner=fields["owner"],
        name=fields["name"],
        visibility=fields["visibility"],
        container_format=fields.get("container_format"),
        disk_format=fields.get("disk_format"),
        min_disk=fields.get("min_disk", 0),
        min_ram=fields.get("min_ram", 0),
        protected=fields.get("protected", False),
        os_hidden=fields.get("os_hidden", False),
        created_at=call.world.now(),
        updated_at=call.world.now(),
        status="queued",
    )


def _enforce_visibility(call: Call, row: ImageRow) -> None:
    rules = {"public": policy.PUBLICIZE_IMAGE, "community": policy.COMMUNITIZE_IMAGE}
    rule = rules.get(row.visibility)
    if rule is not None:
        call.enforce(rule, project_id=row.owner, owner=row.owner)


async def _switch(call: Call, image_id: str, rule: Rule, before: str, after: str) -> None:
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, rule)
        if row.status == after:
            return
        if not await tx.update(
            "images", {"id": image_id, "status": before}, {"status": after, "updated_at": call.world.now()}
        ):
            raise Forbidden(str(WrongStatus(f"Not allowed to change an image from {row.status} to {after}.")))
