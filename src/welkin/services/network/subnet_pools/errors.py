"""What is refused of subnet pools and address scopes."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class SubnetPoolNotFound(NotFound):
    code = "network.subnet-pool-not-found"
    id: str

    def __str__(self) -> str:
        return f"Subnet pool {self.id} could not be found."


@dataclass(eq=False)
class AddressScopeNotFound(NotFound):
    code = "network.address-scope-not-found"
    id: str

    def __str__(self) -> str:
        return f"Address scope {self.id} could not be found."


@dataclass(eq=False)
class SubnetPoolDeleteError(Invalid):
    code = "network.subnet-pool-delete"
    id: str

    def __str__(self) -> str:
        return "Unable to delete subnet pool: Subnet pool has existing allocations."


@dataclass(eq=False)
class SubnetAllocationError(Conflict):
    code = "network.subnet-allocation"
    reason: str

    def __str__(self) -> str:
        return f"Failed to allocate subnet: {self.reason}."


@dataclass(eq=False)
class MinPrefixSubnetAllocationError(Invalid):
    code = "network.prefix-too-short"
    asked: int
    minimum: int

    def __str__(self) -> str:
        return f"Unable to allocate subnet with prefix length {self.asked}, minimum allowed prefix is {self.minimum}."


@dataclass(eq=False)
class MaxPrefixSubnetAllocationError(Invalid):
    code = "network.prefix-too-long"
    asked: int
    maximum: int

    def __str__(self) -> str:
        return f"Unable to allocate subnet with prefix length {self.asked}, maximum allowed prefix is {self.maximum}."


class SubnetPoolQuotaExceeded(Conflict):
    code = "network.subnet-pool-quota-exceeded"

    def __str__(self) -> str:
        return "Per-project subnet pool prefix quota exceeded."


@dataclass(eq=False)
class NoDefaultSubnetPool(Invalid):
    code = "network.no-default-subnet-pool"
    version: int

    def __str__(self) -> str:
        return f"No default subnetpool found for IPv{self.version}."


class PrefixVersionMismatch(Invalid):
    code = "network.prefix-version-mismatch"

    def __str__(self) -> str:
        return "Cannot mix IPv4 and IPv6 prefixes in a subnet pool."


class EmptySubnetPoolPrefixList(Invalid):
    code = "network.no-prefixes"

    def __str__(self) -> str:
        return "Empty subnet pool prefix list."


@dataclass(eq=False)
class IllegalSubnetPoolPrefixBounds(Invalid):
    code = "network.prefix-bounds"
    kind: str
    length: int
    other_kind: str
    other: int

    def __str__(self) -> str:
        return f"Illegal prefix bounds: {self.kind}={self.length}, {self.other_kind}={self.other}."


@dataclass(eq=False)
class UnsupportedMinSubnetPoolPrefix(Invalid):
    code = "network.unsupported-prefix"
    prefix: int
    version: int

    def __str__(self) -> str:
        return f"Prefix '{self.prefix}' not supported in IPv{self.version} pool."


@dataclass(eq=False)
class IllegalSubnetPoolPrefixUpdate(Invalid):
    code = "network.prefix-update"
    what: str

    def __str__(self) -> str:
        return f"Illegal update to prefixes: {self.what}."


class AddressScopePrefixConflict(Conflict):
    code = "network.address-scope-prefix-conflict"

    def __str__(self) -> str:
        return "Failed to associate address scope: subnetpools within an address scope must have unique prefixes."


@dataclass(eq=False)
class IllegalSubnetPoolIpVersionAssociationToAddressScope(Invalid):
    code = "network.address-scope-version"
    pool_id: str
    scope_id: str
    version: int

    def __str__(self) -> str:
        return (
            f"Illegal subnetpool association: subnetpool {self.pool_id} cannot associate with address scope "
            f"{self.scope_id} because subnetpool ip_version is not {self.version}."
        )


@dataclass(eq=False)
class AddressScopeInUse(Conflict):
    code = "network.address-scope-in-use"
    id: str

    def __str__(self) -> str:
        return (
            f"Unable to complete operation on address scope {self.id}. There are one or more subnet pools in "
            "use on the address scope."
        )
