"""Metadata definitions: namespaces, what they are for, objects, properties and tags."""

from __future__ import annotations

import pytest

from tests.image.conftest import Client

ALL = "/v2/metadefs/namespaces"
WHOLE = {
    "namespace": "OS::Test",
    "display_name": "Test",
    "visibility": "public",
    "resource_type_associations": [{"name": "OS::Nova::Flavor", "prefix": "hw:"}],
    "properties": {"cores": {"title": "Cores", "type": "integer"}},
    "objects": [{"name": "limits", "properties": {"ram": {"title": "RAM", "type": "integer"}}}],
    "tags": [{"name": "gold"}],
}


async def test_a_namespace_with_everything(admin: Client, alice: Client) -> None:
    created = await admin.post(ALL, json=WHOLE)
    assert created.status_code == 201, created.text
    assert created.headers["location"].endswith(f"{ALL}/OS::Test")
    assert (await admin.post(ALL, json=WHOLE)).status_code == 409
    shown = (await alice.get(f"{ALL}/OS::Test")).json()
    assert shown["self"] == f"{ALL}/OS::Test"
    assert shown["properties"] == {"cores": {"title": "Cores", "type": "integer"}}
    assert shown["objects"][0]["properties"] == {"ram": {"title": "RAM", "type": "integer"}}
    assert shown["tags"][0]["name"] == "gold"
    assert "description" not in shown
    prefixed = (await alice.get(f"{ALL}/OS::Test?resource_type=OS::Nova::Flavor")).json()
    assert list(prefixed["properties"]) == ["hw:cores"]
    listed = (await alice.get(ALL)).json()
    assert [each["namespace"] for each in listed["namespaces"]] == ["OS::Test"]
    assert (await alice.get(f"{ALL}?resource_types=OS::Nova::Server")).json()["namespaces"] == []
    assert len((await alice.get(f"{ALL}?resource_types=OS::Nova::Flavor,OS::X")).json()["namespaces"]) == 1
    assert (await admin.delete(f"{ALL}/OS::Test")).status_code == 204
    assert (await alice.get(f"{ALL}/OS::Test")).status_code == 404


async def test_who_may(admin: Client, alice: Client) -> None:
    assert (await alice.post(ALL, json={"namespace": "a"})).status_code == 403
    assert (await admin.post(ALL, json={"namespace": "a", "protected": True})).status_code == 201
    assert (await alice.get(f"{ALL}/a")).status_code == 404
    assert (await alice.get(f"{ALL}/a/objects")).status_code == 404
    assert (await alice.get(ALL)).json()["namespaces"] == []
    assert (await admin.delete(f"{ALL}/a")).status_code == 403
    update = {"namespace": "b", "visibility": "public", "protected": False}
    assert (await admin.put(f"{ALL}/a", json=update)).json()["namespace"] == "b"
    assert (await alice.get(f"{ALL}/b")).status_code == 200
    assert (await alice.put(f"{ALL}/b", json=update)).status_code == 403
    assert (await alice.post(f"{ALL}/b/tags/x")).status_code == 403
    assert (await alice.delete(f"{ALL}/b")).status_code == 403


@pytest.mark.parametrize(
    ("part", "body", "changed"),
    [
        ("objects", {"name": "x", "properties": {}}, {"name": "y", "description": "d"}),
        ("properties", {"name": "x", "title": "X", "type": "string"}, {"name": "y", "title": "Y", "type": "array"}),
    ],
)
async def test_entries(admin: Client, alice: Client, part: str, body: dict, changed: dict) -> None:
    await admin.post(ALL, json={"namespace": "n", "visibility": "public"})
    path = f"{ALL}/n/{part}"
    assert (await admin.post(path, json=body)).status_code == 201
    assert (await admin.post(path, json=body)).status_code == 409
    assert (await admin.post(path, json={"title": "x", "type": "string"})).status_code == 400
    assert (await alice.post(path, json=body)).status_code == 403
    assert (await alice.get(f"{path}/x")).json().items() >= body.items()
    assert (await admin.put(f"{path}/x", json=changed)).json().items() >= changed.items()
    assert (await alice.get(f"{path}/x")).status_code == 404
    listed = (await alice.get(path)).json()[part]
    assert [each if isinstance(each, str) else each["name"] for each in listed] == ["y"]
    assert (await admin.delete(f"{path}/y")).status_code == 204
    assert (await admin.delete(f"{path}/y")).status_code == 404
    await admin.post(path, json=body)
    assert (await admin.delete(path)).status_code == 204
    assert not (await alice.get(path)).json()[part]


async def test_tags(admin: Client, alice: Client) -> None:
    await admin.post(ALL, json={"namespace": "n", "visibility": "public"})
    path = f"{ALL}/n/tags"
    assert (await admin.post(f"{path}/a")).status_code == 201
    assert (await admin.post(f"{path}/a")).status_code == 409
    assert (await admin.post(path, json={"tags": [{"name": "b"}, {"name": "c"}]})).status_code == 201
    append = {"x-openstack-append": "true"}
    assert (await admin.post(path, json={"tags": [{"name": "d"}]}, headers=append)).status_code == 201
    assert [tag["name"] for tag in (await alice.get(path)).json()["tags"]] == ["b", "c", "d"]
    assert (await admin.put(f"{path}/b", json={"name": "e"})).json()["name"] == "e"
    assert (await alice.get(f"{path}/e")).status_code == 200
    assert (await admin.delete(f"{path}/e")).status_code == 204
    assert (await admin.delete(path)).status_code == 204
    assert (await alice.get(path)).json()["tags"] == []


async def test_what_a_namespace_is_for(admin: Client, alice: Client) -> None:
    await admin.post(ALL, json={"namespace": "n", "visibility": "public"})
    path = f"{ALL}/n/resource_types"
    assert (await admin.post(path, json={"name": "OS::Mine", "prefix": "m_"})).status_code == 201
    assert (await admin.post(path, json={"name": "OS::Mine"})).status_code == 409
    found = (await alice.get(path)).json()["resource_type_associations"]
    assert [(each["name"], each["prefix"]) for each in found] == [("OS::Mine", "m_")]
    names = [each["name"] for each in (await alice.get("/v2/metadefs/resource_types")).json()["resource_types"]]
    assert "OS::Mine" in names
    assert "OS::Nova::Flavor" in names
    assert (await admin.delete(f"{path}/OS::Mine")).status_code == 204
    assert (await admin.delete(f"{path}/OS::Mine")).status_code == 404


@pytest.mark.parametrize("one", ["namespace", "resource_type", "object", "property", "tag"])
async def test_schemas(alice: Client, one: str) -> None:
    many = "properties" if one == "property" else f"{one}s"
    for name in (one, many):
        assert "properties" in (await alice.get(f"/v2/schemas/metadefs/{name}")).json()
    assert (await alice.get("/v2/schemas/metadefs/none")).status_code == 404
