"""The stream between the control plane and a host: wanted down, found up, over a real WebSocket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from welkin.core import agent_api, agents
from welkin.core.agent import Agent, Outcome, websocket_link
from welkin.core.agents import Hub, Item, Report
from welkin.core.config import HttpOptions
from welkin.core.db import Database, Reads, Transaction
from welkin.core.errors import Unavailable
from welkin.core.http import App
from welkin.core.policy import Policy
from welkin.core.server import Server, bind
from welkin.core.wake import Wakeups
from welkin.core.world import World

KEY = "a" * 64


class Toys:
    """A room whose toys are wanted or not, kept in memory."""

    def __init__(self) -> None:
        self.wanted_now: dict[str, str] = {}
        self.seen: dict[str, Any] = {}
        self.changed = asyncio.Event()

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        return {id: self.wanted_now[id] for id in ids if id in self.wanted_now}

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        self.seen[report.id] = report.seen
        if report.seen is None:
            await agents.forget(tx, host, report.kind, report.id)
        self.changed.set()

    async def until(self, seen: dict[str, Any]) -> None:
        async with asyncio.timeout(5):
            while self.seen != seen:
                self.changed.clear()
                await self.changed.wait()


class Plane:
    """A control plane with one room, on a port of its own."""

    def __init__(self, database: Database, world: World, wakeups: Wakeups) -> None:
        self.database, self.world = database, world
        self.hub, self.toys = Hub(database, world, wakeups), Toys()
        self.hub.add("toy", self.toys)
        self.app = App([agent_api.routes], database, world, Policy())
        self.app.parts.add(self.hub)
        self.socket = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = Server(self.app, HttpOptions())

    async def want(self, **toys: str | None) -> None:
        for id, wanted in toys.items():
            if wanted is None:
                self.toys.wanted_now.pop(id)
            else:
                self.toys.wanted_now[id] = wanted
        async with self.database.tx() as tx:
            await agents.touch(tx, "h1", "toy", list(toys))

    def agent(self, key: str = KEY) -> Agent:
        agent = Agent(self.world, lambda: websocket_link(self.url, "h1", key))

        async def reconcile(item: Item) -> Outcome:
            return Outcome(item.wanted)

        agent.per_item("toy", reconcile, 60)
        return agent


@pytest.fixture
async def plane(database: Database, world: World, wakeups: Wakeups) -> AsyncIterator[Plane]:
    plane = Plane(database, world, wakeups)
    async with database.tx() as tx:
        await agents.enrol(tx, world, "h1", KEY)
    serving = asyncio.create_task(plane.server.serve([plane.socket]))
    await plane.server.started()
    yield plane
    plane.server.stop()
    await serving


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_is_wanted_comes_back_as_seen(plane: Plane) -> None:
    await plane.want(a="1")
    running = asyncio.create_task(plane.agent().run())
    await plane.toys.until({"a": "1"})
    await plane.want(a="2", b="1")
    await plane.toys.until({"a": "2", "b": "1"})
    await plane.want(b=None)
    await plane.toys.until({"a": "2", "b": None})
    async with asyncio.timeout(5):  # the report is heard a moment before it is committed
        while await plane.database.values("SELECT id FROM host_items") != ["a"]:
            await asyncio.sleep(0.01)
    await stop(running)


async def test_what_changed_while_the_agent_was_away_is_told(plane: Plane) -> None:
    await plane.want(a="1", b="1")
    agent = plane.agent()
    running = asyncio.create_task(agent.run())
    await plane.toys.until({"a": "1", "b": "1"})
    await stop(running)
    await plane.want(a="2", b=None)
    running = asyncio.create_task(plane.agent().run())
    await plane.toys.until({"a": "2", "b": None})
    await stop(running)


async def test_questions(plane: Plane) -> None:
    agent = plane.agent()

    async def double(argument: int) -> int:
        return argument * 2

    async def fail(_argument: object) -> None:
        raise RuntimeError("broken")

    agent.answer("double", double)
    agent.answer("fail", fail)
    with pytest.raises(Unavailable):
        await plane.hub.ask("h1", "double", 21)
    running = asyncio.create_task(agent.run())
    async with asyncio.timeout(5):
        await agent.synced.wait()
    assert await plane.hub.ask("h1", "double", 21) == 42
    for name in ("fail", "unheard-of"):
        with pytest.raises(Unavailable):
            await plane.hub.ask("h1", name, None)
    await stop(running)


async def test_a_stranger_is_not_let_in(plane: Plane) -> None:
    await plane.want(a="1")
    agent = plane.agent(key="b" * 64)
    running = asyncio.create_task(agent.run())
    await asyncio.sleep(0.2)
    assert plane.toys.seen == {}
    assert not agent.synced.is_set()
    await stop(running)


async def test_a_batch_sees_everything_at_once(plane: Plane) -> None:
    agent = Agent(plane.world, lambda: websocket_link(plane.url, "h1", KEY))
    batches: list[set[str]] = []

    async def reconcile(items: Mapping[tuple[str, str], Item]) -> Mapping[tuple[str, str], Outcome]:
        batches.append({id for _, id in items})
        return {key: Outcome(item.wanted) for key, item in items.items()}

    agent.batch(("toy",), reconcile, 60)
    await plane.want(a="1", b="2")
    running = asyncio.create_task(agent.run())
    await plane.toys.until({"a": "1", "b": "2"})
    assert batches[0] == {"a", "b"}
    await stop(running)
