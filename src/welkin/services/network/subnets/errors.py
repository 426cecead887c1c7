"""What is refused of subnets and of the addresses on them."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class SubnetNotFound(NotFound):
    code = "network.subnet-not-found"
    id: str

    def __str__(self) -> str:
        return f"Subnet {self.id} could not be found."


@dataclass(eq=False)
class SubnetInUse(Conflict):
    code = "network.subnet-in-use"
    id: str
    reason: str = "One or more ports have an IP allocation from this subnet"

    def __str__(self) -> str:
        return f"Unable to complete operation on subnet {self.id}: {self.reason}."


@dataclass(eq=False)
class IpAddressAlreadyAllocated(Conflict):
    code = "network.address-in-use"
    address: str
    subnet_id: str

    def __str__(self) -> str:
        return f"IP address {self.address} already allocated in subnet {self.subnet_id}"


@dataclass(eq=False)
class IpAddressGenerationFailure(Conflict):
    code = "network.no-more-addresses"
    network_id: str

    def __str__(self) -> str:
        return f"No more IP addresses available on network {self.network_id}."


@dataclass(eq=False)
class IpAddressGenerationFailureNoMatchingSubnet(Conflict):
    code = "network.no-matching-subnet"
    network_id: str
    service_owner: str

    def __str__(self) -> str:
        return (
            f"No valid service subnet for the given device owner, network {self.network_id}, device owner "
            f"{self.service_owner}."
        )


@dataclass(eq=False)
class InvalidIpForNetwork(Invalid):
    code = "network.invalid-ip-for-network"
    address: str

    def __str__(self) -> str:
        return f"IP address {self.address} is not a valid IP for any of the subnets on the specified network."


@dataclass(eq=False)
class InvalidIpForSubnet(Invalid):
    code = "network.invalid-ip-for-subnet"
    address: str

    def __str__(self) -> str:
        return f"IP address {self.address} is not a valid IP for the specified subnet."


@dataclass(eq=False)
class ExternalIpAddressExhausted(Invalid):
    code = "network.external-addresses-exhausted"
    network_id: str

    def __str__(self) -> str:
        return f"Unable to find any IP address on external network {self.network_id}."


@dataclass(eq=False)
class OverlappingAllocationPools(Conflict):
    code = "network.overlapping-allocation-pools"
    one: str
    other: str
    cidr: str

    def __str__(self) -> str:
        return f"Found overlapping allocation pools: {self.one} {self.other} for subnet {self.cidr}."


@dataclass(eq=False)
class OutOfBoundsAllocationPool(Invalid):
    code = "network.allocation-pool-out-of-bounds"
    pool: str
    cidr: str

    def __str__(self) -> str:
        return f"The allocation pool {self.pool} spans beyond the subnet cidr {self.cidr}."


@dataclass(eq=False)
class InvalidAllocationPool(Invalid):
    code = "network.invalid-allocation-pool"
    pool: str

    def __str__(self) -> str:
        return f"The allocation pool {self.pool} is not valid."


@dataclass(eq=False)
class GatewayConflictWithAllocationPools(Conflict):
    code = "network.gateway-in-allocation-pool"
    address: str
    pool: str

    def __str__(self) -> str:
        return f"Gateway ip {self.address} conflicts with allocation pool {self.pool}."


@dataclass(eq=False)
class GatewayIpInUse(Conflict):
    code = "network.gateway-ip-in-use"
    address: str
    port_id: str

    def __str__(self) -> str:
        return f"Current gateway ip {self.address} already in use by port {self.port_id}. Unable to update."


@dataclass(eq=False)
class HostRoutesExhausted(Invalid):
    code = "network.host-routes-exhausted"
    subnet_id: str
    quota: int

    def __str__(self) -> str:
        return (
            f"Unable to complete operation for {self.subnet_id}. The number of host routes exceeds the limit "
            f"{self.quota}."
        )


@dataclass(eq=False)
class DNSNameServersExhausted(Invalid):
    code = "network.dns-name-servers-exhausted"
    subnet_id: str
    quota: int

    def __str__(self) -> str:
        return (
            f"Unable to complete operation for {self.subnet_id}. The number of DNS nameservers exceeds the "
            f"limit {self.quota}."
        )


class NetworkSubnetPoolAffinityError(Invalid):
    code = "network.subnet-pool-affinity"

    def __str__(self) -> str:
        return "Subnets hosted on the same network must be allocated from the same subnet pool."
