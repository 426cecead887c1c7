"""What is refused about services, and why."""

from __future__ import annotations

from welkin.core.errors import Conflict, Invalid, NotFound


class ServiceNotFound(NotFound):
    """There is no such service."""

    code = "compute.service-not-found"

    def __init__(self, service_id: str) -> None:
        super().__init__(f"Service {service_id} could not be found.")


class HostNotFound(NotFound):
    """There is no such host."""

    code = "compute.host-not-found"

    def __init__(self, host: str) -> None:
        super().__init__(f"Compute host {host} could not be found.")


class HostUnmapped(NotFound):
    """There is no such host; what the calls by a host's name say."""

    code = "compute.host-unmapped"

    def __init__(self, host: str) -> None:
        super().__init__(f"Host '{host}' is not mapped to any cell")


class NotACompute(Invalid):
    """Only hosts' services can be switched."""

    code = "compute.service-not-switchable"

    def __init__(self, kind: str) -> None:
        super().__init__(f"Updating a {kind} service is not supported. Only nova-compute services can be updated.")


class ServiceHasServers(Conflict):
    """A host that has servers cannot be forgotten."""

    code = "compute.service-has-servers"

    def __init__(self) -> None:
        super().__init__(
            "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
        )
