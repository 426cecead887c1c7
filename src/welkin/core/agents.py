"""What every host should make true, and what it says it found.

Each host runs one agent, which never opens the database: it holds one WebSocket to any
API process.  Down it go *items* (what is wanted of one thing on that host, whole, never
as a difference), questions, and hints that an item is no longer the host's business.  Up
it come *reports* (what was found), answers, and every few seconds the host's facts.

A room says with a Source how its items are made and what a report means; in the
transaction that changes what is wanted it calls `touch`, and the hosts' streams follow.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from welkin.core.db import Database, Reads, Transaction
from welkin.core.errors import Unauthorized, Unavailable
from welkin.core.log import request_context
from welkin.core.sockets import Socket, SocketClosed
from welkin.core.wake import Signal, Wakeups
from welkin.core.world import World

AGENTS = """
    CREATE TABLE hosts (
        name       TEXT PRIMARY KEY,
        key_hash   TEXT NOT NULL,
        created_at DOUBLE PRECISION NOT NULL,
        seen_at    DOUBLE PRECISION,
        started_at DOUBLE PRECISION,
        facts      TEXT NOT NULL DEFAULT '{}'
    );
    CREATE TABLE host_items (
        host       TEXT NOT NULL,
        kind       TEXT NOT NULL,
        id         TEXT NOT NULL,
        generation BIGINT NOT NULL DEFAULT 1,
        observed_generation BIGINT NOT NULL DEFAULT 0,
        request_id TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (host, kind, id)
    );
    CREATE INDEX host_items_by_id ON host_items (id);
"""

LOOK_AGAIN_S = 20.0
"""How long a lost hint can delay an item; also how often a silent stream is proved alive."""
REST = 3.0
"""How long a stream rests after it has sent, as a multiple of the time that this took: what changes meanwhile goes
out together, so a host with much to hear of takes a bounded share of the control plane's time."""
REST_S_MAX = 1.0
QUESTION_TIMEOUT_S = 10.0
DEAD_AFTER_S = 60.0
"""A host whose facts are older is taken to be down."""

log = logging.getLogger(__name__)


class Item(msgspec.Struct, frozen=True):
    """What is wanted of one thing on one host; `wanted` null means that it must not be there."""

    kind: str
    id: str
    generation: int
    wanted: Any
    request_id: str = ""


class Report(msgspec.Struct, frozen=True):
    """What a host found of one thing.  `settled` says that nothing is left to do for this generation."""

    kind: str
    id: str
    generation: int
    seen: Any
    settled: bool = True


class Question(msgspec.Struct, frozen=True):
    """Something to look up on the host now, such as the end of a console's log."""

    id: str
    name: str
    argument: Any


class Reply(msgspec.Struct, frozen=True):
    """The answer to a question, or why there is none."""

    id: str
    answer: Any = None
    error: str = ""


class Down(msgspec.Struct, omit_defaults=True):
    """One message to an agent.  `synced` follows the first full set of items."""

    items: list[Item] = []
    gone: list[tuple[str, str]] = []
    question: Question | None = None
    synced: bool = False


class Up(msgspec.Struct, omit_defaults=True):
    """One message from an agent."""

    reports: list[Report] = []
    reply: Reply | None = None
    facts: dict[str, Any] | None = None


class Source(Protocol):
    """A room's half of the conversation about one kind of item."""

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        """Return what is wanted of each id on `host`; an id that is left out must not be there."""

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        """Write down what a host found; forget the item when it is gone for good."""


FactsHook = Callable[[Transaction, str, Mapping[str, Any]], Awaitable[None]]


async def touch(tx: Transaction, host: str, kind: str, ids: Iterable[str]) -> None:
    """Say that what is wanted of `ids` on `host` has changed."""
    sql = (
        "INSERT INTO host_items (host, kind, id, request_id) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (host, kind, id) DO UPDATE SET generation = host_items.generation + 1, "
        "request_id = excluded.request_id"
    )
    for id in ids:
        await tx.run(sql, host, kind, id, request_context.get())
    tx.wake(topic(host))


