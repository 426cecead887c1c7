"""What is refused of routers, floating IPs and port forwardings."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Invalid, NotFound


@dataclass(eq=False)
class RouterNotFound(NotFound):
    code = "network.router-not-found"
    id: str

    def __str__(self) -> str:
        return f"Router {self.id} could not be found"


@dataclass(eq=False)
class FloatingIPNotFound(NotFound):
    code = "network.floating-ip-not-found"
    id: str

    def __str__(self) -> str:
        return f"Floating IP {self.id} could not be found"


@dataclass(eq=False)
class PortForwardingNotFound(NotFound):
    code = "network.port-forwarding-not-found"
    id: str

    def __str__(self) -> str:
        return f"Port Forwarding {self.id} could not be found."


@dataclass(eq=False)
class RouterInterfaceNotFound(NotFound):
    code = "network.router-interface-not-found"
    router_id: str
    port_id: str

    def __str__(self) -> str:
        return f"Router {self.router_id} does not have an interface with id {self.port_id}"


@dataclass(eq=False)
class RouterInterfaceNotFoundForSubnet(NotFound):
    code = "network.router-interface-not-found-for-subnet"
    router_id: str
    subnet_id: str

    def __str__(self) -> str:
        return f"Router {self.router_id} has no interface on subnet {self.subnet_id}"


@dataclass(eq=False)
class ExternalGatewayForFloatingIPNotFound(NotFound):
    code = "network.gateway-for-floating-ip-not-found"
    network_id: str
    subnet_id: str
    port_id: str

    def __str__(self) -> str:
        return (
            f"External network {self.network_id} is not reachable from subnet {self.subnet_id}. Therefore, "
            f"cannot associate Port {self.port_id} with a Floating IP."
        )


@dataclass(eq=False)
class RouterInUse(Conflict):
    code = "network.router-in-use"
    id: str
    reason: str = "still has ports"

    def __str__(self) -> str:
        return f"Router {self.id} {self.reason}"


@dataclass(eq=False)
class RouterInterfaceInUseByFloatingIP(Conflict):
    code = "network.router-interface-in-use"
    subnet_id: str
    router_id: str

    def __str__(self) -> str:
        return (
            f"Router interface for subnet {self.subnet_id} on router {self.router_id} cannot be deleted, as "
            "it is required by one or more floating IPs."
        )


@dataclass(eq=False)
class RouterInterfaceInUseByRoute(Conflict):
    code = "network.router-interface-in-use-by-route"
    subnet_id: str
    router_id: str

    def __str__(self) -> str:
        return (
            f"Router interface for subnet {self.subnet_id} on router {self.router_id} cannot be deleted, as "
            "it is required by one or more routes."
        )


@dataclass(eq=False)
class RouterExternalGatewayInUseByFloatingIp(Conflict):
    code = "network.gateway-in-use"
    router_id: str
    network_id: str

    def __str__(self) -> str:
        return (
            f"Gateway cannot be updated for router {self.router_id}, since a gateway to external network "
            f"{self.network_id} is required by one or more floating IPs."
        )


@dataclass(eq=False)
class RoutesExhausted(Invalid):
    code = "network.routes-exhausted"
    router_id: str
    quota: int

    def __str__(self) -> str:
        return (
            f"Unable to complete operation for {self.router_id}. The number of routes exceeds the maximum {self.quota}."
        )


@dataclass(eq=False)
class InvalidRoutes(Invalid):
    code = "network.invalid-routes"
    routes: str
    reason: str

    def __str__(self) -> str:
        return f"Invalid format for routes: {self.routes}, {self.reason}"


@dataclass(eq=False)
class FloatingIPPortAlreadyAssociated(Conflict):
    code = "network.port-already-associated"
    address: str
    floating_ip_id: str
    port_id: str
    fixed_ip: str
    network_id: str

    def __str__(self) -> str:
        return (
            f"Cannot associate floating IP {self.address} ({self.floating_ip_id}) with port {self.port_id} "
            f"using fixed IP {self.fixed_ip}, as that fixed IP already has a floating IP on external network "
            f"{self.network_id}."
        )


@dataclass(eq=False)
class FipInUseByPortForwarding(Conflict):
    code = "network.floating-ip-in-use-by-port-forwarding"
    id: str

    def __str__(self) -> str:
        return f"Floating IP {self.id} in use by Port Forwarding resources."


@dataclass(eq=False)
class PortHasPortForwarding(Conflict):
    code = "network.port-has-port-forwarding"
    port_id: str

    def __str__(self) -> str:
        return f"Cannot associate floating IP to port {self.port_id} because it already has a Port Forwarding binding."
