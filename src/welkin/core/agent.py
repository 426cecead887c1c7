"""The agent: makes one host what the control plane wants it to be, and says what it finds.

Rooms bring their host halves: `per_item` for things that stand alone, such as servers,
and `batch` for what is cheaper together, such as networks.  A half looks, takes its
steps, looks again, and returns a report; it keeps nothing that it could not find again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from welkin.core import metrics
from welkin.core.agents import Down, Item, Link, Question, Reply, Report, Up
from welkin.core.errors import Problem
from welkin.core.log import request_context
from welkin.core.sockets import SocketClosed
from welkin.core.world import World

FACTS_EVERY_S = 10.0
RECONNECT_S = (0.05, 2.0)
MESSAGE_BYTES_MAX = 64 << 20
WATCH_PATH = "/agent/v1/watch"
BACK_OFF_S = (0.2, 30.0)
RESEND_S = (30.0, 960.0)
"""A report that says nothing new is sent again after this time, for the one before may have been lost; then again and
again, each time after twice as long, so that thousands of things at rest cost next to nothing."""

log = logging.getLogger(__name__)


class Outcome(msgspec.Struct, frozen=True):
    """What one look at an item came to.

    `again_s` says when to look again; None waits for a change or the half's own rhythm.
    """

    seen: Any
    settled: bool = True
    again_s: float | None = None


class Told(msgspec.Struct, frozen=True):
    """What was reported last of an item, and when (monotonic seconds)."""

    generation: int
    outcome: Outcome
    at: float
    again_s: float


ReconcileItem = Callable[[Item], Awaitable[Outcome]]
ReconcileBatch = Callable[[Mapping[tuple[str, str], Item]], Awaitable[Mapping[tuple[str, str], Outcome]]]
Answerer = Callable[[Any], Awaitable[Any]]
Facts = Callable[[], Awaitable[dict[str, Any]]]
Connect = Callable[[], Any]
Hurry = Callable[[str], None]
Chore = Callable[[], Awaitable[None]]


class Agent:
    """One host's agent.  `connecting()` is an async context manager that yields a Link."""

    def __init__(self, world: World, connecting: Connect) -> None:
        self._world, self._connecting = world, connecting
        self._items: dict[tuple[str, str], Item] = {}
        self._halves: dict[str, PerItem | Batch] = {}
        self._answerers: dict[str, Answerer] = {}
        self._facts: list[Facts] = []
        self._chores: list[tuple[float, Chore]] = []
        self._outbox: asyncio.Queue[Up] = asyncio.Queue()
        self._questions: set[asyncio.Task[None]] = set()
        self.synced = asyncio.Event()
        """Set once the first full set of items is here; before it nothing may be called foreign."""

    def per_item(self, kind: str, reconcile: ReconcileItem, look_again_s: float, hurry: Hurry | None = None) -> None:
        """Reconcile each item of `kind` by itself, at least every `look_again_s`.

        `hurry(id)` is called when a thing must not be there any more: whatever takes long with it is in vain.
        """
        self._halves[kind] = PerItem(self, reconcile, look_again_s, hurry)

    def batch(self, kinds: tuple[str, ...], reconcile: ReconcileBatch, look_again_s: float) -> Batch:
        """Reconcile all items of `kinds` together, at least every `look_again_s`."""
        half = Batch(self, kinds, reconcile, look_again_s)
        for kind in kinds:
            self._halves[kind] = half
        return half

    def answer(self, name: str, answerer: Answerer) -> None:
        """Answer questions of `name`."""
        self._answerers[name] = answerer

    def facts(self, facts: Facts) -> None:
        """Tell what `facts` returns about the host, every few seconds."""
        self._facts.append(facts)

    def every(self, pause_s: float, chore: Chore) -> None:
        """Do `chore` again and again, from when the agent first knows what is wanted here."""
        self._chores.append((pause_s, chore))

    def items(self, kind: str) -> dict[str, Item]:
        """Return what is wanted here, by id."""
        return {id: item for (each, id), item in self._items.items() if each == kind}

    def report(self, item: Item, outcome: Outcome) -> None:
        """Send what was found of an item."""
        report = Report(item.kind, item.id, item.generation, outcome.seen, outcome.settled)
        self._outbox.put_nowait(Up(reports=[report]))

    def poke(self, kind: str, id: str) -> None:
        """Look at an item again now: something happened to it."""
        item = self._items.get((kind, id))
        if item is not None:
            self._halves[kind].changed(item)

    async def run(self) -> None:
        """Serve until cancelled, over one connection after the other."""
        pause_s = RECONNECT_S[0]
        batches = {id(half): half for half in self._halves.values() if isinstance(half, Batch)}
        loops = [asyncio.create_task(half.run()) for half in batches.values()]
        loops += [asyncio.create_task(self._do(*each)) for each in self._chores]
        try:
            while True:
                try:
                    async with self._connecting() as link:
                        pause_s = RECONNECT_S[0]
                        await self._serve(link)
                except (OSError, SocketClosed, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                    log.info("No connection to the control plane: %s", error)
                await self._world.sleep(pause_s)
                pause_s = min(pause_s * 2, RECONNECT_S[1])
        finally:
            for task in loops:
                task.cancel()
            for half in self._halves.values():
                half.stop()

    async def _do(self, pause_s: float, chore: Chore) -> None:
        await self.synced.wait()
        while True:
            try:
                await chore()
            except Exception:
                log.exception("A chore failed.")
            await self._world.sleep(pause_s)

    async def _serve(self, link: Link) -> None:
        decode = msgspec.json.Decoder(Down).decode
        senders = [asyncio.create_task(self._send(link)), asyncio.create_task(self._tell_facts())]
        try:
            while True:
                self._hear(decode(await link.receive()))
        finally:
            for task in senders:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, SocketClosed, ConnectionClosed):
                    await task

    async def _send(self, link: Link) -> None:
        encode = msgspec.json.Encoder().encode
        while True:
            message = await self._outbox.get()
            while message.reply is None and message.facts is None and not self._outbox.empty():
                following = self._outbox.get_nowait()
                message.reports.extend(following.reports)
                message.reply, message.facts = following.reply, following.facts
            await link.send(encode(message))

    async def _tell_facts(self) -> None:
        while True:
            told: dict[str, Any] = {}
            for facts in self._facts:
                told.update(await facts())
            self._outbox.put_nowait(Up(facts=told))
            await self._world.sleep(FACTS_EVERY_S)

    def _hear(self, message: Down) -> None:
        for kind, id in message.gone:
            item = self._items.pop((kind, id), None)
            if item is not None:
                self._halves[kind].dropped(item)
        if message.synced:
            for half in self._halves.values():
                half.told.clear()
            fresh = {(item.kind, item.id) for item in message.items}
            for key in [key for key in self._items if key not in fresh]:
                self._halves[key[0]].dropped(self._items.pop(key))
        for item in message.items:
            self._items[item.kind, item.id] = item
            self._halves[item.kind].changed(item)
        if message.question is not None:
            task = asyncio.create_task(self._reply(message.question))
            self._questions.add(task)
            task.add_done_callback(self._questions.discard)
        if message.synced:
            self.synced.set()

    def tell(self, told: dict[str, Told], item: Item, outcome: Outcome) -> None:
        """Report an outcome unless it was told, for this generation, a moment ago."""
        now = self._world.monotonic()
        last = told.get(item.id)
        if last is None or last.generation != item.generation or last.outcome != outcome:
            again_s = RESEND_S[0]
        elif now > last.at + last.again_s:
            again_s = min(last.again_s * 2, RESEND_S[1])
        else:
            return
        told[item.id] = Told(item.generation, outcome, now, again_s)
        self.report(item, outcome)

    async def _reply(self, question: Question) -> None:
        try:
            answerer = self._answerers[question.name]
            reply = Reply(question.id, await answerer(question.argument))
        except KeyError:
            reply = Reply(question.id, error=f"This host cannot answer {question.name}.")
        except Exception as error:
            if not isinstance(error, Problem):
                log.exception("A question could not be answered: %s", question.name)
            reply = Reply(question.id, error=str(error) or type(error).__name__)
        self._outbox.put_nowait(Up(reply=reply))