async def touch_id(tx: Transaction, id: str) -> None:
    """Say that something which belongs to `id` has changed, to every host that has an item of this id.

    This is how a room tells one above it without knowing it: a port knows the id of its
    device, and not what kind of thing that is.
    """
    sql = "UPDATE host_items SET generation = generation + 1 WHERE id = $1 RETURNING host"
    for host in await tx.values(sql, id):
        tx.wake(topic(host))


async def forget(tx: Transaction, host: str, kind: str, id: str) -> None:
    """Take an item from a host's business: it is gone there, or lives elsewhere now."""
    await tx.delete("host_items", {"host": host, "kind": kind, "id": id})
    tx.wake(topic(host))


async def hosts_of(reads: Reads, kind: str, id: str) -> list[str]:
    """Return the hosts that an item concerns."""
    return await reads.values("SELECT host FROM host_items WHERE kind = $1 AND id = $2 ORDER BY host", kind, id)


async def enrol(tx: Transaction, world: World, host: str, key: str) -> None:
    """Let the agent of `host` in with `key`; an earlier key is replaced."""
    sql = (
        "INSERT INTO hosts (name, key_hash, created_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (name) DO UPDATE SET key_hash = excluded.key_hash"
    )
    await tx.run(sql, host, key_hash(key), world.now())


def key_hash(key: str) -> str:
    """Return what is stored of an agent's key; the key is long and random, so a plain hash is enough."""
    return hashlib.sha256(key.encode()).hexdigest()


def topic(host: str) -> str:
    """Return the name of the hints for one host."""
    return f"host:{host}"


class Known(msgspec.Struct, frozen=True):
    """One row of a host's business."""

    kind: str
    id: str
    generation: int
    request_id: str


