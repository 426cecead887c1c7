"""Server groups as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import PROJECT, Compute, fault, fits
from welkin.core import quota
from welkin.services.compute.server_groups.tables import (
    add_member,
    get_group,
    groups_of,
    hosts_of_members,
    remove_member,
)

PATH = "/os-server-groups"


def body_at(version: str, **more: Any) -> dict[str, Any]:
    old = int(version.partition(".")[2]) < 64
    policy = {"policies": ["affinity"]} if old else {"policy": "affinity"}
    return {"server_group": {"name": "g", **policy, **more}}


@pytest.mark.parametrize("version", ["2.1", "2.13", "2.15", "2.63", "2.64", "2.104"])
async def test_answers_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    made = await compute("POST", PATH, body_at(version), version=version)
    group = fits(made, version, "server_groups", "create_show_server_group")["server_group"]
    path = f"{PATH}/{group['id']}"
    shown = fits(await compute("GET", path, version=version), version, "server_groups", "create_show_server_group")
    assert shown == {"server_group": group}
    listed = fits(await compute("GET", PATH, version=version), version, "server_groups", "list_server_groups")
    assert listed == {"server_groups": [group]}
    fits(await compute("DELETE", path, version=version), version, "server_groups", "delete_server_group")
    told = fault(await compute("GET", path), 404, "itemNotFound")
    assert told == f"Instance group {group['id']} could not be found."
    assert (await compute("DELETE", path)).status_code == 404


@pytest.mark.parametrize(
    ("version", "wrong"),
    [
        ("2.104", {"policy": "together"}),
        ("2.104", {"policies": ["affinity"]}),
        ("2.104", {"name": ""}),
        ("2.104", {"rules": {"max_server_per_host": 2}}),
        ("2.104", {"policy": "anti-affinity", "rules": {"max_server_per_host": 0}}),
        ("2.104", {"policy": "anti-affinity", "rules": {"max_server_per_host": "two"}}),
        ("2.104", {"policy": "anti-affinity", "rules": {"colour": 1}}),
        ("2.63", {"policies": []}),
        ("2.63", {"policies": ["affinity", "anti-affinity"]}),
        ("2.63", {"policies": "affinity"}),
        ("2.63", {"policy": "affinity"}),
        ("2.63", {"policies": ["together"]}),
        ("2.14", {"policies": ["soft-affinity"]}),
    ],
)
async def test_a_senseless_group_is_refused(compute: Compute, version: str, wrong: dict[str, Any]) -> None:
    fault(await compute("POST", PATH, body_at(version, **wrong), version=version), 400, "badRequest")


async def test_rules(compute: Compute) -> None:
    body = body_at("2.64", policy="anti-affinity", rules={"max_server_per_host": "3"})
    group = (await compute("POST", PATH, body)).json()["server_group"]
    assert group["rules"] == {"max_server_per_host": 3}
    found = await get_group(compute.db, group["id"])
    assert found is not None
    assert found.max_server_per_host == 3
    assert (await compute("POST", PATH, body_at("2.15", policies=["soft-affinity"]), version="2.15")).status_code == 200


async def test_members_are_those_that_live(compute: Compute) -> None:
    group = (await compute("POST", PATH, body_at("2.64"))).json()["server_group"]["id"]
    for id, deleted, host in (("a", False, "h1"), ("b", True, "h1"), ("c", False, "h1"), ("d", False, None)):
        await compute.server(id, deleted=deleted, host=host)
    async with compute.db.tx() as tx:
        for id in "abcd":
            await add_member(tx, group, id)
        assert await groups_of(tx, "a") == [group]
    assert (await compute.get(f"{PATH}/{group}"))["server_group"]["members"] == ["a", "c", "d"]
    assert await hosts_of_members(compute.db, group) == {"h1": 2}
    async with compute.db.tx() as tx:
        await remove_member(tx, "a")
    assert (await compute.get(PATH))["server_groups"][0]["members"] == ["c", "d"]
    assert (await compute("DELETE", f"{PATH}/{group}")).status_code == 204


async def test_lists(compute: Compute) -> None:
    for name in ("a", "b", "c"):
        await compute("POST", PATH, body_at("2.64", name=name), who="member")
    await compute("POST", PATH, body_at("2.64", name="theirs"), who="stranger")
    assert [each["name"] for each in (await compute.get(PATH, limit=2, offset=1))["server_groups"]] == ["b", "c"]
    assert len((await compute.get(PATH, who="reader", all_projects=1))["server_groups"]) == 3
    assert len((await compute.get(PATH, all_projects=1))["server_groups"]) == 4
    for wrong in ({"limit": -1}, {"offset": "x"}, {"new": 1}):
        assert (await compute("GET", PATH, **wrong)).status_code == 400
    await compute.get(PATH, version="2.74", new=1)


async def test_a_project_has_only_so_many(compute: Compute) -> None:
    async with compute.db.tx() as tx:
        await quota.put(tx, "compute", PROJECT, {"server_groups": 1})
    assert (await compute("POST", PATH, body_at("2.64"), who="member")).status_code == 200
    told = fault(await compute("POST", PATH, body_at("2.64"), who="member"), 403, "forbidden")
    assert told == "Quota exceeded, too many server groups."


async def test_who_may(compute: Compute) -> None:
    group = (await compute("POST", PATH, body_at("2.64"), who="member")).json()["server_group"]["id"]
    for method, path in (("GET", f"{PATH}/{group}"), ("DELETE", f"{PATH}/{group}")):
        await compute.refused(method, path, 404)
    assert (await compute("GET", PATH, who="")).status_code == 401
    assert (await compute("POST", PATH, body_at("2.64"), who="")).status_code == 401
    assert (await compute.get(PATH, who="stranger"))["server_groups"] == []
    assert (await compute("POST", PATH, body_at("2.64"), who="reader")).status_code == 403
    assert (await compute("DELETE", f"{PATH}/{group}", who="reader")).status_code == 403
    assert (await compute("GET", f"{PATH}/{group}", who="reader")).status_code == 200
    assert (await compute("DELETE", f"{PATH}/{group}")).status_code == 204
