"""A placement service with an administrator at the door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from welkin.core import schema
from welkin.core.db import SqliteDatabase
from welkin.core.http import App, Headers
from welkin.core.policy import Actor, Policy
from welkin.core.world import World
from welkin.services.placement.room import ROOM

LATEST = {"openstack-api-version": "placement latest"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def database(tmp_path: Path, world: World) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "db", world)
    await database.migrate({"core": schema.MIGRATIONS, ROOM.name: ROOM.migrations})
    yield database
    await database.close()


@pytest.fixture
async def client(database: SqliteDatabase, world: World) -> AsyncIterator[httpx.AsyncClient]:
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
