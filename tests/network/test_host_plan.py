"""The plan of a host's networks, before a judge that knows only the rules of the kernel and the documents.

The world below refuses what the kernel refuses, notes a tap that carries frames without
its filters, and is damaged at will.  What must be true in the end is written down here
from the documents alone, not by the code under test.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from welkin.services.network import driver as d
from welkin.services.network.driver import FoundLink, FoundSpace, Step
from welkin.services.network.host import filters
from welkin.services.network.host.dhcp import dhcp_service
from welkin.services.network.host.plan import network_seen, plan, router_seen
from welkin.services.network.host.spaces import Here, spaces
from welkin.services.network.host.wanted import (
    DhcpOption,
    FixedIp,
    FloatingIp,
    HostRoute,
    NetworkWanted,
    Port,
    RouterGateway,
    RouterLeg,
    RouterWanted,
    Rule,
    Subnet,
)
from welkin.services.network.names import (
    bridge_leg_name,
    leg_name,
    namespace_of_network,
    namespace_of_router,
    tap_name,
)

HERE = Here(host="here", prefix="wk", external_address="172.24.4.1/24")
ROUNDS_MAX = 4


def id_of(kind: int, number: int) -> str:
    return f"{kind:02d}{number:06d}-0000-4000-8000-000000000000"


class World:
    """Namespaces as the kernel keeps them, and what went wrong."""

    def __init__(self) -> None:
        self.spaces: dict[str, dict[str, FoundLink]] = {"": {}}
        self.other_end: dict[tuple[str, str], tuple[str, str]] = {}
        self.taps: set[tuple[str, str]] = set()
        self.hooked: set[tuple[str, str]] = set()  # links that the loaded filters hold to
        self.rest: dict[str, FoundSpace] = {"": FoundSpace()}

    def look(self) -> dict[str, FoundSpace]:
        return {
            name: msgspec.structs.replace(self.rest[name], links=dict(links)) for name, links in self.spaces.items()
        }

    def perform(self, step: Step) -> None:
        handler: Callable[[Step], None] = getattr(self, type(step).__name__)
        handler(step)

    def forget_link(self, space: str, name: str) -> None:
        self.spaces[space].pop(name, None)
        self.taps.discard((space, name))
        self.hooked.discard((space, name))
        other = self.other_end.pop((space, name), None)
        if other is not None:
            self.forget_link(*other)
        if name == "br0" and space in self.rest:
            kept = {key: value for key, value in self.rest[space].settings.items() if "/br0/" not in key}
            self.change(space, settings=kept)
        for link in list(self.spaces[space].values()):
            if link.master == name:
                self.spaces[space][link.name] = msgspec.structs.replace(link, master="")

    def change(self, space: str, **changes: object) -> None:
        assert space in self.spaces, f"there is no {space}"
        self.rest[space] = msgspec.structs.replace(self.rest[space], **changes)

    def change_link(self, space: str, name: str, **changes: object) -> None:
        link = self.spaces[space][name]  # a KeyError: the kernel would refuse it too
        self.spaces[space][name] = msgspec.structs.replace(link, **changes)

    def drop(self, space: str) -> None:
        for name in list(self.spaces[space]):
            self.forget_link(space, name)
        if space:
            del self.spaces[space], self.rest[space]
        else:
            self.rest[""] = FoundSpace()

    def lose(self, space: str) -> None:
        """Forget the name of a space that lives on, with its ends of pairs, because a process is in it."""
        for name in list(self.spaces[space]):
            self.other_end.pop(self.other_end.pop((space, name), ("", "")), None)
            self.hooked.discard((space, name))
            self.taps.discard((space, name))
        del self.spaces[space], self.rest[space]

    # One method for each step, called as the step is.

    def MakeSpace(self, step: d.MakeSpace) -> None:  # noqa: N802
        assert step.space not in self.spaces
        self.spaces[step.space] = {"lo": FoundLink(name="lo", addresses=frozenset({"127.0.0.1/8"}))}
        self.rest[step.space] = FoundSpace()

    def DropSpace(self, step: d.DropSpace) -> None:  # noqa: N802
        self.drop(step.space)

    def MakeLink(self, step: d.MakeLink) -> None:  # noqa: N802
        link = step.link
        assert link.name not in self.spaces[step.space]
        self.spaces[step.space][link.name] = FoundLink(name=link.name, mac="made-up")
        if link.kind == "tap":
            self.taps.add((step.space, link.name))
        if link.other is not None:
            place = (link.other.space, link.other.name)
            assert place[1] not in self.spaces[place[0]]
            self.spaces[place[0]][place[1]] = FoundLink(name=place[1], mac="made-up")
            self.other_end |= {(step.space, link.name): place, place: (step.space, link.name)}

    def DropLink(self, step: d.DropLink) -> None:  # noqa: N802
        self.forget_link(step.space, step.name)

    def ShapeLink(self, step: d.ShapeLink) -> None:  # noqa: N802
        keys = ("mac", "mtu", "up", "master", "peers")
        changes = {key: value for key in keys if (value := getattr(step, key)) is not None}
        if changes.get("master"):
            assert changes["master"] in self.spaces[step.space]
        if (step.space, step.name) in self.taps:
            loaded = self.rest[step.space].filters
            assert loaded is not None, "a tap without filters"
            assert (step.space, step.name) in self.hooked or step.name not in loaded.links
        self.change_link(step.space, step.name, **changes)

    def AddAddress(self, step: d.AddAddress) -> None:  # noqa: N802
        link = self.spaces[step.space][step.name]
        assert step.address not in link.addresses
        self.change_link(step.space, step.name, addresses=link.addresses | {step.address})

    def DropAddress(self, step: d.DropAddress) -> None:  # noqa: N802
        link = self.spaces[step.space][step.name]
        assert step.address in link.addresses
        self.change_link(step.space, step.name, addresses=link.addresses - {step.address})

    def AddRoute(self, step: d.AddRoute) -> None:  # noqa: N802
        self.change(step.space, routes=self.rest[step.space].routes | {step.route})

    def DropRoute(self, step: d.DropRoute) -> None:  # noqa: N802
        self.change(step.space, routes=self.rest[step.space].routes - {step.route})

    def LoadFilters(self, step: d.LoadFilters) -> None:  # noqa: N802
        assert set(step.filters.links) <= set(self.spaces[step.space]), "the text names a link that is not there"
        self.hooked = {each for each in self.hooked if each[0] != step.space}
        self.hooked |= {(step.space, name) for name in step.filters.links}
        self.change(step.space, filters=step.filters)

    def SetSettings(self, step: d.SetSettings) -> None:  # noqa: N802
        for key in step.values:
            assert "/br0/" not in key or "br0" in self.spaces[step.space]
        self.change(step.space, settings=self.rest[step.space].settings | step.values)

    def ServeDhcp(self, step: d.ServeDhcp) -> None:  # noqa: N802
        assert step.dhcp.device in self.spaces[step.space]
        self.change(step.space, dhcp=step.dhcp, dhcp_remains=True)

    def StopDhcp(self, step: d.StopDhcp) -> None:  # noqa: N802
        self.change(step.space, dhcp=None, dhcp_remains=False)

    def Listen(self, step: d.Listen) -> None:  # noqa: N802
        self.change(step.space, listeners=step.listeners)


Documents = tuple[dict[str, NetworkWanted], dict[str, RouterWanted]]


@st.composite
def documents(draw: st.DrawFn) -> Documents:
    """Return networks and routers as a control plane could write them."""
    networks = {}
    for number in draw(st.sets(st.integers(0, 3))):
        networks[id_of(1, number)] = NetworkWanted(
            id=id_of(1, number),
            vni=number + 1,
            mtu=draw(st.sampled_from([1450, 1400])),
            external=number == 3,
            subnets=[
                Subnet(
                    id="s",
                    cidr=f"10.{number}.0.0/24",
                    dhcp_address=draw(st.sampled_from([None, f"10.{number}.0.2"])),
                    gateway_ip=f"10.{number}.0.1",
                )
            ],
            ports=[
                Port(
                    id=id_of(2, number * 10 + port),
                    mac=f"fa:16:3e:00:0{number}:0{port}",
                    host=draw(st.sampled_from(["here", "elsewhere", ""])),
                    admin_state_up=draw(st.booleans()),
                    port_security=draw(st.booleans()),
                    device_owner="compute:nova",
                    fixed_ips=[FixedIp(subnet_id="s", address=f"10.{number}.0.1{port}")],
                )
                for port in sorted(draw(st.sets(st.integers(0, 3))))
            ],
            peers=draw(st.sampled_from([{}, {"elsewhere": "192.0.2.9"}])),
        )
    routers = {}
    for number in draw(st.sets(st.integers(0, 1))):
        legs = [
            RouterLeg(
                port_id=id_of(3, number * 10 + to),
                network_id=id_of(1, to),
                mac=f"fa:16:3f:00:0{number}:0{to}",
                addresses=[f"10.{to}.0.{number + 1}/24"],
            )
            for to in sorted(draw(st.sets(st.integers(0, 2))))
        ]
        gateway = RouterGateway(
            port_id=id_of(4, number),
            network_id=id_of(1, 3),
            mac=f"fa:16:40:00:00:0{number}",
            addresses=[f"172.24.4.1{number}/24"],
            next_hops=["172.24.4.1"],
        )
        routers[id_of(5, number)] = RouterWanted(
            id=id_of(5, number),
            legs=legs,
            gateway=gateway if draw(st.booleans()) else None,
            routes=[HostRoute(destination="192.0.2.0/24", nexthop="10.0.0.99")] if draw(st.booleans()) else [],
        )
    return networks, routers


def settle(world: World, wanted: Documents) -> None:
    for _ in range(ROUNDS_MAX):
        steps = plan(spaces(HERE, *wanted), world.look())
        if not steps:
            return
        for step in steps:
            world.perform(step)
    raise AssertionError(plan(spaces(HERE, *wanted), world.look()))


def judge(world: World, wanted: Documents) -> None:
    """Say from the documents alone whether the world is what they ask for."""
    networks, routers = wanted
    expected: dict[str, set[str]] = {namespace_of_router("wk", id): {"lo"} for id in routers}
    for id, network in networks.items():
        mine = [port for port in network.ports if port.host == "here"]
        if network.external and not mine and network.subnets[0].dhcp_address is None:
            continue
        name = namespace_of_network("wk", id)
        more = {"up0"} if network.external else {"vx0"} if network.peers else set()
        expected[name] = {"lo", "br0", *more, *(tap_name(port.id) for port in mine)}
        for port in mine:
            link = world.spaces[name][tap_name(port.id)]
            assert (link.master, link.up, link.mtu) == ("br0", port.admin_state_up, network.mtu)
            loaded = world.rest[name].filters
            assert loaded is not None
            assert (link.name in loaded.text) == port.port_security
            assert ((name, link.name) in world.hooked) == port.port_security
        address = network.subnets[0].dhcp_address
        assert (world.rest[name].dhcp is not None) == (address is not None)
        if address is not None:
            hosts = world.rest[name].dhcp.files["hosts"].splitlines()  # type: ignore[union-attr]
            assert {line.split(",")[1] for line in hosts} == {port.fixed_ips[0].address for port in network.ports}
        held = {f"{address}/24", "169.254.169.254/32"} if address else set()
        assert world.spaces[name]["br0"].addresses == held
    for id, router in routers.items():
        name = namespace_of_router("wk", id)
        for leg in router.legs:
            if leg.network_id in networks:
                expected[name].add(leg_name(leg.port_id))
                expected[namespace_of_network("wk", leg.network_id)].add(bridge_leg_name(leg.port_id))
                found = world.spaces[name][leg_name(leg.port_id)]
                assert (found.mac, found.addresses) == (leg.mac, frozenset(leg.addresses))
                bridged = world.spaces[namespace_of_network("wk", leg.network_id)][bridge_leg_name(leg.port_id)]
                assert bridged.master == "br0"
        if router.gateway is not None:
            expected[name].add(leg_name(router.gateway.port_id))
            assert any(route.destination == "0.0.0.0/0" for route in world.rest[name].routes)
    assert {name: set(links) for name, links in world.spaces.items() if name} == expected
    outside = any(router.gateway for router in routers.values()) or any(each.external for each in networks.values())
    assert bool(world.spaces[""]) == outside
    assert (world.rest[""].filters is not None) == outside


@settings(max_examples=150, deadline=None)
@given(st.lists(documents(), min_size=1, max_size=3), st.data())
def test_whatever_was_there_becomes_what_is_wanted(wishes: list[Documents], data: st.DataObject) -> None:
    world = World()
    for wanted in wishes:
        steps = plan(spaces(HERE, *wanted), world.look())
        for step in steps[: data.draw(st.integers(0, len(steps)))]:
            world.perform(step)  # then the agent was ended, or somebody changed their mind
        settle(world, wanted)
        judge(world, wanted)
        damage(world, data)
        settle(world, wanted)
        judge(world, wanted)
    settle(world, ({}, {}))
    assert world.look() == {"": FoundSpace()}


def damage(world: World, data: st.DataObject) -> None:
    """Remove something behind our back."""
    links = [(space, name) for space, links in world.spaces.items() for name in links if name != "lo"]
    if links:
        world.forget_link(*data.draw(st.sampled_from(links)))
    inner = sorted(set(world.spaces) - {""})
    if inner:
        name = data.draw(st.sampled_from(inner))
        kind = data.draw(st.sampled_from(["space", "name", "filters", "dhcp", "routes", "settings", "shape"]))
        if kind == "space":
            world.drop(name)
        elif kind == "name":
            world.lose(name)
        elif kind == "shape":
            link = data.draw(st.sampled_from(sorted(world.spaces[name])))
            world.change_link(name, link, mtu=1280, up=False, master="elsewhere" if link != "lo" else "")
        elif kind == "filters":
            world.change(name, filters=None)
        elif kind == "dhcp":
            world.change(name, dhcp=None)
        elif kind == "routes":
            world.change(name, routes=frozenset({d.Route("198.51.100.0/24", "10.0.0.77")}))
        else:
            world.change(name, settings={})


# What the texts say.

PORT = Port(
    id=id_of(2, 1),
    mac="fa:16:3e:00:00:01",
    host="here",
    device_owner="compute:nova",
    fixed_ips=[FixedIp(subnet_id="s", address="10.0.0.11")],
)
NETWORK = NetworkWanted(id=id_of(1, 1), vni=1, subnets=[Subnet(id="s", cidr="10.0.0.0/24", dhcp_address="10.0.0.2")])


def text_of(*rules: Rule) -> list[str]:
    port = msgspec.structs.replace(PORT, rules=list(rules))
    text = filters.network_filters(NETWORK, [port], ()).text
    return [line.strip() for line in text.splitlines()]


def rule(**fields: object) -> Rule:
    return msgspec.convert({"direction": "ingress", "ethertype": "IPv4"} | fields, Rule)


def test_rules_become_lines() -> None:
    lines = text_of(
        rule(protocol="tcp", port_min=80, port_max=90, remote_cidrs=["10.0.0.0/24", "10.0.0.7/32"]),
        rule(protocol="icmp", port_min=8, port_max=0),
        rule(protocol="icmp", ethertype="IPv6"),
        rule(protocol="vrrp", remote_cidrs=[]),
        rule(direction="egress", protocol="47"),
        rule(protocol="udp", port_min=53, port_max=53, remote_cidrs=["fd00::/8", "192.0.2.1"]),
    )
    assert "meta nfproto ipv4 ip saddr { 10.0.0.0/24 } meta l4proto 6 th dport 80-90 accept" in lines
    assert "meta nfproto ipv4 meta l4proto 1 icmp type 8 icmp code 0 accept" in lines
    assert "meta nfproto ipv6 meta l4proto 58 accept" in lines
    assert not any("l4proto 112" in line for line in lines)  # a group without members lets nobody in
    assert "meta nfproto ipv4 meta l4proto 47 return" in lines
    assert "meta nfproto ipv4 ip saddr { 192.0.2.1 } meta l4proto 17 th dport 53 accept" in lines


def test_a_port_that_loses_a_rule_loses_its_connections() -> None:
    from welkin.services.network.drivers.loaded import lost

    web, ping = rule(protocol="tcp", port_min=80, port_max=80), rule(protocol="icmp")
    both, one = (
        filters.network_filters(NETWORK, [msgspec.structs.replace(PORT, rules=rules)], ())
        for rules in ([web, ping], [ping])
    )
    assert lost(both, one) == ["10.0.0.11"]
    assert lost(one, both) == []
    assert lost(one, filters.network_filters(NETWORK, [], ())) == ["10.0.0.11"]


def test_only_what_a_group_loses_is_ended() -> None:
    from welkin.services.network.drivers.loaded import lost

    def members(*remotes: str) -> filters.Filters:
        port = msgspec.structs.replace(PORT, rules=[rule(remote_cidrs=list(remotes))])
        other = msgspec.structs.replace(port, id=id_of(2, 2), fixed_ips=[FixedIp(subnet_id="s", address="10.0.0.12")])
        return filters.network_filters(NETWORK, [port, other], ())

    assert lost(members("10.0.0.11"), members("10.0.0.11", "10.0.0.12")) == []
    assert lost(members("10.0.0.11", "10.0.0.12", "10.0.0.13/32"), members("10.0.0.11")) == ["10.0.0.12", "10.0.0.13"]
    assert lost(members("10.0.0.11", "192.0.2.0/24"), members("10.0.0.11")) == ["10.0.0.11", "10.0.0.12"]
    everything = filters.network_filters(NETWORK, [msgspec.structs.replace(PORT, rules=[rule()])], ())
    assert lost(everything, members("10.0.0.12")) == ["10.0.0.11"]
    assert lost(members("10.0.0.11"), members("10.0.0.11")) == []


def test_stateless_ports_track_nothing() -> None:
    port = msgspec.structs.replace(PORT, stateful=False)
    text = filters.network_filters(NETWORK, [port], ()).text
    chains = text[text.index("table inet welkin {") : text.index("chain input")]
    assert "ct state" not in chains


def test_dhcp_is_told_in_files() -> None:
    port = msgspec.structs.replace(
        PORT,
        hostname="one",
        fixed_ips=[*PORT.fixed_ips, FixedIp(subnet_id="six", address="fd00::11")],
        dhcp_options=[DhcpOption(name="tftp-server", value="10.0.0.9"), DhcpOption(name="150", value="10.0.0.9")],
    )
    six = Subnet(id="six", cidr="fd00::/64", dhcp_address="fd00::2", ipv6_address_mode="dhcpv6-stateful")
    gateway = msgspec.structs.replace(NETWORK.subnets[0], gateway_ip="10.0.0.1", dns_nameservers=["192.0.2.53"])
    network = msgspec.structs.replace(NETWORK, ports=[port], subnets=[gateway, six], dns_domain="example.org.")
    service = dhcp_service(network, "br0")
    assert service is not None
    assert service.files["hosts"] == "fa:16:3e:00:00:01,10.0.0.11,[fd00::11],one\n"
    assert "10.0.0.11 one.example.org one\n" in service.files["names"]
    options = service.files["options"].splitlines()
    assert "tag:s0,121,169.254.169.254/32,10.0.0.2,0.0.0.0/0,10.0.0.1" in options
    assert "tag:s0,option:dns-server,192.0.2.53" in options
    tag = "p" + PORT.id.replace("-", "")
    assert f"tag:{tag},option:tftp-server,10.0.0.9" in options
    assert f"tag:{tag},150,10.0.0.9" in options
    assert f"dhcp-mac=set:{tag},fa:16:3e:00:00:01\n" in service.options
    assert "dhcp-range=set:s1,fd00::,static,64,86400\n" in service.options


def test_what_people_type_stays_within_its_line() -> None:
    port = msgspec.structs.replace(
        PORT,
        hostname="one\ndhcp-script=/bin/sh",
        dhcp_options=[
            DhcpOption(name="150", value="10.0.0.9\n121,0.0.0.0/0,10.0.0.66"),
            DhcpOption(name="6\n", value="x"),
        ],
    )
    service = dhcp_service(msgspec.structs.replace(NETWORK, ports=[port], dns_domain="x\nconf-file=/tmp/y"), "br0")
    assert service is not None
    assert "conf-file" not in service.options
    assert service.files["hosts"] == "fa:16:3e:00:00:01,10.0.0.11,host-10-0-0-11\n"
    assert "150" not in service.files["options"]
    assert text_of(rule(protocol="nonsense")) == text_of()


def test_what_is_seen_is_what_is_there() -> None:
    network = msgspec.structs.replace(NETWORK, ports=[PORT])
    router = RouterWanted(
        id=id_of(5, 1),
        legs=[
            RouterLeg(port_id=id_of(3, 1), network_id=NETWORK.id, mac="fa:16:3f:00:00:01", addresses=["10.0.0.1/24"])
        ],
        floating_ips=[FloatingIp(id="f", address="172.24.4.9", fixed_address="10.0.0.11")],
    )
    wanted = ({network.id: network}, {router.id: router})
    world = World()

    def seen() -> tuple[list[str], bool, bool]:
        found, places = world.look(), spaces(HERE, *wanted)
        one = network_seen(HERE, network, wanted[1], places, found)
        return one.plugged, one.dhcp, router_seen(HERE, router, places, found).active

    assert seen() == ([], False, False)
    settle(world, wanted)
    assert seen() == ([PORT.id], True, True)
    world.change(namespace_of_network("wk", network.id), filters=None)
    assert seen() == ([], True, True)
