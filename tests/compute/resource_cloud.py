"""Compute without identity: callers say in a header who they are.  Everything else is real."""

from __future__ import annotations

import functools
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from tests.postgres import postgres_url
from welkin.core import schema
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.db import Database, SqliteDatabase
from welkin.core.http import App, Headers
from welkin.core.policy import Actor, Policy
from welkin.core.wake import Wakeups
from welkin.core.world import World
from welkin.services.compute import resources
from welkin.services.compute.hypervisors.facts import Nodes
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers.tables import DISK_SIZES, SERVERS
from welkin.services.identity.tables import MIGRATIONS as IDENTITY
from welkin.services.placement.tables import MIGRATIONS as PLACEMENT

PROJECT = "11111111111111111111111111111111"
OTHER = "22222222222222222222222222222222"
EVERYTHING = frozenset({"admin", "manager", "member", "reader"})
PERSONAS = {
    "admin": Actor(
        user_id="root", project_id=PROJECT, roles=frozenset({"admin", "manager", "member", "reader"}), is_admin=True
    ),
    "manager": Actor(user_id="maria", project_id=PROJECT, roles=frozenset({"manager", "member", "reader"})),
    "member": Actor(user_id="mike", project_id=PROJECT, roles=frozenset({"member", "reader"})),
    "reader": Actor(user_id="rita", project_id=PROJECT, roles=frozenset({"reader"})),
    "service": Actor(user_id="neutron", project_id=OTHER, roles=frozenset({"service"})),
    "stranger": Actor(user_id="sam", project_id=OTHER, roles=frozenset({"manager", "member", "reader"})),
}


async def authenticate(headers: Headers) -> Actor | None:
    """Believe the header."""
    return PERSONAS.get(headers.get(b"x-persona", b"").decode())


class Compute:
    """Compute as a persona sees it at a version."""

    def __init__(self, client: httpx.AsyncClient, cloud: Cloud, world: World) -> None:
        self.client, self.cloud, self.world = client, cloud, world
        self.db = cloud.db
        self.nodes = Nodes(world, cloud.get(ComputeOptions))

    async def __call__(
        self, method: str, path: str, body: Any = None, who: str = "admin", version: str = "2.104", **query: Any
    ) -> httpx.Response:
        """Send a request; `who` "" is somebody without a token."""
        headers = {"x-openstack-nova-api-version": version}
        if who:
            headers["x-persona"] = who
        if not path.startswith("/compute"):
            path = "/compute/v2.1" + path
        return await self.client.request(method, path, json=body, headers=headers, params=query or None)

    async def get(self, path: str, who: str = "admin", version: str = "2.104", **query: Any) -> Any:
        """Return the body of a GET that succeeds."""
        found = await self("GET", path, None, who, version, **query)
        assert found.status_code == 200, found.text
        return found.json()

    async def host(self, name: str, **facts: Any) -> None:
        """Have a host tell what it has."""
        told = {"vcpus": 4, "ram_mib": 4096, "disk_gib": 100, "uptime": "up 1 day", **facts}
        async with self.db.tx() as tx:
            await self.nodes.note(tx, name, {"compute": told})

    async def server(self, id: str, **columns: Any) -> None:
        """Write a server down as its room does."""
        ids = {"id": id, "reservation_id": "r", "project_id": PROJECT, "user_id": "u", "flavor_id": "1"}
        flavor = {"id": "1", "name": "small", "vcpus": 1, "ram_mib": 512, "disk_gib": 10}
        times = {"created_at": self.world.now(), "updated_at": self.world.now(), "launch_index": 0}
        sizes = {"vcpus": 1, "ram_mib": 512, "name": id, "hostname": id, "vm_state": "active"}
        async with self.db.tx() as tx:
            await tx.insert("servers", {**ids, **times, **sizes, "flavor": flavor, **columns})

    async def refused(self, method: str, path: str, *statuses: int, body: Any = None) -> None:
        """See that nobody is let in without a token, and a stranger not either: the answers are `statuses`."""
        assert (await self(method, path, body, who="")).status_code == 401
        stranger = await self(method, path, body, who="stranger")
        assert stranger.status_code in statuses, stranger.text


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def compute(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Compute]:
    """Return compute on an empty database of either kind."""
    world, wakeups = World(), Wakeups()
    if request.param == "sqlite":
        database: Database = SqliteDatabase(tmp_path / "db", world, wakeups.send)
    else:
        from welkin.core.db_postgres import PostgresDatabase

        database = await PostgresDatabase.connect(postgres_url(), wakeups.send)
    below = {"core": schema.MIGRATIONS, "identity": IDENTITY, "placement": PLACEMENT}
    await database.migrate({**below, "compute": (SERVERS + resources.TABLES, DISK_SIZES)})
    await add_projects(database)
    app = App(resources.ROUTES, database, world, Policy())
    cloud = Cloud(database, world, wakeups, app)
    for options in (CloudOptions(), ComputeOptions()):
        cloud.parts.add(options)
    resources.central(cloud)
    app.authenticators.append(authenticate)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cloud") as client:
        yield Compute(client, cloud, world)
    await database.close()


async def add_projects(database: Database) -> None:
    """Write down the projects that the personas are in."""
    rest = {"domain_id": "default", "is_domain": False, "description": "", "enabled": True, "options": {}, "extra": {}}
    async with database.tx() as tx:
        for id in (PROJECT, OTHER):
            await tx.insert("identity_projects", {"id": id, "name": id, **rest})


def fits(response: httpx.Response, version: str, module: str, name: str) -> Any:
    """Check an answer against the schema that Tempest has for it at that version, and return the body.

    Where Tempest is not installed, what the test itself says of the body must do.
    """
    assert response.status_code < 300, response.text
    body = response.json() if response.content else None
    try:
        statuses, validator = upstream(version, module, name)
    except ModuleNotFoundError:
        return body
    assert response.status_code in statuses, response.text
    if validator is not None:
        validator.validate(body)
    return body


@functools.cache
def upstream(version: str, module: str, name: str) -> tuple[list[int], jsonschema.Draft4Validator | None]:
    """Return the statuses and the validator of bodies that Tempest has for an answer at a version."""
    package = importlib.import_module("tempest.lib.api_schema.response.compute")
    schema = getattr(importlib.import_module(newest_module(Path(package.__path__[0]), version, module)), name)
    if "response_body" not in schema:
        return schema["status_code"], None
    checker = jsonschema.FormatChecker(["ipv4", "ipv6"])
    return schema["status_code"], jsonschema.Draft4Validator(schema["response_body"], format_checker=checker)


def newest_module(package: Path, version: str, module: str) -> str:
    """Return the schemas of the newest microversion, up to `version`, that changed them."""
    folders = [file.parent.name for file in package.glob(f"v2_*/{module}.py")]
    minors = [int(name.removeprefix("v2_")) for name in folders]
    newest = max(minor for minor in minors if minor <= int(version.partition(".")[2]))
    return f"tempest.lib.api_schema.response.compute.v2_{newest}.{module}"


def fault(response: httpx.Response, status: int, word: str) -> str:
    """Check the envelope of a refusal, and return its sentence."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == [word]
    assert body[word]["code"] == status
    return str(body[word]["message"])
