"""What things of a network are called on a host: derived from ids, so that anything of ours is recognised.

`prefix` tells the clouds of one machine apart; it has at most four characters.
"""

from __future__ import annotations

LINK_NAME_MAX = 15
NAMESPACE_ID_DIGITS = 32


def namespace_of_network(prefix: str, network_id: str) -> str:
    """Return the namespace that holds a network's bridge, taps and DHCP server."""
    return f"{prefix}-n-{_digits(network_id)}"


def namespace_of_router(prefix: str, router_id: str) -> str:
    """Return the namespace that forwards for a router."""
    return f"{prefix}-r-{_digits(router_id)}"


def tap_name(port_id: str) -> str:
    """Return the tap device of a server's port, in its network's namespace."""
    return "t" + _digits(port_id)[: LINK_NAME_MAX - 1]


def leg_name(port_id: str) -> str:
    """Return a router's end of the link to a network, in the router's namespace."""
    return "q" + _digits(port_id)[: LINK_NAME_MAX - 1]


def bridge_leg_name(port_id: str) -> str:
    """Return the network's end of the link to a router, on the network's bridge."""
    return "l" + _digits(port_id)[: LINK_NAME_MAX - 1]


def external_bridge(prefix: str) -> str:
    """Return the bridge of the network outside, in the host's own namespace."""
    return f"{prefix}-ex"


def outside_link_name(prefix: str, id: str) -> str:
    """Return the host's end of the link from its own bridge to a router's gateway port, or to a network outside."""
    return f"{prefix}-{_digits(id)}"[:LINK_NAME_MAX]


def _digits(id: str) -> str:
    return id.replace("-", "")[:NAMESPACE_ID_DIGITS]
