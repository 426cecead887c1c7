"""From documents to spaces: what links, addresses, routes, filters and servers a host shall have.

guest -- tap --+                          +-- leg -- (router) -- leg --+
               +-- br0 (network's space) -+                            +-- {prefix}-ex -- the host
guest -- tap --+    | DHCP, metadata                (router's space)       (the host's own space)
                    +-- vx0 -- other hosts
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from welkin.services.network.driver import Link, Listener, Other, Route, Space
from welkin.services.network.host import dhcp, filters
from welkin.services.network.host.wanted import NetworkWanted, Port, RouterGateway, RouterLeg, RouterWanted
from welkin.services.network.names import (
    bridge_leg_name,
    external_bridge,
    leg_name,
    namespace_of_network,
    namespace_of_router,
    outside_link_name,
    tap_name,
)

BRIDGE, VXLAN, UPLINK = "br0", "vx0", "up0"
OUTSIDE_MTU = 1500
LOOPBACK = Link(name="lo", kind="loopback", addresses=("127.0.0.1/8",))

NETWORK_SETTINGS = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "net/ipv6/conf/default/disable_ipv6": "1",  # taps and legs only carry frames
    "net/ipv6/conf/br0/disable_ipv6": "0",
    "net/ipv6/conf/br0/accept_ra": "0",
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
    "net/bridge/bridge-nf-call-arptables": "0",
}
ROUTER_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/accept_ra": "0",
}
HOST_SETTINGS = {"net/ipv4/ip_forward": "1"}


class Here(Struct, frozen=True, kw_only=True):
    """The host that the documents are for."""

    host: str
    prefix: str
    external_address: str  # with the prefix length


Spaces = dict[str, Space]


def spaces(here: Here, networks: Mapping[str, NetworkWanted], routers: Mapping[str, RouterWanted]) -> Spaces:
    """Return every space that shall be here, by name."""
    found: Spaces = {}
    for network in networks.values():
        space = network_space(here, network, routers)
        if space is not None:
            found[space.name] = space
    for router in routers.values():
        space = router_space(here, router, networks)
        found[space.name] = space
    return {"": host_space(here, networks, routers)} | found


def tapped(here: Here, network: NetworkWanted) -> list[Port]:
    """Return the ports for which this host has a tap: those of guests."""
    return [port for port in network.ports if port.host == here.host and not port.device_owner.startswith("network:")]


def network_space(here: Here, network: NetworkWanted, routers: Mapping[str, RouterWanted]) -> Space | None:
    """Return the space of a network; None for one outside that nothing of this host is plugged into."""
    ports, service = tapped(here, network), dhcp.dhcp_service(network, BRIDGE)
    if network.external and not ports and service is None:
        return None
    links = {LOOPBACK.name: LOOPBACK, BRIDGE: _bridge(network)}
    for port in ports:
        name = tap_name(port.id)
        up = network.admin_state_up and port.admin_state_up
        links[name] = Link(name=name, kind="tap", mtu=network.mtu, up=up, master=BRIDGE)
    uplinks: tuple[str, ...] = ()
    if network.external:
        other = Other("", outside_link_name(here.prefix, network.id))
        links[UPLINK] = Link(name=UPLINK, kind="veth", mtu=network.mtu, master=BRIDGE, other=other)
    elif network.peers and network.vni is not None:
        peers = frozenset(network.peers.values())
        links[VXLAN] = Link(name=VXLAN, kind="vxlan", mtu=network.mtu, master=BRIDGE, vni=network.vni, peers=peers)
        uplinks = (VXLAN,)
    for router in routers.values():
        for leg in _inner_legs(router, network.id):
            name = bridge_leg_name(leg.port_id)
            other = Other(namespace_of_router(here.prefix, router.id), leg_name(leg.port_id))
            links[name] = Link(
                name=name, kind="veth", mtu=network.mtu, up=network.admin_state_up, master=BRIDGE, other=other,
                leads=False,
            )  # fmt: skip
    return Space(
        name=namespace_of_network(here.prefix, network.id),
        links=links,
        filters=filters.network_filters(network, ports, uplinks),
        settings=NETWORK_SETTINGS,
        dhcp=service,
        listeners=frozenset(_listeners(network)),
    )


def _listeners(network: NetworkWanted) -> Iterator[Listener]:
    places = (("", network.id),)
    if any(":" not in (subnet.dhcp_address or ":") for subnet in network.subnets):
        yield Listener(filters.METADATA_ADDRESS, filters.METADATA_PORT, places)
    if serves_ipv6(network):
        yield Listener(f"{filters.METADATA_ADDRESS_6}%{BRIDGE}", filters.METADATA_PORT, places)
    if dhcp.asks_outside(network):
        yield Listener(dhcp.RELAY_ADDRESS, dhcp.RELAY_PORT, serves="names")


def _bridge(network: NetworkWanted) -> Link:
    """The bridge carries the DHCP server's addresses, and that of metadata."""
    addresses = [
        f"{subnet.dhcp_address}/{subnet.cidr.split('/')[1]}"
        for subnet in network.subnets
        if subnet.dhcp_address is not None
    ]
    if any(":" not in each for each in addresses):
        addresses.append(f"{filters.METADATA_ADDRESS}/32")
    if serves_ipv6(network):
        addresses.append(f"{filters.METADATA_ADDRESS_6}/64")
    mac = filters.bridge_mac(network)
    return Link(name=BRIDGE, kind="bridge", mac=mac, mtu=network.mtu, addresses=tuple(addresses))


