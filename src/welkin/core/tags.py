"""Tags: one table for every resource that can be tagged, written in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from welkin.core.db import Reads, Transaction

TAGS = """
    CREATE TABLE tags (
        kind TEXT NOT NULL,
        id   TEXT NOT NULL,
        tag  TEXT NOT NULL,
        PRIMARY KEY (kind, id, tag)
    );
    CREATE INDEX tags_by_tag ON tags (kind, tag);
"""


class Tag(msgspec.Struct, frozen=True):
    """One tag of one resource."""

    id: str
    tag: str


async def get(reads: Reads, kind: str, id: str) -> list[str]:
    """Return the tags of one resource, in alphabetical order."""
    return await reads.values("SELECT tag FROM tags WHERE kind = $1 AND id = $2 ORDER BY tag", kind, id)


async def get_many(reads: Reads, kind: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the tags of each of `ids`; one without tags has an empty list."""
    found: dict[str, list[str]] = {id: [] for id in ids}
    if not ids:
        return found
    marks = ", ".join(f"${index}" for index in range(2, len(ids) + 2))
    sql = f"SELECT id, tag FROM tags WHERE kind = $1 AND id IN ({marks}) ORDER BY id, tag"
    for row in await reads.all(Tag, sql, kind, *ids):
        found[row.id].append(row.tag)
    return found


async def put(tx: Transaction, kind: str, id: str, tags: Iterable[str]) -> None:
    """Make `tags` the tags of a resource."""
    await clear(tx, kind, id)
    for tag in sorted(set(tags)):
        await tx.insert("tags", {"kind": kind, "id": id, "tag": tag})


async def add(tx: Transaction, kind: str, id: str, tag: str) -> bool:
    """Add one tag; return whether it is new."""
    sql = "INSERT INTO tags (kind, id, tag) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    return await tx.run(sql, kind, id, tag) > 0


async def remove(tx: Transaction, kind: str, id: str, tag: str) -> bool:
    """Remove one tag; return whether it was there."""
    return await tx.delete("tags", {"kind": kind, "id": id, "tag": tag}) > 0


async def clear(tx: Transaction, kind: str, id: str) -> None:
    """Remove every tag of a resource, as when the resource goes."""
    await tx.delete("tags", {"kind": kind, "id": id})