class PerItem:
    """One task for each item: changed, it looks again; dropped, it ends."""

    def __init__(self, agent: Agent, reconcile: ReconcileItem, look_again_s: float, hurry: Hurry | None = None) -> None:
        self._agent, self._reconcile, self._look_again_s = agent, reconcile, look_again_s
        self._hurry = hurry
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self.told: dict[str, Told] = {}

    def changed(self, item: Item) -> None:
        """Look at `item` now."""
        self._changed.setdefault(item.id, asyncio.Event()).set()
        if item.wanted is None and self._hurry is not None:
            self._hurry(item.id)
        if item.id not in self._tasks:
            self._tasks[item.id] = asyncio.create_task(self._follow(item.kind, item.id))

    def dropped(self, item: Item) -> None:
        """Stop looking at an item that is no longer this host's business."""
        task = self._tasks.pop(item.id, None)
        self._changed.pop(item.id, None)
        self.told.pop(item.id, None)
        if task is not None:
            task.cancel()

    def stop(self) -> None:
        """Stop looking at anything."""
        for task in self._tasks.values():
            task.cancel()

    async def _follow(self, kind: str, id: str) -> None:
        changed, tries = self._changed[id], 0
        while True:
            changed.clear()
            item = self._agent._items[kind, id]
            context = request_context.set(item.request_id)
            outcome = await attempt(self._reconcile, item)
            request_context.reset(context)
            if outcome is None:
                tries += 1
                pause_s = back_off_s(self._agent._world, tries)
            else:
                tries = 0
                self._agent.tell(self.told, item, outcome)
                pause_s = self._look_again_s if outcome.again_s is None else outcome.again_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await changed.wait()


