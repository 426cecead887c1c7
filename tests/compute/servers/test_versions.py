"""Servers in old, middle and new microversions, against Tempest's schemas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.servers.conftest import World, fault, fits

pytestmark = pytest.mark.asyncio(loop_scope="package")
VERSIONS = (
    "2.1", "2.2", "2.3", "2.8", "2.9", "2.15", "2.16", "2.18", "2.19", "2.25", "2.26", "2.46", "2.47", "2.53", "2.54",
    "2.56", "2.57", "2.62", "2.63", "2.69", "2.70", "2.71", "2.72", "2.73", "2.74", "2.75", "2.89", "2.90", "2.95",
    "2.96", "2.97", "2.98", "2.99", "2.100", "2.104",
)  # fmt: skip


async def test_every_shape_of_a_server(world: World) -> None:
    server_id = await world.boot(metadata={"a": "b"}, tags=["t"])
    for who in (world.member, world.admin):
        for version in VERSIONS:
            shown = await who("GET", f"/servers/{server_id}", None, version)
            assert shown.headers["openstack-api-version"] == f"compute {version}"
            server = fits(shown, version, "get_server")["server"]
            listed = fits(await who("GET", "/servers/detail", None, version), version, "list_servers_detail")
            if who is world.member:
                only = {"server_groups"}
                assert [each for each in listed["servers"] if each["id"] == server_id] == [
                    {name: value for name, value in server.items() if name not in only}
                ]
            fits(await who("GET", "/servers", None, version), version, "list_servers")
            changed = await who("PUT", f"/servers/{server_id}", {"server": {"name": "same"}}, version)
            fits(changed, version, "update_server")
    for version in VERSIONS:
        rebuilt = await world.member.act(server_id, "rebuild", {"imageRef": world.image_id}, version)
        fits(rebuilt, version, "rebuild_server_with_admin_pass")
        await world.member.until(server_id, "ACTIVE")
    await world.member("DELETE", f"/servers/{server_id}")


async def test_the_oldest_shape(world: World) -> None:
    server_id = await world.boot(tags=["t"])
    server = await world.member.server(server_id, "2.1")
    base = f"{world.run.url}/compute"
    assert server["flavor"] == {"id": "42", "links": [{"rel": "bookmark", "href": f"{base}/flavors/42"}]}
    for name in ("tags", "locked", "description", "host_status", "OS-EXT-SRV-ATTR:hostname", "scheduler_hints"):
        assert name not in server
    assert "id" not in (await world.member.server(server_id, "2.50"))["flavor"]
    seen = await world.admin.server(server_id, "2.1")
    assert {name for name in seen if name.startswith("OS-EXT-SRV-ATTR:")} == {
        "OS-EXT-SRV-ATTR:host",
        "OS-EXT-SRV-ATTR:hypervisor_hostname",
        "OS-EXT-SRV-ATTR:instance_name",
    }
    await world.member("DELETE", f"/servers/{server_id}")


async def test_a_request_without_networks(world: World) -> None:
    wish = world.wish()
    del wish["server"]["networks"]
    fault(await world.member("POST", "/servers", wish), 400)
    made = await world.member("POST", "/servers", wish, "2.36")
    server_id = fits(made, "2.36", "create_server_with_admin_pass")["server"]["id"]
    server = await world.member.until(server_id, "ACTIVE")
    assert list(server["addresses"]) == ["private"]
    await world.member("DELETE", f"/servers/{server_id}")
    other = (await world.member.post("/network/v2.0/networks", {"network": {"name": "other"}}))["network"]["id"]
    text = fault(await world.member("POST", "/servers", wish, "2.36"), 409)
    assert text == "Multiple possible networks found, use a Network ID to be more specific."
    assert (await world.member("DELETE", f"/network/v2.0/networks/{other}")).status_code == 204


NEWER: list[tuple[str, dict[str, Any]]] = [
    ("2.18", {"description": "x"}),
    ("2.51", {"tags": ["x"]}),
    ("2.62", {"trusted_image_certificates": ["x"]}),
    ("2.73", {"host": "host-1"}),
    ("2.89", {"hostname": "name"}),
    ("2.93", {"hostname": "a.b.c"}),
    ("2.31", {"networks": [{"tag": "x"}]}),
    ("2.38", {"networks": [{"tag": "x"}]}),
    ("2.57", {"personality": []}),
    ("2.36", {"networks": "auto"}),
]


@pytest.mark.parametrize(("version", "more"), NEWER, ids=[str(each) for each in NEWER])
async def test_what_came_later_is_refused(world: World, version: str, more: dict[str, Any]) -> None:
    wish = world.wish(**more)
    fault(await world.member("POST", "/servers", wish, version), 400)


async def test_what_went_is_taken_before(world: World) -> None:
    for version, more in (
        ("2.56", {"personality": []}),
        ("2.35", {"networks": [{"uuid": world.network_id, "tag": "x"}]}),
    ):
        made = await world.member("POST", "/servers", world.wish(**more), version)
        assert made.status_code == 202, made.text
        await world.member("DELETE", f"/servers/{made.json()['server']['id']}")


async def test_the_name_described_a_server_once(world: World) -> None:
    made = await world.member("POST", "/servers", world.wish(), "2.18")
    server_id = made.json()["server"]["id"]
    assert (await world.member.server(server_id))["description"] == "one"
    await world.member("DELETE", f"/servers/{server_id}")


async def test_values_of_actions_were_ignored_once(world: World) -> None:
    server_id = await world.boot()
    assert (await world.member.act(server_id, "lock", {"any": "thing"}, "2.72")).status_code == 202
    assert (await world.member.server(server_id))["locked_reason"] is None
    assert (await world.member.act(server_id, "unlock", None, "2.1")).status_code == 202
    fault(await world.member("POST", f"/servers/{server_id}/remote-consoles", {}, "2.5"), 404)
    fault(await world.member("GET", f"/servers/{server_id}/topology", None, "2.77"), 404)
    assert (await world.member.get(f"/servers/{server_id}/topology", "2.78")) == {"nodes": [], "pagesize_kb": None}
    assert (await world.member("GET", f"/servers/{server_id}", None, "2.101", any="thing")).status_code == 200
    fault(await world.member("GET", f"/servers/{server_id}", None, "2.102", any="thing"), 400)
    await world.member("DELETE", f"/servers/{server_id}")
