"""Data in and out: whole, in parts, cut short, too late, staged, imported, and by the hosts' agents."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.image.conftest import AGENT, Client, make, put
from welkin.core import quota
from welkin.core.cloud import Cloud, ControlPlane
from welkin.core.config import HttpOptions
from welkin.core.errors import Invalid, NotFound, Problem
from welkin.core.server import Server, bind
from welkin.services.image import public
from welkin.services.image.data.intake import Intake
from welkin.services.image.errors import NoPublicAddress
from welkin.services.image.imports import download
from welkin.services.image.options import ImageOptions

DATA = bytes(range(1, 256)) * 8000


def files(cloud: Cloud) -> list[str]:
    root = cloud.get(Intake).files.root
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_what_goes_in_comes_out(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    path = f"/v2/images/{image_id}/file"
    empty = await alice.get(path)
    assert (empty.status_code, empty.content) == (204, b"")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(DATA), 100_000):
            yield DATA[start : start + 100_000]

    assert (await put(alice, image_id, pieces())).status_code == 204
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    assert (image["status"], image["size"], image["virtual_size"]) == ("active", len(DATA), len(DATA))
    assert image["checksum"] == hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    assert (image["os_hash_algo"], image["os_hash_value"]) == ("sha512", hashlib.sha512(DATA).hexdigest())
    got = await alice.get(path)
    assert got.content == DATA
    assert got.headers["content-md5"] == image["checksum"]
    assert (await put(alice, image_id, b"again")).status_code == 409
    await cloud.workers.settle()
    assert len(files(cloud)) == 1


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=100-", 100, 999), ("bytes=-5", 995, 999), ("bytes=990-5000", 990, 999)],
)
async def test_a_part(alice: Client, asked: str, first: int, last: int) -> None:
    data = DATA[:1000]
    image_id = await make(alice, data)
    part = await alice.get(f"/v2/images/{image_id}/file", headers={"range": asked})
    assert part.status_code == 206
    assert part.content == data[first : last + 1]
    assert part.headers["content-range"] == f"bytes {first}-{last}/1000"
    for wrong in ("bytes=1000-", "bytes=9-3", "lines=1-2", "bytes=-"):
        assert (await alice.get(f"/v2/images/{image_id}/file", headers={"range": wrong})).status_code == 416


async def test_only_those_who_may(alice: Client, bob: Client, admin: Client) -> None:
    image_id = await make(alice, b"x", visibility="private")
    path = f"/v2/images/{image_id}"
    assert (await bob.get(f"{path}/file")).status_code == 404
    assert (await alice.put(f"{path}/file", content=b"x", headers={"content-type": "text/plain"})).status_code == 415
    assert (await bob.post(f"{path}/actions/deactivate")).status_code == 404
    assert (await alice.post(f"{path}/actions/deactivate")).status_code == 204
    assert (await alice.post(f"{path}/actions/deactivate")).status_code == 204
    assert (await alice.get(path)).json()["status"] == "deactivated"
    assert (await alice.get(f"{path}/file")).status_code == 403
    assert (await admin.get(f"{path}/file")).status_code == 200
    assert (await alice.post(f"{path}/actions/reactivate")).status_code == 204
    assert (await alice.get(f"{path}/file")).status_code == 200
    assert (await alice.post(f"/v2/images/{await make(alice)}/actions/deactivate")).status_code == 403


async def upload_that_breaks(cloud: Cloud, image_id: str) -> None:
    """Send half of the data, then leave as a client leaves whose cable was pulled."""
    events: list[dict] = [
        {"type": "http.request", "body": DATA[:1000], "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict:
        return events.pop(0) if events else {"type": "http.disconnect"}

    async def send(event: dict) -> None:
        statuses.append(event.get("status"))

    statuses: list[int | None] = []
    path = f"/image/v2/images/{image_id}/file"
    scope = {
        "type": "http", "method": "PUT", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"x-auth-token", b"alice"), (b"content-type", b"application/octet-stream")],
    }  # fmt: skip
    await cloud.app(scope, receive, send)
    assert statuses[0] == 400


async def test_an_upload_that_is_cut_short_never_becomes_an_image(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    await upload_that_breaks(cloud, image_id)
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert files(cloud) == []
    announced = {"x-openstack-image-size": "10"}
    assert (await put(alice, image_id, b"too short", **announced)).status_code == 400
    assert files(cloud) == []
    assert (await put(alice, image_id, b"whole")).status_code == 204


async def test_a_deletion_during_an_upload_wins(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * (2 << 20)
        begun.set()
        await go_on.wait()
        yield b"y"

    upload = asyncio.create_task(put(alice, image_id, pieces()))
    await begun.wait()
    assert (await alice.get(f"/v2/images/{image_id}")).json()["status"] == "saving"
    assert (await alice.delete(f"/v2/images/{image_id}")).status_code == 204
    await cloud.workers.settle()
    go_on.set()
    assert (await upload).status_code == 410
    await cloud.workers.settle()
    assert files(cloud) == []


async def test_of_two_uploads_at_once_one_wins(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    answers = await asyncio.gather(*(put(alice, image_id, bytes([each]) * (2 << 20)) for each in range(1, 5)))
    assert sorted(answer.status_code for answer in answers) == [204, 409, 409, 409]
    await cloud.workers.settle()
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    data = (await alice.get(f"/v2/images/{image_id}/file")).content
    assert hashlib.sha512(data).hexdigest() == image["os_hash_value"]
    assert len(files(cloud)) == 1


async def test_data_goes_after_its_row(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice, b"x")
    assert (await alice.delete(f"/v2/images/{image_id}")).status_code == 204
    assert len(files(cloud)) == 1
    await cloud.workers.settle()
    assert files(cloud) == []
    assert (await alice.get(f"/v2/images/{image_id}/file")).status_code == 404


async def test_a_crash_during_an_upload_is_put_right(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    intake = cloud.get(Intake)
    async with cloud.db.tx() as tx:
        name = await intake.begin(tx, image_id, "queued", "saving")
    writer = intake.files.begin(image_id, name)
    writer.write(b"half")
    await cloud.workers.settle()
    assert len(files(cloud)) == 1, "whoever uploads is believed alive for a while"
    async with cloud.db.tx() as tx:
        await tx.run("UPDATE images SET coming_until = 1")
        await tx.run("UPDATE work SET due = 0")
    await cloud.workers.settle()
    assert (await alice.get(f"/v2/images/{image_id}")).json()["status"] == "queued"
    assert files(cloud) == []
    assert (await put(alice, image_id, b"whole")).status_code == 204
    writer.discard()


async def test_staged_data_is_imported(alice: Client, cloud: Cloud) -> None:
    image_id = await make(alice)
    body = {"method": {"name": "glance-direct"}}
    path = f"/v2/images/{image_id}"
    assert (await alice.post(f"{path}/import", json=body)).status_code == 409
    assert (await put(alice, image_id, DATA, "stage")).status_code == 204
    assert (await alice.get(path)).json()["status"] == "uploading"
    assert (await alice.get(f"{path}/file")).status_code == 204
    assert (await alice.post(f"{path}/import", json=body)).status_code == 202
    await cloud.workers.settle()
    image = (await alice.get(path)).json()
    assert (image["status"], image["os_hash_value"]) == ("active", hashlib.sha512(DATA).hexdigest())
    assert (await alice.get(f"{path}/file")).content == DATA
    tasks = (await alice.get(f"{path}/tasks")).json()["tasks"]
    assert [(task["status"], task["type"]) for task in tasks] == [("success", "api_image_import")]
    assert len(files(cloud)) == 1


@pytest.fixture
def web() -> Iterator[str]:
    """A web server on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest")
                self.end_headers()
                return
            self.send_response(200 if self.path in ("/data", "/short") else 404)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            self.wfile.write(DATA[: 10 if self.path == "/short" else len(DATA)])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "status"), [("/data", "active"), ("/short", "queued"), ("/none", "queued"), ("/moved", "queued")]
)
async def test_data_from_the_web(
    alice: Client, admin: Client, cloud: Cloud, options: ImageOptions, web: str, path: str, status: str
) -> None:
    options.import_ports.append(int(web.rpartition(":")[2]))
    image_id = await make(alice)
    body = {"method": {"name": "web-download", "uri": web + path}}
    assert (await alice.post(f"/v2/images/{image_id}/import", json=body)).status_code == 202
    assert (await alice.get(f"/v2/images/{image_id}")).json()["status"] == "importing"
    await cloud.workers.settle()
    assert (await alice.get(f"/v2/images/{image_id}")).json()["status"] == status
    assert len(files(cloud)) == (1 if status == "active" else 0)
    task = (await admin.get("/v2/tasks")).json()["tasks"][0]
    shown = (await admin.get(task["self"])).json()
    assert shown["status"] == ("success" if status == "active" else "failure")
    assert bool(shown["message"]) is (status != "active")
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    assert image["os_glance_failed_import"] == ("" if status == "active" else "file")
    assert image["os_glance_importing_to_stores"] == ""
    assert (await alice.get("/v2/tasks")).status_code == 403


