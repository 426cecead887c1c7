"""A cloud with identity alone, in the process, and somebody to talk to it as."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from welkin.app import Config, open_cloud
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.world import World
from welkin.services.identity import public

PASSWORD = "pass word"
CHEAP = {"hash_memory_kib": 8, "hash_passes": 1}


class Movable(World):
    """The real world, whose clock a test can push."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_s


class Client:
    """Somebody with a token."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None, token_body: Any = None) -> None:
        self.http, self.token, self.body = http, token, token_body

    async def call(self, method: str, path: str, status: int, json: Any = None, **headers: str) -> Any:
        """Make a request, demand its status, and return the body."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("x-auth-token", self.token)
        answer = await self.http.request(method, f"/identity{path}", json=json, headers=sent)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        if status >= 400 and method != "HEAD":
            assert answer.json()["error"]["code"] == status
        return answer.json() if answer.content else None

    async def get(self, path: str, status: int = 200, **headers: str) -> Any:
        return await self.call("GET", path, status, **headers)

    async def post(self, path: str, json: Any, status: int = 201) -> Any:
        return await self.call("POST", path, status, json)

    async def put(self, path: str, json: Any = None, status: int = 204) -> Any:
        return await self.call("PUT", path, status, json)

    async def patch(self, path: str, json: Any, status: int = 200) -> Any:
        return await self.call("PATCH", path, status, json)

    async def delete(self, path: str, status: int = 204) -> Any:
        return await self.call("DELETE", path, status)

    async def head(self, path: str, status: int) -> Any:
        return await self.call("HEAD", path, status)


class Site:
    """A running cloud."""

    def __init__(self, cloud: Cloud, world: Movable, http: httpx.AsyncClient) -> None:
        self.cloud, self.world, self.http = cloud, world, http
        self.nobody = Client(http)
        self.count = 0

    async def log_in(
        self, user: dict[str, Any] | str, scope: Any = None, password: str = PASSWORD, status: int = 201
    ) -> Client:
        """Return somebody with a token; `user` is a name in the default domain or a reference."""
        ref = {"name": user, "domain": {"id": "default"}} if isinstance(user, str) else user
        identity = {"methods": ["password"], "password": {"user": {**ref, "password": password}}}
        return await self.authenticate(identity, scope, status)

    async def authenticate(self, identity: Any, scope: Any = None, status: int = 201) -> Client:
        """Return somebody with a token that `identity` proves."""
        auth = {"identity": identity} | ({} if scope is None else {"scope": scope})
        answer = await self.http.post("/identity/v3/auth/tokens", json={"auth": auth})
        assert answer.status_code == status, answer.text
        return Client(self.http, answer.headers.get("x-subject-token"), answer.json().get("token"))

    async def admin(self, scope: Any = None) -> Client:
        return await self.log_in("admin", scope or {"project": {"name": "admin", "domain": {"id": "default"}}})

    def name(self, what: str) -> str:
        self.count += 1
        return f"{what}-{self.count}"

    async def project(self, **more: Any) -> dict[str, Any]:
        admin = await self.admin()
        body = {"name": self.name("project"), "domain_id": "default"} | more
        return (await admin.post("/v3/projects", {"project": body}))["project"]

    async def domain(self) -> dict[str, Any]:
        admin = await self.admin()
        return (await admin.post("/v3/domains", {"domain": {"name": self.name("domain")}}))["domain"]

    async def user(self, **more: Any) -> dict[str, Any]:
        admin = await self.admin()
        body = {"name": self.name("user"), "password": PASSWORD, "domain_id": "default"} | more
        return (await admin.post("/v3/users", {"user": body}))["user"]

    async def role_id(self, name: str) -> str:
        admin = await self.admin()
        return (await admin.get(f"/v3/roles?name={name}"))["roles"][0]["id"]

    async def somebody(self, role: str, project: dict[str, Any] | None = None) -> Client:
        """Return a new user with a role on a project."""
        project = project or await self.project()
        user, admin = await self.user(), await self.admin()
        role_id = await self.role_id(role)
        await admin.put(f"/v3/projects/{project['id']}/users/{user['id']}/roles/{role_id}")
        return await self.log_in({"id": user["id"]}, {"project": {"id": project["id"]}})

    async def of_domain(self, role: str, domain: dict[str, Any]) -> Client:
        """Return a new user with a role on a domain, who acts there."""
        user, admin = await self.user(domain_id=domain["id"]), await self.admin()
        role_id = await self.role_id(role)
        await admin.put(f"/v3/domains/{domain['id']}/users/{user['id']}/roles/{role_id}")
        return await self.log_in({"id": user["id"]}, {"domain": {"id": domain["id"]}})

    async def system_reader(self) -> Client:
        user, admin = await self.user(), await self.admin()
        await admin.put(f"/v3/system/users/{user['id']}/roles/{await self.role_id('reader')}")
        return await self.log_in({"id": user["id"]}, {"system": {"all": True}})


@pytest.fixture
def options() -> dict[str, Any]:
    """What a test module chooses of identity's options."""
    return {}


@pytest.fixture
async def site(tmp_path: Path, options: dict[str, Any]) -> AsyncIterator[Site]:
    world = Movable()
    config = Config(
        cloud=CloudOptions(state_dir=tmp_path, policy_file=tmp_path / "policy.toml"),
        identity=public.IdentityOptions(**CHEAP | options),
    )
    async with open_cloud(config, world) as cloud:
        await public.ensure_cloud(cloud, {"admin": PASSWORD, "demo": PASSWORD})
        transport = httpx.ASGITransport(cloud.app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud:5000") as http:
            yield Site(cloud, world, http)
