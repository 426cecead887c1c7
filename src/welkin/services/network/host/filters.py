"""Packet filters as text for nftables: security groups, guards against spoofing, and address translation.

Frames between the ports of a network pass three places.  In the `netdev` table each tap
is held to its own addresses.  In the `bridge` table, where both ports of a frame are
known, their numbers are written into its mark.  In the `inet` table, where connections
are tracked, the marks lead to the chains of the two ports.  Whatever a port costs, it
costs once: a packet finds its chains by a map.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from welkin.services.network.driver import Filters
from welkin.services.network.host.wanted import NetworkWanted, Port, RouterWanted, Rule
from welkin.services.network.names import leg_name, tap_name

METADATA_ADDRESS, METADATA_PORT, REDIRECT_PORT = "169.254.169.254", 80, 9697
METADATA_ADDRESS_6 = "fe80::a9fe:a9fe"  # the same digits, on every link
OUTSIDE_MARK = 1
CHAIN_DEVICES_MAX = 128
"""The kernel refuses a chain on 256 devices or more."""
INLINE_REMOTES_MAX = 4
"""More remote addresses than these make a set of their own, which every rule that names the same ones shares."""

PROTOCOLS = {
    "icmp": 1, "igmp": 2, "ipip": 4, "tcp": 6, "egp": 8, "udp": 17, "dccp": 33, "ipv6-encap": 41,
    "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58,
    "ipv6-nonxt": 59, "ipv6-opts": 60, "ospf": 89, "vrrp": 112, "pgm": 113, "sctp": 132, "udplite": 136,
}  # fmt: skip
ICMP, ICMPV6 = 1, 58
WITH_PORTS = {6, 17, 33, 132, 136}

# What a port may always send and get, or it could not even learn its address.
ALWAYS_OUT = """\
    udp sport 68 udp dport 67 return
    udp sport 546 udp dport 547 return
    icmpv6 type { 130, 131, 132, 133, 135, 136, 143 } return
"""
ALWAYS_IN = """\
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept
    icmpv6 type { 130, 131, 132, 134, 135, 136, 143 } accept
