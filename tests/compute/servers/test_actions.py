"""What is done to servers: each action's success, what it is refused for, and who may not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.compute.servers.conftest import World, fault, fits

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_power(world: World) -> None:
    server_id = await world.boot()
    member = world.member
    steps: list[tuple[str, Any, str, int]] = [
        ("os-stop", None, "SHUTOFF", 4),
        ("os-start", None, "ACTIVE", 1),
        ("pause", {}, "PAUSED", 3),
        ("unpause", None, "ACTIVE", 1),
        ("suspend", None, "SUSPENDED", 4),
        ("resume", None, "ACTIVE", 1),
        ("reboot", {"type": "SOFT"}, "ACTIVE", 1),
        ("reboot", {"type": "HARD"}, "ACTIVE", 1),
    ]
    for action, value, status, power in steps:
        done = await member.act(server_id, action, value)
        assert done.status_code == 202, (action, done.text)
        assert done.content == b""
        server = await member.until(server_id, status)
        assert server["OS-EXT-STS:power_state"] == power, action
    actions = (await member.get(f"/servers/{server_id}/os-instance-actions"))["instanceActions"]
    names = [each["action"] for each in reversed(actions)]
    assert names == ["create", "stop", "start", "pause", "unpause", "suspend", "resume", "reboot", "reboot"]
    await member("DELETE", f"/servers/{server_id}")


REFUSED = [
    ("os-start", None, "start"),
    ("unpause", None, "unpause"),
    ("resume", None, "resume"),
    ("unrescue", None, "unrescue"),
    ("confirmResize", None, "confirmResize"),
    ("revertResize", None, "revertResize"),
    ("unshelve", None, "unshelve"),
    ("restore", None, "restore"),
]


async def test_what_an_active_server_refuses(world: World) -> None:
    server_id = await world.boot()
    for action, value, verb in REFUSED:
        text = fault(await world.member.act(server_id, action, value), 409)
        assert text == f"Cannot '{verb}' instance {server_id} while it is in vm_state active"
    assert "Failed to set admin password" in fault(
        await world.member.act(server_id, "changePassword", {"adminPass": "x"}), 409
    )
    for action, value in (
        ("reboot", {"type": "soon"}),
        ("reboot", {}),
        ("rebuild", {}),
        ("resize", {"flavorRef": ""}),
        ("resize", {"flavorRef": "42"}),
        ("resize", {"flavorRef": "none"}),
        ("createImage", {"name": ""}),
        ("unshelve", {}),
        ("lock", {}),
        ("rescue", {"rescue_image_ref": "6a4a6aa0-0000-4000-8000-000000000000"}),
        ("dance", None),
    ):
        fault(await world.member.act(server_id, action, value), 400)
    await world.member("DELETE", f"/servers/{server_id}")


EVERY: list[tuple[str, Any]] = [
    ("os-start", None),
    ("os-stop", None),
    ("reboot", {"type": "HARD"}),
    ("pause", None),
    ("unpause", None),
    ("suspend", None),
    ("resume", None),
    ("lock", None),
    ("unlock", None),
    ("rescue", None),
    ("unrescue", None),
    ("resize", {"flavorRef": "84"}),
    ("confirmResize", None),
    ("revertResize", None),
    ("createImage", {"name": "x"}),
    ("createBackup", {"name": "x", "backup_type": "daily", "rotation": 1}),
    ("shelve", None),
    ("shelveOffload", None),
    ("unshelve", None),
    ("changePassword", {"adminPass": "x"}),
    ("os-resetState", {"state": "error"}),
    ("forceDelete", None),
    ("restore", None),
    ("addSecurityGroup", {"name": "default"}),
    ("removeSecurityGroup", {"name": "default"}),
    ("os-getConsoleOutput", {}),
]


async def test_who_may_not(world: World) -> None:
    server_id = await world.boot()
    body = {"imageRef": world.image_id}
    for action, value in [*EVERY, ("rebuild", body)]:
        assert (await world.nobody.act(server_id, action, value)).status_code == 401, action
        fault(await world.reader.act(server_id, action, value), 403)
        stranger = await world.stranger.act(server_id, action, value)
        assert stranger.status_code == 404, (action, stranger.text)
    for action, value in (("os-resetState", {"state": "error"}), ("shelveOffload", None)):
        fault(await world.member.act(server_id, action, value), 403)
    await world.member("DELETE", f"/servers/{server_id}")


async def test_a_locked_server(world: World) -> None:
    server_id = await world.boot()
    assert (await world.member.act(server_id, "lock", {"locked_reason": "mine"})).status_code == 202
    server = await world.member.server(server_id)
    assert (server["locked"], server["locked_reason"]) == (True, "mine")
    assert fault(await world.member.act(server_id, "os-stop"), 409) == f"Instance {server_id} is locked"
    fault(await world.member("DELETE", f"/servers/{server_id}"), 409)
    listed = await world.member.get("/servers", locked="true")
    assert server_id in [each["id"] for each in listed["servers"]]
    assert (await world.member.act(server_id, "unlock")).status_code == 202
    assert (await world.admin.act(server_id, "lock")).status_code == 202
    fault(await world.member.act(server_id, "unlock"), 403)
    assert (await world.admin("DELETE", f"/servers/{server_id}")).status_code == 204


async def test_rescue(world: World) -> None:
    server_id = await world.boot()
    rescued = await world.member.act(server_id, "rescue", {"adminPass": "secret"})
    assert (rescued.status_code, rescued.json()) == (200, {"adminPass": "secret"})
    await world.member.until(server_id, "RESCUE")
    assert (await world.member.act(server_id, "unrescue")).status_code == 202
    await world.member.until(server_id, "ACTIVE")
    assert (await world.member.act(server_id, "rescue", None)).json()["adminPass"]
    await world.member.until(server_id, "RESCUE")
    assert (await world.member("DELETE", f"/servers/{server_id}")).status_code == 204


async def test_rebuild(world: World) -> None:
    server_id = await world.boot(metadata={"old": "1"})
    before = await world.member.server(server_id)
    body = {"imageRef": world.image_id, "name": "new", "metadata": {"new": "2"}, "adminPass": "p", "user_data": "YQ=="}
    rebuilt = await world.member.act(server_id, "rebuild", body)
    server = fits(rebuilt, "2.104", "rebuild_server_with_admin_pass")["server"]
    assert (server["status"], server["adminPass"], server["name"]) == ("REBUILD", "p", "new")
    assert (server["metadata"], server["user_data"]) == ({"new": "2"}, "YQ==")
    after = await world.member.until(server_id, "ACTIVE")
    assert after["addresses"] == before["addresses"]
    missing = {"imageRef": "6a4a6aa0-0000-4000-8000-000000000000"}
    assert fault(await world.member.act(server_id, "rebuild", missing), 400) == "Cannot find image for rebuild"
    await world.member("DELETE", f"/servers/{server_id}")


async def moves_of(world: World, server_id: str) -> list[tuple[str, str, bool]]:
    """Return the type and the status of each of a server's moves, and whether it stayed on its host."""
    listed = await world.admin.get("/os-migrations", instance_uuid=server_id)
    return [
        (each["migration_type"], each["status"], each["source_compute"] == each["dest_compute"] is not None)
        for each in listed["migrations"]
    ]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("end", ["confirmResize", "revertResize"])
