"""From what a host tells of itself to its service, its hypervisor and its resource provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from welkin.core.db import Transaction
from welkin.core.world import World
from welkin.services.compute.hypervisors.tables import NodeRow, node_of
from welkin.services.compute.numbers import next_number
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.services.switching import mark
from welkin.services.compute.services.tables import COMPUTE, beat, compute_service
from welkin.services.placement import public as placement
from welkin.services.placement.public import Inventory

KEY = "compute"
"""Under which name the agent tells these facts."""


class HostFacts(msgspec.Struct, kw_only=True):
    """What a host has for servers."""

    vcpus: int
    ram_mib: int
    disk_gib: int
    free_disk_gib: int | None = None
    hypervisor_type: str = "QEMU"
    hypervisor_version: int = 0
    """Such as 8002001 for 8.2.1."""
    hostname: str = ""
    address: str = ""
    architecture: str = ""
    cpu_info: dict[str, Any] = {}
    uptime: str | None = None
    traits: tuple[str, ...] = ()


class Nodes:
    """Keeps what is known of hosts up to date."""

    def __init__(self, world: World, options: ComputeOptions) -> None:
        self._world, self._options = world, options
        self._told: set[str] = set()
        """Hosts whose provider was compared since the start: the options may have changed meanwhile."""

    async def note(self, tx: Transaction, host: str, facts: Mapping[str, Any]) -> None:
        """Write down what a host tells; the hook that the hub calls."""
        if KEY not in facts:
            return
        told = msgspec.convert(facts[KEY], HostFacts)
        new = await beat(tx, self._world, host, COMPUTE)
        found = await node_of(tx, host)
        node = self._node(host, told, found.id if found else self._world.new_id(), found.number if found else 0)
        if found is None:
            node.number = await next_number(tx, "hypervisor")
            await tx.insert("compute_nodes", node)
        elif found != node:
            await tx.update("compute_nodes", {"id": node.id}, _changes(node))
        if new or found is None or sizes(found) != sizes(node) or host not in self._told:
            await self._provide(tx, node)
            self._told.add(host)

    def _node(self, host: str, told: HostFacts, id: str, number: int) -> NodeRow:
        return NodeRow(
            id=id,
            number=number,
            host=host,
            hostname=told.hostname or host,
            type=told.hypervisor_type,
            version=told.hypervisor_version,
            address=told.address or "127.0.0.1",
            architecture=told.architecture,
            vcpus=told.vcpus,
            ram_mib=told.ram_mib,
            disk_gib=told.disk_gib,
            free_disk_gib=told.free_disk_gib,
            cpu_info=told.cpu_info,
            uptime=told.uptime,
            traits=sorted(told.traits),
        )

    async def _provide(self, tx: Transaction, node: NodeRow) -> None:
        amounts = inventories(node, self._options)
        await placement.ensure_provider(tx, self._world, (node.id, node.hostname, None), amounts, node.traits)
        row = await compute_service(tx, node.host)
        if row is not None and row.disabled:
            await mark(tx, self._world, node.host, disabled=True)
        for aggregate in await tx.values(AGGREGATES_OF_HOST, node.host):
            await placement.set_aggregate(tx, self._world, node.id, aggregate, present=True)


AGGREGATES_OF_HOST = (
    "SELECT a.uuid FROM aggregates AS a JOIN aggregate_hosts AS h ON h.aggregate_id = a.id WHERE h.host = $1"
)


def sizes(node: NodeRow) -> tuple[Any, ...]:
    """Return what placement is told of a hypervisor."""
    return (node.hostname, node.vcpus, node.ram_mib, node.disk_gib, node.traits)


def inventories(node: NodeRow, options: ComputeOptions) -> dict[str, Inventory]:
    """Return what can be placed on a hypervisor."""
    offers = (
        ("VCPU", node.vcpus, 0, options.cpu_ratio),
        ("MEMORY_MB", node.ram_mib, options.reserved_ram_mib, options.ram_ratio),
        ("DISK_GB", node.disk_gib, options.reserved_disk_gib, options.disk_ratio),
    )
    return {
        name: Inventory(total=total, reserved=min(reserved, total), max_unit=total, allocation_ratio=ratio)
        for name, total, reserved, ratio in offers
        if total > 0
    }


def _changes(node: NodeRow) -> dict[str, object]:
    return {name: getattr(node, name) for name in node.__struct_fields__ if name not in ("id", "number", "host")}
