"""Hypervisors as operators see them, and what placement learns of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import Compute, fault, fits
from welkin.services.compute.hypervisors.tables import node_of

PATH = "/os-hypervisors"
OLDEST, OLD = "2.1", "2.52"


async def ids(compute: Compute, **query: Any) -> list[Any]:
    return [each["id"] for each in (await compute.get(PATH, **query))["hypervisors"]]


@pytest.mark.parametrize("version", ["2.1", "2.28", "2.33", "2.52", "2.53", "2.87"])
async def test_answers_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    await compute.host("h1", cpu_info={"arch": "x86_64", "model": "m"}, address="10.0.0.1", free_disk_gib=7)
    await compute.server("s", host="h1", task_state="rebooting")
    module = "hypervisors"
    listed = fits(await compute("GET", PATH, version=version), version, module, "list_search_hypervisors")
    id = listed["hypervisors"][0]["id"]
    detail = fits(await compute("GET", PATH + "/detail", version=version), version, module, "list_hypervisors_detail")
    shown = fits(await compute("GET", f"{PATH}/{id}", version=version), version, module, "get_hypervisor")
    assert detail["hypervisors"] == [shown["hypervisor"]]
    fits(await compute("GET", f"{PATH}/{id}/uptime", version=version), version, module, "get_hypervisor_uptime")
    sums = fits(await compute("GET", f"{PATH}/statistics", version=version), "2.1", module, "get_hypervisor_statistics")
    assert sums["hypervisor_statistics"]["memory_mb_used"] == 1024
    one = shown["hypervisor"]
    assert (one["vcpus"], one["vcpus_used"], one["free_disk_gb"], one["current_workload"]) == (4, 1, 90, 1)
    assert isinstance(one["cpu_info"], str if version == "2.1" else dict)


async def test_the_newest_hypervisor(compute: Compute) -> None:
    await compute.host("h1", hypervisor_version=8002001, address="10.0.0.1")
    shown = (await compute.get(f"{PATH}/{(await ids(compute))[0]}", with_servers="true"))["hypervisor"]
    names = "host_ip hypervisor_hostname hypervisor_type hypervisor_version id servers service state status uptime"
    assert sorted(shown) == names.split()
    assert shown["servers"] == []
    assert sorted(shown["service"]) == ["disabled_reason", "host", "id"]
    assert shown["uptime"] == "up 1 day"
    for path in (f"{PATH}/{shown['id']}/uptime", f"{PATH}/statistics"):
        assert (await compute("GET", path)).status_code in (400, 404)


async def test_old_clients_search(compute: Compute) -> None:
    for host in ("red1", "red2", "blue"):
        await compute.host(host)
    await compute.server("s", host="red1")
    found = fits(
        await compute("GET", f"{PATH}/red/search", version=OLD), OLDEST, "hypervisors", "list_search_hypervisors"
    )
    assert [each["hypervisor_hostname"] for each in found["hypervisors"]] == ["red1", "red2"]
    found = fits(
        await compute("GET", f"{PATH}/red/servers", version=OLD), OLDEST, "hypervisors", "get_hypervisors_servers"
    )
    assert found["hypervisors"][0]["servers"] == [{"name": "s", "uuid": "s"}]
    assert "servers" not in found["hypervisors"][1]
    for path in ("search", "servers"):
        told = fault(await compute("GET", f"{PATH}/green/{path}", version=OLD), 404, "itemNotFound")
        assert told == "No hypervisor matching 'green' could be found."
        assert (await compute("GET", f"{PATH}/red/{path}", version="2.53")).status_code == 404


async def test_new_clients_search(compute: Compute) -> None:
    for host in ("red1", "red2", "blue"):
        await compute.host(host)
    assert len(await ids(compute, hypervisor_hostname_pattern="red")) == 2
    assert (await compute("GET", PATH, hypervisor_hostname_pattern="green")).status_code == 404
    assert (await compute("GET", PATH, hypervisor_hostname_pattern="red", limit=1)).status_code == 400
    listed = await compute.get(PATH, hypervisor_hostname_pattern="blue", with_servers=1)
    assert listed["hypervisors"][0]["servers"] == []
    listed = await compute.get(PATH, version="2.74", hypervisor_hostname_pattern="blue", with_servers=1)
    assert "servers" not in listed["hypervisors"][0]


async def test_pages(compute: Compute) -> None:
    for host in ("a", "b", "c"):
        await compute.host(host)
    all_ids = await ids(compute)
    first = await compute.get(PATH, limit=2)
    assert first["hypervisors_links"][0]["href"].endswith(f"?limit=2&marker={all_ids[1]}")
    assert await ids(compute, limit=2, marker=all_ids[1]) == all_ids[2:]
    first = await compute.get(PATH + "/detail", version=OLD, limit=2)
    assert first["hypervisors_links"][0]["href"].endswith("/detail?limit=2&marker=2")
    assert await ids(compute, version=OLD, marker="2") == [3]
    assert await ids(compute, version="2.32", limit=1) == [1, 2, 3]
    for wrong in ({"marker": "x"}, {"limit": -1}, {"new": 1}, {"with_servers": "perhaps"}):
        assert (await compute("GET", PATH, **wrong)).status_code == 400
    assert (await compute("GET", PATH, version=OLD, marker="99")).status_code == 400
    await compute.get(PATH, version=OLD, new=1)


async def test_a_host_that_is_gone(compute: Compute) -> None:
    await compute.host("h1", uptime=None)
    id = (await ids(compute))[0]
    assert (await compute("GET", f"{PATH}/{id}/uptime", version="2.53")).status_code == 400
    for version, path, status in (
        (OLD, f"{PATH}/x", 404),
        (OLD, f"{PATH}/9", 404),
        (OLD, f"{PATH}/9/uptime", 404),
        ("2.53", f"{PATH}/x", 400),
        ("2.53", f"{PATH}/{'1' * 32}", 404),
        ("2.53", f"{PATH}/{'1' * 32}/uptime", 404),
    ):
        assert (await compute("GET", path, version=version)).status_code == status
    async with compute.db.tx() as tx:
        await tx.run("UPDATE compute_services SET seen_at = 0")
    assert (await compute.get(PATH))["hypervisors"][0]["state"] == "down"


async def test_placement_learns_what_a_host_has(compute: Compute) -> None:
    await compute.host("h1", traits=["HW_CPU_X86_AVX"])
    node = await node_of(compute.db, "h1")
    assert node is not None
    sql = "SELECT resource_class || ' ' || capacity FROM resource_inventories WHERE provider_id = $1 ORDER BY 1"
    assert await compute.db.values(sql, node.id) == ["DISK_GB 100", "MEMORY_MB 3584", "VCPU 16"]
    await compute.host("h1", vcpus=8, disk_gib=0)
    assert await compute.db.values(sql, node.id) == ["MEMORY_MB 3584", "VCPU 32"]
    assert await compute.db.values("SELECT trait FROM resource_provider_traits") == []
    generation = await compute.db.value("SELECT generation FROM resource_providers")
    await compute.host("h1", vcpus=8, disk_gib=0, uptime="up 2 days")
    assert await compute.db.value("SELECT generation FROM resource_providers") == generation
    again = await node_of(compute.db, "h1")
    assert again is not None
    assert (again.id, again.uptime) == (node.id, "up 2 days")


async def test_who_may(compute: Compute) -> None:
    await compute.host("h1")
    id = (await ids(compute))[0]
    for path in (PATH, f"{PATH}/detail", f"{PATH}/{id}"):
        await compute.refused("GET", path, 403)
    for path in (f"{PATH}/1/uptime", f"{PATH}/statistics", f"{PATH}/h/search", f"{PATH}/h/servers", PATH, f"{PATH}/1"):
        for who, status in (("", 401), ("stranger", 403)):
            assert (await compute("GET", path, who=who, version=OLD)).status_code == status
