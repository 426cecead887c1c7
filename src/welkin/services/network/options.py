"""What an operator can set of networks."""

from __future__ import annotations

import msgspec


class NetworkOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What concerns networks."""

    underlay_mtu: int = 1500
    """The MTU of the network between the hosts; tenant networks get what remains inside of VXLAN."""
    underlay_address: str = ""
    """This host's address on the network between the hosts; empty takes the one that faces the default route."""
    vni_min: int = 1
    """The first VXLAN network identifier that tenant networks are given."""
    vni_max: int = 65535
    """The last VXLAN network identifier that tenant networks are given."""
    dns_servers: list[str] = []
    """Who is asked for guests' names where their subnet has a router and names no DNS server: addresses, or
    `address#port`; empty asks the resolvers of each host's /etc/resolv.conf."""
    external_address: str = "172.24.4.1/24"
    """The host's own address on the network outside, which is that network's gateway, with its prefix length."""
