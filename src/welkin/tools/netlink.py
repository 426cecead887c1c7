"""Links, addresses and routes of the namespace that the calling thread is in.

Typed hands on pyroute2: `with Netlink() as netlink` inside `namespaces.run`.
"""

from __future__ import annotations

import errno
import fcntl
import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from msgspec import Struct
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from welkin.tools import namespaces

TUNSETIFF, TUNSETPERSIST, TUNSETOWNER = 0x400454CA, 0x400454CB, 0x400454CC
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
VXLAN_PORT = 4789
MAIN_TABLE = 254
IFF_UP = 1
STATIC = 4  # the protocol of routes that somebody set, not the kernel
NUD_PERMANENT, NTF_SELF = 0x80, 0x02
ETHERTYPE_ARP = 0x0806
EVERYBODY = "00:00:00:00:00:00"


class Link(Struct, frozen=True, kw_only=True):
    """A link as it is found."""

    name: str
    index: int
    kind: str  # "" for the machine's own
    mac: str
    mtu: int
    up: bool
    master: str
    addresses: frozenset[str]  # with the prefix length


class Route(Struct, frozen=True):
    """A route of the main table that somebody set."""

    destination: str  # 0.0.0.0/0 is the default
    nexthop: str
    device: str


class Netlink:
    """One conversation with the kernel about one namespace."""

    def __init__(self) -> None:
        self._route = IPRoute()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._route.close()

    def links(self) -> dict[str, Link]:
        """Return every link by name."""
        found = list(self._route.get_links())
        names = {each["index"]: str(each.get_attr("IFLA_IFNAME")) for each in found}
        addresses: dict[int, set[str]] = {}
        for each in self._route.get_addr():
            text = f"{_address(each)}/{each['prefixlen']}"
            addresses.setdefault(each["index"], set()).add(text)
        return {names[each["index"]]: _link(each, names, addresses) for each in found}

    def routes(self) -> frozenset[Route]:
        """Return the routes of the main table that somebody set."""
        names = dict(socket.if_nameindex())  # the names alone; to read every link whole takes a hundred times as long
        found = set()
        for each in self._route.get_routes(table=MAIN_TABLE):
            if each["proto"] != STATIC:
                continue
            everything = "::/0" if each["family"] == socket.AF_INET6 else "0.0.0.0/0"
            to = each.get_attr("RTA_DST")
            destination = everything if to is None else f"{to}/{each['dst_len']}"
            device = names.get(each.get_attr("RTA_OIF"), "")
            found.add(Route(destination, str(each.get_attr("RTA_GATEWAY") or ""), device))
        return frozenset(found)

    def add_bridge(self, name: str) -> None:
        """Make a bridge; frames to groups go everywhere, for nobody here asks who listens."""
        with _unless(errno.EEXIST):
            self._route.link("add", ifname=name, kind="bridge", br_mcast_snooping=0)

    def add_veth(self, name: str, peer_namespace: str, peer: str) -> None:
        """Make a pair of links, one end here, the other in `peer_namespace`."""
        other: dict[str, Any] = {"ifname": peer}
        handle = os.open(namespaces.path(peer_namespace), os.O_RDONLY)
        try:
            self._route.link("add", ifname=name, kind="veth", peer=other | {"net_ns_fd": handle})
        finally:
            os.close(handle)

    def add_vxlan(self, temporary: str, vni: int, namespace: str, name: str) -> None:
        """Make a VXLAN link whose packets travel in this namespace, and move it to `namespace` as `name`."""
        with _unless(errno.EEXIST):
            self._route.link("add", ifname=temporary, kind="vxlan", vxlan_id=vni, vxlan_port=VXLAN_PORT)
        self._route.link("set", index=self.index(temporary), ifname=name, net_ns_fd=str(namespaces.path(namespace)))

    def add_tap(self, name: str, owner_uid: int) -> None:
        """Make a tap that stays, and that `owner_uid` may open."""
        handle = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        try:
            request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
            fcntl.ioctl(handle, TUNSETIFF, request)
            fcntl.ioctl(handle, TUNSETOWNER, owner_uid)
            fcntl.ioctl(handle, TUNSETPERSIST, 1)
        finally:
            os.close(handle)

    def delete(self, name: str) -> None:
        """Remove a link, if it is there."""
        with _unless(errno.ENODEV):
            index = self._find(name)
            if index:
                self._route.link("del", index=index)

    def set(self, name: str, **attributes: Any) -> None:
        """Change attributes of a link: mac, mtu, up, master (a name; "" is none)."""
        changes: dict[str, Any] = {}
        if "mac" in attributes:
            changes["address"] = attributes["mac"]
        if "mtu" in attributes:
            changes["mtu"] = attributes["mtu"]
        if "master" in attributes:
            changes["master"] = self.index(attributes["master"]) if attributes["master"] else 0
        if "up" in attributes:
            changes["state"] = "up" if attributes["up"] else "down"
        self._route.link("set", index=self.index(name), **changes)

    def add_address(self, name: str, address: str) -> None:
        """Give a link an address with its prefix length; IPv6 addresses count at once."""
        found = ipaddress.ip_interface(address)
        options: dict[str, Any] = {"flags": 2} if found.version == 6 else {}  # 2: IFA_F_NODAD
        with _unless(errno.EEXIST):
            self._route.addr(
                "add", index=self.index(name), address=str(found.ip), prefixlen=found.network.prefixlen, **options
            )

    def delete_address(self, name: str, address: str) -> None:
        """Take an address from a link."""
        found = ipaddress.ip_interface(address)
        with _unless(errno.EADDRNOTAVAIL, errno.ENODEV):
            self._route.addr("del", index=self.index(name), address=str(found.ip), prefixlen=found.network.prefixlen)

    def add_route(self, route: Route) -> None:
        """Add a route; without a device, the next hop says which it is."""
        words: dict[str, Any] = {"dst": route.destination, "gateway": route.nexthop, "proto": STATIC}
        if route.device:
            words |= {"oif": self.index(route.device), "flags": 4}  # 4: RTNH_F_ONLINK, for next hops outside the range
        with _unless(errno.EEXIST):
            self._route.route("replace", **words)

    def delete_route(self, route: Route) -> None:
        """Remove a route."""
        with _unless(errno.ESRCH):
            self._route.route("del", dst=route.destination, gateway=route.nexthop, proto=STATIC)

    def flood_peers(self, name: str) -> frozenset[str]:
        """Return the underlay addresses to which a VXLAN link sends what everybody shall hear."""
        found = set()
        for each in self._route.fdb("dump", ifindex=self.index(name)):
            if each.get_attr("NDA_LLADDR") == EVERYBODY and each.get_attr("NDA_DST"):
                found.add(str(each.get_attr("NDA_DST")))
        return frozenset(found)

    def set_flood_peers(self, name: str, peers: frozenset[str]) -> None:
        """Make `peers` the underlay addresses that hear what everybody shall hear."""
        index, found = self.index(name), self.flood_peers(name)
        for peer in found - peers:
            self._route.fdb("del", ifindex=index, lladdr=EVERYBODY, dst=peer)
        for peer in peers - found:
            self._route.fdb("append", ifindex=index, lladdr=EVERYBODY, dst=peer, state=NUD_PERMANENT, flags=NTF_SELF)

    def index(self, name: str) -> int:
        """Return the number of a link.  Raises OSError."""
        found = self._find(name)
        if not found:
            raise OSError(errno.ENODEV, f"There is no link {name}.")
        return found

    def _find(self, name: str) -> int:
        found = list(self._route.link_lookup(ifname=name))
        return int(found[0]) if found else 0


