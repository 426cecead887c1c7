"""Hosts as the scheduler sees them: who is up, in which zone, and what placement says is left."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from welkin.core.db import Reads
from welkin.core.errors import Invalid
from welkin.core.world import World
from welkin.services.compute.aggregates.public_zones import (
    check_zone,
    host_exists,
    metadata_of_hosts,
    zone_of_host,
    zones_of_hosts,
)
from welkin.services.compute.hypervisors.tables import all_nodes, node_of
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.server_groups.tables import get_group, hosts_of_members
from welkin.services.compute.servers import schedule
from welkin.services.compute.servers.schedule import Group, HostState, Wish
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.services.tables import COMPUTE, ServiceRow, all_services, compute_service
from welkin.services.placement import public as placement

__all__ = [
    "check_zone",
    "host_exists",
    "host_statuses",
    "hosts",
    "is_alive",
    "provider_of",
    "wish",
    "zone_of",
]


class Placed(Struct, frozen=True):
    """Where a server is."""

    id: str
    host: str


async def hosts(reads: Reads, world: World, options: ComputeOptions, server: ServerRow) -> list[HostState]:
    """Return every host as the scheduler sees it for `server`."""
    where = await hosts_of_servers(reads, named_servers(server.hints))
    counts = await counts_by_host(reads)
    services = {row.host: row for row in await all_services(reads) if row.kind == COMPUTE}
    zones = await zones_of_hosts(reads, options.zone)
    aggregates = await metadata_of_hosts(reads)
    now = world.now()
    found = []
    for node in await all_nodes(reads):
        service = services.get(node.host)
        inventory = await placement.inventories_of(reads, node.id)
        found.append(
            HostState(
                name=node.host,
                up=service is not None and service.is_up(now),
                enabled=service is not None and not service.disabled,
                zone=zones.get(node.host, options.zone),
                aggregates=tuple(aggregates.get(node.host, ())),
                free={name: each.capacity - each.used for name, each in inventory.items()},
                architecture=node.architecture,
                traits=frozenset(node.traits),
                servers=frozenset(id for id, host in where.items() if host == node.host),
                count=counts.get(node.host, 0),
            )
        )
    return found


async def wish(reads: Reads, server: ServerRow) -> Wish:
    """Return what a server asks of its host."""
    group = None
    group_id = first(server.hints.get("group"))
    row = await get_group(reads, group_id) if group_id else None
    if row is not None:
        counts = await hosts_of_members(reads, row.id)
        group = Group(policy=row.policy, hosts=counts, max_server_per_host=row.max_server_per_host)
    return Wish(
        resources=schedule.resources_of(server.flavor),
        extra_specs=server.flavor.extra_specs,
        image_properties={} if server.image is None else server.image.properties,
        project_id=server.project_id,
        zone=server.availability_zone,
        host=server.wanted_host,
        force_host=server.force_host,
        same_host=ids(server.hints.get("same_host")),
        different_host=ids(server.hints.get("different_host")),
        group=group,
    )


def named_servers(hints: Mapping[str, object]) -> frozenset[str]:
    """Return the servers that hints speak of."""
    return ids(hints.get("same_host")) | ids(hints.get("different_host"))


def ids(hint: object) -> frozenset[str]:
    """Return a hint's ids: it is one or a list of them."""
    if isinstance(hint, str):
        return frozenset({hint})
    return frozenset(str(each) for each in hint) if isinstance(hint, list) else frozenset()


def first(hint: object) -> str:
    """Return the first id of a hint, or nothing."""
    if isinstance(hint, list):
        return str(hint[0]) if hint else ""
    return str(hint) if hint else ""


async def hosts_of_servers(reads: Reads, server_ids: frozenset[str]) -> dict[str, str]:
    """Return where servers are."""
    found = {}
    for id in sorted(server_ids):
        row = await reads.one(Placed, "SELECT id, host FROM servers WHERE id = $1 AND host IS NOT NULL", id)
        if row is not None:
            found[row.id] = row.host
    return found


class Counted(Struct, frozen=True):
    """How many servers a host has."""

    host: str
    count: int


async def counts_by_host(reads: Reads) -> dict[str, int]:
    """Return how many servers each host has."""
    sql = "SELECT host, COUNT(*) AS count FROM servers WHERE host IS NOT NULL AND NOT deleted GROUP BY host"
    return {row.host: row.count for row in await reads.all(Counted, sql)}


async def is_alive(reads: Reads, world: World, host: str) -> bool:
    """Return whether a host was heard lately, and nobody says that it is down."""
    service = await compute_service(reads, host)
    return service is not None and service.is_up(world.now())


async def provider_of(reads: Reads, host: str) -> str:
    """Return the id of a host's resource provider.  Raises Invalid."""
    node = await node_of(reads, host)
    if node is None:
        raise Invalid(f"Host {host} has not told yet what it has.")
    return node.id


async def zone_of(reads: Reads, host: str, options: ComputeOptions) -> str:
    """Return the zone that a host is in."""
    return await zone_of_host(reads, host, options.zone)


async def host_statuses(reads: Reads, now: float) -> dict[str, str]:
    """Return how each host is: UP, DOWN, UNKNOWN or MAINTENANCE."""
    found = {}
    for row in await all_services(reads):
        if row.kind == COMPUTE:
            found[row.host] = status_of(row, now)
    return found


def status_of(row: ServiceRow, now: float) -> str:
    """Return how a host is."""
    if row.forced_down:
        return "DOWN"
    if not row.is_up(now):
        return "UNKNOWN"
    return "MAINTENANCE" if row.disabled else "UP"
