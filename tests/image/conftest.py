"""An image service with three people at the door: Alice and Bob in projects of their own, and an administrator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.postgres import postgres_url
from welkin.core import agent_api, agents, schema
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.db import Database, SqliteDatabase
from welkin.core.http import App, Headers
from welkin.core.policy import Actor, Policy
from welkin.core.wake import Wakeups
from welkin.core.world import World
from welkin.services.image.options import ImageOptions
from welkin.services.image.room import ROOM

URL = "http://cloud/image"
AGENT = {"x-agent-host": "host1", "x-agent-key": "secret"}
PEOPLE = {
    "alice": Actor(user_id="alice", project_id="a", roles=frozenset({"member", "reader"})),
    "bob": Actor(user_id="bob", project_id="b", roles=frozenset({"member", "reader"})),
    "reader": Actor(user_id="reader", project_id="a", roles=frozenset({"reader"})),
    "admin": Actor(user_id="admin", project_id="z", roles=frozenset({"admin", "member", "reader"}), is_admin=True),
}


@pytest.fixture
def options() -> ImageOptions:
    return ImageOptions(import_networks=["127.0.0.0/8"])


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def cloud(request: pytest.FixtureRequest, tmp_path: Path, options: ImageOptions) -> AsyncIterator[Cloud]:
    world, wakeups = World(), Wakeups()
    if request.param == "sqlite":
        database: Database = SqliteDatabase(tmp_path / "db", world, wakeups.send)
    else:
        from welkin.core.db_postgres import PostgresDatabase

        database = await PostgresDatabase.connect(postgres_url(), wakeups.send)
    await database.migrate({"core": schema.MIGRATIONS, ROOM.name: ROOM.migrations})
    app = App(ROOM.routes, database, world, Policy())
    cloud = Cloud(database, world, wakeups, app)
    cloud.parts.add(CloudOptions(state_dir=tmp_path))
    cloud.parts.add(options)
    app.authenticators.append(agent_api.authenticator(cloud.hub))

    async def authenticate(headers: Headers) -> Actor | None:
        return PEOPLE.get(headers.get(b"x-auth-token", b"").decode())

    app.authenticators.append(authenticate)
    assert ROOM.central is not None
    ROOM.central(cloud)
    async with database.tx() as tx:
        await agents.enrol(tx, world, "host1", "secret")
    yield cloud
    await database.close()


Client = httpx.AsyncClient
As = Callable[[str], Client]


@pytest.fixture
async def person(cloud: Cloud) -> AsyncIterator[As]:
    opened: dict[str, Client] = {}

    def client(name: str) -> Client:
        if name not in opened:
            headers = {"x-auth-token": name}
            opened[name] = Client(transport=httpx.ASGITransport(cloud.app), base_url=URL, headers=headers)
        return opened[name]

    yield client
    for each in opened.values():
        await each.aclose()


@pytest.fixture
def alice(person: As) -> Client:
    return person("alice")


@pytest.fixture
def bob(person: As) -> Client:
    return person("bob")


@pytest.fixture
def admin(person: As) -> Client:
    return person("admin")


async def make(client: Client, data: bytes | None = None, **fields: object) -> str:
    """Create an image, with data where some is given, and return its id."""
    body = {"name": "i", "disk_format": "raw", "container_format": "bare", **fields}
    created = await client.post("/v2/images", json=body)
    assert created.status_code == 201, created.text
    image_id = created.json()["id"]
    if data is not None:
        assert (await put(client, image_id, data)).status_code == 204
    return image_id


async def put(client: Client, image_id: str, data: object, where: str = "file", **headers: str) -> httpx.Response:
    """Upload data."""
    headers = {"content-type": "application/octet-stream", **headers}
    return await client.put(f"/v2/images/{image_id}/{where}", content=data, headers=headers)
