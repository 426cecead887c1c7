"""Providers, inventories, allocations and names as clients see them, at old and new versions."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from welkin.core.db import Database

VCPU = {"VCPU": {"total": 8}}


def at(version: str) -> dict[str, str]:
    return {"openstack-api-version": f"placement {version}"}


async def make_provider(client: httpx.AsyncClient, name: str, inventories=VCPU, parent=None, traits=(), aggregates=()):
    body = {"name": name, "parent_provider_uuid": parent}
    created = await client.post("/resource_providers", json=body)
    assert created.status_code == 200, created.text
    provider = created.json()["uuid"]
    path = f"/resource_providers/{provider}"
    body = {"inventories": inventories, "resource_provider_generation": 0}
    assert (await client.put(f"{path}/inventories", json=body)).status_code == 200
    for trait in traits:
        if trait.startswith("CUSTOM_"):
            await client.put(f"/traits/{trait}")
    body = {"traits": list(traits), "resource_provider_generation": 1}
    generation = (await client.put(f"{path}/traits", json=body)).json()["resource_provider_generation"]
    body = {"aggregates": list(aggregates), "resource_provider_generation": generation}
    assert (await client.put(f"{path}/aggregates", json=body)).status_code == 200
    return provider


def wanted(provider: str, generation=None, **amounts: int) -> dict[str, object]:
    return {
        "allocations": {provider: {"resources": amounts}} if amounts else {},
        "project_id": "p",
        "user_id": "u",
        "consumer_generation": generation,
        "consumer_type": "INSTANCE",
    }


async def test_versions(client: httpx.AsyncClient) -> None:
    found = await client.get("/", headers={"x-roles": ""} | at("1.0"))
    assert found.json()["versions"][0]["max_version"] == "1.39"
    assert found.headers["openstack-api-version"] == "placement 1.0"
    refused = await client.get("/", headers=at("1.40"))
    assert refused.status_code == 406
    assert refused.json()["errors"][0]["max_version"] == "1.39"


async def test_only_services_and_administrators_may(client: httpx.AsyncClient) -> None:
    for path in ("/resource_providers", "/traits", "/resource_classes", "/allocation_candidates?resources=VCPU:1"):
        assert (await client.get(path, headers={"x-roles": "member reader"})).status_code == 403, path
        assert (await client.get(path, headers={"x-roles": "service"})).status_code == 200, path
    own = await client.get("/usages?project_id=p", headers={"x-roles": "reader"})
    assert own.status_code == 200
    assert (await client.get("/usages?project_id=q", headers={"x-roles": "reader"})).status_code == 403


async def test_a_provider_at_old_and_new_versions(client: httpx.AsyncClient) -> None:
    old = await client.post("/resource_providers", json={"name": "a"}, headers=at("1.0"))
    assert old.status_code == 201
    assert old.text == ""
    assert "last-modified" not in old.headers
    path = "/" + "/".join(old.headers["location"].split("/")[-2:])
    shown = (await client.get(path, headers=at("1.0"))).json()
    assert set(shown) == {"uuid", "name", "generation", "links"}
    assert [link["rel"] for link in shown["links"]] == ["self", "inventories", "usages"]
    new = await client.get(path)
    assert new.json()["root_provider_uuid"] == new.json()["uuid"]
    assert new.headers["cache-control"] == "no-cache"
    assert new.headers["last-modified"].endswith("GMT")
    duplicate = await client.post("/resource_providers", json={"name": "a"})
    assert duplicate.status_code == 409
    assert duplicate.json()["errors"][0]["code"] == "placement.duplicate_name"
    old_refusal = await client.post("/resource_providers", json={"name": "a"}, headers=at("1.22"))
    assert "code" not in old_refusal.json()["errors"][0]
    refused = await client.post(
        "/resource_providers", json={"name": "b", "parent_provider_uuid": None}, headers=at("1.13")
    )
    assert refused.status_code == 400
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete(path)).status_code == 404


async def test_a_tree_grows_moves_and_never_loops(client: httpx.AsyncClient) -> None:
    top = await make_provider(client, "top")
    middle = await make_provider(client, "middle", parent=top)
    leaf = await make_provider(client, "leaf", parent=middle)
    other = await make_provider(client, "other")
    move = {"name": "middle", "parent_provider_uuid": other}
    assert (await client.put(f"/resource_providers/{middle}", json=move, headers=at("1.36"))).status_code == 400
    assert (await client.put(f"/resource_providers/{middle}", json=move)).status_code == 200
    assert (await client.get(f"/resource_providers/{leaf}")).json()["root_provider_uuid"] == other
    loop = {"name": "other", "parent_provider_uuid": leaf}
    assert (await client.put(f"/resource_providers/{other}", json=loop)).status_code == 400
    assert (
        await client.put(f"/resource_providers/{other}", json={**loop, "parent_provider_uuid": other})
    ).status_code == 400
    tree = (await client.get(f"/resource_providers?in_tree={leaf}")).json()["resource_providers"]
    assert {each["name"] for each in tree} == {"other", "middle", "leaf"}
    refused = await client.delete(f"/resource_providers/{other}")
    assert refused.json()["errors"][0]["code"] == "placement.resource_provider.cannot_delete_parent"
    free = {"name": "middle", "parent_provider_uuid": None}
    assert (await client.put(f"/resource_providers/{middle}", json=free)).json()["root_provider_uuid"] == middle


async def test_inventories_have_one_writer_at_a_time(client: httpx.AsyncClient) -> None:
    provider = await make_provider(client, "a")
    path = f"/resource_providers/{provider}/inventories"
    stale = await client.put(path, json={"inventories": {}, "resource_provider_generation": 0})
    assert stale.status_code == 409
    assert stale.json()["errors"][0]["code"] == "placement.concurrent_update"
    generation = (await client.get(path)).json()["resource_provider_generation"]
    full = {"total": 8, "reserved": 8, "resource_provider_generation": generation}
    assert (await client.put(f"{path}/VCPU", json=full, headers=at("1.25"))).status_code == 400
    assert (await client.put(f"{path}/VCPU", json=full)).json()["resource_provider_generation"] == generation + 1
    assert (await client.post(path, json={"resource_class": "DISK_GB", "total": 5})).status_code == 201
    assert (await client.post(path, json={"resource_class": "DISK_GB", "total": 5})).status_code == 409
    assert (await client.post(path, json={"resource_class": "CUSTOM_NONE", "total": 5})).status_code == 400
    assert (await client.post(path, json={"resource_class": "MEMORY_MB", "total": 5, "reserved": 6})).status_code == 400
    assert (await client.delete(f"{path}/DISK_GB")).status_code == 204
    assert (await client.get(f"{path}/DISK_GB")).status_code == 404
    assert (await client.delete(path, headers=at("1.4"))).status_code == 405
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["inventories"] == {}


async def test_what_is_used_holds_its_inventory(client: httpx.AsyncClient) -> None:
    provider, consumer = await make_provider(client, "a"), str(uuid4())
    assert (await client.put(f"/allocations/{consumer}", json=wanted(provider, VCPU=6))).status_code == 204
    path = f"/resource_providers/{provider}"
    assert (await client.get(f"{path}/usages")).json()["usages"] == {"VCPU": 6}
    generation = (await client.get(path)).json()["generation"]
    refused = await client.put(
        f"{path}/inventories", json={"inventories": {}, "resource_provider_generation": generation}
    )
    assert refused.json()["errors"][0]["code"] == "placement.inventory.inuse"
    assert (await client.get(path)).json()["generation"] == generation
    assert (await client.delete(path)).json()["errors"][0]["code"] == "placement.resource_provider.inuse"
    assert (await client.delete(f"/allocations/{consumer}")).status_code == 204
    assert (await client.delete(f"/allocations/{consumer}")).status_code == 404
    assert (await client.get(f"/allocations/{consumer}")).json() == {"allocations": {}}
    assert (await client.get(f"{path}/usages")).json()["usages"] == {"VCPU": 0}


async def test_a_consumer_that_changed_meanwhile_is_refused(client: httpx.AsyncClient) -> None:
    provider, consumer = await make_provider(client, "a"), str(uuid4())
    path = f"/allocations/{consumer}"
    assert (await client.put(path, json=wanted(provider, generation=1, VCPU=1))).status_code == 409
    assert (await client.put(path, json=wanted(provider, VCPU=1))).status_code == 204
    again = await client.put(path, json=wanted(provider, VCPU=1))
    assert again.json()["errors"][0]["code"] == "placement.concurrent_update"
    shown = (await client.get(path)).json()
    assert shown["consumer_generation"] == 1
    assert shown["consumer_type"] == "INSTANCE"
    assert set((await client.get(path, headers=at("1.11"))).json()) == {"allocations"}
    assert (await client.put(path, json=wanted(provider, generation=1))).status_code == 204
    assert (await client.get(path)).json() == {"allocations": {}}


async def test_allocations_of_older_versions(client: httpx.AsyncClient) -> None:
    provider, consumer = await make_provider(client, "a"), str(uuid4())
    path = f"/allocations/{consumer}"
    listed = {"allocations": [{"resource_provider": {"uuid": provider}, "resources": {"VCPU": 1}}]}
    assert (await client.put(path, json=listed, headers=at("1.0"))).status_code == 204
    assert (await client.put(path, json=listed, headers=at("1.8"))).status_code == 400
    owned = {**listed, "project_id": "p", "user_id": "u"}
    assert (await client.put(path, json=owned, headers=at("1.8"))).status_code == 204
    assert (await client.put(path, json=owned, headers=at("1.12"))).status_code == 400
    assert (await client.get(path)).json()["consumer_type"] == "unknown"
    body = wanted(provider, generation=2, VCPU=2)
    assert (await client.put(path, json=body, headers=at("1.37"))).status_code == 400
    del body["consumer_type"]
    assert (await client.put(path, json=body)).status_code == 400
    assert (await client.put(path, json=body, headers=at("1.37"))).status_code == 204
    body["consumer_generation"] = 3
    body["mappings"] = {"": [provider]}
    assert (await client.put(path, json=body, headers=at("1.33"))).status_code == 400
    assert (await client.put(path, json=body, headers=at("1.34"))).status_code == 204


@pytest.mark.parametrize(
    ("inventory", "amount", "status"),
    [
        ({"total": 4}, 4, 204),
        ({"total": 4}, 5, 409),
        ({"total": 4, "reserved": 1}, 4, 409),
        ({"total": 4, "allocation_ratio": 1.5}, 6, 204),
        ({"total": 4, "max_unit": 2}, 3, 409),
        ({"total": 4, "min_unit": 2}, 1, 409),
        ({"total": 4, "step_size": 2}, 3, 409),
    ],
)
async def test_an_allocation_fits_or_is_refused(client: httpx.AsyncClient, inventory, amount, status) -> None:
    provider = await make_provider(client, "a", {"VCPU": inventory})
    answer = await client.put(f"/allocations/{uuid4()}", json=wanted(provider, VCPU=amount))
    assert answer.status_code == status, answer.text
    for bad in (wanted(provider, MEMORY_MB=1), wanted(provider, NOTHING=1), wanted(str(uuid4()), VCPU=1)):
        refused = await client.put(f"/allocations/{uuid4()}", json=bad)
        assert refused.status_code == (409 if "MEMORY_MB" in str(bad) else 400)


async def test_many_consumers_change_together_or_not_at_all(client: httpx.AsyncClient) -> None:
    provider = await make_provider(client, "a")
    one, two = str(uuid4()), str(uuid4())
    assert (await client.put(f"/allocations/{one}", json=wanted(provider, VCPU=8))).status_code == 204
    swap = {one: wanted(provider, generation=1), two: wanted(provider, VCPU=8)}
    too_much = {one: wanted(provider, generation=1, VCPU=1), two: wanted(provider, VCPU=8)}
    assert (await client.post("/allocations", json=too_much)).status_code == 409
    assert (await client.get(f"/allocations/{one}")).json()["consumer_generation"] == 1
    assert (await client.post("/allocations", json=swap)).status_code == 204
    found = (await client.get(f"/resource_providers/{provider}/allocations")).json()["allocations"]
    assert found == {two: {"resources": {"VCPU": 8}, "consumer_generation": 1}}


async def test_reshape_moves_inventory_and_use_at_once(client: httpx.AsyncClient) -> None:
    parent = await make_provider(client, "parent", {"VCPU": {"total": 4}, "DISK_GB": {"total": 10}})
    child = await make_provider(client, "child", {}, parent=parent)
    consumer = str(uuid4())
    assert (await client.put(f"/allocations/{consumer}", json=wanted(parent, VCPU=2, DISK_GB=5))).status_code == 204
    held = wanted(parent, generation=1, DISK_GB=5)
    held["allocations"][child] = {"resources": {"VCPU": 2}}
    generations = [(await client.get(f"/resource_providers/{id}")).json()["generation"] for id in (parent, child)]
    body = {
        "inventories": {
            parent: {"resource_provider_generation": generations[0], "inventories": {"DISK_GB": {"total": 10}}},
            child: {"resource_provider_generation": generations[1], "inventories": {"VCPU": {"total": 4}}},
        },
        "allocations": {consumer: held},
    }
    service = {"x-roles": "service"}
    assert (await client.post("/reshaper", json=body)).status_code == 403
    without = {**body, "allocations": {}}
    assert (await client.post("/reshaper", json=without, headers=service)).status_code == 409
    assert (await client.post("/reshaper", json=body, headers=service)).status_code == 204
    assert (await client.get(f"/resource_providers/{child}/usages")).json()["usages"] == {"VCPU": 2}
    assert (await client.get(f"/resource_providers/{parent}/usages")).json()["usages"] == {"DISK_GB": 5}


async def test_usages_by_type(client: httpx.AsyncClient) -> None:
    provider = await make_provider(client, "a")
    for kind in ("INSTANCE", "INSTANCE", "MIGRATION"):
        body = wanted(provider, VCPU=2) | {"consumer_type": kind}
        assert (await client.put(f"/allocations/{uuid4()}", json=body)).status_code == 204
    new = (await client.get("/usages?project_id=p")).json()["usages"]
    assert new == {"INSTANCE": {"VCPU": 4, "consumer_count": 2}, "MIGRATION": {"VCPU": 2, "consumer_count": 1}}
    every = (await client.get("/usages?project_id=p&consumer_type=all")).json()["usages"]
    assert every == {"all": {"VCPU": 6, "consumer_count": 3}}
    assert (await client.get("/usages?project_id=p&user_id=none")).json()["usages"] == {}
    assert (await client.get("/usages?project_id=p", headers=at("1.37"))).json()["usages"] == {"VCPU": 6}
    assert (await client.get("/usages?project_id=p&consumer_type=all", headers=at("1.37"))).status_code == 400
    assert (await client.get("/usages")).status_code == 400


async def test_names(client: httpx.AsyncClient) -> None:
    assert (await client.put("/traits/CUSTOM_GOLD")).status_code == 201
    assert (await client.put("/traits/CUSTOM_GOLD")).status_code == 204
    assert (await client.put("/traits/custom_gold")).status_code == 400
    assert (await client.get("/traits/HW_CPU_X86_VMX")).status_code == 204
    assert (await client.delete("/traits/HW_CPU_X86_VMX")).status_code == 400
    found = (await client.get("/traits?name=startswith:CUSTOM_")).json()["traits"]
    assert found == ["CUSTOM_GOLD"]
    provider = await make_provider(client, "a", traits=["CUSTOM_GOLD"])
    assert (await client.get("/traits?associated=true")).json()["traits"] == ["CUSTOM_GOLD"]
    assert (await client.delete("/traits/CUSTOM_GOLD")).status_code == 409
    assert (await client.delete(f"/resource_providers/{provider}/traits")).status_code == 204
    assert (await client.delete("/traits/CUSTOM_GOLD")).status_code == 204
    assert (await client.post("/resource_classes", json={"name": "CUSTOM_IRON"})).status_code == 201
    assert (await client.post("/resource_classes", json={"name": "CUSTOM_IRON"})).status_code == 409
    rename = await client.put("/resource_classes/CUSTOM_IRON", json={"name": "CUSTOM_STEEL"}, headers=at("1.6"))
    assert rename.json()["name"] == "CUSTOM_STEEL"
    assert (await client.put("/resource_classes/CUSTOM_STEEL")).status_code == 204
    assert (await client.delete("/resource_classes/VCPU")).status_code == 400
    assert (await client.delete("/resource_classes/CUSTOM_STEEL")).status_code == 204
    assert (await client.get("/resource_classes/CUSTOM_STEEL")).status_code == 404
    assert (await client.get("/traits", headers=at("1.5"))).status_code == 404


async def test_listing_filters(client: httpx.AsyncClient) -> None:
    gold, silver = str(uuid4()), str(uuid4())
    await make_provider(client, "a", traits=["CUSTOM_A"], aggregates=[gold])
    await make_provider(client, "b", {"VCPU": {"total": 2}}, traits=["CUSTOM_B"], aggregates=[gold, silver])
    for query, names in {
        "name=a": "a",
        f"member_of={gold}": "ab",
        f"member_of={gold}&member_of={silver}": "b",
        f"member_of=!{silver}": "a",
        f"member_of=in:{silver},{uuid4()}": "b",
        "required=CUSTOM_A": "a",
        "required=!CUSTOM_A": "b",
        "required=in:CUSTOM_A,CUSTOM_B": "ab",
        "resources=VCPU:3": "a",
        "resources=VCPU:2": "ab",
    }.items():
        found = (await client.get(f"/resource_providers?{query}")).json()["resource_providers"]
        assert "".join(sorted(each["name"] for each in found)) == names, query
    for query, version in {
        "required=in:CUSTOM_A,CUSTOM_B": "1.38",
        f"member_of=!{gold}": "1.31",
        "required=!CUSTOM_A": "1.21",
        "required=CUSTOM_A": "1.17",
        "resources=VCPU:1": "1.3",
        "resources=VCPU": "1.39",
        "resources=NOTHING:1": "1.39",
        "required=CUSTOM_NONE": "1.39",
        "colour=red": "1.39",
    }.items():
        assert (await client.get(f"/resource_providers?{query}", headers=at(version))).status_code == 400, query


async def test_what_is_used_is_the_sum_of_the_allocations(client: httpx.AsyncClient, database: Database) -> None:
    provider = await make_provider(client, "a", {"VCPU": {"total": 100}})
    consumers = [str(uuid4()) for _ in range(5)]
    for step in range(3):
        for index, consumer in enumerate(consumers):
            body = wanted(provider, generation=step or None, VCPU=1 + (step * 3 + index) % 7)
            assert (await client.put(f"/allocations/{consumer}", json=body)).status_code == 204
    used = await database.value("SELECT used FROM resource_inventories")
    assert used == await database.value("SELECT SUM(amount) FROM resource_allocations")
