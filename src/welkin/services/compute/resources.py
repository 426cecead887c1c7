"""Everything of compute beside servers, put together: tables, routes, and what the control plane does."""

from __future__ import annotations

from welkin.core.routing import Routes
from welkin.services.compute.flavors import access, extra_specs
from welkin.services.compute.flavors import api as flavors_api
from welkin.services.compute.flavors import versions as flavors_versions
from welkin.services.compute.flavors.tables import FLAVORS

VERSIONS = (flavors_versions,)
"""Modules whose import registers the older microversions."""
TABLES = FLAVORS
ROUTES: tuple[Routes, ...] = (flavors_api.routes, access.routes, extra_specs.routes)
