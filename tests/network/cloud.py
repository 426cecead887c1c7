"""A client of the network API for each kind of caller, on the real application with a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from welkin.app import Config, open_cloud
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.http import Headers
from welkin.core.policy import Actor
from welkin.core.world import World

ROLES = {
    "admin": frozenset({"admin", "manager", "member", "reader"}),
    "manager": frozenset({"manager", "member", "reader"}),
    "member": frozenset({"member", "reader"}),
    "reader": frozenset({"reader"}),
}
Body = dict[str, Any]


async def authenticate(headers: Headers) -> Actor | None:
    """Believe the header: a role and a project."""
    said = headers.get(b"x-test-caller")
    if said is None:
        return None
    role, _, project = said.decode().partition("@")
    return Actor(user_id=f"{role}-user", project_id=project, roles=ROLES[role], is_admin=role == "admin")


class Client:
    """One caller."""

    def __init__(self, http: httpx.AsyncClient, caller: str) -> None:
        self._http, self._headers = http, {"x-test-caller": caller}

    async def call(
        self, method: str, path: str, body: Body | None = None, *, status: int = 200, headers: Mapping[str, str] = {}
    ) -> Any:
        """Make a call, demand its status, and return the body."""
        answer = await self._http.request(
            method, f"/network/v2.0/{path}", json=body, headers={**self._headers, **headers}
        )
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    async def get(self, path: str, status: int = 200) -> Any:
        """Read something."""
        return await self.call("GET", path, status=status)

    async def put(self, path: str, body: Body, status: int = 200) -> Any:
        """Change something."""
        return await self.call("PUT", path, body, status=status)

    async def delete(self, path: str, status: int = 204) -> Any:
        """Delete something."""
        return await self.call("DELETE", path, status=status)

    async def create(self, kind: str, status: int = 201, **fields: Any) -> Any:
        """Create one thing and return it."""
        found = await self.call("POST", COLLECTIONS[kind], {kind: fields}, status=status)
        return found[kind] if status == 201 else found

    async def list(self, kind: str, query: str = "") -> list[Any]:
        """Return a list."""
        path = COLLECTIONS[kind]
        found = await self.get(f"{path}?{query}" if query else path)
        return list(found[path.replace("-", "_")])


COLLECTIONS = {
    "network": "networks",
    "subnet": "subnets",
    "port": "ports",
    "router": "routers",
    "floatingip": "floatingips",
    "security_group": "security-groups",
    "security_group_rule": "security-group-rules",
    "default_security_group_rule": "default-security-group-rules",
    "subnetpool": "subnetpools",
    "address_scope": "address-scopes",
    "address_group": "address-groups",
    "rbac_policy": "rbac-policies",
}


class TestCloud:
    """The application, and its callers."""

    __test__ = False

    def __init__(self, cloud: Cloud, http: httpx.AsyncClient) -> None:
        self.cloud, self.http = cloud, http
        self.admin = Client(http, "admin@admin-project")
        self.manager = Client(http, "manager@demo-project")
        self.member = Client(http, "member@demo-project")
        self.reader = Client(http, "reader@demo-project")
        self.stranger = Client(http, "member@other-project")
        self.nobody = Client(http, "")

    async def network(self, cidr: str = "10.0.0.0/24", **fields: Any) -> tuple[Body, Body]:
        """Make a network of the member's with one subnet."""
        network = await self.member.create("network", name="net")
        subnet = await self.member.create(
            "subnet", network_id=network["id"], ip_version=6 if ":" in cidr else 4, cidr=cidr, **fields
        )
        return network, subnet

    async def outside(self, cidr: str = "203.0.113.0/24") -> tuple[Body, Body]:
        """Make an external network with one subnet."""
        network = await self.admin.create("network", name="public", **{"router:external": True})
        subnet = await self.admin.create("subnet", network_id=network["id"], ip_version=4, cidr=cidr, enable_dhcp=False)
        return network, subnet


@asynccontextmanager
async def test_cloud(folder: Path, database: str = "") -> AsyncIterator[TestCloud]:
    """Open an application whose state is in `folder`, on SQLite or on a PostgreSQL URL."""
    config = Config(cloud=CloudOptions(state_dir=folder, driver="memory", host="host-1", database=database))
    async with open_cloud(config, World()) as cloud:
        cloud.app.authenticators.insert(0, authenticate)
        transport = httpx.ASGITransport(cloud.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as http:
            yield TestCloud(cloud, http)


test_cloud.__test__ = False  # type: ignore[attr-defined]