"""
NETWORK_TABLES = ("inet welkin", "bridge welkin", "netdev welkin")
ROUTER_TABLES = ("inet welkin", "ip welkin")


def afresh(tables: Iterable[str]) -> str:
    """Return the words that empty tables, whether or not they are there."""
    return "".join(f"table {table}\ndelete table {table}\n" for table in tables)


def block(head: str, lines: Iterable[str]) -> str:
    """Return a chain or a map with its lines; nested braces each end on a line of their own."""
    return f"  {head} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def network_filters(network: NetworkWanted, ports: Sequence[Port], uplinks: tuple[str, ...]) -> Filters:
    """Return the filters of a network on this host, where `ports` have taps.

    `uplinks` are the links to other hosts, over which nobody may speak as our DHCP server.
    """
    guarded = [port for port in ports if port.port_security]
    numbers = {port.id: number for number, port in enumerate(guarded, 1)}
    text = afresh(NETWORK_TABLES)
    remotes = Remotes(network.groups)
    text += _guards(network, guarded, uplinks) + _marks(guarded, numbers) + _groups(guarded, numbers, remotes)
    flows, covered = _flows(guarded, remotes)
    return Filters(
        text=text, links=tuple(tap_name(port.id) for port in guarded) + uplinks, flows=flows, remotes=covered
    )


def _flows(ports: Sequence[Port], remotes: Remotes) -> tuple[dict[str, dict[str, str]], dict[str, frozenset[str]]]:
    """Return what the connections of each address stand on."""
    covered: dict[str, frozenset[str]] = {}
    flows: dict[str, dict[str, str]] = {}
    known: dict[bytes, dict[str, str]] = {}  # many ports have the same rules
    for port in ports:
        rules = msgspec.json.encode(port.rules)
        if rules not in known:
            known[rules] = _reasons(port.rules, remotes, covered)
        flows |= {fixed.address: known[rules] for fixed in port.fixed_ips}
    return flows, covered


def _reasons(rules: Sequence[Rule], remotes: Remotes, covered: dict[str, frozenset[str]]) -> dict[str, str]:
    """Return a reason for each kind of rule, with the remotes that rules of this kind cover together."""
    kinds: dict[str, set[str] | None] = {}  # None: everything
    for rule in rules:
        kind = _digest(msgspec.structs.replace(rule, remote_cidrs=None, remote_group=None))
        before, members = kinds.get(kind, set()), remotes.members(rule)
        kinds[kind] = None if before is None or members is None else before | set(members)
    reasons = {}
    for kind, together in kinds.items():
        key = "" if together is None else _digest(sorted(together))
        if together is not None:
            covered[key] = frozenset(together)
        reasons[kind] = key
    return reasons


def _digest(thing: Rule | list[str]) -> str:
    return hashlib.sha256(msgspec.json.encode(thing)).hexdigest()[:16]


# Guards: each tap speaks as itself only.


def _guards(network: NetworkWanted, ports: Sequence[Port], uplinks: tuple[str, ...]) -> str:
    if not ports and not uplinks:
        return ""
    taps = [tap_name(port.id) for port in ports]
    text = "table netdev welkin {\n"
    for port, tap in zip(ports, taps, strict=True):
        text += _guard(tap, port.mac, _addresses(port), tuple((pair.mac, pair.address) for pair in port.address_pairs))
    text += block("chain uplink", _uplink_guard(network))
    chains = [f"{tap} : jump guard_{tap}" for tap in taps] + [f"{link} : jump uplink" for link in uplinks]
    text += _verdicts("links", "ifname", chains)
    devices = (*taps, *uplinks)
    for first in range(0, len(devices), CHAIN_DEVICES_MAX):
        some = ", ".join(devices[first : first + CHAIN_DEVICES_MAX])
        hook = f"type filter hook ingress devices = {{ {some} }} priority -500; policy accept;"
        text += block(f"chain ingress{first // CHAIN_DEVICES_MAX}", [hook, "iifname vmap @links"])
    return text + "}\n"


def _uplink_guard(network: NetworkWanted) -> Iterable[str]:
    """The bridge of each host serves its own guests, with the same MAC and IP addresses on every host."""
    held = [METADATA_ADDRESS, METADATA_ADDRESS_6]
    held += [subnet.dhcp_address for subnet in network.subnets if subnet.dhcp_address]
    four = ", ".join(each for each in held if ":" not in each)
    six = ", ".join(f"{int(ipaddress.IPv6Address(each)):#034x}" for each in held if ":" in each)
    yield f"ether saddr {bridge_mac(network)} drop"
    yield "udp dport { 67, 547 } drop"
    yield f"arp daddr ip {{ {four} }} drop"
    yield f"arp saddr ip {{ {four} }} drop"
    yield f"icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} @th,64,128 {{ {six} }} drop"


def bridge_mac(network: NetworkWanted) -> str:
    """Return the MAC address of a network's bridge: that of its DHCP server."""
    macs = [port.mac for port in network.ports if port.device_owner == "network:dhcp"]
    return macs[0] if macs else local_mac(network.id)


def local_mac(id: str) -> str:
    """Return a MAC address of our own making, the same whenever asked."""
    digits = id.replace("-", "")
    return "0a:" + ":".join(digits[place : place + 2] for place in range(0, 10, 2))


def _addresses(port: Port) -> tuple[str, ...]:
    return tuple(fixed.address for fixed in port.fixed_ips)


@functools.lru_cache(4096)
def _guard(tap: str, mac: str, addresses: tuple[str, ...], others: tuple[tuple[str, str], ...]) -> str:
    """Return the chain that holds a port to its addresses, and to its pairs of others; kept, for few change at once."""
    return block(f"chain guard_{tap}", _guard_lines(mac, addresses, others))


