"""Everything of compute beside servers, put together: tables, routes, and what the control plane does."""

from __future__ import annotations

from welkin.core.routing import Routes
from welkin.services.compute.flavors import access, extra_specs
from welkin.services.compute.flavors import api as flavors_api
from welkin.services.compute.flavors import versions as flavors_versions
from welkin.services.compute.flavors.tables import FLAVORS
from welkin.services.compute.keypairs import api as keypairs_api
from welkin.services.compute.keypairs import versions as keypairs_versions
from welkin.services.compute.keypairs.tables import KEYPAIRS
from welkin.services.compute.numbers import NUMBERS
from welkin.services.compute.server_groups import api as server_groups_api
from welkin.services.compute.server_groups import versions as server_groups_versions
from welkin.services.compute.server_groups.tables import SERVER_GROUPS

VERSIONS = (flavors_versions, keypairs_versions, server_groups_versions)
"""Modules whose import registers the older microversions."""
TABLES = NUMBERS + FLAVORS + KEYPAIRS + SERVER_GROUPS
ROUTES: tuple[Routes, ...] = (
    flavors_api.routes,
    access.routes,
    extra_specs.routes,
    keypairs_api.routes,
    server_groups_api.routes,
)
