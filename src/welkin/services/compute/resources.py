"""Everything of compute beside servers, put together: tables, routes, and what the control plane does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core import metrics
from welkin.core.agents import Hub
from welkin.core.cloud import Cloud
from welkin.core.db import Transaction
from welkin.core.routing import Routes
from welkin.services.compute.aggregates import api as aggregates_api
from welkin.services.compute.aggregates import images as aggregates_images
from welkin.services.compute.aggregates import versions as aggregates_versions
from welkin.services.compute.aggregates import zones as aggregates_zones
from welkin.services.compute.aggregates.caching import CACHED_IMAGES, CachedImages
from welkin.services.compute.aggregates.caching import KIND as CACHED_IMAGE
from welkin.services.compute.aggregates.tables import AGGREGATES
from welkin.services.compute.discovery import api as discovery_api
from welkin.services.compute.flavors import access as flavors_access
from welkin.services.compute.flavors import api as flavors_api
from welkin.services.compute.flavors import extra_specs as flavors_extra_specs
from welkin.services.compute.flavors import versions as flavors_versions
from welkin.services.compute.flavors.tables import FLAVORS
from welkin.services.compute.hypervisors import api as hypervisors_api
from welkin.services.compute.hypervisors import versions as hypervisors_versions
from welkin.services.compute.hypervisors.facts import Nodes
from welkin.services.compute.hypervisors.tables import NODES
from welkin.services.compute.keypairs import api as keypairs_api
from welkin.services.compute.keypairs import versions as keypairs_versions
from welkin.services.compute.keypairs.tables import KEYPAIRS
from welkin.services.compute.numbers import NUMBERS
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.proxies import images as images_proxy
from welkin.services.compute.proxies import networks as networks_proxy
from welkin.services.compute.proxies import security_groups as security_groups_proxy
from welkin.services.compute.quotas import api as quotas_api
from welkin.services.compute.quotas import classes as quotas_classes
from welkin.services.compute.quotas import limits as quotas_limits
from welkin.services.compute.quotas import versions as quotas_versions
from welkin.services.compute.server_groups import api as server_groups_api
from welkin.services.compute.server_groups import versions as server_groups_versions
from welkin.services.compute.server_groups.tables import SERVER_GROUPS
from welkin.services.compute.services import api as services_api
from welkin.services.compute.services import central as services_central
from welkin.services.compute.services import hosts as services_hosts
from welkin.services.compute.services import versions as services_versions
from welkin.services.compute.services.tables import SERVICES
from welkin.services.compute.usage import api as usage_api
from welkin.services.compute.usage import audits as usage_audits
from welkin.services.compute.usage import migrations as usage_migrations
from welkin.services.compute.usage import versions as usage_versions
from welkin.services.compute.usage.tables import MIGRATIONS

VERSIONS = (
    aggregates_versions,
    flavors_versions,
    hypervisors_versions,
    keypairs_versions,
    quotas_versions,
    server_groups_versions,
    services_versions,
    usage_versions,
)
"""Modules whose import registers the older microversions."""
TABLES = NUMBERS + AGGREGATES + CACHED_IMAGES + FLAVORS + NODES + KEYPAIRS + SERVER_GROUPS + SERVICES + MIGRATIONS
ROUTES: tuple[Routes, ...] = (
    aggregates_api.routes,
    aggregates_images.routes,
    aggregates_zones.routes,
    discovery_api.routes,
    flavors_access.routes,
    flavors_api.routes,
    flavors_extra_specs.routes,
    hypervisors_api.routes,
    keypairs_api.routes,
    images_proxy.routes,
    networks_proxy.routes,
    security_groups_proxy.routes,
    quotas_api.routes,
    quotas_classes.routes,
    quotas_limits.routes,
    server_groups_api.routes,
    services_api.routes,
    services_hosts.routes,
    usage_api.routes,
    usage_audits.routes,
    usage_migrations.routes,
)


def central(cloud: Cloud) -> None:
    """Keep hypervisors up to date with what hosts tell, and show that the control plane lives."""
    cloud.get(Hub).on_facts(Nodes(cloud.world, cloud.get(ComputeOptions)).note)
    cloud.get(Hub).on_facts(count_orphans)
    cloud.get(Hub).add(CACHED_IMAGE, CachedImages())
    services_central.central(cloud)


async def count_orphans(_tx: Transaction, host: str, facts: Mapping[str, Any]) -> None:
    """Show how many guests hosts have that nobody here knows."""
    metrics.troubles.labels(host, "orphan_guests").set(facts.get("orphan_guests", 0))


async def ensure(cloud: Cloud) -> None:
    """Write what must be there before the first request."""
    await services_central.ensure(cloud)
