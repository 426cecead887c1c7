"""Reading and writing images inside the caller's transaction, and who sees which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from welkin.core import quota, tags, work
from welkin.core.db import Reads, Transaction, columns
from welkin.core.listing import Select
from welkin.core.policy import Actor
from welkin.core.world import World
from welkin.services.image.errors import ImageNotFound, LimitExceeded
from welkin.services.image.images.shapes import view
from welkin.services.image.options import ImageOptions
from welkin.services.image.tables import ImageRow

TAGS = "image"
DATA = "image.data"
"""The kind of work that looks after an image's files."""
MIB = 1 << 20

SELECT = f"SELECT {columns(ImageRow)} FROM images"
IS_MEMBER = "EXISTS (SELECT 1 FROM image_members AS m WHERE m.image_id = images.id AND m.member_id = ?)"


class Property(msgspec.Struct, frozen=True):
    """One custom property."""

    image_id: str
    name: str
    value: str


def _limit(name: str, default: int, count: str) -> quota.Resource:
    """Return a limit, which has the same name among unified ones; what nobody registers there is refused."""
    return quota.Resource("image", name, default, count, name, unregistered=0)


class Quotas:
    """The limits of a project, with the options as their defaults."""

    def __init__(self, options: ImageOptions) -> None:
        size = f"SELECT COALESCE(SUM(size), 0) / {MIB} FROM images WHERE owner = $1 AND status {{}}"
        kept, coming = "IN ('active', 'deactivated')", "IN ('saving', 'uploading', 'importing')"
        self.size = _limit("image_size_total", options.size_mib_total, size.format(kept))
        self.staged = _limit("image_stage_total", options.stage_mib_total, size.format("= 'uploading'"))
        count = "SELECT COUNT(*) FROM images WHERE owner = $1"
        self.count = _limit("image_count_total", options.count_total, count)
        self.uploading = _limit("image_count_uploading", options.count_uploading, f"{count} AND status {coming}")

    def all(self) -> tuple[quota.Resource, ...]:
        """Return every limit."""
        return self.size, self.staged, self.count, self.uploading


async def find(reads: Reads, image_id: str) -> ImageRow | None:
    """Return an image, whoever may see it, or None."""
    return await reads.one(ImageRow, f"{SELECT} WHERE id = $1", image_id)


async def see(reads: Reads, image_id: str, actor: Actor) -> ImageRow:
    """Return an image that the caller may know of.  Raises ImageNotFound."""
    row = await find(reads, image_id)
    if row is None or not (actor.is_admin or await is_visible(reads, row, actor)):
        raise ImageNotFound(image_id)
    return row


async def is_visible(reads: Reads, row: ImageRow, actor: Actor) -> bool:
    """Say whether an image is the caller's, everybody's, or shared with the caller."""
    if row.visibility in ("public", "community") or (row.owner is not None and row.owner == actor.project_id):
        return True
    return row.visibility == "shared" and await is_member(reads, row.id, actor)


async def is_member(reads: Reads, image_id: str, actor: Actor) -> bool:
    """Say whether an image is shared with the caller's project, whether it has accepted or not."""
    sql = "SELECT 1 FROM image_members WHERE image_id = $1 AND member_id = $2"
    return actor.project_id is not None and bool(await reads.value(sql, image_id, actor.project_id))


async def target(reads: Reads, row: ImageRow, actor: Actor) -> dict[str, object]:
    """Return what policies look at."""
    member = actor.project_id if await is_member(reads, row.id, actor) else None
    return {"project_id": row.owner, "owner": row.owner, "member_id": member, "visibility": row.visibility}


def only_visible(select: Select, actor: Actor, visibility: str | None, member_status: str) -> None:
    """Demand that an image belongs in the caller's list."""
    if visibility not in (None, "all"):
        select.where("visibility = ?", visibility)
    if actor.is_admin:
        return
    own, shared = "owner = ?", f"(visibility = 'shared' AND {IS_MEMBER[:-1]}"
    values: list[object] = [actor.project_id, actor.project_id]
    if member_status != "all":
        shared += " AND m.status = ?"
        values.append(member_status)
    open_to_all = (
        "visibility IN ('public', 'community')" if visibility in ("all", "community") else ("visibility = 'public'")
    )
    select.where(f"({own} OR {open_to_all} OR {shared})))", *values)


async def properties_of(reads: Reads, image_ids: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the custom properties of each image."""
    found: dict[str, dict[str, str]] = {id: {} for id in image_ids}
    if image_ids:
        marks = ", ".join(f"${index}" for index in range(1, len(image_ids) + 1))
        sql = f"SELECT image_id, name, value FROM image_properties WHERE image_id IN ({marks}) ORDER BY name"
        for row in await reads.all(Property, sql, *image_ids):
            found[row.image_id][row.name] = row.value
    return found


async def views(reads: Reads, rows: Sequence[ImageRow]) -> list[dict[str, Any]]:
    """Return images as clients see them."""
    ids = [row.id for row in rows]
    properties, tagged = await properties_of(reads, ids), await tags.get_many(reads, TAGS, ids)
    return [view(row, properties[row.id], tagged[row.id]) for row in rows]


async def set_properties(tx: Transaction, image_id: str, properties: Mapping[str, str], options: ImageOptions) -> None:
    """Make these the custom properties of an image.  Raises LimitExceeded."""
    if len(properties) > options.properties_max >= 0:
        raise LimitExceeded(
            f"The limit has been exceeded on the number of allowed image properties. "
            f"Attempted: {len(properties)}, Maximum: {options.properties_max}"
        )
    await tx.delete("image_properties", {"image_id": image_id})
    for name, value in properties.items():
        await tx.insert("image_properties", Property(image_id, name, value))


async def note_import(tx: Transaction, image_id: str, *, to: str, failed: str) -> None:
    """Note to which store data is being imported, and to which that failed, where clients look for it."""
    for name, value in (("os_glance_importing_to_stores", to), ("os_glance_failed_import", failed)):
        await tx.delete("image_properties", {"image_id": image_id, "name": name})
        await tx.insert("image_properties", Property(image_id, name, value))


async def set_tags(tx: Transaction, image_id: str, wanted: Iterable[str], options: ImageOptions) -> None:
    """Make these the tags of an image.  Raises LimitExceeded."""
    unique = set(wanted)
    if len(unique) > options.tags_max >= 0:
        raise LimitExceeded(
            f"The limit has been exceeded on the number of allowed image tags. "
            f"Attempted: {len(unique)}, Maximum: {options.tags_max}"
        )
    await tags.put(tx, TAGS, image_id, unique)


async def delete(tx: Transaction, image_id: str) -> None:
    """Delete an image; once this is committed its files go too."""
    await tags.clear(tx, TAGS, image_id)
    for table in ("image_properties", "image_members"):
        await tx.delete(table, {"image_id": image_id})
    await tx.delete("images", {"id": image_id})
    await work.want(tx, DATA, image_id)


async def touch(tx: Transaction, world: World, image_id: str) -> None:
    """Note that an image has changed."""
    await tx.update("images", {"id": image_id}, {"updated_at": world.now()})