async def test_an_administrator_makes_an_image_of_a_url(
    alice: Client, admin: Client, cloud: Cloud, options: ImageOptions, web: str
) -> None:
    options.import_ports.append(int(web.rpartition(":")[2]))
    asked = {"import_from": f"{web}/data", "import_from_format": "raw", "image_properties": {"name": "w", "arch": "x"}}
    assert (await alice.post("/v2/tasks", json={"type": "import", "input": asked})).status_code == 403
    assert (await admin.post("/v2/tasks", json={"type": "magic", "input": asked})).status_code == 400
    inside = {**asked, "import_from": "http://127.0.0.1:1/"}
    assert (await admin.post("/v2/tasks", json={"type": "import", "input": inside})).status_code == 400
    created = await admin.post("/v2/tasks", json={"type": "import", "input": asked})
    assert created.status_code == 201
    await cloud.workers.settle()
    task = (await admin.get(created.json()["self"])).json()
    assert (task["status"], task["input"]) == ("success", asked)
    image = (await admin.get(f"/v2/images/{task['result']['image_id']}")).json()
    assert (image["name"], image["arch"], image["size"]) == ("w", "x", len(DATA))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://192.168.1.1/", "http://[fd00::1]/", "http://100.64.0.1/",
        "http://2130706433/", "http://224.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_not_public_is_not_reached(url: str) -> None:
    with pytest.raises((NoPublicAddress, Invalid)):
        next(download.fetch(url, ImageOptions()))


