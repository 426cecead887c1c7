"""A placement service with an administrator at the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.postgres import postgres_url
from welkin.core import schema
from welkin.core.db import Database, SqliteDatabase
from welkin.core.http import App, Headers
from welkin.core.policy import Actor, Policy
from welkin.core.wake import Wakeups
from welkin.core.world import World
from welkin.services.placement.room import ROOM

LATEST = {"openstack-api-version": "placement latest"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def database(request: pytest.FixtureRequest, tmp_path: Path, world: World) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        opened: Database = SqliteDatabase(tmp_path / "db", world)
    else:
        from welkin.core.db_postgres import PostgresDatabase

        opened = await PostgresDatabase.connect(postgres_url(), Wakeups().send)
    await opened.migrate({"core": schema.MIGRATIONS, ROOM.name: ROOM.migrations})
    yield opened
    await opened.close()


@pytest.fixture
async def client(database: Database, world: World) -> AsyncIterator[httpx.AsyncClient]:
    app = App(ROOM.routes, database, world, Policy())

    async def authenticate(headers: Headers) -> Actor | None:
        roles = headers.get(b"x-roles")
        return None if roles is None else Actor(project_id="p", user_id="u", roles=frozenset(roles.decode().split()))

    app.authenticators.append(authenticate)
    headers = {"x-roles": "admin", **LATEST}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://cloud/placement", headers=headers
    ) as client:
        yield client
