"""What may be written of an image, and how an image looks: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from welkin.core import times
from welkin.core.errors import Forbidden, Invalid
from welkin.services.image.tables import ImageRow

CONTAINER_FORMATS = ("ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed")
DISK_FORMATS = ("ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop")
VISIBILITIES = ("public", "private", "shared", "community")
STORE = "file"

WRITABLE = (
    "name", "visibility", "container_format", "disk_format", "min_disk", "min_ram", "protected", "os_hidden", "owner",
)  # fmt: skip
READ_ONLY = frozenset({
    "created_at", "updated_at", "status", "checksum", "size", "virtual_size", "direct_url", "self", "file", "schema",
    "os_hash_algo", "os_hash_value", "stores",
})  # fmt: skip
RESERVED = frozenset({"location", "deleted", "deleted_at"})
RESERVED_PREFIX = "os_glance"
NAME_LENGTH_MAX = 255
VALUE_LENGTH_MAX = 65_535
INT_MAX = 0x7FFFFFFF
UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\Z")


class Asked(msgspec.Struct, kw_only=True):
    """What a request says of an image: its own fields, its custom properties, its tags."""

    id: str | None = None
    fields: dict[str, Any]
    properties: dict[str, str]
    tags: list[str]


def read_create(body: Mapping[str, Any]) -> Asked:
    """Read the body of a create.  Raises Invalid, Forbidden."""
    asked = Asked(fields={}, properties={}, tags=[])
    for name, value in body.items():
        if name in READ_ONLY or name == "locations":
            raise Forbidden(f"Attribute '{name}' is read-only.")
        check_value(name, value)
        if name == "id":
            asked.id = str(value)
        elif name == "tags":
            asked.tags = list(value)
        elif name in WRITABLE:
            asked.fields[name] = value
        else:
            check_custom_name(name)
            asked.properties[name] = value
    return asked


def check_custom_name(name: str) -> None:
    """Raise Forbidden or Invalid unless a property may have this name."""
    if name in RESERVED or name.startswith(RESERVED_PREFIX):
        raise Forbidden(f"Attribute '{name}' is reserved.")
    if not name or len(name) > NAME_LENGTH_MAX:
        raise Invalid("Custom property should not be greater than 255 characters.")


def check_value(name: str, value: object) -> None:
    """Raise Invalid unless the field may have this value."""
    check = CHECKS.get(name, _is_text)
    if not check(value):
        raise Invalid(f"Provided object does not match schema 'image': {value!r} is not valid for {name!r}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= VALUE_LENGTH_MAX


def _is_name(value: object) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= NAME_LENGTH_MAX)


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= INT_MAX


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _are_tags(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(tag, str) and len(tag) <= NAME_LENGTH_MAX for tag in value)


CHECKS = {
    "id": lambda value: isinstance(value, str) and UUID.match(value) is not None,
    "name": _is_name,
    "owner": _is_name,
    "visibility": lambda value: value in VISIBILITIES,
    "container_format": lambda value: value is None or value in CONTAINER_FORMATS,
    "disk_format": lambda value: value is None or value in DISK_FORMATS,
    "min_disk": _is_size,
    "min_ram": _is_size,
    "protected": _is_truth,
    "os_hidden": _is_truth,
    "tags": _are_tags,
}


def view(row: ImageRow, properties: Mapping[str, str], tags: Sequence[str]) -> dict[str, Any]:
    """Return an image as clients see it."""
    path = f"/v2/images/{row.id}"
    shown: dict[str, Any] = {
        **properties,
        "name": row.name,
        "disk_format": row.disk_format,
        "container_format": row.container_format,
        "visibility": row.visibility,
        "size": row.size,
        "virtual_size": row.virtual_size,
        "status": row.status,
        "checksum": row.checksum,
        "protected": row.protected,
        "min_ram": row.min_ram,
        "min_disk": row.min_disk,
        "owner": row.owner,
        "os_hidden": row.os_hidden,
        "os_hash_algo": row.os_hash_algo,
        "os_hash_value": row.os_hash_value,
        "id": row.id,
        "created_at": times.with_z(row.created_at),
        "updated_at": times.with_z(row.updated_at),
        "tags": list(tags),
        "self": path,
        "file": f"{path}/file",
        "schema": "/v2/schemas/image",
    }
    if row.status in ("active", "deactivated"):
        shown["stores"] = STORE
    return shown
