"""A real database of each kind, empty and migrated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.postgres import postgres_url
from welkin.core import schema
from welkin.core.db import Database, SqliteDatabase
from welkin.core.wake import Wakeups
from welkin.core.world import World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def wakeups() -> Wakeups:
    return Wakeups()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, world: World, wakeups: Wakeups
) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        opened: Database = SqliteDatabase(tmp_path / "db", world, wakeups.send)
    else:
        from welkin.core.db_postgres import PostgresDatabase

        opened = await PostgresDatabase.connect(postgres_url(), wakeups.send)
    await opened.migrate({"core": schema.MIGRATIONS})
    yield opened
    await opened.close()
