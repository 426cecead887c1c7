"""JSON patches of an image, in the two forms that clients send: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from welkin.core.errors import Conflict, Forbidden, Invalid
from welkin.services.image.errors import WrongContentType
from welkin.services.image.images.shapes import READ_ONLY, WRITABLE, check_custom_name, check_value

OPERATIONS = ("add", "remove", "replace")
OLD_TYPE = "application/openstack-images-v2.0-json-patch"
NEW_TYPE = "application/openstack-images-v2.1-json-patch"

Operation = Literal["add", "remove", "replace"]


class Change(msgspec.Struct, frozen=True):
    """One step of a patch.  In the old form nothing may be added over what is there."""

    operation: Operation
    name: str
    value: Any
    strict: bool


class Draft(msgspec.Struct):
    """An image while a patch is applied to it."""

    fields: dict[str, Any]
    properties: dict[str, str]
    tags: list[str]
    queued: bool


def read(content_type: str, body: object) -> list[Change]:
    """Read a patch.  Raises WrongContentType, Invalid, Forbidden."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (OLD_TYPE, NEW_TYPE):
        raise WrongContentType(f"{OLD_TYPE}, {NEW_TYPE}", "Accept-Patch")
    if not isinstance(body, list):
        raise Invalid("Request body must be a JSON array of operation objects.")
    return [_change(raw, old=kind == OLD_TYPE) for raw in body]


def apply(changes: Sequence[Change], draft: Draft) -> None:
    """Apply a patch to `draft`.  Raises Forbidden, Conflict."""
    for change in changes:
        if change.name in WRITABLE or change.name == "tags":
            _apply_to_field(change, draft)
        else:
            _apply_to_property(change, draft.properties)


def _change(raw: object, *, old: bool) -> Change:
    if not isinstance(raw, dict):
        raise Invalid("Operations must be JSON objects.")
    operation, pointer = _old_form(raw) if old else _new_form(raw)
    name = _name(pointer)
    if name == "locations":
        raise Forbidden("Locations are managed by the service, and cannot be set.")
    if name in READ_ONLY or name == "id":
        raise Forbidden(f"Attribute '{name}' is read-only.")
    if name not in WRITABLE and name != "tags":
        check_custom_name(name)
    if operation == "remove":
        return Change("remove", name, None, old)
    if "value" not in raw:
        raise Invalid(f'Operation "{operation}" requires a member named "value".')
    check_value(name, raw["value"])
    return Change(operation, name, raw["value"], old)


def _old_form(raw: Mapping[str, Any]) -> tuple[Operation, object]:
    found: list[Operation] = [word for word in ("add", "remove", "replace") if word in raw]
    if len(found) != 1:
        raise Invalid('Operation objects must contain exactly one member named "add", "remove", or "replace".')
    return found[0], raw[found[0]]


def _new_form(raw: Mapping[str, Any]) -> tuple[Operation, object]:
    operation = raw.get("op")
    if operation not in OPERATIONS:
        raise Invalid(f"Invalid operation: `{operation}`. It must be one of the following: {', '.join(OPERATIONS)}.")
    if "path" not in raw:
        raise Invalid("Unable to find 'path' in JSON Schema change")
    return operation, raw["path"]


def _name(pointer: object) -> str:
    if not isinstance(pointer, str) or not pointer.startswith("/"):
        raise Invalid(f'Pointer `{pointer}` does not start with "/".')
    if re.search(r"/\s*?/", pointer) or (len(pointer) > 1 and pointer.endswith("/")):
        raise Invalid(f'Pointer `{pointer}` contains adjacent "/", or ends with one.')
    if re.search("~[^01]", pointer) or pointer.endswith("~"):
        raise Invalid(f'Pointer `{pointer}` contains "~" not part of a recognized escape sequence.')
    parts = [part.replace("~1", "/").replace("~0", "~").strip() for part in pointer[1:].split("/")]
    if parts[0] != "locations" and len(parts) != 1:
        raise Invalid(f"Invalid JSON pointer for this resource: '{pointer}'")
    return parts[0]


def _apply_to_field(change: Change, draft: Draft) -> None:
    name = change.name
    if change.operation == "remove":
        raise Forbidden(f"Property {name} may not be removed.")
    if change.strict and change.operation == "add":
        raise Conflict(f"Property {name} already present.")
    if name in ("disk_format", "container_format") and not draft.queued and draft.fields[name] != change.value:
        raise Forbidden(f"Attribute {name} can be only replaced for a queued image.")
    if name == "tags":
        draft.tags = list(dict.fromkeys(change.value))
    else:
        draft.fields[name] = change.value


def _apply_to_property(change: Change, properties: dict[str, str]) -> None:
    there = change.name in properties
    if change.operation == "add" and there and change.strict:
        raise Conflict(f"Property {change.name} already present.")
    if change.operation != "add" and not there:
        raise Conflict(f"Property {change.name} does not exist.")
    if change.operation == "remove":
        del properties[change.name]
    else:
        properties[change.name] = change.value
