"""What placement brings to the cloud."""

from __future__ import annotations

from welkin.core.cloud import Room
from welkin.services.placement import service
from welkin.services.placement.allocations import api as allocations
from welkin.services.placement.allocations import usages
from welkin.services.placement.candidates import api as candidates
from welkin.services.placement.inventories import api as inventories
from welkin.services.placement.names import api as names
from welkin.services.placement.providers import api as providers
from welkin.services.placement.providers import belonging
from welkin.services.placement.tables import MIGRATIONS

ROOM = Room(
    name="placement",
    migrations=MIGRATIONS,
    routes=(
        service.routes,
        providers.routes,
        belonging.routes,
        inventories.routes,
        allocations.routes,
        usages.routes,
        candidates.routes,
        names.routes,
    ),
)
