"""What the network room brings to a control plane and to a host."""

from __future__ import annotations

from welkin.core.cloud import Room
from welkin.services.network.address_groups import api as address_groups
from welkin.services.network.agents import api as agents
from welkin.services.network.central import central
from welkin.services.network.default_rules import api as default_rules
from welkin.services.network.discovery import api as discovery
from welkin.services.network.floating_ips import api as floating_ips
from welkin.services.network.host.setup import host, purge
from welkin.services.network.networks import api as networks
from welkin.services.network.port_forwardings import api as port_forwardings
from welkin.services.network.ports import api as ports
from welkin.services.network.quotas import api as quotas
from welkin.services.network.rbac_policies import api as rbac_policies
from welkin.services.network.routers import api as routers
from welkin.services.network.security_groups import api as security_groups
from welkin.services.network.subnet_pools import api as subnet_pools
from welkin.services.network.subnets import api as subnets
from welkin.services.network.tables import MIGRATIONS
from welkin.services.network.tagging import api as tagging
from welkin.services.network.topologies import api as topologies

ROOM = Room(
    name="network",
    migrations=MIGRATIONS,
    routes=(
        networks.routes,
        subnets.routes,
        ports.routes,
        security_groups.routes,
        routers.routes,
        floating_ips.routes,
        port_forwardings.routes,
        subnet_pools.routes,
        address_groups.routes,
        default_rules.routes,
        rbac_policies.routes,
        quotas.routes,
        agents.routes,
        topologies.routes,
        tagging.routes,
        discovery.routes,
    ),
    central=central,
    host=host,
    purge=purge,
)
