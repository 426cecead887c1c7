"""What the network service refuses, and why.  A class is named as upstream names it, for clients read that name."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable


class InvalidInput(Invalid):
    """A value that cannot be taken."""

    code = "network.invalid-input"

    def __init__(self, what: str) -> None:
        super().__init__(f"Invalid input for operation: {what}.")


class BadRequest(Invalid):
    """A request that does not make sense for a resource."""

    code = "network.bad-request"

    def __init__(self, resource: str, what: str) -> None:
        super().__init__(f"Bad {resource} request: {what}.")


@dataclass(eq=False)
class NetworkNotFound(NotFound):
    code = "network.network-not-found"
    id: str

    def __str__(self) -> str:
        return f"Network {self.id} could not be found."


@dataclass(eq=False)
class PortNotFound(NotFound):
    code = "network.port-not-found"
    id: str

    def __str__(self) -> str:
        return f"Port {self.id} could not be found."


@dataclass(eq=False)
class RbacPolicyNotFound(NotFound):
    code = "network.rbac-policy-not-found"
    id: str

    def __str__(self) -> str:
        return f"RBAC policy with ID {self.id} not found"


@dataclass(eq=False)
class AgentNotFound(NotFound):
    code = "network.agent-not-found"
    id: str

    def __str__(self) -> str:
        return f"Agent {self.id} could not be found."


@dataclass(eq=False)
class TagNotFound(NotFound):
    code = "network.tag-not-found"
    tag: str

    def __str__(self) -> str:
        return f"Tag {self.tag} could not be found."


@dataclass(eq=False)
class ExtensionsNotFound(NotFound):
    code = "network.extension-not-found"
    alias: str

    def __str__(self) -> str:
        return f"Extensions not found: {self.alias}."


@dataclass(eq=False)
class NetworkInUse(Conflict):
    code = "network.network-in-use"
    id: str

    def __str__(self) -> str:
        return (
            f"Unable to complete operation on network {self.id}. There are one or more ports still in use on "
            "the network."
        )


@dataclass(eq=False)
class PortInUse(Conflict):
    code = "network.port-in-use"
    port_id: str
    network_id: str
    device_id: str

    def __str__(self) -> str:
        return (
            f"Unable to complete operation on port {self.port_id} for network {self.network_id}. Port already "
            f"has an attached device {self.device_id}."
        )


@dataclass(eq=False)
class PortBound(Conflict):
    code = "network.port-bound"
    port_id: str

    def __str__(self) -> str:
        return f"Unable to complete operation on port {self.port_id}, port is already bound to a host."


@dataclass(eq=False)
class ServicePortInUse(Conflict):
    code = "network.service-port-in-use"
    port_id: str
    reason: str

    def __str__(self) -> str:
        return f"Port {self.port_id} cannot be deleted directly via the port API: {self.reason}."


@dataclass(eq=False)
class MacAddressInUse(Conflict):
    code = "network.mac-address-in-use"
    network_id: str
    mac: str

    def __str__(self) -> str:
        return f"Unable to complete operation for network {self.network_id}. The mac address {self.mac} is in use."


@dataclass(eq=False)
class TunnelIdInUse(Conflict):
    code = "network.tunnel-in-use"
    tunnel_id: int

    def __str__(self) -> str:
        return f"Unable to create the network. The tunnel ID {self.tunnel_id} is in use."


@dataclass(eq=False)
class FlatNetworkInUse(Conflict):
    code = "network.flat-network-in-use"
    physical_network: str

    def __str__(self) -> str:
        return f"Unable to create the flat network. Physical network {self.physical_network} is in use."


class NoNetworkAvailable(Unavailable):
    code = "network.no-network-available"

    def __str__(self) -> str:
        return "Unable to create the network. No project network is available for allocation."


@dataclass(eq=False)
class InvalidSharedSetting(Conflict):
    code = "network.invalid-shared-setting"
    id: str

    def __str__(self) -> str:
        return f"Unable to reconfigure sharing settings for network {self.id}. Multiple projects are using it."


@dataclass(eq=False)
class ExternalNetworkInUse(Conflict):
    code = "network.external-network-in-use"
    id: str

    def __str__(self) -> str:
        return (
            f"External network {self.id} cannot be updated to be made non-external, since it has existing "
            "gateway ports."
        )


@dataclass(eq=False)
class DefaultExternalNetworkExists(Conflict):
    code = "network.default-external-network-exists"
    id: str

    def __str__(self) -> str:
        return f"A default external network already exists: {self.id}."


@dataclass(eq=False)
class RbacPolicyInUse(Conflict):
    code = "network.rbac-policy-in-use"
    object_id: str

    def __str__(self) -> str:
        return f"RBAC policy on object {self.object_id} cannot be removed because other objects depend on it."


class DuplicateRbacPolicy(Conflict):
    code = "network.rbac-policy-exists"

    def __str__(self) -> str:
        return "An RBAC policy already exists with those values."


@dataclass(eq=False)
class OverQuota(Conflict):
    code = "network.over-quota"
    resources: str

    def __str__(self) -> str:
        return f"Quota exceeded for resources: {self.resources}."


@dataclass(eq=False)
class RevisionNumberConstraintFailed(PreconditionFailed):
    code = "network.revision-constraint"
    expected: int
    current: int

    def __str__(self) -> str:
        return f"Constrained to {self.expected}, but current revision is {self.current}"


@dataclass(eq=False)
class DeviceIDNotOwnedByTenant(Conflict):
    code = "network.device-not-owned"
    device_id: str

    def __str__(self) -> str:
        return (
            f"The following device_id {self.device_id} is not owned by your project or matches another project router."
        )


@dataclass(eq=False)
class UnsupportedPortDeviceOwner(Conflict):
    code = "network.unsupported-device-owner"
    operation: str
    port_id: str
    device_owner: str

    def __str__(self) -> str:
        return (
            f"Operation {self.operation} is not supported for device_owner {self.device_owner} on port {self.port_id}."
        )


@dataclass(eq=False)
class AutoAllocationFailure(Conflict):
    code = "network.auto-allocation"
    reason: str

    def __str__(self) -> str:
        return f"Deployment error: {self.reason}."
