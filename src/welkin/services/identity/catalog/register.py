"""Puts this cloud's own services into the catalog, under every type that clients look for."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from welkin.core.db import Transaction, columns
from welkin.core.world import World
from welkin.services.identity import changes
from welkin.services.identity.catalog.rows import EndpointRow, RegionRow, ServiceRow

INTERFACES = ("public", "internal", "admin")


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """How one service stands in a catalog."""

    name: str
    path: str = ""
    """What clients expect behind the service's prefix."""
    aliases: tuple[str, ...] = ()
    """Other types that older clients look for."""


KNOWN = {
    "identity": Known(name="keystone"),
    "image": Known(name="glance"),
    "placement": Known(name="placement"),
    "network": Known(name="neutron"),
    "compute": Known(name="nova", path="/v2.1"),
    "block-storage": Known(name="cinder", path="/v3/$(project_id)s", aliases=("volumev3", "block-store", "volume")),
    "object-store": Known(name="swift", path="/v1/AUTH_$(project_id)s"),
    "shared-file-system": Known(name="manila", path="/v2", aliases=("sharev2", "share")),
    "orchestration": Known(name="heat", path="/v1/$(project_id)s"),
    "load-balancer": Known(name="octavia"),
    "dns": Known(name="designate"),
    "key-manager": Known(name="barbican"),
    "baremetal": Known(name="ironic"),
    "workflow": Known(name="mistral", path="/v2", aliases=("workflowv2",)),
    "container-infrastructure-management": Known(name="magnum", path="/v1", aliases=("container-infra",)),
    "application-container": Known(name="zun", path="/v1", aliases=("container",)),
    "message": Known(name="zaqar", aliases=("messaging",)),
    "alarm": Known(name="aodh", aliases=("alarming",)),
}
"""The services that OpenStack's clients know.  Others are not listed."""

SERVICE = f"SELECT {columns(ServiceRow)} FROM identity_services WHERE type = $1 ORDER BY id LIMIT 1"
ENDPOINTS = f"SELECT {columns(EndpointRow)} FROM identity_endpoints WHERE service_id = $1 AND region_id = $2"


async def register(tx: Transaction, world: World, region: str, prefixes: Iterable[tuple[str, str]]) -> None:
    """Make the catalog offer each (type, prefix); whatever else is in it stays.  Safe to repeat.

    An endpoint with a url of another host is somebody's decision and is left alone.
    """
    await _ensure_region(tx, region)
    for type_, prefix in sorted(set(prefixes)):
        known = KNOWN.get(type_)
        if known is None:
            continue
        for name in (type_, *known.aliases):
            service_id = await _ensure_service(tx, world, name, known.name)
            await _ensure_endpoints(tx, world, EndpointTemplate(service_id, region, prefix + known.path))


class EndpointTemplate(msgspec.Struct, frozen=True):
    """What the endpoints of one service in one region have in common."""

    service_id: str
    region_id: str
    url: str

    def row(self, id: str, interface: str) -> EndpointRow:
        """Return the endpoint for one interface."""
        return EndpointRow(
            id=id,
            service_id=self.service_id,
            region_id=self.region_id,
            interface=interface,
            url=self.url,
            enabled=True,
            extra={},
        )


async def _ensure_region(tx: Transaction, region: str) -> None:
    if not await tx.value("SELECT 1 FROM identity_regions WHERE id = $1", region):
        await tx.insert("identity_regions", RegionRow(region, "", None, {}))
        await changes.advance(tx)


async def _ensure_service(tx: Transaction, world: World, type_: str, name: str) -> str:
    row = await tx.one(ServiceRow, SERVICE, type_)
    if row is None:
        row = ServiceRow(id=world.new_hex(), type=type_, name=name, description=None, enabled=True, extra={})
        await tx.insert("identity_services", row)
        await changes.advance(tx)
    return row.id


async def _ensure_endpoints(tx: Transaction, world: World, wanted: EndpointTemplate) -> None:
    found = {row.interface: row for row in await tx.all(EndpointRow, ENDPOINTS, wanted.service_id, wanted.region_id)}
    for interface in INTERFACES:
        row = found.get(interface)
        if row is None:
            await tx.insert("identity_endpoints", wanted.row(world.new_hex(), interface))
        elif row.url.startswith("/") and row.url != wanted.url:
            await tx.update("identity_endpoints", {"id": row.id}, {"url": wanted.url})
        else:
            continue
        await changes.advance(tx)
