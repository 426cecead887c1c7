"""Decide what to do on a host, given what is wanted of its networks and what is there.

Pure: no I/O, no clock, no chance.  Everything is decided from what was found, so a link
that somebody removed, a filter that somebody changed and a network that was just created
all lead here, and nowhere else.  A guest's tap carries no frame before its filters are
loaded: links are made down, then filters are loaded, then links come up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from welkin.services.network.driver import (
    AddAddress,
    AddRoute,
    DropAddress,
    DropLink,
    DropRoute,
    DropSpace,
    FoundLink,
    FoundSpace,
    Link,
    Listen,
    LoadFilters,
    MakeLink,
    MakeSpace,
    Other,
    Route,
    ServeDhcp,
    SetSettings,
    ShapeLink,
    Space,
    Step,
    StopDhcp,
)
from welkin.services.network.host.filters import METADATA_ADDRESS_6
from welkin.services.network.host.spaces import BRIDGE, Here, tapped
from welkin.services.network.host.wanted import NetworkSeen, NetworkWanted, RouterSeen, RouterWanted
from welkin.services.network.names import (
    bridge_leg_name,
    namespace_of_network,
    namespace_of_router,
    outside_link_name,
    tap_name,
)

NOWHERE = Space(name="", links={})
NOTHING = FoundSpace()
GONE = FoundSpace(there=False)
KERNEL_MADE = ipaddress.IPv6Network("fe80::/10")

Wanted = Mapping[str, Space]
Found = Mapping[str, FoundSpace]


def plan(wanted: Wanted, found: Found) -> list[Step]:
    """Return the steps that are still to be taken, in order; none when everything is as it shall be."""
    steps: list[Step] = [DropSpace(name) for name in found if name and name not in wanted]
    if not wanted[""].links and (found[""].links or found[""].filters is not None):
        steps.append(DropSpace(""))
    steps += [MakeSpace(name) for name in wanted if not found.get(name, GONE).there]
    for name, space in wanted.items():
        steps += _settings(space, found.get(name, NOTHING), of_links=False)  # before links that inherit them
    missing = _missing(wanted, found)
    broken = {(space, link.name) for space, link in missing}
    for name, space in wanted.items():
        gone = [each for each in found.get(name, NOTHING).links if each not in space.links or (name, each) in broken]
        steps += [DropLink(name, each) for each in gone if each != "lo"]
    steps += [MakeLink(space, link) for space, link in missing if link.other is None or link.leads]
    for name, space in wanted.items():
        made = {link for place, link in broken if place == name}
        steps += _inside(space, found.get(name, NOTHING), made)
    return steps


def _missing(wanted: Wanted, found: Found) -> list[tuple[str, Link]]:
    """Return the links to be made: those that are not there, and both ends of pairs that lost one."""
    missing = []
    for name, space in wanted.items():
        for link in space.links.values():
            if link.kind != "loopback" and (
                not _is_there(found, name, link.name) or not _has_other(wanted, found, link.other)
            ):
                missing.append((name, link))
    return missing


def _is_there(found: Found, space: str, link: str) -> bool:
    return link in found.get(space, NOTHING).links


def _has_other(wanted: Wanted, found: Found, other: Other | None) -> bool:
    """Say whether the other end is there; an end that nobody wants does not count."""
    if other is None:
        return True
    return other.name in wanted.get(other.space, NOWHERE).links and _is_there(found, other.space, other.name)


def _inside(space: Space, found: FoundSpace, made: set[str]) -> Iterable[Step]:
    """Return the steps within one space, of which the links in `made` are new."""
    if _filters_differ(space, found, made):
        yield LoadFilters(space.name, space.filters)
    for name, link in space.links.items():
        yield from _shape(space.name, link, _known(name, found, made))
    yield from _settings(space, found, of_links=True)
    for name, link in space.links.items():
        yield from _addresses(space.name, link, _known(name, found, made))
    yield from (DropRoute(space.name, each) for each in _extra_routes(space, found))
    there = {_key(each) for each in found.routes}
    yield from (AddRoute(space.name, each) for each in sorted(space.routes, key=_key) if _key(each) not in there)
    yield from _services(space, found)


def _settings(space: Space, found: FoundSpace, *, of_links: bool) -> Iterable[Step]:
    """Return what changes settings: of the whole space, or of its bridge, with which they come and go."""
    values = {
        key: value
        for key, value in space.settings.items()
        if (f"/{BRIDGE}/" in key) == of_links and found.settings.get(key) != value
    }
    if values:
        yield SetSettings(space.name, values)


def _known(name: str, found: FoundSpace, made: set[str]) -> FoundLink:
    """Return what is known of a link; of a new one nothing, so that all of it is set."""
    return FoundLink(name=name, mtu=0) if name in made else found.links.get(name, FoundLink(name=name, mtu=0))


def _filters_differ(space: Space, found: FoundSpace, made: set[str]) -> bool:
    if not space.filters.text:
        return False  # what is not wanted any more goes with its space
    return found.filters != space.filters or bool(made & set(space.filters.links))


def _shape(space: str, link: Link, found: FoundLink) -> Iterable[Step]:
    mac = link.mac if link.mac not in (None, found.mac) else None
    mtu = link.mtu if link.mtu not in (None, found.mtu) else None
    master = link.master if link.master != found.master else None
    up = link.up if link.up != found.up else None
    peers = link.peers if link.peers != found.peers else None
    if any(each is not None for each in (mac, mtu, master, up, peers)):
        yield ShapeLink(space=space, name=link.name, mac=mac, mtu=mtu, up=up, master=master, peers=peers)


def _addresses(space: str, link: Link, found: FoundLink) -> Iterable[Step]:
    wanted = {str(ipaddress.ip_interface(each)): each for each in link.addresses}
    there = {str(ipaddress.ip_interface(each)) for each in found.addresses}
    for each in sorted(there - set(wanted)):
        if link.kind != "loopback" and not _is_kernel_made(each):
            yield DropAddress(space, link.name, each)
    for each in wanted:
        if each not in there and link.kind != "loopback":
            yield AddAddress(space, link.name, each, announce=link.other is not None)


def _is_kernel_made(address: str) -> bool:
    found = ipaddress.ip_interface(address).ip
    return found.version == 6 and found in KERNEL_MADE and str(found) != METADATA_ADDRESS_6


def _key(route: Route) -> tuple[str, str]:
    return str(ipaddress.ip_network(route.destination, strict=False)), route.nexthop


def _extra_routes(space: Space, found: FoundSpace) -> list[Route]:
    wanted = {_key(each) for each in space.routes}
    return sorted((each for each in found.routes if space.name and _key(each) not in wanted), key=_key)


def _services(space: Space, found: FoundSpace) -> Iterable[Step]:
    if space.dhcp is not None and found.dhcp != space.dhcp:
        yield ServeDhcp(space.name, space.dhcp)
    if space.dhcp is None and found.dhcp_remains:
        yield StopDhcp(space.name)
    if space.listeners != found.listeners:
        yield Listen(space.name, space.listeners)


# What the control plane hears of it.


def network_seen(
    here: Here, network: NetworkWanted, routers: Mapping[str, RouterWanted], wanted: Wanted, found: Found
) -> NetworkSeen:
    """Return what was found of a network."""
    name = namespace_of_network(here.prefix, network.id)
    there = found.get(name, NOTHING)
    filtered = name in wanted and there.filters == wanted[name].filters
    plugged = []
    for port in tapped(here, network):
        link = there.links.get(tap_name(port.id))
        if filtered and link is not None and link.master == BRIDGE:
            plugged.append(port.id)
    serves = there.dhcp is not None
    for port in [port for port in network.ports if port.host == here.host]:
        is_server = serves and port.device_owner == "network:dhcp"
        if is_server or _is_own_plugged(here, port.id, network, routers, found):
            plugged.append(port.id)
    return NetworkSeen(plugged=plugged, dhcp=serves)


def _is_own_plugged(
    here: Here, port_id: str, network: NetworkWanted, routers: Mapping[str, RouterWanted], found: Found
) -> bool:
    """Say whether a port of a router has its leg on the bridge."""
    for router in routers.values():
        if any(leg.port_id == port_id for leg in router.legs):
            there = found.get(namespace_of_network(here.prefix, network.id), NOTHING)
            leg = there.links.get(bridge_leg_name(port_id))
            return leg is not None and leg.master == BRIDGE
        if router.gateway is not None and router.gateway.port_id == port_id:
            return outside_link_name(here.prefix, port_id) in found.get("", NOTHING).links
    return False


def router_seen(here: Here, router: RouterWanted, wanted: Wanted, found: Found) -> RouterSeen:
    """Return what was found of a router: active when it has all that is wanted of it."""
    name = namespace_of_router(here.prefix, router.id)
    if not router.admin_state_up or name not in wanted or name not in found:
        return RouterSeen()
    there = found[name]
    complete = set(wanted[name].links) <= set(there.links) and there.filters == wanted[name].filters
    return RouterSeen(active=complete)
