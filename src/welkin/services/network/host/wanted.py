"""What the control plane wants of a host's networks and routers, and what the host answers.

Two kinds of documents travel to a host as JSON, whole, whenever they change:
`network.network` (NetworkWanted) for each network of which the host has a port or a
router, and `network.router` (RouterWanted) for each router that forwards on the host.
What shall not be here any more is the absence of the document.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Ethertype = Literal["IPv4", "IPv6"]


class HostRoute(Struct, frozen=True, kw_only=True):
    """A route that DHCP tells to guests, or that a router adds to its table."""

    destination: str  # CIDR
    nexthop: str


class Subnet(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A range of addresses on a network."""

    id: str
    cidr: str
    gateway_ip: str | None = None
    enable_dhcp: bool = True
    dhcp_address: str | None = None  # that of the DHCP server; None where there is none
    dns_nameservers: list[str] = []
    host_routes: list[HostRoute] = []
    ipv6_address_mode: Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"] | None = None
    ipv6_ra_mode: Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"] | None = None


class FixedIp(Struct, frozen=True, kw_only=True):
    """One address of a port."""

    subnet_id: str
    address: str


class AddressPair(Struct, frozen=True, kw_only=True):
    """Something else that a port may speak as: an address or a CIDR, with a MAC address."""

    mac: str
    address: str


class DhcpOption(Struct, frozen=True, kw_only=True):
    """An extra option for one port: a name that dnsmasq knows, or a number."""

    name: str
    value: str
    ip_version: Literal[4, 6] = 4


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a security group lets through.  What no rule lets through is dropped."""

    direction: Literal["ingress", "egress"]
    ethertype: Ethertype
    protocol: str | None = None  # a name or number as nftables takes it: tcp, udp, icmp, icmpv6, 47, …; None is any
    port_min: int | None = None  # for ICMP: the type
    port_max: int | None = None  # for ICMP: the code
    remote_cidrs: list[str] | None = None  # None is anywhere
    remote_group: str | None = None  # a security group: its members' addresses stand in the network's `groups`


class Port(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A port of the network, on this host or another."""

    id: str
    mac: str
    fixed_ips: list[FixedIp] = []
    host: str = ""  # "" for a port that is bound nowhere
    device_owner: str = ""
    device_id: str = ""
    hostname: str = ""  # what DHCP and DNS call its owner
    admin_state_up: bool = True
    port_security: bool = True
    address_pairs: list[AddressPair] = []
    dhcp_options: list[DhcpOption] = []
    rules: list[Rule] = []  # of all its security groups, in one list without duplicates
    stateful: bool = True


class NetworkWanted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network as this host needs it."""

    id: str
    name: str = ""
    admin_state_up: bool = True
    mtu: int = 1450
    vni: int | None = None  # of a VXLAN network; None for an external one
    external: bool = False  # whether it is the network outside, a bridge in the host's own namespace
    dns_domain: str = ""
    subnets: list[Subnet] = []
    ports: list[Port] = []
    groups: dict[str, list[str]] = {}  # the addresses of the members of each group that rules of its ports name
    peers: dict[str, str] = {}  # the underlay address of every other host that has ports here, by host


class RouterLeg(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A router's interface on a tenant network."""

    port_id: str
    network_id: str
    mac: str
    mtu: int = 1450
    addresses: list[str] = []  # with the prefix length: 10.0.0.1/24
    ra_mode: Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"] | None = None


class RouterGateway(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A router's interface on the network outside."""

    port_id: str
    network_id: str
    mac: str
    addresses: list[str] = []  # with the prefix length
    next_hops: list[str] = []  # the default gateways, one for each IP version
    enable_snat: bool = True


class FloatingIp(Struct, frozen=True, kw_only=True):
    """An address outside that stands for one inside."""

    id: str
    address: str
    fixed_address: str


class PortForwarding(Struct, frozen=True, kw_only=True):
    """Ports of an address outside that lead to ports of one inside."""

    id: str
    protocol: str
    address: str
    port_min: int
    port_max: int
    fixed_address: str
    fixed_port_min: int
    fixed_port_max: int


class RouterWanted(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A router as the host that forwards for it needs it."""

    id: str
    admin_state_up: bool = True
    legs: list[RouterLeg] = []
    gateway: RouterGateway | None = None
    routes: list[HostRoute] = []
    floating_ips: list[FloatingIp] = []
    port_forwardings: list[PortForwarding] = []


class NetworkSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the host found of a network; a report of None says that nothing of it is left here."""

    plugged: list[str] = []  # ids of the ports of this host whose tap or leg is on the bridge and filtered
    dhcp: bool = False  # whether a DHCP server answers here
    error: str = ""


class RouterSeen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the host found of a router."""

    active: bool = False
    error: str = ""
    waiting: str = ""  # what must be here first; that is nothing wrong yet
