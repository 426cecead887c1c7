"""What the host's half of networks asks of whatever carries the packets.

The wanted state is a set of *spaces*: a namespace for each network and each router,
and the host's own, which is called "".  A space is links, addresses, routes, packet
filters, settings, a DHCP server and places to listen for metadata.  A driver looks what
is there and performs one small step at a time; it decides nothing.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

LinkKind = Literal["loopback", "bridge", "tap", "veth", "vxlan"]

SETTINGS: tuple[str, ...] = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/rp_filter",
    "net/ipv4/conf/default/rp_filter",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/disable_ipv6",
    "net/ipv6/conf/default/accept_ra",
    "net/ipv6/conf/br0/disable_ipv6",
    "net/ipv6/conf/br0/accept_ra",
    "net/bridge/bridge-nf-call-iptables",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-call-arptables",
)
"""The settings of a namespace that matter here, as files below /proc/sys."""


class Other(Struct, frozen=True):
    """The other end of a veth pair."""

    space: str
    name: str


class Link(Struct, frozen=True, kw_only=True):
    """A link that is wanted.  None means: as it comes."""

    name: str
    kind: LinkKind
    mac: str | None = None
    mtu: int | None = None
    up: bool = True
    master: str = ""
    addresses: tuple[str, ...] = ()  # with the prefix length
    other: Other | None = None  # of a veth
    leads: bool = True  # of a veth: this end makes both
    vni: int = 0
    peers: frozenset[str] = frozenset()  # of a VXLAN link: the underlay addresses of the other hosts


class FoundLink(Struct, frozen=True, kw_only=True):
    """A link that is there."""

    name: str
    mac: str = ""
    mtu: int = 1500
    up: bool = False
    master: str = ""
    addresses: frozenset[str] = frozenset()
    peers: frozenset[str] = frozenset()


class Route(Struct, frozen=True):
    """A route by a next hop; `device` only where the next hop need not lie in one of its ranges."""

    destination: str
    nexthop: str
    device: str = ""


class Filters(Struct, frozen=True, kw_only=True):
    """The packet filters of a space, which are loaded as one.

    `flows` says what the connections of an address stand on: reasons, and for each the
    remote addresses that it covers, as a key of `remotes`; "" covers all.  What an address
    loses of them ends its connections; what it gains ends none.
    """

    text: str = ""
    links: tuple[str, ...] = ()  # links that the text names; made anew, they need it loaded anew
    flows: dict[str, dict[str, str]] = {}  # address -> reason -> key of remotes
    remotes: dict[str, frozenset[str]] = {}


class DhcpService(Struct, frozen=True, kw_only=True):
    """A dnsmasq: what it must be started with, and the files that it reads again while it runs."""

    device: str
    options: str  # the configuration file
    files: dict[str, str] = {}  # by name; the configuration calls their folder {folder}
    leases: frozenset[tuple[str, str]] = frozenset()  # (MAC, address) that may be leased


class Listener(Struct, frozen=True):
    """Where a space listens for requests for metadata, and for which networks; or for questions of its dnsmasq.

    A router speaks for several networks, told apart by the address at which it was reached.
    """

    address: str  # of a link: with a % and its name
    port: int
    networks: tuple[tuple[str, str], ...] = ()  # (own address, network id); "" is any address
    serves: Literal["metadata", "names"] = "metadata"


class Space(Struct, frozen=True, kw_only=True):
    """A namespace that is wanted."""

    name: str
    links: dict[str, Link]
    routes: frozenset[Route] = frozenset()
    filters: Filters = Filters()
    settings: dict[str, str] = {}
    dhcp: DhcpService | None = None
    listeners: frozenset[Listener] = frozenset()


class FoundSpace(Struct, frozen=True, kw_only=True):
    """A namespace that is there, or what is left of one."""

    there: bool = True  # whether the namespace itself is
    links: dict[str, FoundLink] = {}
    routes: frozenset[Route] = frozenset()
    filters: Filters | None = None  # what is loaded and untouched since; None when that is not certain
    settings: dict[str, str] = {}
    dhcp: DhcpService | None = None  # what the server that runs in this very namespace was told
    dhcp_remains: bool = False  # whether there is a server at all, or files of one
    listeners: frozenset[Listener] = frozenset()


class MakeSpace(Struct, frozen=True):
    """Make a namespace."""

    space: str


class DropSpace(Struct, frozen=True):
    """Remove a namespace and everything in it; of the host's own, everything of ours."""

    space: str


class MakeLink(Struct, frozen=True):
    """Make a link that is not there; it stays down."""

    space: str
    link: Link


class DropLink(Struct, frozen=True):
    """Remove a link."""

    space: str
    name: str


class ShapeLink(Struct, frozen=True, kw_only=True):
    """Change what a link is like; None leaves it."""

    space: str
    name: str
    mac: str | None = None
    mtu: int | None = None
    up: bool | None = None
    master: str | None = None
    peers: frozenset[str] | None = None


class AddAddress(Struct, frozen=True):
    """Give a link an address; `announce` where others may remember it elsewhere."""

    space: str
    name: str
    address: str
    announce: bool = False


class DropAddress(Struct, frozen=True):
    """Take an address from a link."""

    space: str
    name: str
    address: str


class AddRoute(Struct, frozen=True):
    """Add a route."""

    space: str
    route: Route


class DropRoute(Struct, frozen=True):
    """Remove a route."""

    space: str
    route: Route


class LoadFilters(Struct, frozen=True):
    """Load the filters in one transaction, and end the connections that lost a reason."""

    space: str
    filters: Filters


class SetSettings(Struct, frozen=True):
    """Change settings of the namespace."""

    space: str
    values: dict[str, str]


class ServeDhcp(Struct, frozen=True):
    """Start the DHCP server, or tell the one that runs what is new."""

    space: str
    dhcp: DhcpService


class StopDhcp(Struct, frozen=True):
    """End the DHCP server of a space, and remove its files."""

    space: str


class Listen(Struct, frozen=True):
    """Listen at exactly these places."""

    space: str
    listeners: frozenset[Listener]


LinkStep = MakeLink | DropLink | ShapeLink | AddAddress | DropAddress | AddRoute | DropRoute
ServiceStep = ServeDhcp | StopDhcp | Listen
Step = MakeSpace | DropSpace | LoadFilters | SetSettings | LinkStep | ServiceStep


class NetworkDriver(Protocol):
    """What carries the packets of one host.  Every call is safe to repeat."""

    async def look(self) -> dict[str, FoundSpace]:
        """Return every space of ours that is there; the host's own, "", always is."""

    async def perform(self, step: Step) -> None:
        """Do one thing.  Whatever it raises, it may or may not have had its effect; the caller looks again."""

    async def close(self) -> None:
        """Stop listening; everything else stays as it is."""
