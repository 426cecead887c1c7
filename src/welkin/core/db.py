"""The database is the truth.  One request, or one step, is one transaction.

SQL is written once, in the subset that SQLite and PostgreSQL share, with `$1`
placeholders.  This module says what a database can do and implements it on SQLite,
where a call runs inline and the coroutine never suspends, which is 40 times cheaper
than an ORM with a thread behind it.  `db_postgres` has the same verbs and truly awaits.
"""

from __future__ import annotations

import asyncio
import functools
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from welkin.core import patterns
from welkin.core.errors import Conflict
from welkin.core.rows import RowT, cells, columns, encode, reader
from welkin.core.world import World

__all__ = ["Database", "Reads", "SqliteDatabase", "Transaction", "UniqueViolation", "columns"]

BUSY_RETRY_S = (0.0002, 0.002)
"""Jitter between two tries for SQLite's write lock; its own busy timeout starves writers."""

Migrations = Mapping[str, tuple[str, ...]]


class UniqueViolation(Conflict):
    """A row with the same unique columns exists.  Rooms turn it into a refusal of their own."""

    code = "database.unique"


class Reads(Protocol):
    """What can be asked of a database, inside a transaction or outside."""

    shared: dict[type, Any]
    """What a room lends to those below who read, by type, such as where limits come from; one for each database."""

    async def one(self, row: type[RowT], sql: str, *values: object) -> RowT | None:
        """Return the first row of `sql`, or None.  `row` names the columns, in their order."""

    async def all(self, row: type[RowT], sql: str, *values: object) -> list[RowT]:
        """Return every row of `sql`."""

    async def value(self, sql: str, *values: object) -> Any:
        """Return the first column of the first row, or None."""

    async def values(self, sql: str, *values: object) -> list[Any]:
        """Return the first column of every row."""


class Transaction(Reads, Protocol):
    """Reads and writes that happen together or not at all.  Await nothing else inside."""

    async def run(self, sql: str, *values: object) -> int:
        """Run a statement and return how many rows it touched.  Raises UniqueViolation."""

    async def insert(self, table: str, row: msgspec.Struct | Mapping[str, object]) -> None:
        """Insert one row: a Struct whose fields are columns, or a mapping."""

    async def update(self, table: str, where: Mapping[str, object], to: Mapping[str, object]) -> int:
        """Set the columns of `to` in the rows that match `where`; return how many there were."""

    async def delete(self, table: str, where: Mapping[str, object]) -> int:
        """Delete the rows that match `where`; return how many there were."""

    async def lock(self, name: str) -> None:
        """Keep every other transaction that locks `name` waiting until this one ends."""

    def wake(self, topic: str) -> None:
        """Send a hint to whoever listens to `topic`, after the commit.  A lost hint costs only time."""


class Database(Reads, Protocol):
    """A database of either kind.  Reads outside a transaction see what is committed."""

    def tx(self) -> Any:
        """Return an async context manager that yields a Transaction; it commits unless it raises."""

    async def migrate(self, migrations: Migrations) -> None:
        """Bring each room's tables to its newest numbered script.  Safe to call from many processes."""

    async def close(self) -> None:
        """Give back every connection."""


