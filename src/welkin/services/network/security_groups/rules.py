"""Rules of security groups: what they may say, and when two say the same.  Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any, Protocol

from welkin.services.network.errors import InvalidInput
from welkin.services.network.tables import RuleRow

ETHERTYPES = {"ipv4": "IPv4", "ipv6": "IPv6"}
PROTOCOLS: Mapping[str, int] = {
    "ah": 51, "dccp": 33, "egp": 8, "esp": 50, "gre": 47, "icmp": 1, "icmpv6": 58, "igmp": 2, "ipip": 4,
    "ipv6-encap": 41, "ipv6-frag": 44, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ipv6-route": 43,
    "ospf": 89, "pgm": 113, "rsvp": 46, "sctp": 132, "tcp": 6, "udp": 17, "udplite": 136, "vrrp": 112,
}  # fmt: skip
"""The names that rules may use, and the numbers of IP behind them."""
WITH_PORTS = frozenset({6, 17, 33, 132, 136})
ICMP = frozenset({1, 58})
ONLY_IPV6 = frozenset({"icmpv6", "ipv6-encap", "ipv6-frag", "ipv6-icmp", "ipv6-nonxt", "ipv6-opts", "ipv6-route"})
EVERYWHERE = (None, "0.0.0.0/0", "::/0")


class Asked(Protocol):
    """What a body says of a rule."""

    direction: Any
    ethertype: str | None
    protocol: str | int | None
    port_range_min: int | None
    port_range_max: int | None
    remote_ip_prefix: str | None
    remote_group_id: str | None
    remote_address_group_id: str | None


def checked(rule: Asked) -> dict[str, Any]:
    """Return the columns of a rule.  Raises InvalidInput for what makes no sense."""
    ethertype = ETHERTYPES.get((rule.ethertype or "IPv4").lower())
    if ethertype is None:
        raise InvalidInput(
            f"Security group rule for ethertype '{rule.ethertype}' not supported. Allowed values are ['IPv4', 'IPv6']"
        )
    protocol = protocol_of(rule.protocol)
    if protocol in ONLY_IPV6 and ethertype == "IPv4":
        raise InvalidInput(f"Invalid ethertype {ethertype} for protocol {protocol}")
    check_ports(protocol, ethertype, rule.port_range_min, rule.port_range_max)
    remotes = (rule.remote_ip_prefix, rule.remote_group_id, rule.remote_address_group_id)
    if sum(bool(remote) for remote in remotes) > 1:
        raise InvalidInput("Only one of remote_ip_prefix or remote_group_id or remote_address_group_id may be provided")
    return {
        "direction": rule.direction,
        "ethertype": ethertype,
        "protocol": protocol,
        "port_range_min": rule.port_range_min,
        "port_range_max": rule.port_range_max,
        "remote_ip_prefix": prefix_of(rule.remote_ip_prefix, ethertype),
        "remote_group_id": rule.remote_group_id,
        "remote_address_group_id": rule.remote_address_group_id,
    }


def protocol_of(value: str | int | None) -> str | None:
    """Return a protocol as it is stored: a name, or a number as text; any is None.  Raises InvalidInput."""
    if value in (None, "any", "0", 0, ""):
        return None
    text = str(value).lower()
    if text in PROTOCOLS or (text.isascii() and text.isdecimal() and len(text) <= 3 and int(text) <= 255):
        return text
    raise InvalidInput(
        f"Security group rule protocol {value} not supported. Only protocol values "
        f"{[None, 'any', *PROTOCOLS]} and integer representations [0 to 255] are supported"
    )


def number_of(protocol: str | None, ethertype: str) -> int | None:
    """Return the number of a protocol; `icmp` of IPv6 is ICMPv6."""
    if protocol is None:
        return None
    number = PROTOCOLS.get(protocol)
    number = int(protocol) if number is None else number
    return 58 if number == 1 and ethertype == "IPv6" else number


def check_ports(protocol: str | None, ethertype: str, low: int | None, high: int | None) -> None:
    """Refuse port ranges, or types and codes of ICMP, that make no sense.  Raises InvalidInput."""
    if low is None and high is None:
        return
    number = number_of(protocol, ethertype)
    if number is None:
        raise InvalidInput("Must also specify protocol if port range is given")
    if number in ICMP:
        check_icmp(low, high)
    elif number not in WITH_PORTS:
        raise InvalidInput(f"Ports cannot be specified for protocol {protocol}")
    elif low == 0 or high == 0 or not all(each is None or 0 < each < 65536 for each in (low, high)):
        raise InvalidInput(f"Invalid value for port {high if low is not None and 0 < low < 65536 else low}")
    elif low is None or high is None or low > high:
        raise InvalidInput("For TCP/UDP protocols, port_range_min must be <= port_range_max")


def check_icmp(kind: int | None, code: int | None) -> None:
    """Refuse a code of ICMP without a type, and either out of range.  Raises InvalidInput."""
    for name, field, value in (("type", "port-range-min", kind), ("code", "port-range-max", code)):
        if value is not None and not 0 <= value <= 255:
            raise InvalidInput(f"Invalid value for ICMP {name} ({field}) {value}. It must be 0 to 255")
    if kind is None:
        raise InvalidInput(f"ICMP code (port-range-max) {code} is provided but ICMP type (port-range-min) is missing")


def prefix_of(text: str | None, ethertype: str) -> str | None:
    """Return a range with its prefix length, as it was given otherwise.  Raises InvalidInput."""
    if not text:
        return None
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise InvalidInput(f"Invalid CIDR {text} given as IP prefix") from None
    if f"IPv{found.version}" != ethertype:
        raise InvalidInput(f"Conflicting value ethertype {ethertype} for CIDR {text}")
    return str(found)


def normalized(prefix: str | None) -> str | None:
    """Return a range without the bits behind its prefix."""
    return str(ipaddress.ip_interface(prefix).network) if prefix else None


def key(rule: RuleRow) -> tuple[object, ...]:
    """Return what is the same for two rules that say the same."""
    number = number_of(rule.protocol, rule.ethertype)
    low, high = rule.port_range_min, rule.port_range_max
    if number in WITH_PORTS:
        low, high = low or 1, high or 65535
    prefix = None if rule.remote_ip_prefix in EVERYWHERE else normalized(rule.remote_ip_prefix)
    remote = (prefix, rule.remote_group_id, rule.remote_address_group_id)
    return (rule.security_group_id, rule.direction, rule.ethertype, number, low, high, *remote)
