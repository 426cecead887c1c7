"""Switching hosts on and off for new servers, and what placement is told of it."""

from __future__ import annotations

from collections.abc import Mapping

from welkin.core.db import Transaction
from welkin.core.world import World
from welkin.services.compute.hypervisors.tables import node_of
from welkin.services.compute.services.tables import ServiceRow
from welkin.services.placement import public as placement


async def switch(tx: Transaction, world: World, row: ServiceRow, changes: Mapping[str, object]) -> None:
    """Write changes of a host's service; a disabled one has a trait that keeps new servers away."""
    await tx.update("compute_services", {"id": row.id}, changes)
    if "disabled" in changes:
        await mark(tx, world, row.host, disabled=bool(changes["disabled"]))


async def mark(tx: Transaction, world: World, host: str, *, disabled: bool) -> None:
    """Tell placement whether a host takes new servers."""
    node = await node_of(tx, host)
    if node is not None:
        await placement.set_trait(tx, world, node.id, placement.STATUS_TRAIT, present=disabled)
