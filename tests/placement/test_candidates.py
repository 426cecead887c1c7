"""Candidates: over HTTP, in trees and with shared providers; and what compute asks of the door."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from tests.placement.test_api import at, make_provider, wanted
from welkin.core.db import Database
from welkin.core.world import World
from welkin.services.placement import public
from welkin.services.placement.public import Group, Inventory, Request, TraitFilter

PATH = "/allocation_candidates?resources=VCPU:2"


async def find(client: httpx.AsyncClient, query: str, version: str = "latest") -> list[dict]:
    answer = await client.get(f"/allocation_candidates?{query}", headers=at(version))
    assert answer.status_code == 200, answer.text
    return answer.json()["allocation_requests"]


async def test_one_host(client: httpx.AsyncClient) -> None:
    host = await make_provider(
        client, "host", {"VCPU": {"total": 4}, "DISK_GB": {"total": 9}}, traits=["HW_CPU_X86_VMX"]
    )
    answer = (await client.get(PATH)).json()
    assert answer["allocation_requests"] == [
        {"allocations": {host: {"resources": {"VCPU": 2}}}, "mappings": {"": [host]}}
    ]
    assert answer["provider_summaries"] == {
        host: {
            "resources": {"VCPU": {"capacity": 4, "used": 0}, "DISK_GB": {"capacity": 9, "used": 0}},
            "traits": ["HW_CPU_X86_VMX"],
            "parent_provider_uuid": None,
            "root_provider_uuid": host,
        }
    }
    assert (await client.get(PATH, headers=at("1.10"))).json() == {
        "allocation_requests": [{"allocations": [{"resource_provider": {"uuid": host}, "resources": {"VCPU": 2}}]}],
        "provider_summaries": {host: {"resources": {"VCPU": {"capacity": 4, "used": 0}}}},
    }
    assert (await client.put(f"/allocations/{uuid4()}", json=wanted(host, VCPU=3))).status_code == 204
    assert (await client.get(PATH)).json() == {"allocation_requests": [], "provider_summaries": {}}


async def test_a_candidate_can_be_claimed_as_it_stands(client: httpx.AsyncClient) -> None:
    await make_provider(client, "host")
    candidate = (await find(client, "resources=VCPU:2"))[0]
    body = {**candidate, "project_id": "p", "user_id": "u", "consumer_generation": None, "consumer_type": "INSTANCE"}
    assert (await client.put(f"/allocations/{uuid4()}", json=body)).status_code == 204


async def test_a_tree_and_its_groups(client: httpx.AsyncClient) -> None:
    host = await make_provider(client, "host", {"MEMORY_MB": {"total": 4096}}, traits=["COMPUTE_NODE"])
    left, right = [
        await make_provider(client, f"numa{side}", {"VCPU": {"total": 4}}, parent=host, traits=["HW_NUMA_ROOT"])
        for side in (0, 1)
    ]
    card = await make_provider(client, "card", {"VGPU": {"total": 2}}, parent=left, traits=["CUSTOM_FAST"])
    together = await find(client, "resources=VCPU:2,MEMORY_MB:1024")
    assert {frozenset(each["allocations"]) for each in together} == {frozenset({host, left}), frozenset({host, right})}
    assert await find(client, "resources=VCPU:2,MEMORY_MB:1024", "1.28") == []
    two = "resources1=VCPU:2&resources2=VCPU:2&group_policy="
    assert len(await find(client, two + "none")) == 4
    assert len(await find(client, two + "isolate")) == 2
    assert await find(client, two.replace("VCPU:2", "VCPU:3", 1) + "none&in_tree1=" + str(uuid4())) == []
    near = "resources_C=VCPU:1&resources_G=VGPU:1&group_policy=none&same_subtree=_C,_G"
    assert [each["mappings"] for each in await find(client, near)] == [{"_C": [left], "_G": [card]}]
    bare = "resources_G=VGPU:1&required_N=HW_NUMA_ROOT&group_policy=none&same_subtree=_N,_G"
    assert [each["mappings"] for each in await find(client, bare)] == [{"_G": [card], "_N": [left]}]
    assert len(await find(client, "resources=VGPU:1&required=CUSTOM_FAST")) == 1
    assert await find(client, "resources=VGPU:1&required=!CUSTOM_FAST") == []
    assert await find(client, "resources=VGPU:1&root_required=!COMPUTE_NODE") == []
    assert len(await find(client, "resources=VGPU:1&root_required=COMPUTE_NODE")) == 1
    assert len(await find(client, two + "none&limit=3")) == 3


async def test_shared_storage_serves_its_aggregate(client: httpx.AsyncClient) -> None:
    aggregate = str(uuid4())
    near = await make_provider(client, "near", aggregates=[aggregate])
    await make_provider(client, "far")
    traits = ["MISC_SHARES_VIA_AGGREGATE"]
    disk = await make_provider(client, "disk", {"DISK_GB": {"total": 100}}, traits=traits, aggregates=[aggregate])
    found = await find(client, "resources=VCPU:1,DISK_GB:10")
    assert [set(each["allocations"]) for each in found] == [{near, disk}]
    assert len(await find(client, "resources=DISK_GB:10")) == 1
    granular = await find(client, "resources1=VCPU:1&resources2=DISK_GB:10&group_policy=isolate")
    assert [each["mappings"] for each in granular] == [{"1": [near], "2": [disk]}]


@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("", "latest"),
        ("resources=VCPU:0", "latest"),
        ("resources=NOTHING:1", "latest"),
        ("resources=VCPU:1&required=CUSTOM_NONE", "latest"),
        ("resources=VCPU:1&required=HW_CPU_X86_VMX,!HW_CPU_X86_VMX", "latest"),
        ("resources=VCPU:1&limit=0", "latest"),
        ("resources=VCPU:1&colour=red", "latest"),
        ("resources=VCPU:1&in_tree=here", "latest"),
        ("resources1=VCPU:1&resources2=VCPU:1", "latest"),
        ("resources1=VCPU:1&required2=HW_CPU_X86_VMX", "latest"),
        ("resources1=VCPU:1&same_subtree=7", "latest"),
        ("resources=VCPU:1&root_required=COMPUTE_NODE&root_required=COMPUTE_NODE", "latest"),
        ("resources=VCPU:1&same_subtree=1", "1.35"),
        ("resources=VCPU:1&root_required=COMPUTE_NODE", "1.34"),
        ("resources_A=VCPU:1", "1.32"),
        ("resources=VCPU:1&in_tree=11111111-2222-4333-8444-555555555555", "1.30"),
        ("resources1=VCPU:1", "1.24"),
        ("resources=VCPU:1&required=HW_CPU_X86_VMX", "1.16"),
        ("resources=VCPU:1&limit=1", "1.15"),
    ],
)
async def test_a_senseless_request_is_refused(client: httpx.AsyncClient, query: str, version: str) -> None:
    refused = await client.get(f"/allocation_candidates?{query}", headers=at(version))
    assert refused.status_code == 400, refused.text


async def test_the_fast_way_and_the_long_way_agree(database: Database, world: World) -> None:
    async with database.tx() as tx:
        for index in range(20):
            inventories = {"VCPU": Inventory(total=1 + index % 5), "MEMORY_MB": Inventory(total=1024 * (index % 4 + 1))}
            traits = ["HW_CPU_X86_VMX"] if index % 3 else []
            await public.ensure_provider(tx, world, (world.new_id(), f"host{index}", None), inventories, traits)
    needs_vmx = TraitFilter((frozenset({"HW_CPU_X86_VMX"}),))
    request = Request(groups={"": Group(resources={"VCPU": 3, "MEMORY_MB": 2048}, traits=needs_vmx)})
    fast = await public.candidates(database, request)
    async with database.tx() as tx:
        parent = fast[0].host
        await public.ensure_provider(tx, world, (world.new_id(), "device", parent), {"VGPU": Inventory(total=1)})
    long = await public.candidates(database, request)
    assert {each.host: each.left for each in fast} == {each.host: each.left for each in long}
    assert len(fast) > 1


async def test_compute_claims_moves_and_releases(database: Database, world: World) -> None:
    host, server, migration = world.new_id(), world.new_id(), world.new_id()
    inventories = {"VCPU": Inventory(total=4), "CUSTOM_THING": Inventory(total=1)}
    async with database.tx() as tx:
        assert await public.ensure_provider(tx, world, (host, "host", None), inventories, ["COMPUTE_NODE", "CUSTOM_X"])
        assert not await public.ensure_provider(
            tx, world, (host, "host", None), inventories, ["COMPUTE_NODE", "CUSTOM_X"]
        )
        await public.claim(tx, world, server, ("p", "u"), {host: {"VCPU": 3}})
    with pytest.raises(public.DoesNotFit):
        async with database.tx() as tx:
            await public.claim(tx, world, world.new_id(), ("p", "u"), {host: {"VCPU": 2}})
    assert await public.usages(database, "p") == {"VCPU": 3}
    async with database.tx() as tx:
        await public.move(tx, world, server, migration)
        await public.set_trait(tx, world, host, "COMPUTE_STATUS_DISABLED", present=True)
        await public.set_aggregate(tx, world, host, world.new_id(), present=True)
        assert not await public.ensure_provider(tx, world, (host, "host", None), inventories, ["COMPUTE_NODE"])
    assert await public.allocations_of(database, migration) == {host: {"VCPU": 3}}
    forbidden = TraitFilter(forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}))
    request = Request(groups={"": Group(resources={"VCPU": 1}, traits=forbidden)})
    assert await public.candidates(database, request) == []
    async with database.tx() as tx:
        assert await public.release(tx, migration)
        assert not await public.release(tx, server)
        await public.forget_provider(tx, host)


async def test_of_many_claims_at_once_as_many_win_as_there_is_room(client: httpx.AsyncClient) -> None:
    host = await make_provider(client, "host", {"VCPU": {"total": 5}})
    claims = [client.put(f"/allocations/{uuid4()}", json=wanted(host, VCPU=1)) for _ in range(12)]
    statuses = [answer.status_code for answer in await asyncio.gather(*claims)]
    assert sorted(statuses) == [204] * 5 + [409] * 7
    consumer = str(uuid4())
    await make_provider(client, "other")
    same = [client.put(f"/allocations/{consumer}", json=wanted(host)) for _ in range(3)]
    assert {answer.status_code for answer in await asyncio.gather(*same)} <= {204, 409}
