"""What is refused about aggregates, and why."""

from __future__ import annotations

from welkin.core.errors import Conflict, Invalid, NotFound


class AggregateNotFound(NotFound):
    """There is no such aggregate."""

    code = "compute.aggregate-not-found"

    def __init__(self, id: int) -> None:
        super().__init__(f"Aggregate {id} could not be found.")


class AggregateExists(Conflict):
    """The name is taken."""

    code = "compute.aggregate-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Aggregate {name} already exists.")


class AggregateHostExists(Conflict):
    """The host is in the aggregate already."""

    code = "compute.aggregate-host-exists"

    def __init__(self, id: int, host: str) -> None:
        super().__init__(f"Aggregate {id} already has host {host}.")


class AggregateHostNotFound(NotFound):
    """The host is not in the aggregate."""

    code = "compute.aggregate-host-not-found"

    def __init__(self, id: int, host: str) -> None:
        super().__init__(f"Cannot remove host {host} in aggregate {id}")


class CannotChange(Invalid):
    """A change would put servers into another availability zone, or hosts into two."""

    code = "compute.aggregate-change"

    def __init__(self, what: str, id: int, reason: str) -> None:
        super().__init__(f"Cannot {what} aggregate {id}. Reason: {reason}.")


class CannotMove(Conflict):
    """A host cannot come or go as long as that moves it, and its servers, to another availability zone."""

    code = "compute.aggregate-move"

    def __init__(self, what: str, id: int, reason: str) -> None:
        super().__init__(f"Cannot {what} aggregate {id}. Reason: {reason}.")
