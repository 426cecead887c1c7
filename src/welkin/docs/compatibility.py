"""docs/compatibility.md: every operation of OpenStack's references, done or not, and what differs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from welkin.core import operations
from welkin.core.operations import Operation, Shape
from welkin.core.routing import Route
from welkin.docs import offers, tables

Key = tuple[str, Shape, str | None]
"""A method, a path's shape and an action's key."""

DONE, MISSING = "done", "501"


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is done otherwise than upstream does it, knowingly."""

    service: str
    what: str
    why: str


class Covered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Operations of the reference that a route of another shape serves, such as one for several literal paths."""

    service: str
    operations: tuple[str, ...]
    """Each as `GET /v2/schemas/image`."""
    by: str
    """The route, as `GET /v2/schemas/{name}`."""


class Notes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What docs/compatibility-notes.toml says."""

    difference: tuple[Difference, ...] = ()
    covered: tuple[Covered, ...] = ()


def render(docs: Path) -> str:
    """Return the page for what the rooms offer, with the notes that are kept by hand in `docs`."""
    return page(offers.routes(), read_notes(docs / "compatibility-notes.toml"))


def read_notes(file: Path) -> Notes:
    """Read the notes.  Raises msgspec.ValidationError when they do not have the shape above."""
    return msgspec.toml.decode(file.read_bytes(), type=Notes)


def page(routes: Iterable[Route], notes: Notes) -> str:
    """Return the page for these routes."""
    offered: dict[str, set[Key]] = {}
    own: dict[str, list[str]] = {}
    for route in routes:
        key = (route.method, operations.shape(route.path), route.action)
        offered.setdefault(route.service.type, set()).add(key)
        if key not in _listed(route.service.type):
            own.setdefault(route.service.type, []).append(_call(route))
    for covered in notes.covered:
        _cover(covered, offered.setdefault(covered.service, set()))
    reference = operations.all_operations()
    counts = []
    for service, listed in sorted(reference.items()):
        present = [operation for operation in listed if not operation.gone]
        done = sum(is_done(operation, offered.get(service, set())) for operation in present)
        counts.append((service, str(done), str(len(present)), f"{done / len(present):.0%}"))
    return tables.page(
        "Compatibility",
        "Every operation of OpenStack's API references. An operation that is not done answers 501 and says so;\n"
        "a path that upstream does not have either answers 404.",
        tables.table(("Service", "#Done", "#Of", "#Share"), counts),
        *(
            _service(name, listed, offered.get(name, set()), notes) + _beyond(own.get(name, []))
            for name, listed in sorted(reference.items())
        ),
    )


def is_done(operation: Operation, offered: set[Key]) -> bool:
    """Return whether a route serves the operation; a GET serves HEAD too."""
    shape = operations.shape(operation.path)
    if (operation.method, shape, operation.action) in offered:
        return True
    return operation.method == "HEAD" and ("GET", shape, None) in offered


def _cover(covered: Covered, offered: set[Key]) -> None:
    """Add what `covered` claims to `offered`, provided that its route is there."""
    if _key(covered.by) in offered:
        offered.update(_key(text) for text in covered.operations)


def _key(text: str) -> Key:
    method, _, path = text.partition(" ")
    return (method, operations.shape(path), None)


def _service(name: str, listed: Sequence[Operation], offered: set[Key], notes: Notes) -> str:
    present = [operation for operation in listed if not operation.gone]
    gone = [operation for operation in listed if operation.gone]
    differences = [(note.what, note.why) for note in notes.difference if note.service == name]
    rows = [
        (tables.code(_call(operation)), operation.name, DONE if is_done(operation, offered) else MISSING)
        for operation in present
    ]
    parts = [f"## {name}"]
    if differences:
        parts += ["### Known differences", tables.table(("What", "Why"), differences), "### Operations"]
    parts.append(tables.table(("Operation", "What it does", "State"), rows))
    if gone:
        parts.append(
            "Upstream has removed these itself (410), and so they do not count: " + _list(map(_call, gone)) + "."
        )
    return "\n\n".join(parts)


@functools.cache
def _listed(service: str) -> frozenset[Key]:
    listed = operations.all_operations().get(service, ())
    return frozenset((operation.method, operations.shape(operation.path), operation.action) for operation in listed)


def _beyond(calls: list[str]) -> str:
    if not calls:
        return ""
    return f"\n\nServed beyond the reference: {_list(sorted(calls))}."


def _list(calls: Iterable[str]) -> str:
    return ", ".join(tables.code(call) for call in calls)


def _call(offered: Operation | Route) -> str:
    action = f" ({offered.action})" if offered.action else ""
    return f"{offered.method} {offered.path}{action}"
