"""What is refused about flavors, and why."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound


class FlavorNotFound(NotFound):
    """There is no such flavor, or none that the caller may know of."""

    code = "compute.flavor-not-found"

    def __init__(self, flavor_id: str) -> None:
        super().__init__(f"Flavor {flavor_id} could not be found.")


class FlavorExists(Conflict):
    """The name or the id is taken."""

    code = "compute.flavor-exists"

    def __init__(self, what: str, value: str) -> None:
        super().__init__(f"Flavor with {what} {value} already exists.")


@dataclass(eq=False)
class FlavorAccessExists(Conflict):
    """The project has access already."""

    code = "compute.flavor-access-exists"
    flavor_id: str
    project_id: str

    def __str__(self) -> str:
        return f"Flavor access already exists for flavor {self.flavor_id} and project {self.project_id} combination."


@dataclass(eq=False)
class FlavorAccessNotFound(NotFound):
    """The project has no access that could be taken away."""

    code = "compute.flavor-access-not-found"
    flavor_id: str
    project_id: str

    def __str__(self) -> str:
        return f"Flavor access not found for {self.flavor_id} / {self.project_id} combination."


class FlavorIsPublic(Conflict):
    """Everybody may take a public flavor; access cannot be given to one project."""

    code = "compute.flavor-is-public"

    def __init__(self) -> None:
        super().__init__("Can not add access to a public flavor.")


class NoAccessList(NotFound):
    """A public flavor has no list of who may take it."""

    code = "compute.flavor-no-access-list"

    def __init__(self) -> None:
        super().__init__("Access list not available for public flavors.")


@dataclass(eq=False)
class ExtraSpecNotFound(NotFound):
    """The flavor has no such extra spec."""

    code = "compute.extra-spec-not-found"
    flavor_id: str
    key: str

    def __str__(self) -> str:
        return f"Flavor {self.flavor_id} has no extra specs with key {self.key}."


class BadExtraSpec(Invalid):
    """An extra spec of a known namespace has an unknown name or a value that makes no sense."""

    code = "compute.bad-extra-spec"
