"""Namespaces of metadata definitions, and what they are for, over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from welkin.core.answers import Answer
from welkin.core.db import Reads, UniqueViolation
from welkin.core.errors import Conflict, Forbidden, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal, limit_of, marker_of, sorting
from welkin.services.image import policy
from welkin.services.image.images.listing import LIMIT_DEFAULT, links
from welkin.services.image.metadefs import store
from welkin.services.image.metadefs.shapes import (
    PATH,
    SCHEMAS,
    Association,
    Namespace,
    View,
    association_view,
    check_object,
    check_property,
    moments,
    namespace_view,
    object_view,
    tag_view,
)
from welkin.services.image.service import service
from welkin.services.image.tables import AssociationRow, NamespaceRow

routes = Routes(service)
ONE = PATH + "/{namespace}"
TYPES = ONE + "/resource_types"
KNOWN_TYPES = (
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
)

LISTED = Listing(
    table="metadef_namespaces",
    row=NamespaceRow,
    key="namespace",
    filters={
        "visibility": equal("visibility"),
        "resource_types": lambda select, values: select.where(
            "EXISTS (SELECT 1 FROM metadef_associations AS a WHERE a.namespace = metadef_namespaces.namespace"
            f" AND a.name IN ({', '.join('?' * len(values[-1].split(',')))}))",
            *values[-1].split(","),
        ),
    },
    sorts={name: name for name in ("namespace", "visibility", "created_at", "updated_at")},
    default_sort=(("created_at", "desc"),),
)


@routes.get(PATH, rule=policy.GET_NAMESPACES)
async def list_namespaces(call: Call) -> View:
    """List the namespaces that the caller may see."""
    args = call.args
    select = Select()
    LISTED.filter(select, args)
    if not call.actor.is_admin:
        select.where("(visibility = 'public' OR owner = ?)", call.actor.project_id)
    limit = limit_of(args)
    limit = LIMIT_DEFAULT if limit is None else limit
    page = await LISTED.page(call.db, select, sorting(args), limit, marker_of(args))
    last = page.rows[-1].namespace if page.more and page.rows else None
    shown = [{**namespace_view(row), **await _purposes(call.db, row.namespace)} for row in page.rows]
    return {"namespaces": shown, "schema": f"{SCHEMAS}/namespaces", **links(args, PATH, last)}


@routes.post(PATH, rule=policy.ADD_NAMESPACE)
async def create_namespace(call: Call, body: Namespace) -> Answer:
    """Create a namespace with everything in it."""
    owner = call.actor.project_id or "" if body.owner is UNSET else str(body.owner)
    now = call.world.now()
    row = NamespaceRow(
        body.namespace, body.display_name, body.description, body.visibility, body.protected, owner, now, now
    )
    for definition in body.properties.values():
        check_property(definition)
    for each in body.objects:
        check_object(each)
    async with call.db.tx() as tx:
        try:
            await tx.insert("metadef_namespaces", row)
        except UniqueViolation:
            raise Conflict(f"The metadata definition namespace={body.namespace} already exists.") from None
        for association in body.resource_type_associations:
            await store.associate(tx, call.world, row.namespace, association)
        for name, definition in body.properties.items():
            await store.add(tx, call.world, row.namespace, "property", (name, definition))
        for each in body.objects:
            await store.add(tx, call.world, row.namespace, "object", (each["name"], each))
        for tag in body.tags:
            await store.add(tx, call.world, row.namespace, "tag", (tag.name, {}))
        shown = await _whole(tx, row)
    return Answer(body=shown, headers={"Location": f"{call.base_url}{PATH}/{row.namespace}"})


@routes.get(ONE, rule=policy.GET_NAMESPACE, late=True)
async def show_namespace(call: Call, namespace: str) -> View:
    """Show a namespace with everything in it; `resource_type` adds that type's prefix to the properties."""
    row = await store.load(call, call.db, namespace, policy.GET_NAMESPACE)
    shown = await _whole(call.db, row)
    for wanted in call.args.get("resource_type", ()):
        found = [each for each in await store.associations(call.db, namespace) if each.name == wanted]
        prefix = found[0].prefix or "" if found else ""
        if "properties" in shown:
            shown["properties"] = {prefix + name: value for name, value in shown["properties"].items()}
    return shown


