"""Work is done once it is due, whatever happens to the worker."""

from __future__ import annotations

import asyncio

import pytest

from welkin.core import work
from welkin.core.db import Database
from welkin.core.errors import Conflict
from welkin.core.wake import Wakeups
from welkin.core.work import After, Workers
from welkin.core.world import World


class Shifted(World):
    """A clock that a test moves."""

    shift = 0.0

    def now(self) -> float:
        return super().now() + self.shift


@pytest.fixture
def world() -> Shifted:
    return Shifted()


async def want(database: Database, id: str, due: float = 0.0) -> None:
    async with database.tx() as tx:
        await work.want(tx, "toy", id, due)


async def left(database: Database) -> int:
    return int(await database.value("SELECT COUNT(*) FROM work"))


async def test_what_is_done_leaves_the_queue(database: Database, world: Shifted, wakeups: Wakeups) -> None:
    workers, done = Workers(database, world, wakeups), []

    async def reconcile(id: str) -> None:
        done.append(id)

    workers.add("toy", reconcile)
    for id in ("a", "b", "a"):
        await want(database, id)
    await workers.settle()
    assert sorted(done) == ["a", "b"]
    assert await left(database) == 0


async def test_asking_again_while_it_is_worked_on_is_not_lost(
    database: Database, world: Shifted, wakeups: Wakeups
) -> None:
    workers, seen = Workers(database, world, wakeups), []

    async def reconcile(id: str) -> None:
        seen.append(id)
        if len(seen) == 1:
            await want(database, id)

    workers.add("toy", reconcile)
    await want(database, "a")
    await workers.settle()
    assert seen == ["a", "a"]


async def test_a_failure_is_tried_again_later(database: Database, world: Shifted, wakeups: Wakeups) -> None:
    workers, tries = Workers(database, world, wakeups), []

    async def reconcile(id: str) -> None:
        tries.append(id)
        if len(tries) < 3:
            raise Conflict("not yet")

    workers.add("toy", reconcile)
    await want(database, "a")
    await workers.settle()
    assert len(tries) == 1
    assert await database.value("SELECT error FROM work") == "not yet"
    for _ in range(2):
        world.shift += 120
        await workers.settle()
    assert len(tries) == 3
    assert await left(database) == 0


async def test_work_that_waits_is_looked_at_again_when_it_is_due(
    database: Database, world: Shifted, wakeups: Wakeups
) -> None:
    workers, looks = Workers(database, world, wakeups), []

    async def reconcile(id: str) -> After | None:
        looks.append(id)
        return After(50) if len(looks) == 1 else None

    workers.add("toy", reconcile)
    await want(database, "a", world.now() + 10)
    await workers.settle()
    assert looks == []
    for _ in range(2):
        world.shift += 51
        await workers.settle()
    assert looks == ["a", "a"]


async def test_a_dead_worker_loses_its_lease(database: Database, world: Shifted, wakeups: Wakeups) -> None:
    dead, heir, done = Workers(database, world, wakeups), Workers(database, world, wakeups), []
    stuck = asyncio.Event()

    async def hang(_id: str) -> None:
        await stuck.wait()

    async def reconcile(id: str) -> None:
        done.append(id)

    dead.add("toy", hang)
    heir.add("toy", reconcile)
    await want(database, "a")
    await dead.start_due()
    await asyncio.sleep(0)
    for task in dead._running:
        task.cancel()
    await heir.settle()
    assert done == []
    world.shift += work.LEASE_S + 1
    await heir.settle()
    assert done == ["a"]


async def test_many_workers_share_the_work(database: Database, world: Shifted, wakeups: Wakeups) -> None:
    crew, done = [Workers(database, world, wakeups) for _ in range(4)], []

    async def reconcile(id: str) -> None:
        done.append(id)

    for each in crew:
        each.add("toy", reconcile)
    for number in range(60):
        await want(database, str(number))
    await asyncio.gather(*(each.settle() for each in crew))
    assert sorted(done, key=int) == [str(number) for number in range(60)]


async def test_run_reacts_to_a_hint_at_once(database: Database, world: Shifted, wakeups: Wakeups) -> None:
    workers, done = Workers(database, world, wakeups), asyncio.Event()

    async def reconcile(_id: str) -> None:
        done.set()

    workers.add("toy", reconcile)
    running = asyncio.create_task(workers.run())
    await asyncio.sleep(0.05)
    await want(database, "a")
    async with asyncio.timeout(1):
        await done.wait()
    running.cancel()