def own_address(towards: str) -> str:
    """Return the address that this machine speaks with to `towards`; "" when there is no way.  Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect((towards, 9))
        except OSError:
            return ""
        return str(channel.getsockname()[0])


def announce(device: str, mac: str, address: str) -> None:
    """Tell everybody on the link that `address` is at `mac` now, so that no neighbour keeps an older answer."""
    if ":" in address:
        return  # IPv6 neighbours are told by the kernel's own advertisement
    hardware = bytes.fromhex(mac.replace(":", ""))
    internet = socket.inet_aton(address)
    frame = b"\xff" * 6 + hardware + struct.pack("!HHHBBH", ETHERTYPE_ARP, 1, 0x0800, 6, 4, 1)
    frame += hardware + internet + b"\0" * 6 + internet
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ARP)) as channel:
        channel.bind((device, 0))
        channel.send(frame)


def _link(message: Any, names: dict[int, str], addresses: dict[int, set[str]]) -> Link:
    information = message.get_attr("IFLA_LINKINFO")
    return Link(
        name=names[message["index"]],
        index=message["index"],
        kind="" if information is None else str(information.get_attr("IFLA_INFO_KIND") or ""),
        mac=str(message.get_attr("IFLA_ADDRESS") or ""),
        mtu=int(message.get_attr("IFLA_MTU") or 0),
        up=bool(message["flags"] & IFF_UP),
        master=names.get(message.get_attr("IFLA_MASTER") or 0, ""),
        addresses=frozenset(addresses.get(message["index"], ())),
    )


def _address(message: Any) -> str:
    return str(message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS"))


@contextmanager
def _unless(*codes: int) -> Iterator[None]:
    """Do not mind refusals that say that the work was done before."""
    try:
        yield
    except (NetlinkError, OSError) as error:
        code = error.code if isinstance(error, NetlinkError) else error.errno
        if code not in codes:
            raise OSError(code, str(error)) from error
