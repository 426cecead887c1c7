"""The database on PostgreSQL: the same verbs as in `db`, on a pool of asyncpg connections."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from zlib import crc32

import asyncpg

from welkin.core.db import REMEMBER_VERSION, Migrations, SqlTransaction, UniqueViolation, statements
from welkin.core.errors import Invalid
from welkin.core.rows import RowT, reader

POOL_MAX = 10
MIGRATION_LOCK = 0x57454C4B
CHANNEL = "welkin"


class PostgresTransaction(SqlTransaction):
    """A transaction on one connection of the pool."""

    def __init__(self, connection: Any, shared: dict[type, Any]) -> None:
        super().__init__(shared)
        self._connection = connection

    async def fetch(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        try:
            found: list[Any] = await self._connection.fetch(dialect(sql), *values)
        except asyncpg.UniqueViolationError as error:
            raise UniqueViolation(str(error)) from error
        return found

    async def run(self, sql: str, *values: object) -> int:
        try:
            answer: str = await self._connection.execute(dialect(sql), *values)
        except asyncpg.UniqueViolationError as error:
            raise UniqueViolation(str(error)) from error
        count = answer.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def lock(self, name: str) -> None:
        await self._connection.execute("SELECT pg_advisory_xact_lock($1)", crc32(name.encode()))


class PostgresDatabase:
    """A PostgreSQL database, reached by a URL such as `postgresql:///welkin`."""

    def __init__(self, pool: Any, send: Callable[[Iterable[str]], None] | None) -> None:
        self._pool, self._send = pool, send
        self.shared: dict[type, Any] = {}
        self._listening: Any = None

    @classmethod
    async def connect(cls, url: str, send: Callable[[Iterable[str]], None] | None = None) -> PostgresDatabase:
        """Open the pool.  The pool's reset query at every release is switched off: no session state is kept."""
        pool = await asyncpg.create_pool(url, min_size=1, max_size=POOL_MAX, reset=_keep)
        return cls(pool, send)

    async def one(self, row: type[RowT], sql: str, *values: object) -> RowT | None:
        with understood():
            found = await self._pool.fetchrow(dialect(sql), *values)
        return None if found is None else reader(row)(found)

    async def all(self, row: type[RowT], sql: str, *values: object) -> list[RowT]:
        with understood():
            found = await self._pool.fetch(dialect(sql), *values)
        return list(map(reader(row), found))

    async def value(self, sql: str, *values: object) -> Any:
        return await self._pool.fetchval(dialect(sql), *values)

    async def values(self, sql: str, *values: object) -> list[Any]:
        return [found[0] for found in await self._pool.fetch(dialect(sql), *values)]

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[PostgresTransaction]:
        async with self._pool.acquire() as connection, connection.transaction():
            transaction = PostgresTransaction(connection, self.shared)
            yield transaction
            for topic in sorted(transaction.topics):
                await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, topic)
        if transaction.topics and self._send is not None:
            self._send(transaction.topics)

    async def migrate(self, migrations: Migrations) -> None:
        async with self.tx() as tx:
            await tx.run("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await tx.run("CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version BIGINT NOT NULL)")
            for room, scripts in migrations.items():
                done = await tx.value("SELECT version FROM schema_versions WHERE room = $1", room) or 0
                for script in scripts[done:]:
                    for statement in statements(script):
                        await tx.run(statement)
                await tx.run(REMEMBER_VERSION, room, len(scripts))

    async def listen(self, hear: Callable[[str], None]) -> None:
        """Call `hear` with each topic that any process notifies; holds one connection of its own."""

        def heard(*notice: Any) -> None:
            hear(notice[3])

        connection = await self._pool.acquire()
        await connection.add_listener(CHANNEL, heard)
        self._listening = (connection, heard)

    async def close(self) -> None:
        if self._listening is not None:  # the pool waits for every connection to come back
            connection, heard = self._listening
            await connection.remove_listener(CHANNEL, heard)
            await self._pool.release(connection)
        await self._pool.close()


async def _keep(_connection: Any) -> None:
    """Reset nothing."""


@contextmanager
def understood() -> Iterator[None]:
    """Refuse a regular expression that PostgreSQL reads otherwise than `patterns`.  Raises Invalid."""
    try:
        yield
    except asyncpg.InvalidRegularExpressionError as error:
        raise Invalid(f"The database does not take this regular expression: {error}.") from None


@functools.cache
def dialect(sql: str) -> str:
    """Return `sql` as PostgreSQL takes it: its regular expressions have another operator."""
    return re.sub(r"\bREGEXP\b", "~", sql)
