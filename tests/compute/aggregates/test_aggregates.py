"""Aggregates and availability zones as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import Compute, fault, fits
from welkin.services.compute import resources
from welkin.services.compute.aggregates.public_zones import host_exists, metadata_of_hosts, zone_of_host
from welkin.services.compute.hypervisors.tables import node_of

PATH = "/os-aggregates"
NOWHERE = "11111111-1111-1111-1111-111111111111"


async def make(compute: Compute, name: str = "a", zone: str | None = None) -> int:
    made = await compute("POST", PATH, {"aggregate": {"name": name, "availability_zone": zone}})
    assert made.status_code == 200, made.text
    return int(made.json()["aggregate"]["id"])


async def act(compute: Compute, id: int, action: str, **value: Any) -> Any:
    return await compute("POST", f"{PATH}/{id}/action", {action: value})


@pytest.mark.parametrize("version", ["2.1", "2.40", "2.41", "2.104"])
async def test_answers_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    await compute.host("h1")
    body = {"aggregate": {"name": "a", "availability_zone": "z"}}
    made = fits(await compute("POST", PATH, body, version=version), version, "aggregates", "create_aggregate")
    one = f"{PATH}/{made['aggregate']['id']}"
    shown = fits(await compute("GET", one, version=version), version, "aggregates", "get_aggregate")
    listed = fits(await compute("GET", PATH, version=version), version, "aggregates", "list_aggregates")
    assert listed["aggregates"] == [shown["aggregate"]]
    body = {"aggregate": {"name": "b"}}
    fits(await compute("PUT", one, body, version=version), version, "aggregates", "update_aggregate")
    for body, name in (
        ({"add_host": {"host": "h1"}}, "aggregate_add_remove_host"),
        ({"set_metadata": {"metadata": {"k": "v"}}}, "aggregate_set_metadata"),
        ({"remove_host": {"host": "h1"}}, "aggregate_add_remove_host"),
    ):
        fits(await compute("POST", one + "/action", body, version=version), version, "aggregates", name)
    fits(await compute("DELETE", one, version=version), version, "aggregates", "delete_aggregate")
    assert (await compute("GET", one)).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "a "}, {"availability_zone": "a:b"}, {"availability_zone": ""}, {"colour": "red"}]
)
async def test_a_senseless_aggregate_is_refused(compute: Compute, wrong: dict[str, str]) -> None:
    fault(await compute("POST", PATH, {"aggregate": {"name": "a", **wrong}}), 400, "badRequest")


async def test_changes(compute: Compute) -> None:
    id, other = await make(compute), await make(compute, "b")
    told = fault(await compute("POST", PATH, {"aggregate": {"name": "a"}}), 409, "conflictingRequest")
    assert told == "Aggregate a already exists."
    assert (await compute("PUT", f"{PATH}/{other}", {"aggregate": {"name": "a"}})).status_code == 409
    changed = await compute("PUT", f"{PATH}/{id}", {"aggregate": {"name": " c ", "availability_zone": "z"}})
    assert changed.json()["aggregate"]["name"] == "c"
    assert changed.json()["aggregate"]["availability_zone"] == "z"
    assert (await compute("PUT", f"{PATH}/{id}", {"aggregate": {}})).status_code == 400
    assert (await compute("PUT", f"{PATH}/{id}", {"aggregate": {"availability_zone": None}})).status_code == 400
    set_ = await act(compute, id, "set_metadata", metadata={"ssd": "true", "availability_zone": "y"})
    assert set_.json()["aggregate"]["metadata"] == {"ssd": "true", "availability_zone": "y"}
    unset = await act(compute, id, "set_metadata", metadata={"ssd": None})
    assert unset.json()["aggregate"]["metadata"] == {"availability_zone": "y"}
    for wrong in ({"": "x"}, {"a": "x" * 256}, {"a": 1}):
        assert (await act(compute, id, "set_metadata", metadata=wrong)).status_code == 400


async def test_hosts_come_and_go(compute: Compute) -> None:
    await compute.host("h1")
    id = await make(compute, zone="z")
    added = (await act(compute, id, "add_host", host="h1")).json()["aggregate"]
    assert added["hosts"] == ["h1"]
    told = fault(await act(compute, id, "add_host", host="h1"), 409, "conflictingRequest")
    assert told == f"Aggregate {id} already has host h1."
    told = fault(await act(compute, id, "add_host", host="h2"), 404, "itemNotFound")
    assert told == "Compute host h2 could not be found."
    assert (await compute("DELETE", f"{PATH}/{id}")).status_code == 400
    node = await node_of(compute.db, "h1")
    assert node is not None
    sql = "SELECT aggregate FROM resource_provider_aggregates WHERE provider_id = $1"
    assert await compute.db.values(sql, node.id) == [added["uuid"]]
    assert await zone_of_host(compute.db, "h1", "nova") == "z"
    assert await metadata_of_hosts(compute.db) == {"h1": [{"availability_zone": "z"}]}
    assert (await act(compute, id, "remove_host", host="h1")).json()["aggregate"]["hosts"] == []
    assert await compute.db.values(sql, node.id) == []
    assert (await act(compute, id, "remove_host", host="h1")).status_code == 404
    assert (await compute("DELETE", f"{PATH}/{id}")).status_code == 200


async def test_a_host_is_in_one_zone(compute: Compute) -> None:
    await compute.host("h1")
    first, second, third = await make(compute, "a", "x"), await make(compute, "b", "y"), await make(compute, "c")
    await act(compute, first, "add_host", host="h1")
    assert (await act(compute, second, "add_host", host="h1")).status_code == 409
    assert (await act(compute, third, "add_host", host="h1")).status_code == 200
    zone = {"aggregate": {"availability_zone": "y"}}
    told = fault(await compute("PUT", f"{PATH}/{third}", zone), 400, "badRequest")
    assert "already in availability zone(s) ['x']" in told


async def test_servers_stay_in_their_zone(compute: Compute) -> None:
    await compute.host("h1")
    await compute.server("s", host="h1")
    id, plain = await make(compute, "a", "x"), await make(compute, "b")
    assert (await act(compute, id, "add_host", host="h1")).status_code == 409
    assert (await act(compute, plain, "add_host", host="h1")).status_code == 200
    zone = {"aggregate": {"availability_zone": "y"}}
    assert "contain instances" in fault(await compute("PUT", f"{PATH}/{plain}", zone), 400, "badRequest")
    assert (await act(compute, plain, "remove_host", host="h1")).status_code == 200


@pytest.mark.parametrize("version", ["2.1", "2.104"])
async def test_zones(compute: Compute, version: str) -> None:
    await resources.ensure(compute.cloud)
    for host in ("h1", "h2"):
        await compute.host(host)
    await act(compute, await make(compute, "a", "z"), "add_host", host="h2")
    path, module = "/os-availability-zone", "availability_zone"
    listed = fits(
        await compute("GET", path, who="stranger", version=version), version, module, "list_availability_zone_list"
    )
    names = [(zone["zoneName"], zone["zoneState"]["available"]) for zone in listed["availabilityZoneInfo"]]
    assert names == [("nova", True), ("z", True)]
    detail = fits(
        await compute("GET", path + "/detail", version=version), version, module, "list_availability_zone_list_detail"
    )
    zones = {zone["zoneName"]: zone["hosts"] for zone in detail["availabilityZoneInfo"]}
    assert sorted(zones) == ["internal", "nova", "z"]
    assert zones["nova"]["h1"]["nova-compute"]["available"] is True
    assert len(next(iter(zones["internal"].values()))) == 2
    service = (await compute.get("/os-services", host="h2"))["services"][0]["id"]
    await compute("PUT", f"/os-services/{service}", {"status": "disabled"})
    listed = await compute.get(path)
    assert listed["availabilityZoneInfo"][-1] == {"zoneName": "z", "zoneState": {"available": False}, "hosts": None}


async def test_servers_ask_for_hosts(compute: Compute) -> None:
    await compute.host("h1")
    assert await host_exists(compute.db, "h1")
    assert not await host_exists(compute.db, "h2")


async def test_who_may(compute: Compute) -> None:
    id = await make(compute)
    for method, path, body in (
        ("GET", PATH, None),
        ("POST", PATH, {"aggregate": {"name": "n"}}),
        ("GET", f"{PATH}/{id}", None),
        ("PUT", f"{PATH}/{id}", {"aggregate": {"name": "n"}}),
        ("DELETE", f"{PATH}/{id}", None),
        ("POST", f"{PATH}/{id}/action", {"add_host": {"host": "h"}}),
        ("POST", f"{PATH}/{id}/action", {"remove_host": {"host": "h"}}),
        ("POST", f"{PATH}/{id}/action", {"set_metadata": {"metadata": {}}}),
        ("POST", f"{PATH}/{id}/images", {"cache": [{"id": NOWHERE}]}),
        ("GET", "/os-availability-zone/detail", None),
    ):
        await compute.refused(method, path, 403, body=body)
    assert (await compute("GET", "/os-availability-zone", who="")).status_code == 401
    for path in (f"{PATH}/x", f"{PATH}/1.5"):
        assert (await compute("GET", path)).status_code == 400
    assert (await compute("GET", f"{PATH}/99")).status_code == 404
    assert (await compute("GET", PATH, new=1)).status_code == 400
    await compute.get(PATH, version="2.101", new=1)