@routes.put(ONE, rule=policy.MODIFY_NAMESPACE, late=True)
async def update_namespace(call: Call, namespace: str, body: Namespace) -> View:
    """Change a namespace itself, its name too."""
    async with call.db.tx() as tx:
        row = await store.load(call, tx, namespace, policy.MODIFY_NAMESPACE)
        changes: dict[str, Any] = {
            "namespace": body.namespace,
            "display_name": body.display_name,
            "description": body.description,
            "visibility": body.visibility,
            "protected": body.protected,
            "owner": row.owner if body.owner is UNSET else body.owner,
            "updated_at": call.world.now(),
        }
        try:
            await tx.update("metadef_namespaces", {"namespace": namespace}, changes)
        except UniqueViolation:
            raise Conflict(f"The metadata definition namespace={body.namespace} already exists.") from None
    return namespace_view(msgspec.structs.replace(row, **changes))


@routes.delete(ONE, rule=policy.DELETE_NAMESPACE, late=True)
async def delete_namespace(call: Call, namespace: str) -> None:
    """Delete a namespace with everything in it."""
    async with call.db.tx() as tx:
        row = await store.load(call, tx, namespace, policy.DELETE_NAMESPACE)
        if row.protected:
            raise Forbidden(f"Metadata definition namespace {namespace} is protected and cannot be deleted.")
        await tx.delete("metadef_namespaces", {"namespace": namespace})


@routes.get("/v2/metadefs/resource_types", rule=policy.LIST_RESOURCE_TYPES)
async def list_resource_types(call: Call) -> View:
    """List the kinds of resources that definitions can be for."""
    rows = await call.db.all(AssociationRow, f"{store.ASSOCIATIONS} ORDER BY created_at")
    found = {name: {"name": name} for name in KNOWN_TYPES}
    for row in rows:
        found.setdefault(row.name, {"name": row.name, **moments(row)})
    return {"resource_types": list(found.values())}


@routes.get(TYPES, rule=policy.GET_RESOURCE_TYPE, late=True)
async def list_associations(call: Call, namespace: str) -> View:
    """Say what a namespace is for."""
    await store.load(call, call.db, namespace, policy.GET_RESOURCE_TYPE)
    found = await store.associations(call.db, namespace)
    return {"resource_type_associations": [association_view(row) for row in found]}


@routes.post(TYPES, rule=policy.ADD_ASSOCIATION, late=True)
async def create_association(call: Call, namespace: str, body: Association) -> View:
    """Say that a namespace is for a kind of resource."""
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.ADD_ASSOCIATION)
        return association_view(await store.associate(tx, call.world, namespace, body))


@routes.delete(TYPES + "/{name}", rule=policy.REMOVE_ASSOCIATION, late=True)
async def delete_association(call: Call, namespace: str, name: str) -> None:
    """Say that a namespace is not for a kind of resource any more."""
    async with call.db.tx() as tx:
        row = await store.load(call, tx, namespace, policy.REMOVE_ASSOCIATION)
        if row.protected:
            raise Forbidden(f"Metadata definition namespace {namespace} is protected.")
        if not await tx.delete("metadef_associations", {"namespace": namespace, "name": name}):
            raise NotFound(f"The association of resource type {name} to namespace {namespace} was not found.")


async def _purposes(reads: Reads, namespace: str) -> View:
    found = await store.associations(reads, namespace)
    return {"resource_type_associations": [association_view(each) for each in found]} if found else {}


async def _whole(reads: Reads, row: NamespaceRow) -> View:
    name = row.namespace
    parts: View = {
        "properties": {each.name: each.body for each in await store.entries(reads, name, "property")},
        "objects": [object_view(each) for each in await store.entries(reads, name, "object")],
        "tags": [tag_view(each) for each in await store.entries(reads, name, "tag")],
    }
    said = {part: value for part, value in parts.items() if value}
    return {**namespace_view(row), **await _purposes(reads, name), **said}