class Hub:
    """The API's side of every agent that is connected to this process."""

    def __init__(self, database: Database, world: World, wakeups: Wakeups) -> None:
        self._database, self._world, self._wakeups = database, world, wakeups
        self._sources: dict[str, Source] = {}
        self._hooks: list[FactsHook] = []
        self._streams: dict[str, Link] = {}
        self._waiting: dict[str, asyncio.Future[Any]] = {}
        self._decode = msgspec.json.Decoder(Up).decode
        self._encode = msgspec.json.Encoder().encode

    def add(self, kind: str, source: Source) -> None:
        """Have `source` speak for items of `kind`."""
        self._sources[kind] = source

    def on_facts(self, hook: FactsHook) -> None:
        """Call `hook` with a host's facts each time they arrive."""
        self._hooks.append(hook)

    async def ask(self, host: str, name: str, argument: Any, timeout_s: float = QUESTION_TIMEOUT_S) -> Any:
        """Ask the host's agent and return its answer.  Raises Unavailable."""
        link = self._streams.get(host)
        if link is None:
            raise Unavailable(f"Host {host} is not connected.")
        question = Question(self._world.new_id(), name, argument)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[question.id] = future
        try:
            await link.send(self._encode(Down(question=question)))
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise Unavailable(f"Host {host} did not answer within {timeout_s:g} s.") from None
        finally:
            del self._waiting[question.id]

    async def authenticate(self, host: str, key: str) -> str:
        """Return the host that `key` belongs to.  Raises Unauthorized."""
        known = await self._database.value("SELECT key_hash FROM hosts WHERE name = $1", host)
        if known is None or not hmac.compare_digest(known, key_hash(key)):
            raise Unauthorized("This is not the key of an agent.")
        return host

    async def serve(self, host: str, link: Link) -> None:
        """Speak with one agent until it leaves; a newer connection of the same host takes over."""
        self._streams[host] = link
        signal = self._wakeups.listen(topic(host))
        sender = asyncio.create_task(self._send_changes(host, link, signal))
        try:
            while True:
                await self._hear(host, self._decode(await link.receive()))
        except SocketClosed:
            return
        finally:
            sender.cancel()
            self._wakeups.leave(topic(host), signal)
            if self._streams.get(host) is link:
                del self._streams[host]

    async def _send_changes(self, host: str, link: Link, signal: Signal) -> None:
        sent: dict[tuple[str, str], int] = {}
        synced = False
        while True:
            started = self._world.monotonic()
            message = await self._changes(host, sent)
            if message.items or message.gone or not synced:
                message.synced = not synced
                synced = True
                await link.send(self._encode(message))
                await self._world.sleep(min(REST_S_MAX, REST * (self._world.monotonic() - started)))
            await signal.wait(LOOK_AGAIN_S)

    async def _changes(self, host: str, sent: dict[tuple[str, str], int]) -> Down:
        """Return what the agent does not have yet, and note in `sent` that it has."""
        sql = "SELECT kind, id, generation, request_id FROM host_items WHERE host = $1"
        known = {(row.kind, row.id): row for row in await self._database.all(Known, sql, host)}
        gone = [key for key in sent if key not in known]
        for key in gone:
            del sent[key]
        changed: dict[str, list[Known]] = {}
        for key, row in known.items():
            if sent.get(key) != row.generation:
                changed.setdefault(row.kind, []).append(row)
        items = []
        for kind, rows in changed.items():
            wanted = await self._sources[kind].wanted(self._database, host, [row.id for row in rows])
            for row in rows:
                items.append(Item(kind, row.id, row.generation, wanted.get(row.id), row.request_id))
                sent[kind, row.id] = row.generation
        return Down(items=items, gone=gone)

    async def _hear(self, host: str, message: Up) -> None:
        if message.reply is not None:
            self._settle(message.reply)
        if message.facts is not None:
            await self._note_facts(host, message.facts)
        await self._note_reports(host, message.reports)

    async def _note_reports(self, host: str, reports: list[Report]) -> None:
        # Each by itself: one that a room cannot take must not take the others along.  It will be sent again.
        for report in reports:
            try:
                async with self._database.tx() as tx:
                    await self._note_report(tx, host, report)
            except Exception:
                log.exception("A report of host %s could not be written down: %s %s", host, report.kind, report.id)

    async def _note_report(self, tx: Transaction, host: str, report: Report) -> None:
        await self._sources[report.kind].report(tx, host, report)
        if report.settled:
            await tx.run(
                "UPDATE host_items SET observed_generation = $1 "
                "WHERE host = $2 AND kind = $3 AND id = $4 AND observed_generation < $1",
                report.generation,
                host,
                report.kind,
                report.id,
            )

    async def _note_facts(self, host: str, facts: dict[str, Any]) -> None:
        async with self._database.tx() as tx:
            await tx.update("hosts", {"name": host}, {"seen_at": self._world.now(), "facts": facts})
            for hook in self._hooks:
                await hook(tx, host, facts)

    def _settle(self, reply: Reply) -> None:
        future = self._waiting.get(reply.id)
        if future is None or future.done():
            return
        if reply.error:
            future.set_exception(Unavailable(reply.error))
        else:
            future.set_result(reply.answer)


class Link(Protocol):
    """A connection that carries whole messages: a WebSocket, or in a simulation a pair of queues."""

    async def send(self, data: bytes) -> None:
        """Send one message."""

    async def receive(self) -> bytes:
        """Return the next message.  Raises SocketClosed."""


async def serve_socket(hub: Hub, headers: Mapping[bytes, bytes], socket: Socket) -> None:
    """Let an agent in by its `X-Agent-Host` and `X-Agent-Key` and serve it."""
    host = await host_of(hub, headers)
    await socket.accept()
    await hub.serve(host, socket)


async def host_of(hub: Hub, headers: Mapping[bytes, bytes]) -> str:
    """Return the host whose agent sent these headers.  Raises Unauthorized."""
    host, key = (headers.get(name, b"").decode("latin-1") for name in (b"x-agent-host", b"x-agent-key"))
    return await hub.authenticate(host, key)
