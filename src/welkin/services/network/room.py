"""What the network room brings to a control plane and to a host."""

from __future__ import annotations

from welkin.core.cloud import Room
from welkin.services.network.central import central
from welkin.services.network.floating_ips import api as floating_ips
from welkin.services.network.host.setup import host, purge
from welkin.services.network.networks import api as networks
from welkin.services.network.ports import api as ports
from welkin.services.network.routers import api as routers
from welkin.services.network.security_groups import api as security_groups
from welkin.services.network.subnets import api as subnets
from welkin.services.network.tables import MIGRATIONS

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
    ),
    central=central,
    host=host,
    purge=purge,
)
