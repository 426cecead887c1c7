"""A whole cloud on a free port, its servers in memory, and the people who use it."""

from __future__ import annotations

import asyncio
import functools
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.postgres import postgres_url
from welkin.app import Config
from welkin.core import quota
from welkin.core.config import CloudOptions
from welkin.services.compute.servers.tables import CORES, INSTANCES, RAM
from welkin.testing.cloud import Running, running

LATEST = "2.104"
PASSWORD = "correct horse"
DEADLINE_S = 10.0


class Person:
    """Somebody with a token, and compute as they see it."""

    def __init__(self, client: httpx.AsyncClient, token: str, project_id: str, user_id: str) -> None:
        self.client, self.token, self.project_id, self.user_id = client, token, project_id, user_id

    async def __call__(
        self, method: str, path: str, body: Any = None, version: str = LATEST, **query: Any
    ) -> httpx.Response:
        """Send a request; a path without a service is compute's."""
        if not path.startswith(("/compute", "/network", "/image", "/identity", "/placement", "/welkin")):
            path = "/compute/v2.1" + path
        headers = {"x-auth-token": self.token, "x-openstack-nova-api-version": version}
        return await self.client.request(method, path, json=body, headers=headers, params=query or None)

    async def get(self, path: str, version: str = LATEST, **query: Any) -> Any:
        """Return the body of a GET that succeeds."""
        found = await self("GET", path, None, version, **query)
        assert found.status_code == 200, found.text
        return found.json()

    async def post(self, path: str, body: Any, *statuses: int) -> Any:
        """Return the body of a POST that succeeds."""
        made = await self("POST", path, body)
        assert made.status_code in (statuses or (200, 201, 202)), made.text
        return made.json() if made.content else None

    async def act(self, server_id: str, action: str, value: Any = None, version: str = LATEST) -> httpx.Response:
        """Do something to a server."""
        return await self("POST", f"/servers/{server_id}/action", {action: value}, version)

    async def server(self, server_id: str, version: str = LATEST) -> Any:
        """Return a server."""
        return (await self.get(f"/servers/{server_id}", version))["server"]

    async def until(self, server_id: str, status: str, task: str | None = None) -> Any:
        """Wait until a server has a status, and a task."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                server = await self.server(server_id)
                if server["status"] == status and server["OS-EXT-STS:task_state"] == task:
                    return server
                assert server["status"] != "ERROR", server.get("fault")
                await asyncio.sleep(0.005)

    async def until_gone(self, server_id: str) -> None:
        """Wait until a server is gone."""
        async with asyncio.timeout(DEADLINE_S):
            while (await self("GET", f"/servers/{server_id}")).status_code != 404:
                await asyncio.sleep(0.005)


class World:
    """The cloud, what is in it, and who uses it."""

    def __init__(self, run: Running, people: dict[str, Person], image_id: str, network_id: str) -> None:
        self.run, self.people, self.image_id, self.network_id = run, people, image_id, network_id
        self.admin, self.member, self.reader = people["admin"], people["member"], people["reader"]
        self.stranger, self.nobody = people["stranger"], people["nobody"]

    def wish(self, **more: Any) -> dict[str, Any]:
        """Return a request for a server."""
        networks = [{"uuid": self.network_id}]
        return {"server": {"name": "one", "flavorRef": "42", "imageRef": self.image_id, "networks": networks, **more}}

    async def boot(self, **more: Any) -> str:
        """Make a server, wait until it is active, and return its id."""
        made = await self.member.post("/servers", self.wish(**more), 202)
        server_id = str(made["server"]["id"])
        await self.member.until(server_id, "ACTIVE")
        return server_id


async def log_in(client: httpx.AsyncClient, user: str, password: str, project: str) -> Person:
    """Return a person with a token for a project."""
    who = {"name": user, "password": password, "domain": {"id": "default"}}
    scope = {"project": {"name": project, "domain": {"id": "default"}}}
    auth = {"identity": {"methods": ["password"], "password": {"user": who}}, "scope": scope}
    made = await client.post("/identity/v3/auth/tokens", json={"auth": auth})
    assert made.status_code == 201, made.text
    token = made.json()["token"]
    return Person(client, made.headers["x-subject-token"], token["project"]["id"], token["user"]["id"])


async def new_person(admin: Person, name: str, role: str, project: str) -> Person:
    """Make somebody with a role in a project."""
    found = (await admin.get(f"/identity/v3/projects?name={project}"))["projects"]
    if not found:
        found = [(await admin.post("/identity/v3/projects", {"project": {"name": project}}))["project"]]
    user = (await admin.post("/identity/v3/users", {"user": {"name": name, "password": PASSWORD}}))["user"]
    role_id = (await admin.get(f"/identity/v3/roles?name={role}"))["roles"][0]["id"]
    path = f"/identity/v3/projects/{found[0]['id']}/users/{user['id']}/roles/{role_id}"
    assert (await admin("PUT", path)).status_code == 204
    return await log_in(admin.client, name, PASSWORD, project)


async def furnish(admin: Person, member: Person) -> tuple[str, str]:
    """Make flavors, an image and a network; return the ids of the last two."""
    for id, name, vcpus, ram, disk in (("42", "m1.nano", 1, 128, 1), ("84", "m1.micro", 2, 256, 2)):
        flavor = {"id": id, "name": name, "vcpus": vcpus, "ram": ram, "disk": disk}
        await admin.post("/flavors", {"flavor": flavor})
    wanted = {"name": "tiny", "disk_format": "raw", "container_format": "bare", "visibility": "public"}
    image_id = (await admin.post("/image/v2/images", wanted))["id"]
    headers = {"x-auth-token": admin.token, "content-type": "application/octet-stream"}
    sent = await admin.client.put(f"/image/v2/images/{image_id}/file", content=b"x" * 1024, headers=headers)
    assert sent.status_code == 204, sent.text
    network = (await member.post("/network/v2.0/networks", {"network": {"name": "private"}}))["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.0.0.0/16"}
    await member.post("/network/v2.0/subnets", {"subnet": subnet})
    return image_id, network["id"]


@pytest_asyncio.fixture(
    scope="package", loop_scope="package", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
async def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Run a cloud with one host for all tests of servers, on each kind of database."""
    config = Config(cloud=CloudOptions(database=postgres_url() if request.param == "postgres" else ""))
    async with (
        running(tmp_path_factory.mktemp("cloud"), config) as run,
        httpx.AsyncClient(base_url=run.url, timeout=DEADLINE_S) as client,
    ):
        admin = await log_in(client, "admin", run.passwords["admin"], "admin")
        people = {
            "admin": admin,
            "member": await log_in(client, "demo", run.passwords["demo"], "demo"),
            "reader": await new_person(admin, "rita", "reader", "demo"),
            "stranger": await new_person(admin, "sam", "member", "elsewhere"),
            "nobody": Person(client, "", "", ""),
        }
        async with run.cloud.db.tx() as tx:
            no_limit = {each.name: -1 for each in (INSTANCES, CORES, RAM)}
            await quota.put(tx, "compute", quota.CLASS_DEFAULT, no_limit)
            await quota.put(tx, "network", quota.CLASS_DEFAULT, {"port": -1})
        image_id, network_id = await furnish(admin, people["member"])
        yield World(run, people, image_id, network_id)


