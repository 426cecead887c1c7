"""JSON schemas of what image sends and takes; clients build their forms and checks from them."""

from __future__ import annotations

from typing import Any

from welkin.core.errors import NotFound
from welkin.core.http import Call, Routes
from welkin.services.image import policy
from welkin.services.image.images.shapes import CONTAINER_FORMATS, DISK_FORMATS, NAME_LENGTH_MAX
from welkin.services.image.service import service

routes = Routes(service)

Schema = dict[str, Any]
UUID = "^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$"


def text(description: str, **more: Any) -> Schema:
    """Return the schema of a text."""
    return {"type": "string", "description": description, **more}


def maybe(kind: str, description: str, **more: Any) -> Schema:
    """Return the schema of something that may be null."""
    return {"type": ["null", kind], "description": description, **more}


def read_only(schema: Schema) -> Schema:
    """Return a schema of what only the service writes."""
    return {**schema, "readOnly": True}


CREATED = text("When it was made")
UPDATED = text("When it was last changed")
SELF = text("Its own URL", readOnly=True)
SCHEMA = text("The URL of its schema", readOnly=True)

IMAGE: Schema = {
    "id": text("An identifier for the image", pattern=UUID),
    "name": maybe("string", "A name to recognise the image by", maxLength=NAME_LENGTH_MAX),
    "status": read_only(
        text(
            "What can be done with the image",
            enum=[
                "queued",
                "saving",
                "active",
                "killed",
                "deleted",
                "uploading",
                "importing",
                "pending_delete",
                "deactivated",
            ],
        )
    ),
    "visibility": text("Who may use the image", enum=["community", "public", "private", "shared"]),
    "protected": {"type": "boolean", "description": "Whether the image cannot be deleted."},
    "os_hidden": {"type": "boolean", "description": "Whether the image stays out of lists unless asked for."},
    "checksum": read_only(maybe("string", "MD5 of the data", maxLength=32)),
    "os_hash_algo": read_only(maybe("string", "With what os_hash_value was made", maxLength=64)),
    "os_hash_value": read_only(maybe("string", "The checksum of the data", maxLength=128)),
    "owner": maybe("string", "The project that owns the image", maxLength=NAME_LENGTH_MAX),
    "size": read_only(maybe("integer", "How many bytes the data has")),
    "virtual_size": read_only(maybe("integer", "How many bytes a guest sees")),
    "container_format": maybe("string", "What is around the disk", enum=[None, *CONTAINER_FORMATS]),
    "disk_format": maybe("string", "How the disk is written", enum=[None, *DISK_FORMATS]),
    "created_at": read_only(CREATED),
    "updated_at": read_only(UPDATED),
    "tags": {
        "type": "array",
        "description": "Words to find the image by",
        "items": {"type": "string", "maxLength": NAME_LENGTH_MAX},
    },
    "direct_url": text("Where the data is kept", readOnly=True),
    "min_ram": {"type": "integer", "description": "How much memory a server needs, in MB."},
    "min_disk": {"type": "integer", "description": "How much disk a server needs, in GB."},
    "self": SELF,
    "file": text("The URL of the data", readOnly=True),
    "stores": text("Where the data is kept, by the stores' ids", readOnly=True),
    "schema": SCHEMA,
    "locations": {
        "type": "array",
        "description": "Where the data is kept",
        "items": {
            "type": "object",
            "properties": {"url": {"type": "string", "maxLength": NAME_LENGTH_MAX}, "metadata": {"type": "object"}},
            "required": ["url", "metadata"],
        },
    },
}

MEMBER: Schema = {
    "member_id": text("The project with which the image is shared"),
    "image_id": text("The image", pattern=UUID),
    "created_at": CREATED,
    "updated_at": UPDATED,
    "status": text("What the project says to it", enum=["pending", "accepted", "rejected"]),
    "schema": {"readOnly": True, "type": "string"},
}

TASK: Schema = {
    "id": text("An identifier for the task", pattern=UUID),
    "type": text("What the task does", enum=["import", "api_image_import", "location_import"]),
    "status": text("How far the task is", enum=["pending", "processing", "success", "failure"]),
    "input": maybe("object", "What the task works on"),
    "result": maybe("object", "What came of it"),
    "owner": text("The project that owns the task"),
    "message": text("What went wrong"),
    "image_id": text("The image that the task is for"),
    "request_id": text("The request that began the task"),
    "user_id": text("The user who began the task"),
    "expires_at": maybe("string", "When the task is forgotten"),
    "created_at": CREATED,
    "updated_at": UPDATED,
    "self": {"readOnly": True, "type": "string"},
    "schema": {"readOnly": True, "type": "string"},
}

LINKS = [
    {"rel": "self", "href": "{self}"},
    {"rel": "enclosure", "href": "{file}"},
    {"rel": "describedby", "href": "{schema}"},
]

