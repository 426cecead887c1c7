"""Deadlines, hosts that die, guests that shut themselves down, and consoles that dial back."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.compute.servers.conftest import World, fault
from welkin.core import agents, work
from welkin.core.agent import Agent, websocket_link
from welkin.core.cloud import ControlPlane
from welkin.services.compute.consoles.api import token_hash
from welkin.services.compute.host.consoles import Consoles
from welkin.services.compute.servers.tables import KIND

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def write(world: World, server_id: str, **columns: Any) -> None:
    """Write columns of a server as if time had passed."""
    async with world.run.cloud.db.tx() as tx:
        await tx.update("servers", {"id": server_id}, columns)
        await work.want(tx, KIND, server_id)


async def until(world: World, server_id: str, status: str) -> Any:
    """Wait for a status, whatever the task."""
    async with asyncio.timeout(10):
        while (server := await world.member.server(server_id))["status"] != status:
            await asyncio.sleep(0.005)
    return server


async def test_a_deadline_ends_in_error(world: World) -> None:
    server_id = await world.boot()
    await write(world, server_id, task_state="rebooting", boot_epoch=1, soft_reboots=0, deadline=1.0)
    server = await until(world, server_id, "ERROR")
    assert server["OS-EXT-STS:task_state"] is None
    assert server["fault"]["message"] == "The server's host did not finish in time (rebooting)."
    assert (await world.member("DELETE", f"/servers/{server_id}")).status_code == 204
    await world.member.until_gone(server_id)


async def test_deleting_wins_over_a_dead_host(world: World) -> None:
    server_id = await world.boot()
    async with world.run.cloud.db.tx() as tx:
        await agents.enrol(tx, world.run.cloud.world, "dead", "key")
        await tx.update("servers", {"id": server_id}, {"host": "dead"})
        await agents.touch(tx, "dead", KIND, [server_id])
    assert (await world.member("DELETE", f"/servers/{server_id}")).status_code == 204
    fault(await world.member("GET", f"/servers/{server_id}"), 404)
    assert "dead" in await agents.hosts_of(world.run.cloud.db, KIND, server_id)


async def test_deleting_wins_while_being_made(world: World) -> None:
    wish = world.wish(min_count=5, return_reservation_id=True)
    reservation = (await world.member.post("/servers", wish))["reservation_id"]
    listed = (await world.member.get("/servers", reservation_id=reservation))["servers"]
    for each in listed:
        assert (await world.member("DELETE", f"/servers/{each['id']}")).status_code == 204
    for each in listed:
        await world.member.until_gone(each["id"])
    db = world.run.cloud.db
    for each in listed:
        async with asyncio.timeout(10):
            while await agents.hosts_of(db, KIND, each["id"]):
                await asyncio.sleep(0.01)
        assert not await db.value("SELECT COUNT(*) FROM ports WHERE device_id = $1", each["id"])
        assert not await db.value("SELECT COUNT(*) FROM resource_allocations WHERE consumer_id = $1", each["id"])


async def test_a_resize_confirms_itself(world: World) -> None:
    server_id = await world.boot()
    await world.member.act(server_id, "resize", {"flavorRef": "84"})
    await world.member.until(server_id, "VERIFY_RESIZE")
    await write(world, server_id, deadline=1.0)
    await world.member.until(server_id, "ACTIVE")
    await world.member("DELETE", f"/servers/{server_id}")


async def test_a_console_is_carried_to_the_browser(world: World) -> None:
    """A guest's socket speaks, its agent dials back, a browser reads; a wrong token sees nothing."""
    run, folder = world.run, Path(tempfile.mkdtemp(prefix="wk-console-", dir="/tmp"))
    path = folder / "vnc"

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"RFB 003.008\n")
        writer.write(b"heard " + await reader.read(100))
        await writer.drain()
        writer.close()

    async def socket_of(_server_id: str, _protocol: str) -> str:
        return str(path)

    async with run.cloud.db.tx() as tx:
        await agents.enrol(tx, run.cloud.world, "screen", "secret")
        row = {"server_id": "s", "host": "screen", "protocol": "vnc", "type": "novnc", "expires_at": 1e12}
        await tx.insert("console_tokens", {"token_hash": token_hash("good"), **row})
    server = await asyncio.start_unix_server(speak, path)
    agent = Agent(run.cloud.world, lambda: websocket_link(run.url, "screen", "secret"))
    agent.answer("compute.console", Consoles(ControlPlane(run.url, "screen", "secret"), socket_of).open)
    serving = asyncio.create_task(agent.run())
    await asyncio.wait_for(agent.synced.wait(), 10)
    url = run.url.replace("http", "ws", 1) + "/compute/console/websockify?token="
    try:
        async with connect(url + "good", subprotocols=["binary"]) as browser:  # type: ignore[list-item]
            assert await browser.recv() == b"RFB 003.008\n"
            await browser.send(b"me")
            assert await browser.recv() == b"heard me"
        with pytest.raises(InvalidStatus):
            async with connect(url + "bad"):
                pass
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        server.close()
        path.unlink(missing_ok=True)
        folder.rmdir()


async def test_the_page_with_the_screen(world: World) -> None:
    server_id = await world.boot()
    console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    made = await world.member.post(f"/servers/{server_id}/remote-consoles", console)
    page = await world.member.client.get(made["remote_console"]["url"])
    if page.status_code == 404:
        pytest.skip("noVNC is not installed")
    assert "noVNC" in page.text
    assert page.headers["content-type"] == "text/html"
    for path in ("core/rfb.js", "vendor/pako/lib/zlib/inflate.js"):
        script = await world.member.client.get(f"/compute/console/{path}")
        assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript")
    for path in ("..%2f..%2fetc%2fpasswd", "%2e%2e/etc/passwd", "core"):
        assert (await world.member.client.get(f"/compute/console/{path}")).status_code == 404
    token = made["remote_console"]["url"].rpartition("%3D")[2]
    shown = await world.admin.get(f"/os-console-auth-tokens/{token}")
    assert shown["console"]["instance_uuid"] == server_id
    fault(await world.admin("GET", "/os-console-auth-tokens/none"), 404)
    fault(await world.member("GET", f"/os-console-auth-tokens/{token}"), 403)
    await world.member("DELETE", f"/servers/{server_id}")