async def test_resize(world: World, end: str, *, stopped: bool) -> None:
    server_id = await world.boot()
    state = "ACTIVE"
    if stopped:
        state = "SHUTOFF"
        await world.member.act(server_id, "os-stop")
        await world.member.until(server_id, "SHUTOFF")
    assert (await world.member.act(server_id, "resize", {"flavorRef": "84"})).status_code == 202
    server = await world.member.until(server_id, "VERIFY_RESIZE")
    assert (server["flavor"]["original_name"], server["flavor"]["vcpus"]) == ("m1.micro", 2)
    assert await moves_of(world, server_id) == [("resize", "finished", True)]
    assert (await world.member.act(server_id, end)).status_code == (204 if end == "confirmResize" else 202)
    server = await world.member.until(server_id, state)
    held = (await world.admin("GET", f"/placement/allocations/{server_id}")).json()["allocations"]
    vcpus = 2 if end == "confirmResize" else 1
    assert server["flavor"]["vcpus"] == vcpus
    assert [each["resources"]["VCPU"] for each in held.values()] == [vcpus]
    assert await moves_of(world, server_id) == [("resize", "confirmed" if vcpus == 2 else "reverted", True)]
    fault(await world.member.act(server_id, end), 409)
    await world.member("DELETE", f"/servers/{server_id}")


async def test_a_disk_does_not_shrink(world: World) -> None:
    server_id = await world.boot(flavorRef="84")
    assert "shrink" in fault(await world.member.act(server_id, "resize", {"flavorRef": "42"}), 400)
    await world.member("DELETE", f"/servers/{server_id}")


async def test_images(world: World) -> None:
    server_id = await world.boot()
    made = await world.member.act(server_id, "createImage", {"name": "copy", "metadata": {"k": "v"}})
    image_id = made.json()["image_id"]
    assert made.status_code == 202
    assert made.headers["location"].endswith(f"/image/v2/images/{image_id}")
    server = await world.member.until(server_id, "ACTIVE")
    image = await world.member.get(f"/image/v2/images/{image_id}")
    assert (image["status"], image["name"], image["k"], image["image_type"]) == ("active", "copy", "v", "snapshot")
    assert image["instance_uuid"] == server["id"]
    again = await world.boot(imageRef=image_id)
    assert (await world.member.server(again))["image"]["id"] == image_id
    old = await world.member.act(server_id, "createImage", {"name": "copy"}, "2.1")
    assert (old.status_code, old.content) == (202, b"")
    await world.member.until(server_id, "ACTIVE")
    for each in (server_id, again):
        await world.member("DELETE", f"/servers/{each}")