ONES: dict[str, Schema] = {
    "image": {
        "name": "image",
        "properties": IMAGE,
        "additionalProperties": {"type": "string"},
        "links": LINKS,
    },
    "member": {"name": "member", "properties": MEMBER},
    "task": {"name": "task", "properties": TASK},
}


def collection(name: str, one: Schema) -> Schema:
    """Return the schema of a list of `one`, under `name`."""
    return {
        "name": name,
        "properties": {
            name: {"type": "array", "items": one},
            "first": {"type": "string"},
            "next": {"type": "string"},
            "schema": {"type": "string"},
        },
        "links": [
            {"rel": "first", "href": "{first}"},
            {"rel": "next", "href": "{next}"},
            {"rel": "describedby", "href": "{schema}"},
        ],
    }


@routes.get("/v2/schemas/{name}", rule=policy.DISCOVERY)
async def show_schema(call: Call, name: str) -> Schema:
    """Return the schema of one kind of thing, or of a list of it."""
    if name in ONES:
        return ONES[name]
    one = name.removesuffix("s")
    if name.endswith("s") and one in ONES:
        return collection(name, ONES[one])
    raise NotFound(f"There is no schema {name}.")


PROPERTY: Schema = {
    "name": text("What the property is called", maxLength=80),
    "title": {"type": "string"},
    "description": {"type": "string"},
    "operators": {"type": "array", "items": {"type": "string"}},
    "type": {"type": "string", "enum": ["array", "boolean", "integer", "number", "object", "string", None]},
    "required": {"type": "array", "items": {"type": "string"}},
    "minimum": {"type": "number"},
    "maximum": {"type": "number"},
    "maxLength": {"type": "integer", "minimum": 0},
    "minLength": {"type": "integer", "minimum": 0},
    "pattern": {"type": "string", "format": "regex"},
    "enum": {"type": "array"},
    "readonly": {"type": "boolean"},
    "default": {},
    "items": {"type": "object"},
    "maxItems": {"type": "integer", "minimum": 0},
    "minItems": {"type": "integer", "minimum": 0},
    "uniqueItems": {"type": "boolean", "default": False},
    "additionalItems": {"type": "boolean"},
}
NAMED: Schema = {"name": {"type": "string", "maxLength": 80}, "created_at": CREATED, "updated_at": UPDATED}
OBJECT: Schema = {
    **NAMED,
    "description": {"type": "string"},
    "required": {"type": "array", "items": {"type": "string"}},
    "properties": {"type": "object"},
    "self": {"type": "string"},
    "schema": {"type": "string"},
}
ASSOCIATION: Schema = {
    **NAMED,
    "prefix": text("What the properties' names start with on such a resource", maxLength=80),
    "properties_target": text("Where the properties go, when a resource has several places", maxLength=80),
}
NAMESPACE: Schema = {
    "namespace": text("The unique name", maxLength=80),
    "display_name": text("The name for people", maxLength=80),
    "description": text("What is in it", maxLength=500),
    "visibility": text("Who may see it", enum=["public", "private"]),
    "protected": {"type": "boolean", "description": "Whether it cannot be deleted."},
    "owner": text("The project that owns it", maxLength=255),
    "created_at": CREATED,
    "updated_at": UPDATED,
    "self": {"type": "string"},
    "schema": {"type": "string"},
    "resource_type_associations": {"type": "array", "items": {"type": "object", "properties": ASSOCIATION}},
    "properties": {"type": "object"},
    "objects": {"type": "array", "items": {"type": "object", "properties": OBJECT}},
    "tags": {"type": "array", "items": {"type": "object", "properties": NAMED}},
}

DEFINITIONS: dict[str, tuple[str, Schema]] = {
    "namespace": ("namespaces", {"name": "namespace", "properties": NAMESPACE, "required": ["namespace"]}),
    "resource_type": (
        "resource_types",
        {"name": "resource_type_association", "properties": ASSOCIATION, "required": ["name"]},
    ),
    "object": ("objects", {"name": "object", "properties": OBJECT, "required": ["name"]}),
    "property": ("properties", {"name": "property", "properties": PROPERTY, "required": ["name", "title", "type"]}),
    "tag": ("tags", {"name": "tag", "properties": NAMED, "required": ["name"]}),
}


@routes.get("/v2/schemas/metadefs/{name}", rule=policy.DISCOVERY)
async def show_definition_schema(call: Call, name: str) -> Schema:
    """Return the schema of one kind of metadata definition, or of a list of it."""
    for one, (many, schema) in DEFINITIONS.items():
        if name == one:
            return schema
        if name == many:
            listed = "resource_type_associations" if many == "resource_types" else many
            return collection(listed, {"type": "object", "properties": schema["properties"]})
    raise NotFound(f"There is no schema {name}.")