def _guard_lines(mac: str, addresses: Sequence[str], others: Sequence[tuple[str, str]]) -> Iterable[str]:
    macs = sorted({mac, *(each for each, _ in others)})
    pairs = {(mac, address) for address in addresses} | set(others)
    four = _speakers(pair for pair in pairs if ":" not in pair[1])
    six = _speakers([*(pair for pair in pairs if ":" in pair[1]), *((mac, link_local(mac)) for mac in macs)])
    yield f"ether saddr != {{ {', '.join(macs)} }} drop"
    yield "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept"
    yield "udp sport 67 udp dport 68 drop"
    yield "udp sport 547 udp dport 546 drop"
    yield "icmpv6 type { nd-router-advert, nd-redirect } drop"
    if four:
        yield f"arp saddr ether . arp saddr ip {{ {four} }} accept"
        yield f"ether type ip ether saddr . ip saddr {{ {four} }} accept"
    yield f"arp operation request arp saddr ether {{ {', '.join(macs)} }} arp saddr ip 0.0.0.0 accept"
    own = [*addresses, *(address for _, address in others)]
    yield f"icmpv6 type nd-neighbor-advert {_other_target(own, macs)} drop"
    yield f"ether type ip6 ether saddr . ip6 saddr {{ {six} }} accept"
    yield "ip6 saddr :: icmpv6 type { 131, 132, 133, 135, 143 } accept"
    yield "drop"


def _other_target(own: Sequence[str], macs: Sequence[str]) -> str:
    """Match an advertisement for an address that is not the port's own; 64 bits in lies the target."""
    networks = [ipaddress.ip_network(each, strict=False) for each in own if ":" in each]
    networks += [ipaddress.ip_network(link_local(mac)) for mac in macs]
    ranges = []
    for each in ipaddress.collapse_addresses(each for each in networks if isinstance(each, ipaddress.IPv6Network)):
        first, last = int(each.network_address), int(each.broadcast_address)
        ranges.append(f"{first:#034x}" if first == last else f"{first:#034x}-{last:#034x}")
    return f"@th,64,128 != {{ {', '.join(ranges)} }}"


def _speakers(pairs: Iterable[tuple[str, str]]) -> str:
    """Return (MAC . range) elements that do not overlap."""
    by_mac: dict[str, list[str]] = {}
    for mac, address in pairs:
        by_mac.setdefault(mac, []).append(address)
    return ", ".join(f"{mac} . {each}" for mac in sorted(by_mac) for each in collapsed(by_mac[mac]))


def link_local(mac: str) -> str:
    """Return the address that a link gives itself: the MAC with `fffe` in its middle (RFC 4291)."""
    octets = bytearray.fromhex(mac.replace(":", ""))
    octets[0] ^= 2
    return str(ipaddress.IPv6Address(b"\xfe\x80" + b"\0" * 6 + octets[:3] + b"\xff\xfe" + octets[3:]))


Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Range(Struct, frozen=True):
    """A range of addresses, and how it is ordered and written."""

    network: Network
    order: tuple[int, int]
    text: str
    single: bool


@functools.lru_cache(1 << 16)
def range_of(text: str) -> Range:
    """Read a range or an address; the same ones are read at each change of a network."""
    network = ipaddress.ip_network(text, strict=False)
    single = network.num_addresses == 1
    words = str(network.network_address) if single else str(network)
    return Range(network, (network.version, int(network.network_address)), words, single)


