"""What hangs on a server: metadata, tags, ports, history, diagnostics, its guest's password."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.servers.conftest import World, fault, fits

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_metadata(world: World) -> None:
    server_id = await world.boot()
    path = f"/servers/{server_id}/metadata"
    member = world.member
    assert await member.post(path, {"metadata": {"a": "1", "b": "2"}}, 200) == {"metadata": {"a": "1", "b": "2"}}
    assert (await member("PUT", path + "/a", {"meta": {"a": "3"}})).json() == {"meta": {"a": "3"}}
    assert await member.get(path + "/a") == {"meta": {"a": "3"}}
    assert (await member("DELETE", path + "/b")).status_code == 204
    assert await member.get(path) == {"metadata": {"a": "3"}}
    assert (await member("PUT", path, {"metadata": {"c": "4"}})).json() == {"metadata": {"c": "4"}}
    assert fault(await member("DELETE", path + "/b"), 404) == "Metadata item was not found"
    fault(await member("GET", path + "/b"), 404)
    assert fault(await member("PUT", path + "/a", {"meta": {"b": "1"}}), 400) == "Request body and URI mismatch"
    fault(await member("PUT", path + "/a", {"meta": {"a": "1", "b": "1"}}), 400)
    fault(await member("POST", path, {"metadata": {"a": None}}), 400)
    many = {f"k{number}": "v" for number in range(129)}
    assert fault(await member("POST", path, {"metadata": many}), 403) == "Maximum number of metadata items exceeds 128"
    await strangers(world, [("GET", path, None), ("POST", path, {"metadata": {}}), ("PUT", path, {"metadata": {}})])
    await strangers(world, [("GET", path + "/c", None), ("PUT", path + "/c", {"meta": {"c": "1"}})])
    await strangers(world, [("DELETE", path + "/c", None)])
    await member("DELETE", f"/servers/{server_id}")


async def strangers(world: World, requests: list[tuple[str, str, Any]]) -> None:
    """See that nobody from elsewhere learns or changes anything."""
    for method, path, body in requests:
        fault(await world.stranger(method, path, body), 404)
        assert (await world.nobody(method, path, body)).status_code == 401
        if method != "GET":
            fault(await world.reader(method, path, body), 403)


async def test_tags(world: World) -> None:
    server_id = await world.boot()
    path, member = f"/servers/{server_id}/tags", world.member
    assert (await member("PUT", path, {"tags": ["b", "a"]})).json() == {"tags": ["a", "b"]}
    made = await member("PUT", path + "/c")
    assert (made.status_code, made.content) == (201, b"")
    assert made.headers["location"].endswith(f"/servers/{server_id}/tags/c")
    assert (await member("PUT", path + "/c")).status_code == 204
    assert (await member("GET", path + "/c")).status_code == 204
    assert (await member("DELETE", path + "/c")).status_code == 204
    fault(await member("GET", path + "/c"), 404)
    fault(await member("DELETE", path + "/c"), 404)
    fault(await member("PUT", path + "/a,b"), 400)
    fault(await member("PUT", path, {"tags": ["x" * 61]}), 400)
    fault(await member("GET", path, None, "2.25"), 404)
    for query, found in (({"tags": "a,b"}, 1), ({"tags-any": "a,z"}, 1), ({"not-tags": "a,b"}, 0)):
        listed = [each["id"] for each in (await member.get("/servers", **query))["servers"]]
        assert listed.count(server_id) == found, query
    await strangers(world, [("GET", path, None), ("PUT", path, {"tags": []}), ("DELETE", path, None)])
    await strangers(world, [("GET", path + "/a", None), ("PUT", path + "/z", None), ("DELETE", path + "/a", None)])
    assert (await member("DELETE", path)).status_code == 204
    assert await member.get(path) == {"tags": []}
    await member("DELETE", f"/servers/{server_id}")


async def test_ports(world: World) -> None:
    server_id = await world.boot()
    path, member = f"/servers/{server_id}/os-interface", world.member
    first = fits(await member("GET", path), "2.104", "list_interfaces", "interfaces")["interfaceAttachments"]
    assert len(first) == 1
    wish = {"interfaceAttachment": {"net_id": world.network_id, "tag": "nic"}}
    made = await member("POST", path, wish)
    second = fits(made, "2.104", "get_create_interfaces", "interfaces")["interfaceAttachment"]
    assert second["tag"] == "nic"
    shown = (await member.get(f"{path}/{second['port_id']}"))["interfaceAttachment"]
    assert {**shown, "port_state": ""} == {**second, "port_state": ""}
    body = {"port": {"network_id": world.network_id}}
    own = (await member.post("/network/v2.0/ports", body))["port"]["id"]
    assert (await member("POST", path, {"interfaceAttachment": {"port_id": own}}, "2.1")).status_code == 200
    fault(await member("POST", path, {"interfaceAttachment": {"port_id": own}}), 409)
    server = await member.server(server_id)
    assert len(server["addresses"]["private"]) == 3
    for port_id in (second["port_id"], own):
        assert (await member("DELETE", f"{path}/{port_id}")).status_code == 202
    fault(await member("DELETE", f"{path}/{own}"), 404)
    fault(await member("GET", f"{path}/{own}"), 404)
    assert (await member.get(f"/network/v2.0/ports/{own}"))["port"]["device_id"] == ""
    assert (await member("GET", f"/network/v2.0/ports/{second['port_id']}")).status_code == 404
    missing = "6a4a6aa0-0000-4000-8000-000000000000"
    for wrong in ({"net_id": missing}, {"port_id": missing}):
        fault(await member("POST", path, {"interfaceAttachment": wrong}), 404)
    for wrong in ({"net_id": missing, "port_id": missing}, {"fixed_ips": [{"ip_address": "10.0.0.9"}]}, {"a": "b"}):
        fault(await member("POST", path, {"interfaceAttachment": wrong}), 400)
    await strangers(world, [("GET", path, None), ("POST", path, wish), ("DELETE", f"{path}/{own}", None)])
    await member("DELETE", f"/servers/{server_id}")


async def test_fixed_addresses_of_old(world: World) -> None:
    server_id = await world.boot()
    member = world.member
    added = await member.act(server_id, "addFixedIp", {"networkId": world.network_id}, "2.43")
    assert added.status_code == 202, added.text
    addresses = await member.get(f"/servers/{server_id}/ips", "2.43")
    fits(await member("GET", f"/servers/{server_id}/ips"), "2.104", "list_addresses")
    assert len(addresses["addresses"]["private"]) == 2
    last = addresses["addresses"]["private"][1]["addr"]
    assert (await member.act(server_id, "removeFixedIp", {"address": last}, "2.43")).status_code == 202
    left = await member.get(f"/servers/{server_id}/ips/private", "2.43")
    assert len(left["private"]) == 1
    fault(await member("GET", f"/servers/{server_id}/ips/nowhere"), 404)
    fault(await member.act(server_id, "removeFixedIp", {"address": "1.2.3.4"}, "2.43"), 400)
    fault(await member.act(server_id, "addFixedIp", {"networkId": world.network_id}, "2.44"), 404)
    await strangers(
        world, [("GET", f"/servers/{server_id}/ips", None), ("GET", f"/servers/{server_id}/ips/private", None)]
    )
    await member("DELETE", f"/servers/{server_id}")


async def test_history(world: World) -> None:
    server_id = await world.boot()
    path, member = f"/servers/{server_id}/os-instance-actions", world.member
    done = await member.act(server_id, "os-stop")
    await member.until(server_id, "SHUTOFF")
    request_id = done.headers["x-compute-request-id"]
    for version in ("2.1", "2.50", "2.51", "2.58", "2.62", "2.84", "2.104"):
        for who in (member, world.admin):
            fits(await who("GET", path, None, version), version, "list_instance_actions")
            shown = fits(await who("GET", f"{path}/{request_id}", None, version), version, "show_instance_action")
            events = shown["instanceAction"].get("events")
            if who is member and version in ("2.1", "2.50"):
                assert events is None
            else:
                assert [each["result"] for each in events] == ["Success"]
    page = await member.get(path, limit=1)
    assert [each["action"] for each in page["instanceActions"]] == ["stop"]
    rest = await member.get(path, limit=1, marker=request_id)
    assert [each["action"] for each in rest["instanceActions"]] == ["create"]
    fault(await member("GET", path, None, marker="none"), 400)
    fault(await member("GET", f"{path}/req-none"), 404)
    await strangers(world, [("GET", path, None), ("GET", f"{path}/{request_id}", None)])
    await member("DELETE", f"/servers/{server_id}")
    await member.until_gone(server_id)
    gone = (await member.get(path))["instanceActions"]
    assert [each["action"] for each in gone] == ["delete", "stop", "create"]


async def test_small_things(world: World) -> None:
    server_id = await world.boot()
    path = f"/servers/{server_id}"
    assert await world.member.get(f"{path}/os-server-password") == {"password": ""}
    assert (await world.member("DELETE", f"{path}/os-server-password")).status_code == 204
    assert await world.member.get(f"{path}/os-volume_attachments") == {"volumeAttachments": []}
    fault(await world.member("GET", f"{path}/diagnostics"), 403)
    fits(await world.admin("GET", f"{path}/diagnostics"), "2.104", "show_server_diagnostics")
    fits(await world.admin("GET", f"{path}/diagnostics", None, "2.1"), "2.1", "show_server_diagnostics")
    await strangers(
        world, [("GET", f"{path}/{each}", None) for each in ("os-server-password", "os-volume_attachments")]
    )
    event = {"name": "network-changed", "server_uuid": server_id}
    missing = {"name": "network-changed", "server_uuid": "6a4a6aa0-0000-4000-8000-000000000000"}
    took = await world.admin("POST", "/os-server-external-events", {"events": [event, missing]})
    assert (took.status_code, [each["code"] for each in took.json()["events"]]) == (207, [200, 404])
    fault(await world.admin("POST", "/os-server-external-events", {"events": [missing]}), 404)
    fault(await world.admin("POST", "/os-server-external-events", {"events": [{**event, "name": "x"}]}), 400)
    fault(await world.member("POST", "/os-server-external-events", {"events": [event]}), 403)
    await world.member("DELETE", path)


async def test_a_guest_tells_its_password_once(world: World) -> None:
    server_id = await world.boot()
    key = (world.run.config.cloud.state_dir / "keys" / "agent-host-1").read_text()
    headers = {"x-agent-host": "host-1", "x-agent-key": key}
    url = f"/agent/v1/servers/{server_id}/password"
    assert (await world.member.client.put(url, content=b"c2VjcmV0", headers=headers)).status_code == 204
    assert await world.member.get(f"/servers/{server_id}/os-server-password") == {"password": "c2VjcmV0"}
    assert (await world.member.client.put(url, content=b"other", headers=headers)).status_code == 409
    assert (
        await world.member.client.put(url, content=b"x", headers={"x-auth-token": world.admin.token})
    ).status_code == 403
    await world.member("DELETE", f"/servers/{server_id}")


async def test_server_groups_keep_servers_apart(world: World) -> None:
    group = {"server_group": {"name": "apart", "policy": "anti-affinity"}}
    group_id = (await world.member.post("/os-server-groups", group))["server_group"]["id"]
    hints = {"os:scheduler_hints": {"group": group_id}}
    first = (await world.member.post("/servers", {**world.wish(), **hints}))["server"]["id"]
    server = await world.member.until(first, "ACTIVE")
    assert (server["server_groups"], server["scheduler_hints"]) == ([group_id], {"group": group_id})
    second = (await world.member.post("/servers", {**world.wish(), **hints}))["server"]["id"]
    while (server := await world.member.server(second))["status"] == "BUILD":
        pass
    assert "ServerGroupAntiAffinity left 0 of 1" in server["fault"]["message"]
    missing = {"os:scheduler_hints": {"group": "6a4a6aa0-0000-4000-8000-000000000000"}}
    fault(await world.member("POST", "/servers", {**world.wish(), **missing}), 400)
    fault(await world.member("POST", "/servers", {**world.wish(), "os:scheduler_hints": {"group": "x"}}), 400)
    for each in (first, second):
        await world.member("DELETE", f"/servers/{each}")


async def test_a_chosen_host(world: World) -> None:
    fault(await world.member("POST", "/servers", world.wish(availability_zone="nova:host-1")), 403)
    fault(await world.member("POST", "/servers", world.wish(host="host-1")), 403)
    fault(await world.admin("POST", "/servers", world.wish(availability_zone="nova:nowhere", networks="none")), 400)
    made = await world.admin.post("/servers", world.wish(availability_zone="nova:host-1", networks="none"))
    server = await world.admin.until(made["server"]["id"], "ACTIVE")
    assert server["OS-EXT-SRV-ATTR:host"] == "host-1"
    await world.admin("DELETE", f"/servers/{server['id']}")
