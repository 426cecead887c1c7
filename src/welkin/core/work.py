"""Work that is due: a queue that is only rows, claimed by lease.

Wanting work and writing what is wanted happen in one transaction.  Whoever claims a row
looks at the world afresh, takes the next step, and says whether to look again.  A worker
that dies loses its lease and somebody else goes on; nothing has to be cleaned up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import msgspec

from welkin.core import metrics
from welkin.core.db import Database, Transaction
from welkin.core.errors import Problem
from welkin.core.log import request_context
from welkin.core.wake import Wakeups
from welkin.core.world import World

WORK = """
    CREATE TABLE work (
        kind        TEXT NOT NULL,
        id          TEXT NOT NULL,
        due         DOUBLE PRECISION NOT NULL,
        asked       BIGINT NOT NULL DEFAULT 1,
        lease_until DOUBLE PRECISION NOT NULL DEFAULT 0,
        tries       BIGINT NOT NULL DEFAULT 0,
        error       TEXT NOT NULL DEFAULT '',
        request_id  TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (kind, id)
    );
    CREATE INDEX work_by_due ON work (due);
"""

TOPIC = "work"
LEASE_S = 30.0
LOOK_AGAIN_S = 5.0
"""How long a lost hint can delay work."""
AT_ONCE_MAX = 32
BACK_OFF_S = (0.1, 60.0)
"""The first and the longest pause after a failure; each is twice the one before, with jitter."""

log = logging.getLogger(__name__)


class After(msgspec.Struct, frozen=True):
    """Look again in so many seconds."""

    seconds: float


class Claimed(msgspec.Struct, frozen=True):
    """A piece of work that is ours until its lease ends."""

    kind: str
    id: str
    asked: int
    tries: int
    request_id: str


Reconcile = Callable[[str], Awaitable[After | None]]
"""Takes the id of what is due, looks, takes a step, and says when to look again, or None when all is done."""


async def want(tx: Transaction, kind: str, id: str, due: float = 0.0) -> None:
    """Ask that `id` is looked at when it is `due` (epoch seconds), or at once."""
    sql = (
        "INSERT INTO work (kind, id, due, request_id) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, id) DO UPDATE SET "
        "due = CASE WHEN work.due < excluded.due THEN work.due ELSE excluded.due END, "
        "asked = work.asked + 1, tries = 0, request_id = excluded.request_id"
    )
    await tx.run(sql, kind, id, due, request_context.get())
    tx.wake(TOPIC)


async def forget(tx: Transaction, kind: str, id: str) -> None:
    """Drop work on something that is gone."""
    await tx.delete("work", {"kind": kind, "id": id})


class Workers:
    """Claims what is due and reconciles it.  Any number of processes may run one."""

    def __init__(self, database: Database, world: World, wakeups: Wakeups) -> None:
        self._database, self._world, self._wakeups = database, world, wakeups
        self._reconcilers: dict[str, Reconcile] = {}
        self._running: set[asyncio.Task[None]] = set()

    def add(self, kind: str, reconcile: Reconcile) -> None:
        """Take on work of `kind`."""
        self._reconcilers[kind] = reconcile

    async def run(self) -> None:
        """Work until cancelled."""
        signal = self._wakeups.listen(TOPIC)
        try:
            while True:
                started = await self.start_due()
                if not started:
                    await signal.wait(await self._pause_s())
        finally:
            self._wakeups.leave(TOPIC, signal)
            for task in self._running:
                task.cancel()

    async def start_due(self) -> int:
        """Claim what is due, start on it, and return how much it was."""
        room = AT_ONCE_MAX - len(self._running)
        claimed = await self._claim(room) if room > 0 else []
        for each in claimed:
            task = asyncio.create_task(self._perform(each))
            self._running.add(task)
            task.add_done_callback(self._done)
        return len(claimed)

    async def settle(self) -> None:
        """Work until nothing is due now; for tests and simulations."""
        while await self.start_due() or self._running:
            if self._running:
                await asyncio.wait(set(self._running), return_when=asyncio.FIRST_COMPLETED)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wakeups.hear(TOPIC)
        if not task.cancelled() and task.exception() is not None:
            log.error("A worker failed outside of its work.", exc_info=task.exception())

    async def _claim(self, count: int) -> list[Claimed]:
        now = self._world.now()
        kinds = ", ".join(f"'{kind}'" for kind in self._reconcilers)
        due = f"due <= $1 AND lease_until <= $1 AND kind IN ({kinds})"
        if not kinds or not await self._database.value(f"SELECT 1 FROM work WHERE {due} LIMIT 1", now):
            return []
        sql = (
            f"UPDATE work SET lease_until = $2 WHERE {due} AND (kind, id) IN "
            f"(SELECT kind, id FROM work WHERE {due} ORDER BY due LIMIT {count}) "
            "RETURNING kind, id, asked, tries, request_id"
        )
        async with self._database.tx() as tx:
            return await tx.all(Claimed, sql, now, now + LEASE_S)  # type: ignore[no-any-return]

    async def _pause_s(self) -> float:
        soonest = await self._database.value(
            "SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END) FROM work"
        )
        if soonest is None:
            return LOOK_AGAIN_S
        return min(LOOK_AGAIN_S, max(0.001, float(soonest) - self._world.now()))

    async def _perform(self, claimed: Claimed) -> None:
        context = request_context.set(claimed.request_id)
        keeper = asyncio.create_task(self._keep_lease(claimed))
        try:
            again = await self._reconcilers[claimed.kind](claimed.id)
        except Exception as error:
            metrics.steps.labels(claimed.kind, "failed").inc()
            if not isinstance(error, Problem):
                log.exception("Work failed: %s %s", claimed.kind, claimed.id)
            await self._put_back(claimed, self._back_off_s(claimed.tries), str(error) or type(error).__name__)
        else:
            metrics.steps.labels(claimed.kind, "done").inc()
            await self._finish(claimed, again)
        finally:
            keeper.cancel()
            request_context.reset(context)

    async def _keep_lease(self, claimed: Claimed) -> None:
        while True:
            await self._world.sleep(LEASE_S / 3)
            async with self._database.tx() as tx:
                await tx.update(
                    "work", {"kind": claimed.kind, "id": claimed.id}, {"lease_until": self._world.now() + LEASE_S}
                )

    async def _finish(self, claimed: Claimed, again: After | None) -> None:
        if again is not None:
            await self._put_back(claimed, again.seconds, "", tries=0)
            return
        async with self._database.tx() as tx:
            done = await tx.delete("work", {"kind": claimed.kind, "id": claimed.id, "asked": claimed.asked})
            if not done:  # somebody asked again while we worked
                await self._release(tx, claimed)

    async def _release(self, tx: Transaction, claimed: Claimed) -> None:
        await tx.update("work", {"kind": claimed.kind, "id": claimed.id}, {"lease_until": 0.0, "due": 0.0})
        tx.wake(TOPIC)

    async def _put_back(self, claimed: Claimed, seconds: float, error: str, tries: int | None = None) -> None:
        async with self._database.tx() as tx:
            changes = {
                "due": self._world.now() + seconds,
                "lease_until": 0.0,
                "tries": claimed.tries + 1 if tries is None else tries,
                "error": error,
            }
            key = {"kind": claimed.kind, "id": claimed.id, "asked": claimed.asked}
            if not await tx.update("work", key, changes):
                await self._release(tx, claimed)

    def _back_off_s(self, tries: int) -> float:
        first, longest = BACK_OFF_S
        return min(longest, first * float(2 ** min(tries, 16))) * self._world.random.uniform(0.7, 1.3)