class SqlTransaction:
    """The verbs of a Transaction over the three that a connection offers."""

    def __init__(self, shared: dict[type, Any]) -> None:
        self.topics: set[str] = set()
        self.shared = shared

    async def fetch(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        """Return every row."""
        raise AssertionError("a connection implements this")

    async def run(self, sql: str, *values: object) -> int:
        """Run a statement and return how many rows it touched."""
        raise AssertionError("a connection implements this")

    async def lock(self, name: str) -> None:
        """Keep others that lock `name` waiting."""

    async def one(self, row: type[RowT], sql: str, *values: object) -> RowT | None:
        found = await self.fetch(sql, values)
        return reader(row)(found[0]) if found else None

    async def all(self, row: type[RowT], sql: str, *values: object) -> list[RowT]:
        return list(map(reader(row), await self.fetch(sql, values)))

    async def value(self, sql: str, *values: object) -> Any:
        found = await self.fetch(sql, values)
        return found[0][0] if found else None

    async def values(self, sql: str, *values: object) -> list[Any]:
        return [row[0] for row in await self.fetch(sql, values)]

    async def insert(self, table: str, row: msgspec.Struct | Mapping[str, object]) -> None:
        names, values = cells(row)
        await self.run(_insert_sql(table, names), *values)

    async def update(self, table: str, where: Mapping[str, object], to: Mapping[str, object]) -> int:
        if not to:
            return 0
        sql = _update_sql(table, tuple(where), tuple(to))
        return await self.run(sql, *map(encode, to.values()), *map(encode, where.values()))

    async def delete(self, table: str, where: Mapping[str, object]) -> int:
        return await self.run(_delete_sql(table, tuple(where)), *map(encode, where.values()))

    def wake(self, topic: str) -> None:
        self.topics.add(topic)


class SqliteTransaction(SqlTransaction):
    """A transaction on SQLite: every call is done when it returns, nothing suspends."""

    def __init__(self, connection: sqlite3.Connection, shared: dict[type, Any]) -> None:
        super().__init__(shared)
        self._connection = connection

    async def fetch(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        return self._execute(sql, values).fetchall()

    async def run(self, sql: str, *values: object) -> int:
        return self._execute(sql, values).rowcount

    def _execute(self, sql: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(placeholders(sql), values)
        except sqlite3.IntegrityError as error:
            if "UNIQUE" in str(error) or "PRIMARY KEY" in str(error):
                raise UniqueViolation(str(error)) from error
            raise


class SqliteDatabase:
    """SQLite in one file: WAL, one connection that writes, one that reads."""

    def __init__(self, path: Path, world: World, send: Callable[[Iterable[str]], None] | None = None) -> None:
        self._world, self._send = world, send
        self.shared: dict[type, Any] = {}
        self._writer = _connect(path)
        self._reader = _connect(path)
        self._lock = asyncio.Lock()

    async def one(self, row: type[RowT], sql: str, *values: object) -> RowT | None:
        found = self._reader.execute(placeholders(sql), values).fetchone()
        return None if found is None else reader(row)(found)

    async def all(self, row: type[RowT], sql: str, *values: object) -> list[RowT]:
        found = self._reader.execute(placeholders(sql), values)
        return list(map(reader(row), found.fetchall()))

    async def value(self, sql: str, *values: object) -> Any:
        found = self._reader.execute(placeholders(sql), values).fetchone()
        return None if found is None else found[0]

    async def values(self, sql: str, *values: object) -> list[Any]:
        found = self._reader.execute(placeholders(sql), values)
        return [row[0] for row in found.fetchall()]

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[SqliteTransaction]:
        async with self._lock:
            await self._begin()
            transaction = SqliteTransaction(self._writer, self.shared)
            try:
                yield transaction
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")
        if transaction.topics and self._send is not None:
            self._send(transaction.topics)

    async def migrate(self, migrations: Migrations) -> None:
        for room, scripts in migrations.items():
            async with self.tx() as tx:
                await tx.run(
                    "CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version BIGINT NOT NULL)"
                )
                done = await tx.value("SELECT version FROM schema_versions WHERE room = $1", room) or 0
                for script in scripts[done:]:
                    for statement in statements(script):
                        await tx.run(statement)
                await tx.run(REMEMBER_VERSION, room, len(scripts))

    async def close(self) -> None:
        self._reader.close()
        self._writer.close()

    async def _begin(self) -> None:
        while True:
            try:
                # A deferred transaction cannot wait for the lock at the moment it starts to write.
                self._writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                await self._world.sleep(self._world.random.uniform(*BUSY_RETRY_S))
            else:
                return


REMEMBER_VERSION = (
    "INSERT INTO schema_versions (room, version) VALUES ($1, $2) "
    "ON CONFLICT (room) DO UPDATE SET version = excluded.version WHERE schema_versions.version < excluded.version"
)


def statements(script: str) -> list[str]:
    """Split a migration into its statements; they end with a semicolon at the end of a line."""
    return [part.strip() for part in re.split(r";[ \t]*(?:\n|$)", script) if part.strip()]


@functools.cache
def placeholders(sql: str) -> str:
    """Return `sql` as SQLite takes it: `?1` for `$1`."""
    return re.sub(r"\$(\d+)", r"?\1", sql)


@functools.cache
def _insert_sql(table: str, names: tuple[str, ...]) -> str:
    marks = ", ".join(f"${index}" for index in range(1, len(names) + 1))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"


@functools.cache
def _update_sql(table: str, where: tuple[str, ...], to: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{name} = ${index}" for index, name in enumerate(to, 1))
    conditions = " AND ".join(f"{name} = ${index}" for index, name in enumerate(where, len(to) + 1))
    return f"UPDATE {table} SET {assignments} WHERE {conditions}"


@functools.cache
def _delete_sql(table: str, where: tuple[str, ...]) -> str:
    return f"DELETE FROM {table} WHERE " + " AND ".join(f"{name} = ${i}" for i, name in enumerate(where, 1))


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=1024, timeout=0, check_same_thread=False)
    # The time-out is for the switch to WAL alone, which several processes may attempt at once.
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=0"):
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("REGEXP", 2, _regexp, deterministic=True)
    return connection


def _regexp(pattern: str, text: str | None) -> bool:
    return text is not None and patterns.pattern(pattern).search(text)
