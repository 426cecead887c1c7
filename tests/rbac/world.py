"""A world of real things in a running cloud, all of one project, and the people who ask for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from tests.rbac.wire import Answer, Wire
from welkin.core.world import World as Clock
from welkin.testing.cloud import Running

MARK = "onlyours"
"""Part of every name that no stranger may ever read."""
PASSWORD = "a Long enough passw0rd"
HOST = "host-1"
DEADLINE_S = 60.0
NEWEST = {"OpenStack-API-Version": "compute latest, placement latest"}
Json = Any


class Cloud:
    """The cloud as each of the people sees it, and the ids of what was made in it."""

    def __init__(self, running: Running) -> None:
        self.running, self.wire = running, Wire(running.url)
        self.tokens: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.projects: dict[str, str] = {}
        self.roles: dict[str, str] = {}
        self.things: dict[str, str] = {}
        """By what stands before an argument in a path, or by the argument's name: what is asked for there."""
        self.secrets: set[str] = {MARK}
        """What no stranger may read: ids of what is the first project's own."""
        self.before: dict[str, str] = {}
        """What all that looked like before anybody tried anything."""
        self.agent_key = ""
        """What the host's agent proves itself by."""

    async def ask(
        self, who: str, method: str, path: str, body: Json = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request; whoever has no token sends none."""
        token = {"X-Auth-Token": self.tokens[who]} if who in self.tokens else {}
        sent = {**NEWEST, **token, **(headers or {})}
        if isinstance(body, bytes):
            return await self.wire.request(method, path, {"Content-Type": "application/octet-stream", **sent}, body)
        content = b"" if body is None else json.dumps(body).encode()
        return await self.wire.request(method, path, {"Content-Type": "application/json", **sent}, content)

    async def make(self, who: str, path: str, body: Json, method: str = "POST") -> Json:
        """Return the decoded answer of a request that must succeed; of a single key, what is below it."""
        answer = await self.ask(who, method, path, body)
        assert answer.ok, f"{method} {path}: {answer.status} {answer.text}"
        found = answer.json() if answer.content else None
        return next(iter(found.values())) if isinstance(found, dict) and len(found) == 1 else found

    async def thing(self, name: str, who: str, path: str, body: Json, *, secret: bool = True) -> Json:
        """Make something, and remember its id under `name`."""
        found = await self.make(who, path, body)
        self.things[name] = str(found["id"])
        if secret:
            self.secrets.add(str(found["id"]))
        return found

    async def log_in(self, who: str, user: str, password: str, scope: Json) -> str:
        """Get a token with a scope for a user of the default domain, remember it, and return it."""
        proof = {"user": {"name": user, "password": password, "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": proof}, "scope": scope}
        answer = await self.ask("", "POST", "/identity/v3/auth/tokens", {"auth": auth})
        assert answer.status == 201, answer.text
        self.tokens[who] = answer.headers["x-subject-token"]
        self.users[who] = answer.json()["token"]["user"]["id"]
        return self.tokens[who]

    async def until(self, who: str, path: str, wanted: Mapping[str, str]) -> Json:
        """Return the thing at `path` once it is as wanted."""
        clock = Clock()
        deadline = clock.monotonic() + DEADLINE_S
        while True:
            found = (await self.ask(who, "GET", path)).json()
            found = next(iter(found.values())) if len(found) == 1 else found
            if all(found.get(name) == value for name, value in wanted.items()):
                return found
            assert clock.monotonic() < deadline, f"{path} did not become {wanted}: {found}"
            await asyncio.sleep(0.05)


async def people(cloud: Cloud) -> None:
    """Make three projects, and somebody for each role; the administrator is there."""
    await cloud.log_in("admin", "admin", cloud.running.passwords["admin"], in_project("admin"))
    roles = (await cloud.ask("admin", "GET", "/identity/v3/roles")).json()["roles"]
    cloud.roles |= {role["name"]: role["id"] for role in roles}
    for project in ("first", "second", "third"):
        body = {"project": {"name": full_name(project), "domain_id": "default"}}
        cloud.projects[project] = (await cloud.make("admin", "/identity/v3/projects", body))["id"]
    homes = {"manager": "first", "member": "first", "reader": "first", "stranger": "second", "friend": "third"}
    for name, project in homes.items():
        body = {"user": {"name": name, "password": PASSWORD, "domain_id": "default"}}
        user = await cloud.make("admin", "/identity/v3/users", body)
        role = cloud.roles.get(name, cloud.roles["member"])
        path = f"/identity/v3/projects/{cloud.projects[project]}/users/{user['id']}/roles/{role}"
        await cloud.make("admin", path, None, "PUT")
        await cloud.log_in(name, name, PASSWORD, in_project(full_name(project)))
    cloud.things["subject"] = await cloud.log_in("spare", "member", PASSWORD, in_project(full_name("first")))
    cloud.things["projects"] = cloud.things["project_id"] = cloud.projects["first"]
    cloud.things["users"] = cloud.users["member"]


def full_name(project: str) -> str:
    """Return what a project is called in the cloud."""
    return f"{project}-{MARK}" if project == "first" else project


async def outsiders(cloud: Cloud) -> None:
    """Bring in those who are in no project: with no scope, as manager of another domain, as reader of the system."""
    domain = await cloud.make("admin", "/identity/v3/domains", {"domain": {"name": "elsewhere"}})
    for name, role, where in (
        ("steward", "manager", f"domains/{domain['id']}"),
        ("auditor", "reader", "system"),
    ):
        body = {"user": {"name": name, "password": PASSWORD, "domain_id": "default"}}
        user = await cloud.make("admin", "/identity/v3/users", body)
        path = f"/identity/v3/{where}/users/{user['id']}/roles/{cloud.roles[role]}"
        await cloud.make("admin", path, None, "PUT")
    await cloud.log_in("steward", "steward", PASSWORD, {"domain": {"id": domain["id"]}})
    await cloud.log_in("auditor", "auditor", PASSWORD, {"system": {"all": True}})
    await cloud.log_in("drifter", "stranger", PASSWORD, "unscoped")


def in_project(name: str) -> Json:
    """Return the scope of a project of the default domain."""
    return {"project": {"name": name, "domain": {"id": "default"}}}
