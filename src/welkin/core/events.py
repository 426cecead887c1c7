"""The outbox: what happened, written in the transaction in which it happened.

It feeds timelines, audit, notifications and usage.  Rooms below record; whoever is
interested reads: calls go down, events go up.
"""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.core.log import request_context
from welkin.core.world import World

EVENTS = """
    CREATE TABLE events (
        id         TEXT PRIMARY KEY,
        at         DOUBLE PRECISION NOT NULL,
        kind       TEXT NOT NULL,
        subject    TEXT NOT NULL,
        project_id TEXT,
        user_id    TEXT,
        request_id TEXT NOT NULL,
        facts      TEXT NOT NULL
    );
    CREATE INDEX events_by_subject ON events (subject, at);
    CREATE INDEX events_by_time ON events (at);
"""


class Event(msgspec.Struct, frozen=True):
    """Something that happened to `subject`, an id, such as `compute.server.scheduled`."""

    id: str
    at: float
    kind: str
    subject: str
    project_id: str | None
    user_id: str | None
    request_id: str
    facts: dict[str, object]


async def record(tx: Transaction, world: World, kind: str, subject: str, **facts: object) -> None:
    """Write down that `kind` happened to `subject`, with facts that must hold no secret.

    The facts `project_id` and `user_id`, ids or None, say whose it is and who did it.
    """
    owner, actor = (facts.pop(name, None) for name in ("project_id", "user_id"))
    event = Event(
        id=world.new_id(),
        at=world.now(),
        kind=kind,
        subject=subject,
        project_id=None if owner is None else str(owner),
        user_id=None if actor is None else str(actor),
        request_id=request_context.get(),
        facts=facts,
    )
    await tx.insert("events", event)


async def timeline(reads: Reads, subject: str) -> list[Event]:
    """Return everything that happened to `subject`, oldest first."""
    return await reads.all(Event, f"SELECT {columns(Event)} FROM events WHERE subject = $1 ORDER BY at, id", subject)


async def forget_before(tx: Transaction, at: float) -> int:
    """Delete events older than `at`; return how many there were."""
    return await tx.run("DELETE FROM events WHERE at < $1", at)
