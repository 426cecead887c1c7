"""The core as a client sees it: a small room on the real app and a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from welkin.core.answers import Answer
from welkin.core.db import SqliteDatabase
from welkin.core.errors import Invalid, NotFound, Problem
from welkin.core.http import App, Call, Headers, Routes, Service, Upload
from welkin.core.policy import PUBLIC, Actor, Policy, Rule
from welkin.core.versions import Versions, refuse_fields
from welkin.core.world import World

versions = Versions("toys", "2.1", "2.5", "X-Toys-Version")
service = Service(
    type="toys",
    prefix="/toys",
    envelope=lambda problem, request_id: {"toyFault": {"code": problem.status, "message": str(problem)}},
    versions=versions,
)
routes = Routes(service)
READ = Rule("toys:read", "role:reader", "Read toys.")
WRITE = Rule("toys:write", "role:member and project_id:%(project_id)s", "Make toys.")


class Toy(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: int = 1


@routes.get("/", rule=PUBLIC)
async def root(call: Call) -> dict[str, str]:
    """Say where this is."""
    return {"url": call.base_url}


@routes.get("/v2/toys/{toy_id}", rule=READ)
async def show_toy(call: Call, toy_id: str) -> dict[str, str]:
    """Show a toy."""
    if toy_id == "none":
        raise NotFound("There is no such toy.")
    return {"id": toy_id, "colour": "red"}


@routes.post("/v2/toys", rule=WRITE)
async def create_toy(call: Call, body: Toy) -> Toy:
    """Make a toy."""
    return body


@routes.action("/v2/toys/{toy_id}/action", "spin", rule=WRITE)
async def spin(call: Call, toy_id: str, body: int | None) -> None:
    """Spin a toy."""


@routes.put("/v2/toys/{toy_id}/file", rule=WRITE, status=204)
async def upload_toy(call: Call, toy_id: str, upload: Upload) -> None:
    """Take a toy's data."""
    size = 0
    async for chunk in upload:
        size += len(chunk)
    if size != 100_000:
        raise Invalid(f"{size} bytes")


@routes.get("/v2/new", rule=READ, since="2.3")
async def new(call: Call) -> Answer:
    """Something that came with 2.3."""
    return Answer(body=b"new", content_type="text/plain")


@routes.get("/v2/broken", rule=READ)
async def broken(call: Call) -> None:
    """Fail."""
    raise RuntimeError("secret detail")


@versions.answer_before("2.4", show_toy)
def without_colour(answer: dict[str, str]) -> dict[str, str]:
    answer.pop("colour")
    return answer


versions.request_before("2.5", create_toy)(refuse_fields("size"))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    world = World()
    database = SqliteDatabase(tmp_path / "db", world)
    app = App([routes], database, world, Policy())

    async def authenticate(headers: Headers) -> Actor | None:
        roles = headers.get(b"x-roles")
        return None if roles is None else Actor(project_id="p", roles=frozenset(roles.decode().split()))

    app.authenticators.append(authenticate)
    transport = httpx.ASGITransport(app)
    headers = {"x-roles": "member reader"}
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud", headers=headers) as client:
        yield client
    await database.close()


async def test_an_answer_goes_down_to_the_version_that_was_asked_for(client: httpx.AsyncClient) -> None:
    old = await client.get("/toys/v2/toys/7")
    assert old.json() == {"id": "7"}
    assert old.headers["openstack-api-version"] == "toys 2.1"
    new = await client.get("/toys/v2/toys/7", headers={"openstack-api-version": "toys latest"})
    assert new.json() == {"id": "7", "colour": "red"}
    assert new.headers["x-toys-version"] == "2.5"


async def test_a_version_out_of_range_is_refused(client: httpx.AsyncClient) -> None:
    for version, status in (("2.6", 406), ("1.0", 406), ("two", 400), ("2.", 400)):
        refused = await client.get("/toys/v2/toys/7", headers={"x-toys-version": version})
        assert refused.status_code == status, version
        assert refused.json()["toyFault"]["code"] == status


async def test_a_field_that_came_later_is_refused_before(client: httpx.AsyncClient) -> None:
    body = {"name": "ball", "size": 3}
    assert (await client.post("/toys/v2/toys", json=body)).status_code == 400
    created = await client.post("/toys/v2/toys", json=body, headers={"x-toys-version": "2.5"})
    assert created.status_code == 201
    assert created.json() == body


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"name": 1}', b'{"name": "a", "more": 1}', b'{"name": "\\u0000"}', b"\xff"]
)
async def test_a_senseless_body_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    refused = await client.post("/toys/v2/toys", content=body, headers={"x-toys-version": "2.5"})
    assert refused.status_code == 400


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    assert (await client.post("/toys/v2/toys", content=b" " * (2 << 20))).status_code == 413


async def test_who_may(client: httpx.AsyncClient) -> None:
    body = {"name": "ball"}
    assert (await client.post("/toys/v2/toys", json=body, headers={"x-roles": "reader"})).status_code == 403
    del client.headers["x-roles"]
    nobody = await client.post("/toys/v2/toys", json=body)
    assert nobody.status_code == 401
    assert nobody.headers["www-authenticate"].startswith("Keystone uri=")
    assert (await client.get("/toys/")).json() == {"url": "http://cloud/toys"}


async def test_actions(client: httpx.AsyncClient) -> None:
    path = "/toys/v2/toys/7/action"
    assert (await client.post(path, json={"spin": 3})).status_code == 202
    assert (await client.post(path, json={"spin": None})).status_code == 202
    for body in ({"spin": "fast"}, {"jump": 1}, {}, {"spin": 1, "jump": 1}):
        assert (await client.post(path, json=body)).status_code == 400, body


async def test_paths(client: httpx.AsyncClient) -> None:
    assert (await client.get("/toys/v2/toys/a%2Fb/")).json() == {"id": "a/b"}
    assert (await client.get("/toys/v2/toys/none")).status_code == 404
    assert (await client.get("/toys/v2/nothing")).status_code == 404
    assert (await client.delete("/toys/v2/toys/7")).status_code == 405
    assert (await client.get("/toys/v2/toys/%00")).status_code == 400
    assert (await client.head("/toys/v2/toys/7")).text == ""
    assert (await client.get("/toys/v2/new")).status_code == 404
    assert (await client.get("/toys/v2/new", headers={"x-toys-version": "2.3"})).text == "new"


async def test_our_own_bug_is_a_500_that_tells_nothing(client: httpx.AsyncClient) -> None:
    failed = await client.get("/toys/v2/broken")
    assert failed.status_code == 500
    assert "secret" not in failed.text
    assert failed.headers["x-openstack-request-id"].startswith("req-")


async def test_an_upload_comes_in_pieces(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    assert (await client.put("/toys/v2/toys/7/file", content=pieces())).status_code == 204


def test_a_problem_without_status_is_our_bug() -> None:
    assert Problem.status == 500
