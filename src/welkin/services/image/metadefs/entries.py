"""Definitions of objects, properties and tags over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core.db import Transaction
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.image import policy
from welkin.services.image.metadefs import store
from welkin.services.image.metadefs.api import ONE
from welkin.services.image.metadefs.shapes import (
    PATH,
    SCHEMAS,
    Tag,
    Tags,
    View,
    check_object,
    check_property,
    object_view,
    property_view,
    tag_view,
)
from welkin.services.image.metadefs.store import Kind
from welkin.services.image.service import service

routes = Routes(service)
OBJECTS, OBJECT = ONE + "/objects", ONE + "/objects/{name}"
PROPERTIES, PROPERTY = ONE + "/properties", ONE + "/properties/{name}"
TAGS, TAG = ONE + "/tags", ONE + "/tags/{name}"
MADE_BY_US = frozenset({"created_at", "updated_at", "self", "schema", "name"})

Body = dict[str, Any]


@routes.get(OBJECTS, rule=policy.GET_OBJECTS, late=True)
async def list_objects(call: Call, namespace: str) -> View:
    """List the objects of a namespace."""
    await store.load(call, call.db, namespace, policy.GET_OBJECTS)
    found = [object_view(row) for row in await store.entries(call.db, namespace, "object")]
    return {"objects": found, "first": f"{PATH}/{namespace}/objects", "schema": f"{SCHEMAS}/objects"}


@routes.post(OBJECTS, rule=policy.ADD_OBJECT, late=True)
async def create_object(call: Call, namespace: str, body: Body) -> View:
    """Define an object."""
    check_object(body)
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.ADD_OBJECT)
        return object_view(await store.add(tx, call.world, namespace, "object", (body["name"], _own(body))))


@routes.get(OBJECT, rule=policy.GET_OBJECT, late=True)
async def show_object(call: Call, namespace: str, name: str) -> View:
    """Show an object's definition."""
    await store.load(call, call.db, namespace, policy.GET_OBJECT)
    return object_view(await store.entry(call.db, namespace, "object", name))


@routes.put(OBJECT, rule=policy.MODIFY_OBJECT, late=True)
async def update_object(call: Call, namespace: str, name: str, body: Body) -> View:
    """Change an object's definition."""
    check_object(body)
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.MODIFY_OBJECT)
        old = await store.entry(tx, namespace, "object", name)
        return object_view(await store.change(tx, call.world, old, body["name"], _own(body)))


@routes.delete(OBJECT, rule=policy.DELETE_OBJECT, late=True)
async def delete_object(call: Call, namespace: str, name: str) -> None:
    """Delete an object's definition."""
    await _delete(call, namespace, "object", name, policy.DELETE_OBJECT)


@routes.delete(OBJECTS, rule=policy.DELETE_NAMESPACE, late=True)
async def delete_objects(call: Call, namespace: str) -> None:
    """Delete every object's definition of a namespace."""
    await _delete(call, namespace, "object", None, policy.DELETE_NAMESPACE)


@routes.get(PROPERTIES, rule=policy.GET_PROPERTIES, late=True)
async def list_properties(call: Call, namespace: str) -> View:
    """List the properties of a namespace."""
    await store.load(call, call.db, namespace, policy.GET_PROPERTIES)
    found = await store.entries(call.db, namespace, "property")
    return {"properties": {row.name: property_view(row) for row in found}}


@routes.post(PROPERTIES, rule=policy.ADD_PROPERTY, late=True)
async def create_property(call: Call, namespace: str, body: Body) -> View:
    """Define a property."""
    name = _property_name(body)
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.ADD_PROPERTY)
        return property_view(await store.add(tx, call.world, namespace, "property", (name, _own(body))))


@routes.get(PROPERTY, rule=policy.GET_PROPERTY, late=True)
async def show_property(call: Call, namespace: str, name: str) -> View:
    """Show a property's definition; with `resource_type`, by its name with that type's prefix."""
    await store.load(call, call.db, namespace, policy.GET_PROPERTY)
    prefix = ""
    for wanted in call.args.get("resource_type", ()):
        found = [each for each in await store.associations(call.db, namespace) if each.name == wanted]
        prefix = found[0].prefix or "" if found else ""
    if not name.startswith(prefix):
        raise NotFound(f"Property {name} does not start with the expected resource type association prefix {prefix}.")
    shown = property_view(await store.entry(call.db, namespace, "property", name.removeprefix(prefix)))
    return {**shown, "name": name}


