"""What a change of identity's rows leaves behind: an event, a new epoch, tokens that no longer count.

All of it happens in the transaction of the change.
"""

from __future__ import annotations

from welkin.core import events
from welkin.core.db import Reads, Transaction
from welkin.core.http import Call
from welkin.core.world import World


async def epoch(reads: Reads) -> int:
    """Return the number that grows with every change that a token's meaning depends on."""
    return int(await reads.value("SELECT value FROM identity_epoch"))


async def advance(tx: Transaction) -> None:
    """Make every process look up anew what tokens mean."""
    await tx.run("UPDATE identity_epoch SET value = value + 1")


async def changed(call: Call, tx: Transaction, what: str, subject: str, verb: str = "updated") -> None:
    """Record that `subject` was created, updated or deleted, and advance the epoch."""
    await advance(tx)
    actor = call.actor
    kind = f"identity.{what}.{verb}"
    await events.record(tx, call.world, kind, subject, project_id=actor.project_id, user_id=actor.user_id or None)


async def revoke(tx: Transaction, world: World, life_s: float, **match: str | None) -> None:
    """Revoke every token issued until now that matches: audit_id, user_id, project_id, domain_id and so on.

    life_s  how long the row must stay: as long as a token can still be used.
    """
    now = world.now()
    times = {"issued_before": now, "revoked_at": now, "expires_at": now + life_s}
    await tx.insert("identity_revocations", {"id": world.new_hex(), **match, **times})
    await tx.run("DELETE FROM identity_revocations WHERE expires_at < $1", now)
    await advance(tx)
