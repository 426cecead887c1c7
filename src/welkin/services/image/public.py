"""What other rooms may do with images, inside their own transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from welkin.core import quota, tags
from welkin.core.db import Reads, Transaction
from welkin.core.events import record
from welkin.core.listing import Select
from welkin.core.policy import Actor
from welkin.core.world import World
from welkin.services.image.errors import ImageNotFound, LimitExceeded, over_quota
from welkin.services.image.host import Images
from welkin.services.image.images import listing, store
from welkin.services.image.images.store import Quotas
from welkin.services.image.options import ImageOptions
from welkin.services.image.tables import ImageRow

__all__ = [
    "Image",
    "ImageNotFound",
    "ImageOptions",
    "Images",
    "LimitExceeded",
    "NewImage",
    "create_image",
    "delete_image",
    "get_image",
    "list_images",
    "set_properties",
]


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image as other rooms see it.  Sizes are in bytes; `min_disk` is in GiB, `min_ram` in MiB."""

    id: str
    name: str
    owner: str | None
    status: str
    visibility: str
    protected: bool
    hidden: bool
    disk_format: str | None
    container_format: str | None
    size: int | None
    virtual_size: int | None
    min_disk: int
    min_ram: int
    hash_algorithm: str | None
    hash: str | None
    created_at: float
    updated_at: float
    properties: Mapping[str, str]
    tags: Sequence[str]


class NewImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose data a host will bring."""

    name: str
    owner: str
    disk_format: str
    host: str
    """The host whose agent may bring the data."""
    container_format: str = "bare"
    visibility: str = "private"
    min_disk: int = 0
    min_ram: int = 0
    properties: Mapping[str, str] = {}
    tags: Sequence[str] = ()


async def get_image(reads: Reads, image_id: str, actor: Actor | None) -> Image:
    """Return an image that `actor` may see; without an actor, whoever it belongs to.  Raises ImageNotFound."""
    if actor is not None:
        return (await _images(reads, [await store.see(reads, image_id, actor)]))[0]
    row = await store.find(reads, image_id)
    if row is None:
        raise ImageNotFound(image_id)
    return (await _images(reads, [row]))[0]


async def list_images(
    reads: Reads, actor: Actor, args: Mapping[str, list[str]], limit: int | None = None, marker: str | None = None
) -> list[Image]:
    """Return the images that `actor` may see, newest first; `args` filter as in image's own lists.  Raises Invalid."""
    select: Select = listing.filtered(args)
    store.only_visible(select, actor, None, "accepted")
    page = await listing.IMAGES.page(reads, select, (), limit, marker)
    return await _images(reads, page.rows)


async def create_image(tx: Transaction, world: World, options: ImageOptions, new: NewImage) -> str:
    """Create an image that waits for its data, as for a server's snapshot; return its id.  Raises LimitExceeded."""
    await quota.claim(tx, new.owner, [quota.Claim(Quotas(options).count, 1)], over_quota)
    row = ImageRow(
        id=world.new_id(),
        owner=new.owner,
        name=new.name,
        visibility=new.visibility,
        container_format=new.container_format,
        disk_format=new.disk_format,
        min_disk=new.min_disk,
        min_ram=new.min_ram,
        protected=False,
        os_hidden=False,
        created_at=world.now(),
        updated_at=world.now(),
        status="queued",
        bringer=new.host,
    )
    await tx.insert("images", row)
    await store.set_properties(tx, row.id, new.properties, options)
    await store.set_tags(tx, row.id, new.tags, options)
    await record(tx, world, "image.created", row.id, project_id=new.owner)
    return row.id


async def set_properties(
    tx: Transaction, world: World, options: ImageOptions, image_id: str, properties: Mapping[str, str]
) -> None:
    """Make these the custom properties of an image.  Raises ImageNotFound, LimitExceeded."""
    if await store.find(tx, image_id) is None:
        raise ImageNotFound(image_id)
    await store.set_properties(tx, image_id, properties, options)
    await store.touch(tx, world, image_id)


async def delete_image(tx: Transaction, image_id: str) -> None:
    """Delete an image, as a snapshot that failed; its data follows.  One that is gone already is fine."""
    if await store.find(tx, image_id) is not None:
        await store.delete(tx, image_id)


async def _images(reads: Reads, rows: Sequence[ImageRow]) -> list[Image]:
    ids = [row.id for row in rows]
    properties, tagged = await store.properties_of(reads, ids), await tags.get_many(reads, store.TAGS, ids)
    return [Image(**_fields(row), properties=properties[row.id], tags=tagged[row.id]) for row in rows]


def _fields(row: ImageRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name or "",
        "owner": row.owner,
        "status": row.status,
        "visibility": row.visibility,
        "protected": row.protected,
        "hidden": row.os_hidden,
        "disk_format": row.disk_format,
        "container_format": row.container_format,
        "size": row.size,
        "virtual_size": row.virtual_size,
        "min_disk": row.min_disk,
        "min_ram": row.min_ram,
        "hash_algorithm": row.os_hash_algo,
        "hash": row.os_hash_value,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
