"""The list of moves, upstream's migrations: a resize is a move of a server from size to size, on its host."""

from __future__ import annotations

from welkin.core.db import Transaction
from welkin.core.world import World
from welkin.services.compute.numbers import next_number
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.servers.transitions import Begun
from welkin.services.compute.usage.tables import MigrationRow

UNDER_WAY, WAITS, REVERTS = "migrating", "finished", "reverting"
"""A move that is made, one whose confirmation is waited for, and one that is taken back."""


async def begin(tx: Transaction, begun: Begun, server: ServerRow) -> None:
    """Note that a server begins to be resized."""
    address = await tx.value("SELECT address FROM compute_nodes WHERE host = $1", server.host)
    move = MigrationRow(
        id=await next_number(tx, "migration"),
        uuid=begun.world.new_id(),
        server_id=server.id,
        project_id=server.project_id,
        user_id=begun.user_id,
        type="resize",
        status=UNDER_WAY,
        source_host=server.host,
        target_host=server.host,
        target_address=address,
        old_flavor=None,
        new_flavor=None,
        created_at=begun.world.now(),
        updated_at=None,
    )
    await tx.insert("server_migrations", move)


async def mark(tx: Transaction, world: World, server: ServerRow, status: str) -> None:
    """Note how far a server's move is, if one is open: `finished`, `confirmed`, `reverting`, `reverted` or `error`."""
    sql = (
        "UPDATE server_migrations SET status = $1, updated_at = $2 "
        f"WHERE server_id = $3 AND status IN ('{UNDER_WAY}', '{WAITS}', '{REVERTS}')"
    )
    await tx.run(sql, status, world.now(), server.id)
