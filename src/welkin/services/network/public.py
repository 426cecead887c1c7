"""What other rooms may call.

Everything takes the caller's transaction (or only reads), and no HTTP is involved.  A server's
ports: `create_ports` in the transaction that makes the server, `bind` when its host is
chosen, `release` when it goes; `nics` tells all of them for any number of servers in three queries.
"""

from __future__ import annotations

from welkin.services.network.addresses import ServerAddress
from welkin.services.network.addresses import of_servers as addresses_of_servers
from welkin.services.network.answering import Answer, MetadataAnswerer, Reply
from welkin.services.network.devices import (
    Device,
    ExternalNetworkForbidden,
    GroupOfServer,
    NetworkAmbiguous,
    NetworkWithoutSubnet,
    Nic,
    NicAddress,
    NicSubnet,
    NicWanted,
    SecurityGroupAmbiguous,
    add_fixed_ip,
    add_group,
    all_addresses,
    available_networks,
    bind,
    group_ids,
    nics,
    release,
    remove_fixed_ip,
    remove_group,
    security_groups,
    servers_with_address,
    usable_network,
    usable_port,
)
from welkin.services.network.devices import create as create_ports
from welkin.services.network.errors import (
    AutoAllocationFailure,
    BadRequest,
    InvalidInput,
    MacAddressInUse,
    NetworkNotFound,
    OverQuota,
    PortInUse,
    PortNotFound,
)
from welkin.services.network.names import external_bridge, namespace_of_network, tap_name
from welkin.services.network.networks.records import get as get_network
from welkin.services.network.options import NetworkOptions
from welkin.services.network.ports.records import get as get_port
from welkin.services.network.security_groups.errors import SecurityGroupNotFound
from welkin.services.network.subnets.errors import (
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
)
from welkin.services.network.tables import NetworkRow, PortRow, Route
from welkin.services.network.topologies.records import get_or_make as auto_network
from welkin.services.network.topologies.records import requirements as check_auto_network
from welkin.services.network.troubles import of_server as plug_trouble

__all__ = [
    "Answer",
    "AutoAllocationFailure",
    "BadRequest",
    "Device",
    "ExternalNetworkForbidden",
    "GroupOfServer",
    "InvalidInput",
    "InvalidIpForNetwork",
    "InvalidIpForSubnet",
    "IpAddressAlreadyAllocated",
    "IpAddressGenerationFailure",
    "MacAddressInUse",
    "MetadataAnswerer",
    "NetworkAmbiguous",
    "NetworkNotFound",
    "NetworkOptions",
    "NetworkRow",
    "NetworkWithoutSubnet",
    "Nic",
    "NicAddress",
    "NicSubnet",
    "NicWanted",
    "OverQuota",
    "PortInUse",
    "PortNotFound",
    "PortRow",
    "Reply",
    "Route",
    "SecurityGroupAmbiguous",
    "SecurityGroupNotFound",
    "ServerAddress",
    "add_fixed_ip",
    "add_group",
    "addresses_of_servers",
    "all_addresses",
    "auto_network",
    "available_networks",
    "bind",
    "check_auto_network",
    "create_ports",
    "external_bridge",
    "get_network",
    "get_port",
    "group_ids",
    "namespace_of_network",
    "nics",
    "plug_trouble",
    "release",
    "remove_fixed_ip",
    "remove_group",
    "security_groups",
    "servers_with_address",
    "tap_name",
    "usable_network",
    "usable_port",
]
