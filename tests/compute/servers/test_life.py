"""A server's life: made, listed, shown, changed, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.servers.conftest import World, fault, fits

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_server_becomes_active(world: World) -> None:
    made = await world.member("POST", "/servers", world.wish(metadata={"a": "b"}, tags=["x"], description="d"))
    body = fits(made, "2.104", "create_server_with_admin_pass")
    assert made.headers["location"] == body["server"]["links"][0]["href"]
    assert made.headers["x-openstack-request-id"].startswith("req-")
    server = await world.member.until(body["server"]["id"], "ACTIVE")
    assert server["OS-EXT-STS:power_state"] == 1
    assert server["OS-EXT-AZ:availability_zone"] == "nova"
    assert server["OS-SRV-USG:launched_at"]
    assert server["addresses"]["private"][0]["OS-EXT-IPS:type"] == "fixed"
    assert server["security_groups"] == [{"name": "default"}]
    assert (server["metadata"], server["tags"], server["description"]) == ({"a": "b"}, ["x"], "d")
    assert server["flavor"]["original_name"] == "m1.nano"
    assert "OS-EXT-SRV-ATTR:host" not in server
    seen = await world.admin.server(server["id"])
    assert seen["OS-EXT-SRV-ATTR:host"] == "host-1"
    assert seen["host_status"] == "UP"


async def test_deleting_gives_everything_back(world: World) -> None:
    server_id = await world.boot()
    ports = (await world.admin.get(f"/network/v2.0/ports?device_id={server_id}"))["ports"]
    assert ports[0]["binding:host_id"] == "host-1"
    assert (await world.member("DELETE", f"/servers/{server_id}")).status_code == 204
    await world.member.until_gone(server_id)
    assert not (await world.member.get(f"/network/v2.0/ports?device_id={server_id}"))["ports"]
    held = await world.admin("GET", f"/placement/allocations/{server_id}")
    assert held.json()["allocations"] == {}
    gone = await world.member("DELETE", f"/servers/{server_id}")
    assert fault(gone, 404) == f"Instance {server_id} could not be found."
    again = await world.admin.get("/servers/detail", all_tenants="1", deleted="True", uuid=server_id)
    assert again["servers"][0]["status"] == "DELETED"


async def test_a_server_that_fits_nowhere_says_why(world: World) -> None:
    flavor = {"id": "huge", "name": "huge", "vcpus": 1, "ram": 1 << 30, "disk": 1}
    await world.admin.post("/flavors", {"flavor": flavor})
    made = await world.member.post("/servers", world.wish(flavorRef="huge"))
    server_id = made["server"]["id"]
    while (server := await world.member.server(server_id))["status"] == "BUILD":
        pass
    assert server["status"] == "ERROR"
    assert server["fault"]["code"] == 500
    assert server["fault"]["message"].startswith("No valid host was found. ")
    assert "Resources left 0 of 1" in server["fault"]["message"]
    assert "MiB of memory less it would fit." in server["fault"]["message"]
    events = (await world.member.get("/welkin/v1/events", subject=server_id))["events"]
    assert [each["kind"] for each in events] == [
        "compute.server.create",
        "compute.server.unschedulable",
        "compute.server.error",
    ]
    facts = (await world.admin.get("/welkin/v1/events", subject=server_id))["events"][1]["facts"]
    assert facts["filters"][-1] == {"name": "Resources", "before": 1, "after": 0}
    assert [(each["host"], each["refused_by"]) for each in facts["hosts"]] == [("host-1", "Resources")]
    assert "it would fit" in facts["smallest_change"]
    text = fault(await world.member.act(server_id, "reboot", {"type": "HARD"}), 409)
    assert text == "Cannot 'reboot' an instance which has never been active"
    assert (await world.member("DELETE", f"/servers/{server_id}")).status_code == 204
    await world.member.until_gone(server_id)


async def test_many_servers_at_once(world: World) -> None:
    wish = world.wish(name="many", min_count=2, max_count="3", return_reservation_id=True)
    reservation = (await world.member.post("/servers", wish))["reservation_id"]
    listed = await world.member.get("/servers", reservation_id=reservation, sort_key="display_name", sort_dir="asc")
    assert [each["name"] for each in listed["servers"]] == ["many-1", "many-2", "many-3"]
    for each in listed["servers"]:
        await world.member("DELETE", f"/servers/{each['id']}")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, ""),
    ({"name": ""}, ""),
    ({"name": "x" * 256}, ""),
    ({"colour": "red"}, "colour"),
    ({"flavorRef": "nothing"}, "Flavor nothing could not be found."),
    ({"imageRef": "6a4a6aa0-0000-4000-8000-000000000000"}, "Can not find requested image"),
    ({"imageRef": "nonsense"}, ""),
    ({"imageRef": ""}, "Missing imageRef attribute"),
    ({"key_name": "nobody's"}, "Invalid key_name provided."),
    ({"networks": [{"uuid": "6a4a6aa0-0000-4000-8000-000000000000"}]}, "could not be found"),
    ({"networks": [{"port": "6a4a6aa0-0000-4000-8000-000000000000"}]}, "could not be found"),
    ({"networks": [{}]}, "Bad network format: missing 'uuid'"),
    ({"networks": "all"}, ""),
    ({"min_count": 3, "max_count": 2}, "min_count must be <= max_count"),
    ({"min_count": 0}, ""),
    ({"metadata": {"a": 1}}, ""),
    ({"metadata": {"a": "x" * 256}}, ""),
    ({"metadata": {"": "x"}}, ""),
    ({"user_data": "%%%"}, ""),
    ({"accessIPv4": "1.1.1"}, "ipv4"),
    ({"accessIPv6": "1.1.1.1"}, "ipv6"),
    ({"availability_zone": "mars"}, "The requested availability zone is not available"),
    ({"security_groups": [{"name": "no such"}]}, "no such"),
    ({"tags": ["a/b"]}, ""),
    ({"hostname": "-"}, ""),
    ({"config_drive": "maybe"}, ""),
    ({"block_device_mapping_v2": [{"source_type": "volume", "destination_type": "volume", "boot_index": 0}]}, "torage"),
    ({"min_count": 2, "hostname": "one"}, "Unable to allocate a single hostname to multiple instances"),
]


@pytest.mark.parametrize(("wrong", "text"), BAD, ids=[str(wrong)[:40] for wrong, _ in BAD])
async def test_a_senseless_wish_is_refused(world: World, wrong: dict[str, Any], text: str) -> None:
    if "hostname" in wrong and wrong["hostname"] == "-":
        refused = await world.member("POST", "/servers", world.wish(**wrong), "2.93")
    else:
        refused = await world.member("POST", "/servers", world.wish(**wrong))
    assert text in fault(refused, 400)


async def test_who_may(world: World) -> None:
    assert (await world.nobody("POST", "/servers", world.wish())).status_code == 401
    assert fault(await world.reader("POST", "/servers", world.wish()), 403)
    server_id = await world.boot()
    path = f"/servers/{server_id}"
    assert (await world.reader.server(server_id))["id"] == server_id
    for method, body in (("GET", None), ("PUT", {"server": {"name": "two"}}), ("DELETE", None)):
        fault(await world.stranger(method, path, body), 404)
        assert (await world.nobody(method, path, body)).status_code == 401
    for method, body in (("PUT", {"server": {"name": "two"}}), ("DELETE", None)):
        fault(await world.reader(method, path, body), 403)
    assert server_id not in str(await world.stranger.get("/servers/detail"))
    assert (await world.stranger("GET", "/servers/detail?all_tenants=1")).status_code == 403
    assert server_id in str(await world.admin.get("/servers/detail", all_tenants=1))
    await world.member("DELETE", path)


async def test_changes(world: World) -> None:
    server_id = await world.boot()
    change = {"name": "two", "description": None, "accessIPv4": "1.1.1.1", "accessIPv6": "::babe:dc0c:1602"}
    changed = await world.member("PUT", f"/servers/{server_id}", {"server": change})
    server = fits(changed, "2.104", "update_server")["server"]
    assert (server["name"], server["description"], server["accessIPv4"]) == ("two", None, "1.1.1.1")
    assert server["accessIPv6"] == "::babe:dc0c:1602"
    fault(await world.member("PUT", f"/servers/{server_id}", {"server": {"name": ""}}), 400)
    fault(await world.member("PUT", f"/servers/{server_id}", {"server": {"status": "x"}}), 400)
    pinned = await world.member("PUT", f"/servers/{server_id}", {"server": {"pinned_availability_zone": "nova"}})
    assert pinned.json()["server"]["pinned_availability_zone"] == "nova"
    fault(await world.member("PUT", f"/servers/{server_id}", {"server": {"pinned_availability_zone": "x"}}), 400)
    await world.member("DELETE", f"/servers/{server_id}")


async def test_lists(world: World) -> None:
    ids = [await world.boot(name=f"list-{letter}", metadata={"l": letter}) for letter in "abc"]
    one = await world.member.get("/servers", name="^list-", sort_key="display_name", sort_dir="asc", limit=2)
    assert [each["id"] for each in one["servers"]] == ids[:2]
    rest = await world.member.get(one["servers_links"][0]["href"].removeprefix(world.run.url))
    assert [each["id"] for each in rest["servers"]] == ids[2:]
    for query in (
        {"name": "list-b"},
        {"status": "ACTIVE", "name": "list-b"},
        {"image": world.image_id, "name": "list-b"},
        {"flavor": "42", "name": "list-b"},
        {"vm_state": "active", "name": "list-b"},
        {"power_state": "1", "name": "list-b"},
        {"availability_zone": "nova", "name": "list-b"},
        {"hostname": "list-b"},
        {"user_id": world.member.user_id, "name": "list-b"},
        {"changes-since": "2020-01-01T00:00:00Z", "name": "list-b"},
        {"locked": "False", "name": "list-b"},
    ):
        found = await world.member.get("/servers/detail", **query)
        assert [each["id"] for each in found["servers"]] == [ids[1]], query
    assert (await world.member.get("/servers", limit=0))["servers"] == []
    address = (await world.member.server(ids[2]))["addresses"]["private"][0]["addr"]
    found = await world.member.get("/servers", ip=f"^{address}$")
    assert [each["id"] for each in found["servers"]] == [ids[2]]
    assert (await world.member.get("/servers", status="SHUTOFF", name="list-"))["servers"] == []
    for query in ({"status": "FLYING"}, {"colour": "red"}, {"marker": "x"}, {"limit": "-1"}, {"sort_key": "colour"}):
        fault(await world.member("GET", "/servers", None, **query), 400)
    fault(await world.member("GET", "/servers", None, metadata="x"), 400)
    assert (await world.member("GET", "/servers", None, "2.1", colour="red")).status_code == 200
    assert (await world.member.get("/servers", "2.1", status="FLYING"))["servers"] == []
    for each in ids:
        await world.member("DELETE", f"/servers/{each}")


async def test_a_list_of_admins_filters(world: World) -> None:
    server_id = await world.boot(name="filtered")
    for query in ({"host": "host-1"}, {"node": "host-1"}, {"uuid": server_id}):
        found = await world.admin.get("/servers", all_tenants=1, name="^filtered$", **query)
        assert [each["id"] for each in found["servers"]] == [server_id]
    assert (await world.admin.get("/servers", all_tenants=1, host="nowhere"))["servers"] == []
    mine = await world.admin.get("/servers", all_tenants=1, tenant_id=world.member.project_id, name="^filtered$")
    assert len(mine["servers"]) == 1
    assert (await world.member.get("/servers", name="^filtered$", host="nowhere"))["servers"]
    await world.member("DELETE", f"/servers/{server_id}")


async def test_quota_allows_what_fits(world: World) -> None:
    limits = {"quota_set": {"instances": 2}}
    project = world.stranger.project_id
    assert (await world.admin("PUT", f"/os-quota-sets/{project}", limits)).status_code == 200
    wish = world.wish(networks="none", min_count=1, max_count=5, return_reservation_id=True)
    await world.stranger.post("/servers", wish)
    listed = (await world.stranger.get("/servers"))["servers"]
    assert len(listed) == 2
    refused = await world.stranger("POST", "/servers", world.wish(networks="none"))
    text = fault(refused, 403)
    assert text == "Quota exceeded for instances: Requested 1, but already used 2 of 2 instances"
    for each in listed:
        await world.stranger("DELETE", f"/servers/{each['id']}")
