"""Reading and writing definitions inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from welkin.core.db import Reads, Transaction, UniqueViolation, columns
from welkin.core.errors import Conflict, NotFound
from welkin.core.http import Call
from welkin.core.policy import Rule
from welkin.core.world import World
from welkin.services.image import policy
from welkin.services.image.metadefs.shapes import Association
from welkin.services.image.tables import AssociationRow, EntryRow, NamespaceRow

Kind = Literal["object", "property", "tag"]

NAMESPACE = f"SELECT {columns(NamespaceRow)} FROM metadef_namespaces"
ENTRIES = f"SELECT {columns(EntryRow)} FROM metadef_entries WHERE namespace = $1 AND kind = $2"
ASSOCIATIONS = f"SELECT {columns(AssociationRow)} FROM metadef_associations"


async def load(call: Call, reads: Reads, namespace: str, rule: Rule) -> NamespaceRow:
    """Return a namespace that the caller may see, and may do what `rule` names to.  Raises NotFound, Forbidden."""
    row = await reads.one(NamespaceRow, f"{NAMESPACE} WHERE namespace = $1", namespace)
    target = {"project_id": row.owner, "visibility": row.visibility} if row is not None else {}
    if row is None or not call.allowed(policy.GET_NAMESPACE, **target):
        call.enforce(policy.GET_NAMESPACES, project_id=call.actor.project_id)
        raise NotFound(f"Metadata definition namespace={namespace} was not found.")
    call.enforce(rule, **target)
    return row


async def associations(reads: Reads, namespace: str) -> list[AssociationRow]:
    """Return what a namespace is for."""
    return await reads.all(AssociationRow, f"{ASSOCIATIONS} WHERE namespace = $1 ORDER BY name", namespace)


async def associate(tx: Transaction, world: World, namespace: str, asked: Association) -> AssociationRow:
    """Say what a namespace is for.  Raises Conflict."""
    now = world.now()
    row = AssociationRow(namespace, asked.name, asked.prefix, asked.properties_target, now, now)
    try:
        await tx.insert("metadef_associations", row)
    except UniqueViolation:
        raise Conflict(f"The association of resource type {asked.name} to namespace {namespace} exists.") from None
    return row


async def entries(reads: Reads, namespace: str, kind: Kind) -> list[EntryRow]:
    """Return every definition of a kind."""
    return await reads.all(EntryRow, f"{ENTRIES} ORDER BY created_at, name", namespace, kind)


async def entry(reads: Reads, namespace: str, kind: Kind, name: str) -> EntryRow:
    """Return one definition.  Raises NotFound."""
    row = await reads.one(EntryRow, f"{ENTRIES} AND name = $3", namespace, kind, name)
    if row is None:
        raise NotFound(f"The metadata definition {kind} with name={name} was not found in namespace={namespace}.")
    return row


async def add(
    tx: Transaction, world: World, namespace: str, kind: Kind, entry: tuple[str, Mapping[str, Any]]
) -> EntryRow:
    """Add a definition, a name and its body.  Raises Conflict."""
    name, body = entry
    row = EntryRow(namespace, kind, name, dict(body), world.now(), world.now())
    try:
        await tx.insert("metadef_entries", row)
    except UniqueViolation:
        raise Conflict(
            f"A metadata definition {kind} with name={name} already exists in namespace={namespace}."
        ) from None
    return row


async def change(tx: Transaction, world: World, old: EntryRow, name: str, body: Mapping[str, Any]) -> EntryRow:
    """Change a definition, its name too.  Raises Conflict."""
    row = EntryRow(old.namespace, old.kind, name, dict(body), old.created_at, world.now())
    key = {"namespace": old.namespace, "kind": old.kind, "name": old.name}
    try:
        await tx.update("metadef_entries", key, {"name": name, "body": row.body, "updated_at": row.updated_at})
    except UniqueViolation:
        raise Conflict(f"A metadata definition {old.kind} with name={name} already exists.") from None
    return row


async def remove(tx: Transaction, namespace: str, kind: Kind, name: str | None = None) -> int:
    """Delete one definition, or without a name every one of its kind; return how many there were."""
    key = {"namespace": namespace, "kind": kind}
    return await tx.delete("metadef_entries", key if name is None else {**key, "name": name})