class Batch:
    """All items of some kinds at once, whenever one changes."""

    def __init__(self, agent: Agent, kinds: tuple[str, ...], reconcile: ReconcileBatch, look_again_s: float) -> None:
        self._agent, self._kinds, self._reconcile, self._look_again_s = agent, kinds, reconcile, look_again_s
        self._changed = asyncio.Event()
        self.told: dict[str, Told] = {}

    def changed(self, _item: Item) -> None:
        """Look at everything now."""
        self._changed.set()

    def dropped(self, item: Item) -> None:
        """Look at everything now: something has to go."""
        self.told.pop(item.id, None)
        self._changed.set()

    def stop(self) -> None:
        """Nothing to stop: the loop is the agent's."""

    async def run(self) -> None:
        """Reconcile on every change, and every so often."""
        await self._agent.synced.wait()
        tries = 0
        while True:
            self._changed.clear()
            items = {key: item for key, item in self._agent._items.items() if key[0] in self._kinds}
            pause_s = self._look_again_s
            try:
                outcomes = await self._reconcile(items)
            except Exception:
                log.exception("A batch failed: %s", ", ".join(self._kinds))
                metrics.steps.labels(self._kinds[0], "failed").inc()
                tries += 1
                pause_s = back_off_s(self._agent._world, tries)
            else:
                tries = 0
                pause_s = min([pause_s, *(each.again_s for each in outcomes.values() if each.again_s is not None)])
                self._tell(items, outcomes)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()

    def _tell(self, items: Mapping[tuple[str, str], Item], outcomes: Mapping[tuple[str, str], Outcome]) -> None:
        for key, outcome in outcomes.items():
            self._agent.tell(self.told, items[key], outcome)


async def attempt(reconcile: ReconcileItem, item: Item) -> Outcome | None:
    """Reconcile once; None when it failed, which is logged."""
    try:
        outcome = await reconcile(item)
    except Exception as error:
        metrics.steps.labels(item.kind, "failed").inc()
        if isinstance(error, Problem):
            log.warning("%s %s: %s", item.kind, item.id, error)
        else:
            log.exception("%s %s failed", item.kind, item.id)
        return None
    metrics.steps.labels(item.kind, "done").inc()
    return outcome


def back_off_s(world: World, tries: int) -> float:
    """Return how long to wait after so many failures in a row."""
    first, longest = BACK_OFF_S
    return min(longest, first * float(2 ** min(tries, 16))) * world.random.uniform(0.7, 1.3)


class WebSocketLink:
    """A Link over a client's WebSocket."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, data: bytes) -> None:
        """Send one message.  Raises SocketClosed."""
        try:
            await self._connection.send(data)
        except ConnectionClosed as error:
            raise SocketClosed from error

    async def receive(self) -> bytes:
        """Return the next message.  Raises SocketClosed."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed as error:
            raise SocketClosed from error
        return data if isinstance(data, bytes) else data.encode()


@asynccontextmanager
async def websocket_link(url: str, host: str, key: str, path: str = WATCH_PATH) -> AsyncIterator[WebSocketLink]:
    """Connect to the control plane at `url`, such as `http://127.0.0.1:8774`, as the agent of `host`."""
    headers = {"X-Agent-Host": host, "X-Agent-Key": key}
    target = url.replace("http", "ws", 1) + path
    async with connect(target, additional_headers=headers, max_size=MESSAGE_BYTES_MAX, open_timeout=10) as connection:
        yield WebSocketLink(connection)
