"""Services as rows: one for each host's agent, and one for each kind of work of the control plane.

`seen_at` is written by heartbeats alone; the rest by operators.
"""

from __future__ import annotations

import msgspec

from welkin.core.agents import DEAD_AFTER_S
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.compute.numbers import next_number

SERVICES = """
    CREATE TABLE compute_services (
        id              TEXT PRIMARY KEY,
        number          BIGINT NOT NULL,
        host            TEXT NOT NULL,
        kind            TEXT NOT NULL,
        disabled        BOOLEAN NOT NULL DEFAULT FALSE,
        disabled_reason TEXT,
        forced_down     BOOLEAN NOT NULL DEFAULT FALSE,
        seen_at         DOUBLE PRECISION NOT NULL,
        UNIQUE (host, kind)
    );
"""

COMPUTE = "nova-compute"
INTERNAL_ZONE = "internal"
"""The availability zone of everything that is not a host for servers."""


class ServiceRow(msgspec.Struct):
    """A service as stored; the fields are the columns, in the table's order."""

    id: str
    number: int
    host: str
    kind: str
    """Upstream's name of the program, such as `nova-compute`."""
    disabled: bool
    disabled_reason: str | None
    forced_down: bool
    seen_at: float

    def is_up(self, now: float) -> bool:
        """Return whether the service has shown itself lately, and nobody says that it is down."""
        return not self.forced_down and now - self.seen_at <= DEAD_AFTER_S


async def all_services(reads: Reads) -> list[ServiceRow]:
    """Return every service, in the order in which they came."""
    return await reads.all(ServiceRow, f"SELECT {columns(ServiceRow)} FROM compute_services ORDER BY number")


async def compute_service(reads: Reads, host: str) -> ServiceRow | None:
    """Return the service of a host that servers can live on, or None."""
    sql = f"SELECT {columns(ServiceRow)} FROM compute_services WHERE host = $1 AND kind = $2"
    return await reads.one(ServiceRow, sql, host, COMPUTE)


async def beat(tx: Transaction, world: World, host: str, kind: str) -> bool:
    """Write down that a service shows itself; return whether it is new."""
    where = {"host": host, "kind": kind}
    if await tx.update("compute_services", where, {"seen_at": world.now()}):
        return False
    number = await next_number(tx, "service")
    row = ServiceRow(
        id=world.new_id(),
        number=number,
        host=host,
        kind=kind,
        disabled=False,
        disabled_reason=None,
        forced_down=False,
        seen_at=world.now(),
    )
    await tx.insert("compute_services", row)
    return True
