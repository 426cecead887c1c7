"""What no honest client sends, to a whole cloud: each is refused at once, and the cloud goes on."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tests.fuzz import hostile
from tests.rbac import things
from tests.rbac.test_live import path as path_of
from tests.rbac.test_live import routes
from tests.rbac.world import Cloud, in_project
from welkin.testing.cloud import running

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
EACH = 2
"""How many wrong requests each route gets; `make fuzz` sends them all."""
QUICK_S = 2.0
FAILED = {500, 502, 503, 504}
BIG = "9" * 20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """One cloud for all, with one of everything."""
    async with running(tmp_path_factory.mktemp("hostile")) as up:
        made = Cloud(up)
        await things.build(made)
        yield made
        await made.wire.close()


@pytest_asyncio.fixture(loop_scope="module")
async def admin(cloud: Cloud) -> AsyncIterator[httpx.AsyncClient]:
    token = await cloud.log_in("admin", "admin", cloud.running.passwords["admin"], in_project("admin"))
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=cloud.running.url, headers=headers, timeout=10) as client:
        yield client


async def test_a_sample_of_all_wrong_requests(cloud: Cloud, admin: httpx.AsyncClient) -> None:
    dice, wrong = random.Random(1), []
    for route in sorted(routes(), key=lambda route: route.method == "DELETE"):
        for request in hostile.some(route, cloud, path_of(cloud, route), dice, EACH):
            if route.method == "DELETE" and not request.said.startswith("path"):
                continue
            answer = await hostile.send(admin, request)
            if answer is not None and (answer.status_code in FAILED or "x-injected" in answer.headers):
                wrong.append(f"{route.method} {route.path} {route.action}: {request.said}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)
    assert (await admin.get("/healthcheck")).status_code == 200


OLD = {"X-OpenStack-Nova-API-Version": "2.1"}


@pytest.mark.parametrize(
    ("method", "path", "content", "headers", "status"),
    [
        ("GET", f"/compute/v2.1/os-hypervisors?marker={BIG}", None, {"X-OpenStack-Nova-API-Version": "2.33"}, 400),
        ("GET", f"/compute/v2.1/os-hypervisors/{BIG}/uptime", None, OLD, 404),
        ("GET", f"/compute/v2.1/os-server-groups?offset={BIG}", None, OLD, 200),
        ("GET", f"/compute/v2.1/servers?power_state={BIG}", None, OLD, 200),
        ("GET", "/compute/v2.1/servers?power_state=%C2%B2", None, OLD, 200),
        ("GET", "/compute/v2.1/servers?name=" + "a%3F" * 60 + "a" * 60, None, OLD, 200),
        ("GET", "/compute/v2.1/servers?name=(", None, OLD, 400),
        ("DELETE", f"/compute/v2.1/os-services/{BIG}", None, OLD, 400),
        ("GET", "/compute/v2.1/os-aggregates/" + "9" * 5000, None, OLD, 400),
        ("POST", "/compute/v2.1/os-keypairs", b"null", OLD, 400),
        ("POST", "/compute/v2.1/os-keypairs", b"[]", OLD, 400),
        ("POST", "/compute/v2.1/servers", b"\xff\xfe", OLD, 400),
        ("POST", "/compute/v2.1/servers", b"[" * 100_000, OLD, 400),
        ("POST", "/compute/v2.1/flavors", b'{"flavor": {"name": "f", "vcpus": 1e400, "ram": 1, "disk": 1}}', OLD, 400),
        ("POST", "/identity/v3/projects", json.dumps({"project": {"name": "x" * 1_000_000}}).encode(), {}, 400),
        ("POST", "/identity/v3/projects", json.dumps({"project": {"name": "x" * 1_100_000}}).encode(), {}, 413),
        ("POST", "/identity/v3/projects", b'{"project": {"name": "\\ud800"}}', {}, 400),
        ("POST", "/identity/v3/projects", b'{"project": {"name": "\\u0000"}}', {}, 400),
        ("POST", "/identity/v3/auth/tokens", b'{"auth": ' * 2000, {}, 400),
        ("POST", "/network/v2.0/networks", b'{"network": {"mtu": 1180591620717411303424}}', {}, 400),
        ("POST", "/network/v2.0/networks", b'{"network": {"mtu": NaN}}', {}, 400),
        ("GET", "/identity/v3/users/..%2f..%2f..%2fetc%2fpasswd", None, {}, 404),
        ("GET", "/image/v2/images/%00/file", None, {}, 400),
        ("GET", "/image/v2/images/%ff%fe", None, {}, 400),
        ("GET", "/identity/v3/users", None, {"X-Auth-Token": "\xff\xfe".encode("latin-1")}, 401),
        ("GET", "/identity/v3/users", None, {"X-Auth-Token": b"x" * 20_000}, 401),
    ],
)
async def test_a_wrong_request_is_refused(admin, method: str, path: str, content, headers, status: int) -> None:
    started = time.monotonic()
    answer = await admin.request(method, path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert time.monotonic() - started < QUICK_S


async def test_a_protocol_is_a_number_only_in_plain_digits(cloud: Cloud, admin: httpx.AsyncClient) -> None:
    rule = {"security_group_id": cloud.things["security-groups"], "direction": "ingress", "protocol": "\u00b2"}
    answer = await admin.post("/network/v2.0/security-group-rules", json={"security_group_rule": rule})
    assert answer.status_code == 400


async def test_a_backup_keeps_no_more_than_can_be_counted(cloud: Cloud, admin: httpx.AsyncClient) -> None:
    backup = {"name": "b", "backup_type": "daily", "rotation": "9" * 30}
    path = f"/compute/v2.1/servers/{cloud.things['servers']}/action"
    assert (await admin.post(path, json={"createBackup": backup})).status_code == 400


async def test_what_is_not_http_ends_with_a_400(cloud: Cloud) -> None:
    for raw in (b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"A" * 100_000):
        assert (await talk(cloud, raw + b"\r\n\r\n")).partition(b" ")[2][:3] in (b"400", b"")
    both = (
        b"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert b" 400 " in (await talk(cloud, both + b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n")).partition(b"\r\n")[0]


async def test_who_is_slow_or_leaves_stops_nobody(cloud: Cloud, admin: httpx.AsyncClient) -> None:
    wanted = {"name": "left", "disk_format": "raw", "container_format": "bare"}
    image = (await admin.post("/image/v2/images", json=wanted)).json()
    head = f"PUT /image/v2/images/{image['id']}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {cloud.tokens['admin']}\r\n"
    head += "Content-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n"
    begun = [await connect(cloud) for _ in range(20)]
    for _, writer in begun[:10]:
        writer.write(b"POST /identity/v3/auth/tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    for _, writer in begun[10:]:
        writer.write(head.encode() + b"some data")
        await writer.drain()
    started = time.monotonic()
    assert (await admin.get("/identity/v3/users")).status_code == 200
    assert time.monotonic() - started < QUICK_S
    for _, writer in begun:
        writer.close()
    async with asyncio.timeout(10):
        while (await admin.get(f"/image/v2/images/{image['id']}")).json()["status"] != "queued":
            await asyncio.sleep(0.05)
    sent = await admin.put(
        f"/image/v2/images/{image['id']}/file", content=b"x", headers={"Content-Type": "application/octet-stream"}
    )
    assert sent.status_code == 204, sent.text


async def connect(cloud: Cloud) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection of one's own."""
    parts = urlsplit(cloud.running.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def talk(cloud: Cloud, raw: bytes) -> bytes:
    """Send bytes as they are, and return what comes until the server hangs up."""
    reader, writer = await connect(cloud)
    writer.write(raw)
    writer.write_eof()
    async with asyncio.timeout(10):
        found = await reader.read()
    writer.close()
    return found