@pytest.mark.parametrize(
    "url",
    ["", "file:///etc/passwd", "ftp://a/", "http://a:22/", "http://u:p@a/", "http:///x", "http://a/ b", "gopher://a"],
)
async def test_a_url_that_is_not_for_the_web_is_refused_at_once(alice: Client, url: str) -> None:
    image_id = await make(alice)
    body = {"method": {"name": "web-download", "uri": url}}
    assert (await alice.post(f"/v2/images/{image_id}/import", json=body)).status_code == 400
    assert (await alice.get(f"/v2/images/{image_id}")).json()["status"] == "queued"


async def test_what_an_operator_allows_is_reached(web: str, options: ImageOptions) -> None:
    options.import_ports.append(int(web.rpartition(":")[2]))
    assert b"".join(download.fetch(f"{web}/data", options)) == DATA
    options.import_hosts.append("example.org")
    with pytest.raises(NoPublicAddress):
        next(download.fetch(f"{web}/data", options))


async def test_imports_that_make_no_sense(alice: Client) -> None:
    image_id = await make(alice, disk_format=None)
    for body, status in (
        ({}, 400),
        ({"method": {"name": "magic"}}, 400),
        ({"method": {"name": "web-download", "uri": "http://example.org/"}}, 409),
        ({"method": {"name": "glance-direct"}, "stores": ["moon"]}, 409),
    ):
        assert (await alice.post(f"/v2/images/{image_id}/import", json=body)).status_code == status, body


async def test_quotas(alice: Client, cloud: Cloud) -> None:
    first = await make(alice, b"x" * (2 << 20))
    usage = (await alice.get("/v2/info/usage")).json()["usage"]
    assert usage["image_size_total"] == {"limit": -1, "usage": 2}
    assert usage["image_count_total"] == {"limit": -1, "usage": 1}
    async with cloud.db.tx() as tx:
        await quota.put(tx, "image", "a", {"image_count_total": 2, "image_size_total": 3, "image_count_uploading": 0})
    second = await make(alice)
    assert (await alice.post("/v2/images", json={})).status_code == 413
    assert (await put(alice, second, b"x")).status_code == 413
    async with cloud.db.tx() as tx:
        await quota.put(tx, "image", "a", {"image_count_uploading": 1})
    assert (await put(alice, second, b"x" * (4 << 20))).status_code == 413
    assert (await put(alice, second, b"x")).status_code == 204
    assert (await alice.delete(f"/v2/images/{first}")).status_code == 204


