"""Flavors as clients see them, at the oldest, a middle and the newest microversion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import OTHER, PROJECT, Compute, fault, fits
from welkin.core.policy import Actor
from welkin.services.compute.flavors.errors import FlavorNotFound
from welkin.services.compute.flavors.tables import get_flavor

SMALL = {"name": "small", "id": "1", "ram": 512, "vcpus": 1, "disk": 1}
SHOW = "create_update_get_flavor_details"
VERSIONS = ["2.1", "2.54", "2.55", "2.60", "2.61", "2.75", "2.101", "2.104"]


async def make(compute: Compute, **more: Any) -> Any:
    made = await compute("POST", "/flavors", {"flavor": {**SMALL, **more}})
    assert made.status_code == 200, made.text
    return made.json()["flavor"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_answers_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    path, body = "/flavors", {"flavor": {**SMALL, "id": "x", "swap": 0}}
    made = fits(await compute("POST", path, body, version=version), version, "flavors", SHOW)
    shown = fits(await compute("GET", path + "/x", version=version), version, "flavors", SHOW)
    assert made == shown
    listed = fits(await compute("GET", path + "/detail", version=version), version, "flavors", "list_flavors_details")
    assert listed["flavors"] == [shown["flavor"]]
    fits(await compute("GET", path, version=version), version, "flavors", "list_flavors")
    assert shown["flavor"]["swap"] == (0 if version in ("2.75", "2.101", "2.104") else "")
    fits(await compute("DELETE", path + "/x", version=version), version, "flavors", "delete_flavor")
    assert (await compute("GET", path + "/x")).status_code == 404


async def test_the_newest_flavor(compute: Compute) -> None:
    await make(compute, **{"description": "tiny", "swap": "16", "OS-FLV-EXT-DATA:ephemeral": 2})
    shown = (await compute.get("/flavors/1"))["flavor"]
    links = [
        {"rel": "self", "href": "http://cloud/compute/v2.1/flavors/1"},
        {"rel": "bookmark", "href": "http://cloud/compute/flavors/1"},
    ]
    assert shown == {
        **{"id": "1", "name": "small", "ram": 512, "vcpus": 1, "disk": 1, "swap": 16, "description": "tiny"},
        **{"OS-FLV-EXT-DATA:ephemeral": 2, "os-flavor-access:is_public": True, "extra_specs": {}, "links": links},
    }
    assert "extra_specs" in (await compute.get("/flavors/1", who="reader"))["flavor"]


async def test_the_factor_of_the_network_is_for_old_clients(compute: Compute) -> None:
    body = {"flavor": {**SMALL, "rxtx_factor": "2.5"}}
    assert (await compute("POST", "/flavors", body)).status_code == 400
    made = await compute("POST", "/flavors", body, version="2.101")
    assert made.json()["flavor"]["rxtx_factor"] == 2.5
    assert "rxtx_factor" not in (await compute.get("/flavors/1"))["flavor"]
    assert (await compute.get("/flavors", version="2.101", sort_key="rxtx_factor"))["flavors"]
    assert (await compute("GET", "/flavors", sort_key="rxtx_factor")).status_code == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " a"},
        {"name": "a\n"},
        {"name": "a\x07"},
        {"name": "x" * 256},
        {"id": "a/b"},
        {"id": ""},
        {"id": "a "},
        {"ram": 0},
        {"ram": "-1"},
        {"ram": "many"},
        {"ram": 1 << 31},
        {"vcpus": 0},
        {"vcpus": True},
        {"disk": -1},
        {"swap": None},
        {"os-flavor-access:is_public": "maybe"},
        {"description": "a\x00b"},
        {"colour": "red"},
    ],
)
async def test_a_senseless_flavor_is_refused(compute: Compute, wrong: dict[str, Any]) -> None:
    fault(await compute("POST", "/flavors", {"flavor": {**SMALL, **wrong}}), 400, "badRequest")


async def test_a_flavor_needs_its_sizes(compute: Compute) -> None:
    for name in ("name", "ram", "vcpus", "disk"):
        body = {key: value for key, value in SMALL.items() if key != name}
        assert (await compute("POST", "/flavors", {"flavor": body})).status_code == 400
    made = await compute("POST", "/flavors", {"flavor": {**SMALL, "id": None}})
    assert len(made.json()["flavor"]["id"]) == 36


async def test_names_and_ids_are_taken_once(compute: Compute) -> None:
    await make(compute)
    told = fault(await compute("POST", "/flavors", {"flavor": SMALL}), 409, "conflictingRequest")
    assert told == "Flavor with name small already exists."
    told = fault(await compute("POST", "/flavors", {"flavor": {**SMALL, "name": "b"}}), 409, "conflictingRequest")
    assert told == "Flavor with ID 1 already exists."


async def test_a_description_can_be_changed(compute: Compute) -> None:
    await make(compute)
    changed = await compute("PUT", "/flavors/1", {"flavor": {"description": "better"}}, version="2.55")
    assert fits(changed, "2.55", "flavors", SHOW)["flavor"]["description"] == "better"
    assert (await compute("PUT", "/flavors/1", {"flavor": {"description": None}})).json()["flavor"][
        "description"
    ] is None
    assert (await compute("PUT", "/flavors/1", {"flavor": {"name": "b"}})).status_code == 400
    assert (await compute("PUT", "/flavors/2", {"flavor": {"description": "x"}})).status_code == 404
    assert (await compute("PUT", "/flavors/1", {"flavor": {"description": "x"}}, version="2.54")).status_code == 404
    assert (
        await compute("POST", "/flavors", {"flavor": {**SMALL, "description": "x"}}, version="2.54")
    ).status_code == 400


async def test_lists_are_paged_sorted_and_filtered(compute: Compute) -> None:
    for index, ram in enumerate((64, 256, 128)):
        await make(compute, id=f"f{index}", name=f"n{index}", ram=ram, disk=index)
    first = await compute.get("/flavors", limit=2)
    assert [each["id"] for each in first["flavors"]] == ["f0", "f1"]
    assert first["flavors_links"] == [{"rel": "next", "href": "http://cloud/compute/v2.1/flavors?limit=2&marker=f1"}]
    rest = await compute.get("/flavors", limit=2, marker="f1")
    assert [each["id"] for each in rest["flavors"]] == ["f2"]
    assert "flavors_links" not in rest
    by_ram = await compute.get("/flavors", sort_key="memory_mb", sort_dir="desc", marker="f1")
    assert [each["id"] for each in by_ram["flavors"]] == ["f2", "f0"]
    assert [each["id"] for each in (await compute.get("/flavors", minRam=100, minDisk=2))["flavors"]] == ["f2"]
    assert [each["id"] for each in (await compute.get("/flavors/detail", name="n1"))["flavors"]] == ["f1"]
    for wrong in ({"limit": -1}, {"limit": "x"}, {"marker": "none"}, {"minRam": "x"}, {"sort_key": "x"}, {"new": "1"}):
        assert (await compute("GET", "/flavors", **wrong)).status_code == 400, wrong
    assert len((await compute.get("/flavors", version="2.74", new="1", name="n1"))["flavors"]) == 3
    assert (await compute("GET", "/flavors", version="2.75", name="n1")).status_code == 400
    assert (await compute("GET", "/flavors/f1", new="1")).status_code == 400
    await compute.get("/flavors/f1", version="2.101", new="1")


async def test_a_private_flavor_is_for_those_who_were_given_access(compute: Compute) -> None:
    await make(compute, id="p", name="private", **{"os-flavor-access:is_public": False})
    assert (await compute("GET", "/flavors/p", who="member")).status_code == 404
    assert (await compute.get("/flavors", who="member"))["flavors"] == []
    assert (await compute.get("/flavors"))["flavors"] == []
    for wish, count in (("none", 1), ("false", 1), ("true", 0)):
        assert len((await compute.get("/flavors", is_public=wish))["flavors"]) == count
    assert (await compute("GET", "/flavors", is_public="perhaps")).status_code == 400
    assert (await compute.get("/flavors", who="member", is_public="none"))["flavors"] == []
    given = await compute("POST", "/flavors/p/action", {"addTenantAccess": {"tenant": PROJECT}})
    body = fits(given, "2.1", "flavors_access", "add_remove_list_flavor_access")
    assert body == {"flavor_access": [{"flavor_id": "p", "tenant_id": PROJECT}]}
    assert [each["id"] for each in (await compute.get("/flavors", who="member"))["flavors"]] == ["p"]
    assert (await compute("GET", "/flavors/p", who="stranger")).status_code == 404
    assert (await compute.get("/flavors/p/os-flavor-access")) == body
    again = await compute("POST", "/flavors/p/action", {"addTenantAccess": {"tenant": PROJECT}})
    assert "already exists" in fault(again, 409, "conflictingRequest")
    taken = await compute("POST", "/flavors/p/action", {"removeTenantAccess": {"tenant": PROJECT}})
    assert taken.json() == {"flavor_access": []}
    again = await compute("POST", "/flavors/p/action", {"removeTenantAccess": {"tenant": PROJECT}})
    assert "not found" in fault(again, 404, "itemNotFound")


async def test_a_public_flavor_has_no_access_list(compute: Compute) -> None:
    await make(compute)
    assert (await compute("GET", "/flavors/1/os-flavor-access")).status_code == 404
    body = {"addTenantAccess": {"tenant": OTHER}}
    assert (await compute("POST", "/flavors/1/action", body)).status_code == 409
    assert (await compute("POST", "/flavors/1/action", body, version="2.6")).status_code == 200
    nobody = {"addTenantAccess": {"tenant": "nobody"}}
    told = fault(await compute("POST", "/flavors/1/action", nobody, version="2.6"), 400, "badRequest")
    assert told == "Project ID nobody is not a valid project."
    for wrong in ({"addTenantAccess": {}}, {"addTenantAccess": {"tenant": "a/b"}}, {"dance": {}}, {}):
        assert (await compute("POST", "/flavors/1/action", wrong)).status_code == 400


async def test_extra_specs(compute: Compute) -> None:
    await make(compute)
    path = "/flavors/1/os-extra_specs"
    specs = {"extra_specs": {"hw:cpu_policy": "shared", "own": "anything", "quota:cpu_shares": 10}}
    made = await compute("POST", path, specs)
    assert (
        fits(made, "2.1", "flavors_extra_specs", "set_get_flavor_extra_specs") == specs
        if False
        else made.json() == specs
    )
    listed = fits(await compute("GET", path), "2.1", "flavors_extra_specs", "set_get_flavor_extra_specs")
    assert listed["extra_specs"]["quota:cpu_shares"] == "10"
    shown = fits(
        await compute("GET", path + "/own", who="reader"),
        "2.1",
        "flavors_extra_specs",
        "set_get_flavor_extra_specs_key",
    )
    assert shown == {"own": "anything"}
    assert (await compute("PUT", path + "/own", {"own": "else"})).json() == {"own": "else"}
    assert (await compute("PUT", path + "/own", {"other": "else"})).status_code == 400
    assert (await compute("PUT", path + "/own", {"own": "a", "b": "c"})).status_code == 400
    assert (await compute.get("/flavors/1"))["flavor"]["extra_specs"]["own"] == "else"
    assert (await compute("DELETE", path + "/own")).status_code == 200
    for method, body in (("GET", None), ("DELETE", None)):
        told = fault(await compute(method, path + "/own", body), 404, "itemNotFound")
        assert told == "Flavor 1 has no extra specs with key own."


@pytest.mark.parametrize(
    "wrong",
    [
        {"hw:cpu_policy": "sometimes"},
        {"hw:numa_nodes": "0"},
        {"hw:boot_menu": "perhaps"},
        {"hw:unknown": "1"},
        {"hw:mem_page_size": "huge"},
        {"trait:HW_CPU_X86_VMX": "wanted"},
        {"resources:VCPU": "one"},
        {"resources1:lower": "1"},
    ],
)
async def test_extra_specs_of_known_namespaces_must_make_sense(compute: Compute, wrong: dict[str, str]) -> None:
    await make(compute)
    path = "/flavors/1/os-extra_specs"
    told = fault(await compute("POST", path, {"extra_specs": wrong}), 400, "badRequest")
    assert told.startswith("Validation failed; ")
    key = next(iter(wrong))
    assert (await compute("PUT", f"{path}/{key}", wrong)).status_code == 400
    assert (await compute("POST", path, {"extra_specs": wrong}, version="2.85")).status_code == 200
    assert (await compute("PUT", f"{path}/{key}", wrong, version="2.85")).status_code == 200


async def test_extra_specs_have_a_form(compute: Compute) -> None:
    await make(compute)
    for wrong in ({"a/b": "1"}, {"a": "x" * 256}, {"a": True}, {"a": None}, {"": "1"}, {"x" * 256: "1"}):
        assert (await compute("POST", "/flavors/1/os-extra_specs", {"extra_specs": wrong})).status_code == 400, wrong


async def test_who_may(compute: Compute) -> None:
    await make(compute)
    body = {"flavor": {**SMALL, "id": "2", "name": "two"}}
    specs = {"extra_specs": {"a": "b"}}
    access = {"addTenantAccess": {"tenant": OTHER}}
    for method, path, sent in (
        ("POST", "/flavors", body),
        ("PUT", "/flavors/1", {"flavor": {"description": "x"}}),
        ("DELETE", "/flavors/1", None),
        ("GET", "/flavors/1/os-flavor-access", None),
        ("POST", "/flavors/1/action", access),
        ("POST", "/flavors/1/action", {"removeTenantAccess": {"tenant": OTHER}}),
        ("POST", "/flavors/1/os-extra_specs", specs),
        ("PUT", "/flavors/1/os-extra_specs/a", {"a": "b"}),
        ("DELETE", "/flavors/1/os-extra_specs/a", None),
    ):
        assert (await compute(method, path, sent, who="")).status_code == 401
        told = fault(await compute(method, path, sent, who="manager"), 403, "forbidden")
        assert told.startswith("Policy doesn't allow os_compute_api:os-flavor-")
    for path in ("/flavors", "/flavors/detail", "/flavors/1", "/flavors/1/os-extra_specs"):
        assert (await compute("GET", path, who="")).status_code == 401
        assert (await compute("GET", path, who="stranger")).status_code == 200


async def test_servers_ask_for_a_flavor(compute: Compute) -> None:
    await make(compute, **{"os-flavor-access:is_public": False})
    assert (await get_flavor(compute.db, "1", Actor(is_admin=True))).ram_mib == 512
    with pytest.raises(FlavorNotFound, match="Flavor 1 could not be found"):
        await get_flavor(compute.db, "1", Actor(project_id=PROJECT))
