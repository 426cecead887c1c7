"""What the compute room brings to a control plane and to a host."""

from __future__ import annotations

from welkin.core.agents import Hub
from welkin.core.cloud import Cloud, Room
from welkin.services.compute import resources
from welkin.services.compute.consoles import api as consoles
from welkin.services.compute.consoles.sessions import Sessions
from welkin.services.compute.host.setup import host, purge
from welkin.services.compute.interfaces import api as interfaces
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import actions, api, details, history, imaging, labels
from welkin.services.compute.servers import versions as servers_versions
from welkin.services.compute.servers.central import Central
from welkin.services.compute.servers.source import Servers
from welkin.services.compute.servers.tables import DISK_SIZES, KIND, SERVERS

VERSIONS = (servers_versions,)
"""Modules whose import registers the older microversions."""


def central(cloud: Cloud) -> None:
    """Take on servers' work, speak with hosts about servers, and carry their consoles."""
    options = cloud.get(ComputeOptions)
    cloud.parts.add(Sessions())
    cloud.workers.add(KIND, Central(cloud.db, cloud.world, options).reconcile)
    cloud.get(Hub).add(KIND, Servers(cloud.world, options))
    resources.central(cloud)


ROOM = Room(
    name="compute",
    migrations=(SERVERS + resources.TABLES, DISK_SIZES),
    routes=(
        *resources.ROUTES,
        api.routes,
        actions.routes,
        imaging.routes,
        labels.routes,
        details.routes,
        details.agent_routes,
        history.routes,
        interfaces.routes,
        consoles.routes,
        consoles.agent_routes,
    ),
    central=central,
    ensure=resources.ensure,
    host=host,
    purge=purge,
)