@routes.put(PROPERTY, rule=policy.MODIFY_PROPERTY, late=True)
async def update_property(call: Call, namespace: str, name: str, body: Body) -> View:
    """Change a property's definition."""
    new = _property_name(body)
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.MODIFY_PROPERTY)
        old = await store.entry(tx, namespace, "property", name)
        return property_view(await store.change(tx, call.world, old, new, _own(body)))


@routes.delete(PROPERTY, rule=policy.REMOVE_PROPERTY, late=True)
async def delete_property(call: Call, namespace: str, name: str) -> None:
    """Delete a property's definition."""
    await _delete(call, namespace, "property", name, policy.REMOVE_PROPERTY)


@routes.delete(PROPERTIES, rule=policy.DELETE_NAMESPACE, late=True)
async def delete_properties(call: Call, namespace: str) -> None:
    """Delete every property's definition of a namespace."""
    await _delete(call, namespace, "property", None, policy.DELETE_NAMESPACE)


@routes.get(TAGS, rule=policy.GET_TAGS, late=True)
async def list_tags(call: Call, namespace: str) -> View:
    """List the tags of a namespace."""
    await store.load(call, call.db, namespace, policy.GET_TAGS)
    found = [{"name": row.name} for row in await store.entries(call.db, namespace, "tag")]
    return {"tags": found, "first": f"{PATH}/{namespace}/tags", "schema": f"{SCHEMAS}/tags"}


@routes.post(TAGS, rule=policy.ADD_TAGS, late=True)
async def create_tags(call: Call, namespace: str, body: Tags) -> View:
    """Make these the tags of a namespace; with `X-Openstack-Append: true`, add them."""
    append = call.headers.get(b"x-openstack-append", b"").lower() == b"true"
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.ADD_TAGS)
        if not append:
            await store.remove(tx, namespace, "tag")
        for tag in body.tags:
            await store.add(tx, call.world, namespace, "tag", (tag.name, {}))
    return {"tags": [{"name": tag.name} for tag in body.tags]}


@routes.delete(TAGS, rule=policy.DELETE_TAGS, late=True)
async def delete_tags(call: Call, namespace: str) -> None:
    """Delete every tag of a namespace."""
    await _delete(call, namespace, "tag", None, policy.DELETE_TAGS)


@routes.post(TAG, rule=policy.ADD_TAG, late=True)
async def create_tag(call: Call, namespace: str, name: str) -> View:
    """Define a tag."""
    if len(name) > 80:
        raise Invalid(f"Provided object does not match schema 'tag': {name!r} is too long")
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.ADD_TAG)
        return tag_view(await store.add(tx, call.world, namespace, "tag", (name, {})))


@routes.get(TAG, rule=policy.GET_TAG, late=True)
async def show_tag(call: Call, namespace: str, name: str) -> View:
    """Show a tag's definition."""
    await store.load(call, call.db, namespace, policy.GET_TAG)
    return tag_view(await store.entry(call.db, namespace, "tag", name))


@routes.put(TAG, rule=policy.MODIFY_TAG, late=True)
async def rename_tag(call: Call, namespace: str, name: str, body: Tag) -> View:
    """Give a tag another name."""
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, policy.MODIFY_TAG)
        old = await store.entry(tx, namespace, "tag", name)
        return tag_view(await store.change(tx, call.world, old, body.name, {}))


@routes.delete(TAG, rule=policy.DELETE_TAG, late=True)
async def delete_tag(call: Call, namespace: str, name: str) -> None:
    """Delete a tag's definition."""
    await _delete(call, namespace, "tag", name, policy.DELETE_TAG)


async def _delete(call: Call, namespace: str, kind: Kind, name: str | None, rule: Rule) -> None:
    async with call.db.tx() as tx:
        await store.load(call, tx, namespace, rule)
        await _remove(tx, namespace, kind, name)


async def _remove(tx: Transaction, namespace: str, kind: Kind, name: str | None) -> None:
    if name is not None:
        await store.entry(tx, namespace, kind, name)
    await store.remove(tx, namespace, kind, name)


def _property_name(body: Body) -> str:
    check_property(body)
    name = body.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= 80:
        raise Invalid("Provided object does not match schema 'property': 'name' is a required property")
    return name


def _own(body: Body) -> Body:
    """Return what the client defines, without what the service adds."""
    return {name: value for name, value in body.items() if name not in MADE_BY_US}
