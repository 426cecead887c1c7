"""Hypervisors as rows, written from hosts' facts alone."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.services.compute.servers.tables import FlavorCopy
from welkin.services.placement import public as placement

NODES = """
    CREATE TABLE compute_nodes (
        id            TEXT PRIMARY KEY,
        number        BIGINT NOT NULL,
        host          TEXT NOT NULL UNIQUE,
        hostname      TEXT NOT NULL,
        type          TEXT NOT NULL,
        version       BIGINT NOT NULL,
        address       TEXT NOT NULL,
        architecture  TEXT NOT NULL,
        vcpus         BIGINT NOT NULL,
        ram_mib       BIGINT NOT NULL,
        disk_gib      BIGINT NOT NULL,
        free_disk_gib BIGINT,
        cpu_info      TEXT NOT NULL,
        uptime        TEXT,
        traits        TEXT NOT NULL
    );
"""


class NodeRow(msgspec.Struct):
    """A hypervisor as stored; the fields are the columns, in the table's order.

    The id is its resource provider's too.
    """

    id: str
    number: int
    host: str
    hostname: str
    type: str
    version: int
    address: str
    architecture: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    free_disk_gib: int | None
    cpu_info: dict[str, Any]
    uptime: str | None
    traits: list[str]


class Use(msgspec.Struct):
    """What the servers of a host take."""

    vcpus: int = 0
    ram_mib: int = 0
    disk_gib: int = 0
    count: int = 0
    busy: int = 0
    """How many servers something is being done with."""
    projects: dict[str, tuple[int, int, int]] = {}
    """For each project: processors, MiB of memory, GiB of disk."""


class _Used(msgspec.Struct):
    host: str
    project_id: str
    vcpus: int
    ram_mib: int
    flavor: FlavorCopy
    task_state: str | None


async def node_of(reads: Reads, host: str) -> NodeRow | None:
    """Return the hypervisor of a host, or None."""
    return await reads.one(NodeRow, f"SELECT {columns(NodeRow)} FROM compute_nodes WHERE host = $1", host)


async def all_nodes(reads: Reads) -> list[NodeRow]:
    """Return every hypervisor, in the order in which they came."""
    return await reads.all(NodeRow, f"SELECT {columns(NodeRow)} FROM compute_nodes ORDER BY number")


async def forget_node(tx: Transaction, host: str) -> None:
    """Delete the hypervisor of a host that has no servers, and its resource provider."""
    node = await node_of(tx, host)
    if node is not None:
        await placement.forget_provider(tx, node.id)
        await tx.delete("compute_nodes", {"id": node.id})


async def use_of_host(reads: Reads, host: str) -> Use:
    """Return what the servers of one host take."""
    return (await uses(reads, host)).get(host, Use())


async def uses(reads: Reads, host: str | None = None) -> dict[str, Use]:
    """Return what servers take, by host; of one host where one is named."""
    where, values = ("host = $1", [host]) if host is not None else ("host IS NOT NULL", [])
    sql = f"SELECT {columns(_Used)} FROM servers WHERE {where} AND NOT deleted"
    found: dict[str, Use] = {}
    for server in await reads.all(_Used, sql, *values):
        disk_gib = server.flavor.disk_gib + server.flavor.ephemeral_gib
        use = found.setdefault(server.host, Use())
        use.vcpus += server.vcpus
        use.ram_mib += server.ram_mib
        use.disk_gib += disk_gib
        use.count += 1
        use.busy += server.task_state is not None
        cpu, memory, disk = use.projects.get(server.project_id, (0, 0, 0))
        use.projects[server.project_id] = (cpu + server.vcpus, memory + server.ram_mib, disk + disk_gib)
    return found