async def test_discovery(alice: Client, admin: Client) -> None:
    methods = (await alice.get("/v2/info/import")).json()["import-methods"]["value"]
    assert methods == ["glance-direct", "web-download"]
    assert (await alice.get("/v2/info/stores")).json()["stores"][0]["id"] == "file"
    assert (await alice.get("/v2/info/stores/detail")).status_code == 403
    assert (await admin.get("/v2/info/stores/detail")).json()["stores"][0]["type"] == "file"
    image_id = await make(alice, b"x")
    assert (await alice.delete(f"/v2/stores/file/{image_id}")).status_code == 403
    assert (await alice.delete(f"/v2/stores/moon/{image_id}")).status_code == 409


@pytest.fixture
async def url(cloud: Cloud) -> AsyncIterator[str]:
    """The image service on a real socket."""
    listener: socket.socket = bind("127.0.0.1", 0)
    server = Server(cloud.app, HttpOptions())
    task = asyncio.create_task(server.serve([listener]))
    await server.started()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.stop()
    await task


def snapshot(host: str = "host1", **more: object) -> public.NewImage:
    return public.NewImage(name="s", owner="a", disk_format="raw", host=host, **more)


async def test_a_host_fetches_and_brings_data(alice: Client, cloud: Cloud, url: str, tmp_path: Path) -> None:
    images = public.Images(ControlPlane(url, "host1", "secret"))
    image_id = await make(alice, DATA)
    there = tmp_path / "there"
    assert await images.fetch_image(image_id, there) == len(DATA)
    assert there.read_bytes() == DATA
    async with cloud.db.tx() as tx:
        ours = await public.create_image(
            tx, cloud.world, ImageOptions(), snapshot(properties={"base": image_id}, tags=["t"])
        )
        other = await public.create_image(tx, cloud.world, ImageOptions(), snapshot("host2"))
    await images.send_image(ours, there)
    image = await public.get_image(cloud.db, ours, None)
    assert (image.status, image.size, image.properties, image.tags) == ("active", len(DATA), {"base": image_id}, ["t"])
    assert (await alice.get(f"/v2/images/{ours}/file")).content == DATA
    with pytest.raises(NotFound):
        await images.send_image(other, there)
    with pytest.raises(NotFound):
        await images.fetch_image(cloud.world.new_id(), there)
    with pytest.raises(Problem):
        await images.fetch_image(other, there)
    assert sorted(path.name for path in tmp_path.glob("there*")) == ["there"]


async def test_only_agents_use_their_way(alice: Client, admin: Client, cloud: Cloud) -> None:
    image_id = await make(alice, b"x")
    path = f"/v2/agent/images/{image_id}/file"
    assert (await admin.get(path)).status_code == 403
    assert (await alice.get(path, headers={**AGENT, "x-agent-key": "wrong"})).status_code == 401
    assert (await alice.get(path, headers=AGENT)).content == b"x"
    assert (
        await alice.put(path, content=b"y", headers={**AGENT, "content-type": "application/octet-stream"})
    ).status_code == 404


async def test_damage_on_the_way_is_noticed(alice: Client, cloud: Cloud, url: str, tmp_path: Path) -> None:
    image_id = await make(alice, DATA)
    row = await cloud.db.value("SELECT file FROM images")
    cloud.get(Intake).files.path(image_id, row).write_bytes(DATA[::-1])
    images = public.Images(ControlPlane(url, "host1", "secret"))
    with pytest.raises(Problem):
        await images.fetch_image(image_id, tmp_path / "there")
    assert list(tmp_path.glob("there*")) == []


async def test_a_real_client_left(cloud: Cloud, alice: Client, url: str) -> None:
    """A client that announces more than it sends, over a real connection."""
    image_id = await make(alice)
    port = int(url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"PUT /image/v2/images/{image_id}/file HTTP/1.1\r\nHost: x\r\nX-Auth-Token: alice\r\n"
        "Content-Type: application/octet-stream\r\nContent-Length: 5000000\r\n\r\n"
    )
    writer.write(head.encode() + DATA[:100_000])
    await writer.drain()
    while (await alice.get(f"/v2/images/{image_id}")).json()["status"] != "saving":
        await asyncio.sleep(0)
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(10):
        while (await alice.get(f"/v2/images/{image_id}")).json()["status"] != "queued":
            await asyncio.sleep(0)
    assert files(cloud) == []
