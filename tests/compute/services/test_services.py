"""Services and hosts as operators see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import OTHER, Compute, fault, fits
from welkin.services.compute import resources
from welkin.services.compute.hypervisors.tables import node_of
from welkin.services.compute.services.tables import compute_service

PATH = "/os-services"
NOWHERE = "11111111-1111-1111-1111-111111111111"


async def one(compute: Compute, **query: Any) -> dict[str, Any]:
    services = (await compute.get(PATH, **query))["services"]
    assert len(services) == 1
    return dict(services[0])


@pytest.mark.parametrize("version", ["2.1", "2.11", "2.53", "2.104"])
async def test_lists_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    await resources.ensure(compute.cloud)
    await compute.host("h1")
    body = fits(await compute("GET", PATH, version=version), version, "services", "list_services")
    found = {service["binary"]: service for service in body["services"]}
    assert sorted(found) == ["nova-compute", "nova-conductor", "nova-scheduler"]
    assert found["nova-compute"]["zone"] == "nova"
    assert found["nova-scheduler"]["zone"] == "internal"
    assert {service["state"] for service in found.values()} == {"up"}
    assert isinstance(found["nova-compute"]["id"], str if version in ("2.53", "2.104") else int)


async def test_a_host_is_switched(compute: Compute) -> None:
    await compute.host("h1")
    service = await one(compute)
    path = f"{PATH}/{service['id']}"
    body = {"status": "disabled", "disabled_reason": "repair"}
    off = fits(await compute("PUT", path, body, version="2.53"), "2.53", "services", "update_service")["service"]
    assert (off["status"], off["disabled_reason"]) == ("disabled", "repair")
    node = await node_of(compute.db, "h1")
    assert node is not None
    traits = "SELECT trait FROM resource_provider_traits WHERE provider_id = $1"
    assert "COMPUTE_STATUS_DISABLED" in await compute.db.values(traits, node.id)
    await compute.host("h1", vcpus=8)
    assert "COMPUTE_STATUS_DISABLED" in await compute.db.values(traits, node.id)
    down = (await compute("PUT", path, {"forced_down": "true"})).json()["service"]
    assert (down["state"], down["forced_down"]) == ("down", True)
    on = (await compute("PUT", path, {"status": "enabled", "forced_down": False})).json()["service"]
    assert (on["status"], on["disabled_reason"], on["state"]) == ("enabled", None, "up")
    assert await compute.db.values(traits, node.id) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"status": "off"},
        {"disabled_reason": "x"},
        {"status": "enabled", "disabled_reason": "x"},
        {"status": "disabled", "disabled_reason": ""},
        {"forced_down": "perhaps"},
        {"colour": "red"},
    ],
)
async def test_a_senseless_switch_is_refused(compute: Compute, wrong: dict[str, Any]) -> None:
    await compute.host("h1")
    fault(await compute("PUT", f"{PATH}/{(await one(compute))['id']}", wrong), 400, "badRequest")


async def test_only_hosts_are_switched(compute: Compute) -> None:
    await resources.ensure(compute.cloud)
    service = await one(compute, binary="nova-scheduler")
    told = fault(await compute("PUT", f"{PATH}/{service['id']}", {"status": "disabled"}), 400, "badRequest")
    assert told.startswith("Updating a nova-scheduler service is not supported.")
    assert (await compute("PUT", f"{PATH}/x", {"status": "disabled"})).status_code == 400
    assert (await compute("PUT", f"{PATH}/{NOWHERE}", {"status": "disabled"})).status_code == 404
    old = {"host": service["host"], "binary": "nova-scheduler"}
    assert (await compute("PUT", f"{PATH}/disable", old, version="2.1")).status_code == 400


async def test_old_clients_switch_by_name(compute: Compute) -> None:
    await compute.host("h1")
    names = {"host": "h1", "binary": "nova-compute"}
    for action, more, expected in (
        ("disable", {}, {"status": "disabled"}),
        ("enable", {}, {"status": "enabled"}),
        ("disable-log-reason", {"disabled_reason": "r"}, {"status": "disabled", "disabled_reason": "r"}),
    ):
        switched = await compute("PUT", f"{PATH}/{action}", {**names, **more}, version="2.1")
        assert switched.json() == {"service": {**names, **expected}}
    assert (await one(compute))["disabled_reason"] == "r"
    forced = await compute("PUT", f"{PATH}/force-down", {**names, "forced_down": True}, version="2.11")
    assert fits(forced, "2.11", "services", "update_forced_down")["service"]["forced_down"] is True
    assert (
        await compute("PUT", f"{PATH}/force-down", {**names, "forced_down": True}, version="2.10")
    ).status_code == 404
    assert (await compute("PUT", f"{PATH}/force-down", names, version="2.11")).status_code == 400
    assert (await compute("PUT", f"{PATH}/disable-log-reason", names, version="2.1")).status_code == 400
    assert (await compute("PUT", f"{PATH}/enable", {**names, "forced_down": True}, version="2.10")).status_code == 400
    assert (await compute("PUT", f"{PATH}/enable", {**names, "host": "h2"}, version="2.1")).status_code == 404
    assert (await compute("PUT", f"{PATH}/enable", names, version="2.53")).status_code == 404


async def test_a_service_is_forgotten_when_it_has_no_servers(compute: Compute) -> None:
    await compute.host("h1")
    await compute.server("s", host="h1")
    path = f"{PATH}/{(await one(compute))['id']}"
    assert "hosting instances" in fault(await compute("DELETE", path), 409, "conflictingRequest")
    async with compute.db.tx() as tx:
        await tx.update("servers", {"id": "s"}, {"deleted": True})
    assert (await compute("DELETE", path)).status_code == 204
    assert (await compute("DELETE", path)).status_code == 404
    assert await node_of(compute.db, "h1") is None
    assert await compute.db.value("SELECT COUNT(*) FROM resource_providers") == 0
    await compute.host("h1")
    assert await node_of(compute.db, "h1") is not None
    number = (await compute.get(PATH, version="2.52"))["services"][0]["id"]
    assert (await compute("DELETE", f"{PATH}/x", version="2.52")).status_code == 400
    assert (await compute("DELETE", f"{PATH}/x")).status_code == 400
    assert (await compute("DELETE", f"{PATH}/{number}", version="2.52")).status_code == 204


async def test_the_control_plane_shows_itself(compute: Compute) -> None:
    await resources.ensure(compute.cloud)
    async with compute.db.tx() as tx:
        await tx.run("UPDATE compute_services SET seen_at = 0")
    assert {service["state"] for service in (await compute.get(PATH))["services"]} == {"down"}
    await compute.cloud.workers.start_due()
    await compute.cloud.workers.settle()
    assert {service["state"] for service in (await compute.get(PATH))["services"]} == {"up"}


async def test_filters(compute: Compute) -> None:
    await compute.host("h1")
    assert (await compute.get(PATH, host="h2"))["services"] == []
    assert len((await compute.get(PATH, binary="nova-compute"))["services"]) == 1
    assert (await compute("GET", PATH, new=1)).status_code == 400
    await compute.get(PATH, version="2.74", new=1)


async def test_hosts_of_old_clients(compute: Compute) -> None:
    await compute.host("h1")
    await compute.server("a", host="h1")
    await compute.server("b", host="h1", project_id=OTHER)
    at = {"version": "2.42"}
    listed = fits(await compute("GET", "/os-hosts", **at), "2.1", "hosts", "list_hosts")
    assert listed == {"hosts": [{"host_name": "h1", "service": "compute", "zone": "nova"}]}
    assert (await compute.get("/os-hosts", **at, zone="z"))["hosts"] == []
    shown = fits(await compute("GET", "/os-hosts/h1", **at), "2.1", "hosts", "get_host_detail")
    lines = {each["resource"]["project"]: each["resource"]["memory_mb"] for each in shown["host"]}
    assert (lines["(total)"], lines["(used_now)"], lines["(used_max)"], lines[OTHER]) == (4096, 1536, 1024, 512)
    assert (await compute("GET", "/os-hosts/h2", **at)).status_code == 404
    for path in ("reboot", "shutdown", "startup"):
        assert (await compute("GET", f"/os-hosts/h1/{path}", **at)).status_code == 501
        assert (await compute("GET", f"/os-hosts/h2/{path}", **at)).status_code == 404
    assert (await compute("PUT", "/os-hosts/h1", {"status": "disable"}, **at)).status_code == 501
    for wrong in ({}, {"status": "off"}):
        assert (await compute("PUT", "/os-hosts/h1", wrong, **at)).status_code == 400
    assert (await compute("GET", "/os-hosts", version="2.43")).status_code == 404


async def test_who_may(compute: Compute) -> None:
    await compute.host("h1")
    path = f"{PATH}/{(await one(compute))['id']}"
    for method, where, body in (
        ("GET", PATH, None),
        ("PUT", path, {"status": "enabled"}),
        ("DELETE", path, None),
    ):
        await compute.refused(method, where, 403, body=body)
    old = {"host": "h1", "binary": "nova-compute"}
    for method, where, body in (
        ("PUT", f"{PATH}/enable", old),
        ("PUT", f"{PATH}/disable", old),
        ("PUT", f"{PATH}/disable-log-reason", old),
        ("PUT", f"{PATH}/force-down", old),
        ("DELETE", f"{PATH}/1", None),
        ("GET", "/os-hosts", None),
        ("GET", "/os-hosts/h1", None),
        ("PUT", "/os-hosts/h1", {"status": "enable"}),
        ("GET", "/os-hosts/h1/reboot", None),
        ("GET", "/os-hosts/h1/shutdown", None),
        ("GET", "/os-hosts/h1/startup", None),
    ):
        for who, status in (("", 401), ("stranger", 403)):
            assert (await compute(method, where, body, who=who, version="2.42")).status_code == status, where
    assert await compute_service(compute.db, "h1") is not None
