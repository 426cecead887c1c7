"""What is refused about server groups, and why."""

from __future__ import annotations

from welkin.core.errors import Forbidden, Invalid, NotFound


class GroupNotFound(NotFound):
    """There is no such server group, or none that the caller may know of."""

    code = "compute.server-group-not-found"

    def __init__(self, group_id: str) -> None:
        super().__init__(f"Instance group {group_id} could not be found.")


class TooManyGroups(Forbidden):
    """The project has as many server groups as it may have."""

    code = "compute.too-many-server-groups"

    def __init__(self) -> None:
        super().__init__("Quota exceeded, too many server groups.")


class RulesNotWanted(Invalid):
    """Only one policy takes rules."""

    code = "compute.server-group-rules"

    def __init__(self) -> None:
        super().__init__("Only anti-affinity policy supports rules.")
