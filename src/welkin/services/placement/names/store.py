"""Which traits and resource classes exist: the standard ones and the custom ones in the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from welkin.core.db import Reads, Transaction
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.placement import standard

Kind = Literal["trait", "class"]


class Custom(msgspec.Struct, frozen=True):
    """A custom name and when it was made."""

    name: str
    created_at: float


def is_standard(kind: Kind, name: str) -> bool:
    """Return whether every cloud has this name."""
    names = standard.names()
    return name in (names.traits if kind == "trait" else names.resource_classes)


async def custom(reads: Reads, kind: Kind) -> list[Custom]:
    """Return every custom name, oldest first."""
    sql = "SELECT name, created_at FROM resource_names WHERE kind = $1 ORDER BY created_at, name"
    return await reads.all(Custom, sql, kind)


async def created_at(reads: Reads, kind: Kind, name: str) -> float | None:
    """Return when a name came to be, 0 for a standard one, None where there is none."""
    if is_standard(kind, name):
        return 0.0
    found = await reads.value("SELECT created_at FROM resource_names WHERE kind = $1 AND name = $2", kind, name)
    return None if found is None else float(found)


async def create(tx: Transaction, world: World, kind: Kind, name: str) -> bool:
    """Add a custom name; return whether it is new."""
    sql = "INSERT INTO resource_names (kind, name, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
    return await tx.run(sql, kind, name, world.now()) > 0


async def unknown(reads: Reads, kind: Kind, names: Iterable[str]) -> list[str]:
    """Return those of `names` that do not exist."""
    doubtful = sorted(name for name in set(names) if not is_standard(kind, name))
    if not doubtful:
        return []
    marks = ", ".join(f"${index}" for index in range(2, len(doubtful) + 2))
    sql = f"SELECT name FROM resource_names WHERE kind = $1 AND name IN ({marks})"
    known = set(await reads.values(sql, kind, *doubtful))
    return [name for name in doubtful if name not in known]


async def check_traits(reads: Reads, names: Iterable[str]) -> None:
    """Raise Invalid unless every trait exists."""
    missing = await unknown(reads, "trait", names)
    if missing:
        raise Invalid(f"No such trait(s): {', '.join(missing)}.")


async def check_classes(reads: Reads, names: Iterable[str]) -> None:
    """Raise Invalid unless every resource class exists."""
    missing = await unknown(reads, "class", names)
    if missing:
        raise Invalid(f"Invalid resource class: No such resource class {', '.join(missing)}.")