async def test_backups_rotate(world: World) -> None:
    server_id = await world.boot()
    for number in range(3):
        body = {"name": f"backup-{number}", "backup_type": "daily", "rotation": "2"}
        assert (await world.member.act(server_id, "createBackup", body)).status_code == 202
        await world.member.until(server_id, "ACTIVE")
    images = await world.member.get("/image/v2/images", instance_uuid=server_id)
    assert sorted(each["name"] for each in images["images"]) == ["backup-1", "backup-2"]
    await world.member("DELETE", f"/servers/{server_id}")


async def test_shelving(world: World) -> None:
    server_id = await world.boot()
    assert (await world.member.act(server_id, "shelve")).status_code == 202
    server = await world.member.until(server_id, "SHELVED_OFFLOADED")
    assert server["OS-EXT-STS:power_state"] == 0
    assert server["hostId"] == ""
    images = (await world.member.get("/image/v2/images", name="one-shelved"))["images"]
    assert [each["status"] for each in images] == ["active"]
    held = (await world.admin("GET", f"/placement/allocations/{server_id}")).json()["allocations"]
    assert held == {}
    assert (await world.member.act(server_id, "unshelve", {"availability_zone": "nova"})).status_code == 202
    server = await world.member.until(server_id, "ACTIVE")
    assert server["pinned_availability_zone"] == "nova"
    assert server["hostId"]
    assert (await world.member.get("/image/v2/images", name="one-shelved"))["images"] == []
    await world.member("DELETE", f"/servers/{server_id}")


async def test_reset_state(world: World) -> None:
    server_id = await world.boot()
    assert (await world.admin.act(server_id, "os-resetState", {"state": "error"})).status_code == 202
    assert (await world.member.server(server_id))["status"] == "ERROR"
    assert (await world.member.act(server_id, "reboot", {"type": "HARD"})).status_code == 202
    async with asyncio.timeout(5):
        while (await world.member.server(server_id))["status"] != "ACTIVE":
            await asyncio.sleep(0.01)
    fault(await world.admin.act(server_id, "os-resetState", {"state": "happy"}), 400)
    assert (await world.admin.act(server_id, "injectNetworkInfo")).status_code == 202
    fault(await world.member.act(server_id, "injectNetworkInfo"), 403)
    assert (await world.member.act(server_id, "forceDelete")).status_code == 202
    await world.member.until_gone(server_id)


async def test_security_groups(world: World) -> None:
    server_id = await world.boot()
    group = {"security_group": {"name": "web"}}
    await world.member.post("/network/v2.0/security-groups", group)
    assert (await world.member.act(server_id, "addSecurityGroup", {"name": "web"})).status_code == 202
    names = [each["name"] for each in (await world.member.server(server_id))["security_groups"]]
    assert names == ["default", "web"]
    assert (await world.member.act(server_id, "removeSecurityGroup", {"name": "web"})).status_code == 202
    fault(await world.member.act(server_id, "removeSecurityGroup", {"name": "web"}), 404)
    fault(await world.member.act(server_id, "addSecurityGroup", {"name": "none"}), 404)
    await world.member("DELETE", f"/servers/{server_id}")


async def test_console_output(world: World) -> None:
    server_id = await world.boot()
    output = await world.member.act(server_id, "os-getConsoleOutput", {"length": 10})
    assert len(fits(output, "2.104", "get_console_output")["output"].split("\n")) <= 10
    assert (await world.member.act(server_id, "os-getConsoleOutput", {"length": 0})).json() == {"output": ""}
    fault(await world.member.act(server_id, "os-getConsoleOutput", {"length": "x"}), 400)
    console = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
    opened = await world.member("POST", f"/servers/{server_id}/remote-consoles", console)
    fits(opened, "2.104", "get_remote_consoles")
    older = await world.member.act(server_id, "os-getVNCConsole", {"type": "novnc"}, "2.1")
    fits(older, "2.1", "get_vnc_console")
    fault(await world.member.act(server_id, "os-getVNCConsole", {"type": "novnc"}), 404)
    console = {"remote_console": {"protocol": "spice", "type": "spice-html5"}}
    assert "spice-html5" in fault(await world.member("POST", f"/servers/{server_id}/remote-consoles", console), 400)
    await world.member("DELETE", f"/servers/{server_id}")
