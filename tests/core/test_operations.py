"""A call that OpenStack has and this app has not is a 501 that says so; other wrong calls stay what they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from welkin.core.db import SqliteDatabase
from welkin.core.http import App, Call, Routes, Service, plain_envelope
from welkin.core.policy import PUBLIC, Policy
from welkin.core.world import World

routes = Routes(Service(type="compute", prefix="/compute", envelope=plain_envelope))


@routes.get("/v2.1/servers/{server_id}", rule=PUBLIC)
async def show_server(call: Call, server_id: str) -> dict[str, str]:
    """Show a server."""
    return {"id": server_id}


@routes.action("/v2.1/servers/{server_id}/action", "os-start", rule=PUBLIC)
async def start_server(call: Call, server_id: str, body: msgspec.Raw | None) -> None:
    """Start a server."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    world = World()
    database = SqliteDatabase(tmp_path / "db", world)
    app = App([routes], database, world, Policy())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cloud") as client:
        yield client
    await database.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/compute/v2.1/servers/1", 200),
        ("DELETE", "/compute/v2.1/servers/1", 501),  # the path is there, the method is not
        ("PATCH", "/compute/v2.1/servers/1", 405),  # upstream has no such method either
        ("GET", "/compute/v2.1/flavors/1", 501),
        ("GET", "/compute/v2.1/flavours/1", 404),
        ("GET", "/compute/v2.1/os-fping", 410),  # upstream has removed it
        ("GET", "/weather/v1/rain", 404),
    ],
)
async def test_a_call_that_only_upstream_has_is_a_501(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(("action", "status"), [("os-start", 202), ("os-stop", 501), ("os-fly", 400)])
async def test_an_action_that_only_upstream_has_is_a_501(client: httpx.AsyncClient, action: str, status: int) -> None:
    answer = await client.post("/compute/v2.1/servers/1/action", json={action: None})
    assert answer.status_code == status, answer.text


async def test_a_501_names_the_call(client: httpx.AsyncClient) -> None:
    answer = await client.post("/compute/v2.1/servers/1/action", json={"os-stop": None})
    assert answer.json()["error"]["message"] == (
        "The action os-stop of /v2.1/servers/1/action is part of the compute API, and Welkin does not have it yet."
    )