def collapsed(ranges: Iterable[str]) -> list[str]:
    """Return ranges without overlaps, in order."""
    found = {each.text: each for each in map(range_of, ranges)}
    wide = [each.network for each in found.values() if not each.single]
    four = ipaddress.collapse_addresses(each for each in wide if isinstance(each, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(each for each in wide if isinstance(each, ipaddress.IPv6Network))
    whole: list[Network] = [*four, *six]
    chosen = [range_of(str(each)) for each in whole]
    for each in found.values():
        if each.single and not any(_holds(network, each.network) for network in whole):
            chosen.append(each)
    return [each.text for each in sorted(chosen, key=lambda each: each.order)]


def _holds(network: Network, single: Network) -> bool:
    return single.network_address in network


# Marks: the sender's number in the lower half, the receiver's in the upper.


def _marks(ports: Sequence[Port], numbers: dict[str, int]) -> str:
    text = "table bridge welkin {\n"
    for port in ports:
        text += block(f"chain to_{tap_name(port.id)}", [f"meta mark set meta mark or {numbers[port.id] << 16:#x}"])
    senders = [f"{tap_name(port.id)} : {numbers[port.id]:#x}" for port in ports]
    text += block("map senders", ["type ifname : mark;", *_elements(senders)])
    text += _verdicts("receivers", "ifname", [f"{tap_name(port.id)} : jump to_{tap_name(port.id)}" for port in ports])
    hook = "type filter hook forward priority -10; policy accept;"
    rules = [hook, "meta mark set 0", "meta mark set iifname map @senders", "oifname vmap @receivers"]
    return text + block("chain forward", rules) + "}\n"


def _verdicts(name: str, key: str, elements: Sequence[str]) -> str:
    return block(f"map {name}", [f"type {key} : verdict;", *_elements(elements)])


def _elements(elements: Sequence[str]) -> list[str]:
    return [f"elements = {{ {', '.join(elements)} }}"] if elements else []


# Security groups: what no rule lets through is dropped.


def _groups(ports: Sequence[Port], numbers: dict[str, int], remotes: Remotes) -> str:
    bodies: dict[tuple[bytes, bool], tuple[list[str], list[str]]] = {}  # many ports have the same rules
    chains = ""
    for port in ports:
        key = (msgspec.json.encode(port.rules), port.stateful)
        if key not in bodies:
            bodies[key] = _port_lines(port, remotes)
        tap, (out, into) = tap_name(port.id), bodies[key]
        chains += block(f"chain from_{tap}", out) + block(f"chain to_{tap}", into)
    text = "table inet welkin {\n" + "".join(_remote_set(*each) for each in remotes.sets.items()) + chains
    senders = [f"{numbers[port.id]:#x} : jump from_{tap_name(port.id)}" for port in ports]
    receivers = [f"{numbers[port.id] << 16:#x} : goto to_{tap_name(port.id)}" for port in ports]
    text += _verdicts("senders", "mark", senders) + _verdicts("receivers", "mark", receivers)
    hook = "type filter hook forward priority 0; policy accept;"
    rules = [hook, "meta mark and 0xffff vmap @senders", "meta mark and 0xffff0000 vmap @receivers"]
    text += block("chain forward", rules)
    return text + block("chain input", _own_services(redirects=False)) + "}\n"


def _own_services(*, redirects: bool) -> Iterable[str]:
    """What guests may ask of the host itself: addresses, names and metadata."""
    yield "type filter hook input priority 0; policy drop;"
    yield 'iifname "lo" accept'
    yield "ct state established,related accept"
    yield "meta l4proto { icmp, icmpv6 } accept"
    if redirects:
        yield f"ct status dnat tcp dport {REDIRECT_PORT} accept"
    else:
        yield "udp dport { 53, 67, 547 } accept"
        yield "tcp dport 53 accept"
        yield f"ip daddr {METADATA_ADDRESS} tcp dport {METADATA_PORT} accept"
        yield f"ip6 daddr {METADATA_ADDRESS_6} tcp dport {METADATA_PORT} accept"


class Remotes:
    """The remote addresses that rules of a network name; the many are sets, which rules share."""

    def __init__(self, groups: Mapping[str, Sequence[str]]) -> None:
        self._groups = groups
        self.sets: dict[tuple[str, ...], str] = {}
        """The name of each set, by its members."""

    def members(self, rule: Rule) -> tuple[str, ...] | None:
        """Return what a rule says of the other side, in its IP version; None is anywhere."""
        found: Sequence[str] | None = rule.remote_cidrs
        if rule.remote_group is not None:
            found = self._groups.get(rule.remote_group, ())
        six = rule.ethertype == "IPv6"
        return None if found is None else tuple(each for each in found if (":" in each) == six)

    def words(self, members: tuple[str, ...]) -> str:
        """Return how a rule names its remote addresses: the few themselves, or the set that holds the many."""
        if len(members) <= INLINE_REMOTES_MAX:
            return f"{{ {', '.join(collapsed(members))} }}"
        return "@" + self.sets.setdefault(members, f"remotes{len(self.sets)}")


def _remote_set(members: tuple[str, ...], name: str) -> str:
    kind = "ipv6_addr" if ":" in members[0] else "ipv4_addr"
    return block(f"set {name}", [f"type {kind}; flags interval;", *_elements(collapsed(members))])


def _port_lines(port: Port, remotes: Remotes) -> tuple[list[str], list[str]]:
    """Return the lines of a port's two chains: what it sends, and what it gets."""
    tracked = "ct state established,related {}"
    out = [line for rule in port.rules if rule.direction == "egress" for line in _rule(rule, "return", remotes)]
    into = [line for rule in port.rules if rule.direction == "ingress" for line in _rule(rule, "accept", remotes)]
    invalid = ["ct state invalid drop"] if port.stateful else []
    first_out = [tracked.format("return")] if port.stateful else []
    first_in = [tracked.format("accept")] if port.stateful else []
    always_out, always_in = (text.strip().splitlines() for text in (ALWAYS_OUT, ALWAYS_IN))
    return (
        [*first_out, *map(str.strip, always_out), *invalid, *out, "drop"],
        [*first_in, *map(str.strip, always_in), *invalid, *into, "drop"],
    )


def _rule(rule: Rule, verdict: str, remotes: Remotes) -> Iterable[str]:
    """Return the lines of one rule; none where it names remote addresses and there are none."""
    if not _is_known(rule):
        return
    words = [f"meta nfproto {rule.ethertype.lower()}"]
    members = remotes.members(rule)
    if members is not None:
        if not members:
            return
        side = "saddr" if rule.direction == "ingress" else "daddr"
        words.append(f"{'ip' if rule.ethertype == 'IPv4' else 'ip6'} {side} {remotes.words(members)}")
    number = protocol_number(rule)
    if number is not None:
        words.append(f"meta l4proto {number}")
        words.extend(_ports(rule, number))
    yield " ".join([*words, verdict])


def protocol_number(rule: Rule) -> int | None:
    """Return the number of the rule's protocol; None is any.  ICMP is that of the rule's IP version.

    Raises KeyError for a name that nobody knows.
    """
    if rule.protocol is None:
        return None
    number = int(rule.protocol) if rule.protocol.isdecimal() else PROTOCOLS[rule.protocol.lower()]
    return ICMPV6 if number == ICMP and rule.ethertype == "IPv6" else number


def _is_known(rule: Rule) -> bool:
    """Say whether the rule can be written; one that cannot lets nothing through, and harms no other."""
    return rule.protocol is None or rule.protocol.isdecimal() or rule.protocol.lower() in PROTOCOLS


def _ports(rule: Rule, number: int) -> Iterable[str]:
    low, high = rule.port_min, rule.port_max
    if number in WITH_PORTS and (low is not None or high is not None):
        first, last = 0 if low is None else low, 65535 if high is None else high
        yield f"th dport {first}-{last}" if first != last else f"th dport {first}"
    if number in (ICMP, ICMPV6) and low is not None:
        name = "icmp" if number == ICMP else "icmpv6"
        yield f"{name} type {low}"
        if high is not None:
            yield f"{name} code {high}"


# Routers.


def router_filters(router: RouterWanted) -> Filters:
    """Return the filters of a router: floating addresses, port forwardings, and one address for the rest."""
    outside = "" if router.gateway is None else leg_name(router.gateway.port_id)
    text = afresh(ROUTER_TABLES)
    text += "table inet welkin {\n" + block("chain input", _own_services(redirects=True)) + "}\n"
    text += "table ip welkin {\n" + _translations(router)
    if outside:
        hook = "type filter hook prerouting priority -150; policy accept;"
        text += block("chain outside", [hook, f'iifname "{outside}" meta mark set {OUTSIDE_MARK}'])
    text += block("chain prerouting", _prerouting())
    text += block("chain postrouting", _postrouting(router, outside)) + "}\n"
    return Filters(text=text, flows=_router_flows(router))


def _translations(router: RouterWanted) -> str:
    into = [f"{each.address} : {each.fixed_address}" for each in router.floating_ips]
    out = {each.fixed_address: each.address for each in router.floating_ips}
    forwards = []
    for each in router.port_forwardings:
        for offset in range(each.port_max - each.port_min + 1):
            place = offset if each.fixed_port_max > each.fixed_port_min else 0
            key = f"{each.address} . {PROTOCOLS[each.protocol.lower()]} . {each.port_min + offset}"
            forwards.append(f"{key} : {each.fixed_address} . {each.fixed_port_min + place}")
    text = block("map floating", ["type ipv4_addr : ipv4_addr;", *_elements(into)])
    text += block("map fixed", ["type ipv4_addr : ipv4_addr;", *_elements([f"{a} : {b}" for a, b in out.items()])])
    kind = "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service;"
    return text + block("map forwarded", [kind, *_elements(forwards)])


def _prerouting() -> Iterable[str]:
    yield "type nat hook prerouting priority -100; policy accept;"
    redirect = f"tcp dport {METADATA_PORT} redirect to :{REDIRECT_PORT}"
    yield f"meta mark != {OUTSIDE_MARK} ip daddr {METADATA_ADDRESS} {redirect}"
    yield "meta l4proto { tcp, udp } dnat ip to ip daddr . meta l4proto . th dport map @forwarded"
    yield "dnat to ip daddr map @floating"


def _postrouting(router: RouterWanted, outside: str) -> Iterable[str]:
    yield "type nat hook postrouting priority 100; policy accept;"
    if router.gateway is None:
        return
    own = [each.split("/")[0] for each in router.gateway.addresses if ":" not in each]
    # What came in by a floating address must come back the same way, also from a neighbour of its guest.
    yield f"ct status dnat meta mark != {OUTSIDE_MARK} snat to ip saddr map @fixed"
    if own:
        yield f"ct status dnat meta mark != {OUTSIDE_MARK} snat to {own[0]}"
    yield f'oifname "{outside}" meta mark != {OUTSIDE_MARK} snat to ip saddr map @fixed'
    if own and router.gateway.enable_snat:
        yield f'oifname "{outside}" meta mark != {OUTSIDE_MARK} snat to {own[0]}'


def _router_flows(router: RouterWanted) -> dict[str, dict[str, str]]:
    """What is translated stands on its other half; a gateway's address on being the gateway's."""
    flows: dict[str, dict[str, str]] = {}
    for floating in router.floating_ips:
        flows.setdefault(floating.address, {})[floating.fixed_address] = ""
        flows.setdefault(floating.fixed_address, {})[floating.address] = ""
    for forwarding in router.port_forwardings:
        flows.setdefault(forwarding.address, {})[repr(forwarding)] = ""
    for address in [] if router.gateway is None else router.gateway.addresses:
        flows.setdefault(address.split("/")[0], {})["gateway"] = ""
    return flows


def host_filters(prefix: str, bridge: str, outside: str) -> Filters:
    """Return the host's own filters: what leaves the network outside speaks as the host.  `outside` is a range."""
    table = f"ip welkin_{prefix}"
    text = afresh([table]) + f"table {table} {{\n"
    hook = "type nat hook postrouting priority 100; policy accept;"
    rules = [hook, f'ip saddr {outside} ip daddr != {outside} oifname != "{bridge}" masquerade']
    return Filters(text=text + block("chain postrouting", rules) + "}\n")
