"""What OpenStack's API references list, so that a call which Welkin lacks is told apart from a wrong path.

The data is `operations.json` beside this file; `docs/upstream/extract.py` writes it. It is
read at the first miss, not at the start: most processes never need it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import msgspec

from welkin.core.versions import number

DATA = Path(__file__).with_name("operations.json")


class Operation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One operation of an upstream reference.  Paths are below the service's own prefix."""

    method: str
    path: str
    name: str = ""
    action: str | None = None
    """For a body with a single key that names what to do: that key."""
    gone: bool = False
    """Whether upstream has removed it, and answers 410 at every version."""
    since: str = ""
    """The first microversion that has it, where the reference says so; before, upstream answers 404."""
    until: str = ""
    """The last microversion that has it; from the next one on, upstream answers 404."""

    def has(self, version: int) -> bool:
        """Return whether a microversion has it; 0 is a service without any."""
        too_early = bool(self.since) and version < number(self.since)
        return not version or not (too_early or (bool(self.until) and version > number(self.until)))


Shape = tuple[str | None, ...]
"""The segments of a path; None stands for an argument."""


@functools.cache
def all_operations() -> Mapping[str, tuple[Operation, ...]]:
    """Return the operations of each service type, in the order of its reference."""
    return msgspec.json.decode(DATA.read_bytes(), type=dict[str, tuple[Operation, ...]])


def shape(path: str) -> Shape:
    """Return the segments of a path pattern; what an argument is called does not matter."""
    return tuple(None if part.startswith("{") else part for part in path.split("/") if part)


def find(service: str, method: str, path: str, action: str | None = None) -> Operation | None:
    """Return the operation that upstream serves at a path, or None.

    service  an official service type, such as `compute`.
    path     a decoded path below the service's prefix, such as `/v2.1/servers/1234`.
    action   the key of an action's body; without it any action of the path will do.
    """
    wanted = tuple(part for part in path.split("/") if part)
    for candidate, operation in _index().get((service, "GET" if method == "HEAD" else method, len(wanted)), ()):
        if action is not None and operation.action != action:
            continue
        if all(part is None or part == segment for part, segment in zip(candidate, wanted, strict=True)):
            return operation
    return None


@functools.cache
def _index() -> Mapping[tuple[str, str, int], list[tuple[Shape, Operation]]]:
    """Group the operations by service, method and number of segments; literal segments come first."""
    index: dict[tuple[str, str, int], list[tuple[Shape, Operation]]] = {}
    for service, operations in all_operations().items():
        for operation in operations:
            pattern = shape(operation.path)
            method = "GET" if operation.method == "HEAD" else operation.method
            index.setdefault((service, method, len(pattern)), []).append((pattern, operation))
    for group in index.values():
        group.sort(key=lambda entry: [part is None for part in entry[0]])
    return index
