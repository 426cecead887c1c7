"""What compute refuses, and why."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound


class ServerNotFound(NotFound):
    """There is no such server, or none that the caller may know of."""

    code = "compute.server-not-found"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} could not be found.")


@dataclass(eq=False)
class ServerInState(Conflict):
    """The server is in a state in which this cannot be done."""

    code = "compute.server-in-state"
    server_id: str
    what: str
    """`vm_state` or `task_state`."""
    state: str | None
    verb: str

    def __str__(self) -> str:
        return f"Cannot '{self.verb}' instance {self.server_id} while it is in {self.what} {self.state}"


class ServerLocked(Conflict):
    """Somebody locked the server."""

    code = "compute.server-locked"

    def __init__(self, server_id: str) -> None:
        super().__init__(f"Instance {server_id} is locked")


class NoValidHost(Conflict):
    """No host can take the server; the sentence counts how many failed at what."""

    code = "compute.no-valid-host"


class BadImage(Invalid):
    """The image cannot be used for this."""

    code = "compute.bad-image"


class QuotaForbids(Forbidden):
    """The project's quota does not allow it."""

    code = "compute.quota"


class VolumesNotServed(Invalid):
    """There is no block storage to take volumes from."""

    code = "compute.no-volumes"

    def __init__(self) -> None:
        super().__init__("Volumes need block storage, which this cloud does not serve yet; boot from an image instead.")


class HostNameAmbiguous(Invalid):
    """One host name cannot be that of many servers."""

    code = "compute.hostname-ambiguous"

    def __init__(self) -> None:
        super().__init__("Unable to allocate a single hostname to multiple instances")


class ZeroDiskForbidden(Forbidden):
    """A flavor without a disk is for servers that boot from volumes."""

    code = "compute.zero-disk"

    def __init__(self) -> None:
        super().__init__("Only volume-backed servers are allowed for flavors with zero disk.")


class CannotResize(Invalid):
    """The server cannot be given this size."""

    code = "compute.cannot-resize"


class NeverActive(Conflict):
    """The server never came up, and this is for servers that did."""

    code = "compute.never-active"

    def __init__(self, verb: str) -> None:
        super().__init__(f"Cannot '{verb}' an instance which has never been active")