def serves_ipv6(network: NetworkWanted) -> bool:
    """Say whether guests may ask for metadata by IPv6; outside, bridges that have the same address would meet."""
    return not network.external and any(":" in subnet.cidr for subnet in network.subnets)


def _inner_legs(router: RouterWanted, network_id: str) -> list[RouterLeg]:
    return [leg for leg in router.legs if leg.network_id == network_id]


def router_space(here: Here, router: RouterWanted, networks: Mapping[str, NetworkWanted]) -> Space:
    """Return the space of a router; a leg waits until its network is here."""
    legs = [leg for leg in router.legs if leg.network_id in networks]
    links = {LOOPBACK.name: LOOPBACK} | {leg_name(leg.port_id): _leg(here, router, leg) for leg in legs}
    routes = {Route(each.destination, each.nexthop) for each in router.routes}
    if router.gateway is not None:
        name = leg_name(router.gateway.port_id)
        links[name] = _gateway(here, router, router.gateway, networks)
        for hop in router.gateway.next_hops:
            routes.add(Route("::/0" if ":" in hop else "0.0.0.0/0", hop, name))
    places = tuple(sorted((each.split("/")[0], leg.network_id) for leg in legs for each in leg.addresses))
    return Space(
        name=namespace_of_router(here.prefix, router.id),
        links=links,
        routes=frozenset(routes) if router.admin_state_up else frozenset(),
        filters=filters.router_filters(router),
        settings=ROUTER_SETTINGS,
        dhcp=dhcp.advertisements(legs, {leg.port_id: leg_name(leg.port_id) for leg in legs}),
        listeners=frozenset({Listener("0.0.0.0", filters.REDIRECT_PORT, places)} if places else ()),
    )


def _leg(here: Here, router: RouterWanted, leg: RouterLeg) -> Link:
    return Link(
        name=leg_name(leg.port_id),
        kind="veth",
        mac=leg.mac,
        mtu=leg.mtu,
        up=router.admin_state_up,
        addresses=tuple(leg.addresses),
        other=Other(namespace_of_network(here.prefix, leg.network_id), bridge_leg_name(leg.port_id)),
    )


def _gateway(here: Here, router: RouterWanted, gateway: RouterGateway, networks: Mapping[str, NetworkWanted]) -> Link:
    """The leg outside holds every floating address too, so that it answers when somebody looks for one."""
    known = {each.split("/")[0] for each in gateway.addresses}
    floating = {each.address for each in router.floating_ips} | {each.address for each in router.port_forwardings}
    outside = networks.get(gateway.network_id)
    return Link(
        name=leg_name(gateway.port_id),
        kind="veth",
        mac=gateway.mac,
        mtu=OUTSIDE_MTU if outside is None else outside.mtu,
        up=router.admin_state_up,
        addresses=(*gateway.addresses, *(f"{each}/32" for each in sorted(floating - known))),
        other=Other("", outside_link_name(here.prefix, gateway.port_id)),
    )


def host_space(here: Here, networks: Mapping[str, NetworkWanted], routers: Mapping[str, RouterWanted]) -> Space:
    """Return what the host's own namespace shall have: the bridge outside and what is plugged into it."""
    gateways = [(router, router.gateway) for router in routers.values() if router.gateway is not None]
    outside = [network for network in networks.values() if network.external]
    if not gateways and not outside:
        return Space(name="", links={})
    bridge = external_bridge(here.prefix)
    links = {bridge: Link(name=bridge, kind="bridge", mac=host_mac(here), addresses=(here.external_address,))}
    for router, gateway in gateways:
        name = outside_link_name(here.prefix, gateway.port_id)
        other = Other(namespace_of_router(here.prefix, router.id), leg_name(gateway.port_id))
        links[name] = Link(name=name, kind="veth", master=bridge, other=other, leads=False)
    for network in outside:
        if network_space(here, network, routers) is not None:
            name = outside_link_name(here.prefix, network.id)
            other = Other(namespace_of_network(here.prefix, network.id), UPLINK)
            links[name] = Link(name=name, kind="veth", mtu=network.mtu, master=bridge, other=other, leads=False)
    around = ipaddress.ip_interface(here.external_address).network
    return Space(
        name="", links=links, filters=filters.host_filters(here.prefix, bridge, str(around)), settings=HOST_SETTINGS
    )


def host_mac(here: Here) -> str:
    """Return the MAC address of the host on the network outside; clouds of one machine differ."""
    octets = ipaddress.ip_interface(here.external_address).ip.packed[:4] + here.prefix.encode()[-1:]
    return "0a:" + ":".join(f"{octet:02x}" for octet in octets)


def problems(router: RouterWanted, networks: Mapping[str, NetworkWanted]) -> Sequence[str]:
    """Return what of a router cannot be made yet, in sentences."""
    missing = [leg.network_id for leg in router.legs if leg.network_id not in networks]
    return [f"Network {id} is not on this host yet." for id in missing]
