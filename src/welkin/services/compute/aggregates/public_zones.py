"""Availability zones: which host is in which, for the rest of compute."""

from __future__ import annotations

from welkin.core.db import Reads
from welkin.core.errors import Invalid
from welkin.core.http import Call
from welkin.services.compute.aggregates.tables import ZONE_KEY, memberships
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.services.tables import COMPUTE, all_services, compute_service


class ZoneNotAvailable(Invalid):
    """There is no host in such a zone that takes servers."""

    code = "compute.zone-not-available"

    def __init__(self) -> None:
        super().__init__("The requested availability zone is not available")


async def host_exists(reads: Reads, host: str) -> bool:
    """Return whether servers can live on a host of this name."""
    return await compute_service(reads, host) is not None


async def zones_of_hosts(reads: Reads, default: str) -> dict[str, str]:
    """Return the zone of every host that servers can live on; `default` is for those in no aggregate's zone."""
    zones = {row.host: default for row in await all_services(reads) if row.kind == COMPUTE}
    for each in await memberships(reads):
        if ZONE_KEY in each.metadata:
            zones[each.host] = each.metadata[ZONE_KEY]
    return zones


async def zone_of_host(reads: Reads, host: str, default: str) -> str:
    """Return the zone of one host."""
    return (await zones_of_hosts(reads, default)).get(host, default)


async def metadata_of_hosts(reads: Reads) -> dict[str, list[dict[str, str]]]:
    """Return the metadata of each aggregate that a host is in, by host."""
    found: dict[str, list[dict[str, str]]] = {}
    for each in await memberships(reads):
        found.setdefault(each.host, []).append(each.metadata)
    return found


async def check_zone(call: Call, reads: Reads, zone: str) -> None:
    """Demand that a zone has a host that takes servers.  Raises ZoneNotAvailable."""
    zones = await zones_of_hosts(reads, call.get(ComputeOptions).zone)
    enabled = {zones[row.host] for row in await all_services(reads) if row.kind == COMPUTE and not row.disabled}
    if zone not in enabled:
        raise ZoneNotAvailable
