"""Who beside its owner may use something: everybody, or the projects that an RBAC policy names."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from welkin.core.db import Reads, Transaction
from welkin.core.listing import Filter, Select, truth
from welkin.core.world import World
from welkin.services.network.tables import RbacRow

SHARED = "access_as_shared"
EXTERNAL = "access_as_external"
EVERYBODY = "*"
ACTIONS: dict[str, tuple[str, ...]] = {
    "network": (SHARED, EXTERNAL),
    "subnetpool": (SHARED,),
    "address_scope": (SHARED,),
    "address_group": (SHARED,),
    "security_group": (SHARED,),
}
"""What can be shared, and how."""


class Grant(msgspec.Struct):
    """One project that may use an object."""

    object_id: str
    action: str
    target_project: str


def visible(select: Select, project_id: str, column: str) -> str:
    """Return a condition that holds where the object whose id is in `column` is shared with the project."""
    place = select.value(project_id)
    return (
        f"EXISTS (SELECT 1 FROM rbac_policies AS r WHERE r.object_id = {column}"
        f" AND r.target_project IN ('{EVERYBODY}', {place}))"
    )


def own_or_shared(table: str) -> Callable[[Select, str], None]:
    """Show a project what is its own in a table and what is shared with it."""

    def scope(select: Select, project_id: str) -> None:
        place = select.value(project_id)
        select.conditions.append(f"({table}.project_id = {place} OR {visible(select, project_id, table + '.id')})")

    return scope


def shared_filter(column: str = "id") -> Filter:
    """Match what is shared with everybody, or what is not."""

    def apply(select: Select, values: Sequence[str]) -> None:
        word = "" if truth(values[-1]) else "NOT "
        select.conditions.append(
            f"{word}EXISTS (SELECT 1 FROM rbac_policies AS r WHERE r.object_id = {column}"
            f" AND r.action = '{SHARED}' AND r.target_project = '{EVERYBODY}')"
        )

    return apply


async def shared_ids(reads: Reads, ids: Sequence[str], project_id: str | None) -> set[str]:
    """Return which of `ids` are shared with everybody or with the project."""
    if not ids:
        return set()
    marks = ", ".join(f"${index}" for index in range(2, len(ids) + 2))
    sql = (
        f"SELECT object_id FROM rbac_policies WHERE action = '{SHARED}' AND object_id IN ({marks})"
        f" AND target_project IN ('{EVERYBODY}', $1)"
    )
    return set(await reads.values(sql, project_id or "", *ids))


async def may_use(reads: Reads, object_id: str, project_id: str, action: str = SHARED) -> bool:
    """Return whether the object is shared with the project in this way."""
    sql = "SELECT 1 FROM rbac_policies WHERE object_id = $1 AND action = $2 AND target_project IN ('*', $3) LIMIT 1"
    return bool(await reads.value(sql, object_id, action, project_id))


async def is_target(reads: Reads, object_id: str, project_id: str) -> bool:
    """Return whether the object is shared with this very project, not only with everybody."""
    sql = f"SELECT 1 FROM rbac_policies WHERE object_id = $1 AND action = '{SHARED}' AND target_project = $2 LIMIT 1"
    return bool(await reads.value(sql, object_id, project_id))


async def grant(tx: Transaction, world: World, kind: str, object_id: str, by: str, action: str = SHARED) -> None:
    """Let everybody use an object."""
    known = await tx.value(
        "SELECT 1 FROM rbac_policies WHERE object_id = $1 AND action = $2 AND target_project = $3",
        object_id,
        action,
        EVERYBODY,
    )
    if not known:
        row = RbacRow(world.new_id(), by, kind, object_id, action, EVERYBODY)
        await tx.insert("rbac_policies", row)


async def withdraw(tx: Transaction, object_id: str, action: str = SHARED) -> None:
    """Let an object no longer be used by everybody."""
    await tx.delete("rbac_policies", {"object_id": object_id, "action": action, "target_project": EVERYBODY})


async def forget(tx: Transaction, object_id: str) -> None:
    """Drop every policy about an object that goes."""
    await tx.delete("rbac_policies", {"object_id": object_id})