def fault(response: httpx.Response, status: int) -> str:
    """Check the envelope of a refusal, and return its sentence."""
    words = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 409: "conflictingRequest"}
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == [words[status]]
    assert body[words[status]]["code"] == status
    return str(body[words[status]]["message"])


def fits(response: httpx.Response, version: str, name: str, module: str = "servers") -> Any:
    """Check an answer against the schema that Tempest has for it at that version, and return the body."""
    statuses, validator = upstream(version, name, module)
    assert response.status_code in statuses, response.text
    body = response.json()
    validator.validate(body)
    return body


@functools.cache
def upstream(version: str, name: str, module: str) -> tuple[list[int], Any]:
    """Return the statuses and the validator of bodies that Tempest has for an answer at a version."""
    package = pytest.importorskip("tempest.lib.api_schema.response.compute")
    jsonschema = pytest.importorskip("jsonschema")
    minors = [int(path.parent.name[3:]) for path in Path(package.__path__[0]).glob(f"v2_*/{module}.py")]
    older = sorted((each for each in minors if each <= int(version.partition(".")[2])), reverse=True)
    modules = (importlib.import_module(f"{package.__name__}.v2_{minor}.{module}") for minor in older)
    schema = next(getattr(each, name) for each in modules if hasattr(each, name))
    checker = jsonschema.FormatChecker(["ipv4", "ipv6"])
    return schema["status_code"], jsonschema.Draft4Validator(schema["response_body"], format_checker=checker)
