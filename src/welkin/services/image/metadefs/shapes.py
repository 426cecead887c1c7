"""Definitions of metadata on the wire: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.core import times
from welkin.core.errors import Invalid
from welkin.services.image.tables import AssociationRow, EntryRow, NamespaceRow

Name = Annotated[str, Meta(min_length=1, max_length=80)]
TypeName = Annotated[str, Meta(min_length=1, max_length=80)]
PATH = "/v2/metadefs/namespaces"
SCHEMAS = "/v2/schemas/metadefs"
PROPERTY_TYPES = frozenset({"array", "boolean", "integer", "number", "object", "string", "null"})

View = dict[str, Any]


class Association(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A kind of resource that a namespace is for."""

    name: TypeName
    prefix: Annotated[str, Meta(max_length=80)] | None = None
    properties_target: Annotated[str, Meta(max_length=80)] | None = None


class Tag(msgspec.Struct, kw_only=True):
    """A tag that may be given."""

    name: Name


class Tags(msgspec.Struct, kw_only=True):
    """Several tags that may be given."""

    tags: list[Tag]


class Namespace(msgspec.Struct, kw_only=True):
    """A namespace with everything in it."""

    namespace: Name
    display_name: Annotated[str, Meta(max_length=80)] | None = None
    description: Annotated[str, Meta(max_length=500)] | None = None
    visibility: Literal["public", "private"] = "private"
    protected: bool = False
    owner: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    resource_type_associations: list[Association] = []
    properties: dict[str, dict[str, Any]] = {}
    objects: list[dict[str, Any]] = []
    tags: list[Tag] = []


def check_property(definition: Mapping[str, Any]) -> None:
    """Raise Invalid unless a property's definition says what it is called and what it holds."""
    for required in ("title", "type"):
        if not isinstance(definition.get(required), str):
            raise Invalid(f"Provided object does not match schema 'property': {required!r} is a required property")
    if definition["type"] not in PROPERTY_TYPES:
        raise Invalid(f"Provided object does not match schema 'property': {definition['type']!r} is not a type")


def check_object(body: Mapping[str, Any]) -> None:
    """Raise Invalid unless an object's definition is a name with properties."""
    if not isinstance(body.get("name"), str) or not 0 < len(body["name"]) <= 80:
        raise Invalid("Provided object does not match schema 'object': 'name' is a required property")
    properties = body.get("properties", {})
    if not isinstance(properties, dict) or not all(isinstance(each, dict) for each in properties.values()):
        raise Invalid("Provided object does not match schema 'object': its properties are not objects")
    for definition in properties.values():
        check_property(definition)


def moments(row: NamespaceRow | AssociationRow | EntryRow) -> View:
    """Return when something was made and changed."""
    return {"created_at": times.with_z(row.created_at), "updated_at": times.with_z(row.updated_at)}


def namespace_view(row: NamespaceRow) -> View:
    """Return a namespace by itself; what is not said is left out."""
    shown = {
        "namespace": row.namespace,
        "display_name": row.display_name,
        "description": row.description,
        "visibility": row.visibility,
        "protected": row.protected,
        "owner": row.owner,
        **moments(row),
        "self": f"{PATH}/{row.namespace}",
        "schema": f"{SCHEMAS}/namespace",
    }
    return {name: value for name, value in shown.items() if value is not None}


def association_view(row: AssociationRow) -> View:
    """Return what a namespace is for."""
    shown = {"name": row.name, "prefix": row.prefix, "properties_target": row.properties_target, **moments(row)}
    return {name: value for name, value in shown.items() if value is not None}


def object_view(row: EntryRow) -> View:
    """Return an object's definition."""
    links = {"self": f"{PATH}/{row.namespace}/objects/{row.name}", "schema": f"{SCHEMAS}/object"}
    return {"required": [], "properties": {}, **row.body, "name": row.name, **moments(row), **links}


def property_view(row: EntryRow) -> View:
    """Return a property's definition."""
    return {**row.body, "name": row.name}


def tag_view(row: EntryRow) -> View:
    """Return a tag's definition."""
    return {"name": row.name, **moments(row)}
