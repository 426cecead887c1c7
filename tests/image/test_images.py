"""Images as clients see them: create, patch, list, share, delete."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.image.conftest import As, Client, make, put

OLD = "application/openstack-images-v2.0-json-patch"
NEW = "application/openstack-images-v2.1-json-patch"


async def patch(client: Client, image_id: str, changes: object, kind: str = NEW) -> httpx.Response:
    return await client.patch(f"/v2/images/{image_id}", content=json.dumps(changes), headers={"content-type": kind})


async def ids(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/v2/images?{query}")
    assert answer.status_code == 200, answer.text
    return [image["id"] for image in answer.json()["images"]]


async def test_versions(alice: Client) -> None:
    found = await alice.get("/")
    assert found.status_code == 300
    first = found.json()["versions"][0]
    assert first == {"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": "http://cloud/image/v2/"}]}
    assert (await alice.get("/versions")).status_code == 200


async def test_a_new_image(alice: Client) -> None:
    body = {"name": "a", "disk_format": "raw", "container_format": "bare", "visibility": "private", "ramdisk_id": "7"}
    created = await alice.post("/v2/images", json={**body, "tags": ["x"], "min_disk": 3})
    assert created.status_code == 201
    assert created.headers["openstack-image-import-methods"] == "glance-direct,web-download"
    image = created.json()
    assert created.headers["location"].endswith(image["self"])
    assert (
        image.items() >= {**body, "status": "queued", "owner": "a", "size": None, "tags": ["x"], "min_disk": 3}.items()
    )
    assert (await alice.get(image["self"])).json() == image
    again = await alice.post("/v2/images", json={"id": image["id"]})
    assert again.status_code == 409
    assert again.json()["code"] == "409 Conflict"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"disk_format": "floppy"}, 400),
        ({"container_format": "box"}, 400),
        ({"visibility": "secret"}, 400),
        ({"min_ram": -1}, 400),
        ({"min_ram": True}, 400),
        ({"name": "x" * 256}, 400),
        ({"tags": "x"}, 400),
        ({"id": "7"}, 400),
        ({"colour": 7}, 400),
        ({"x" * 256: "y"}, 400),
        ({"status": "active"}, 403),
        ({"size": 7}, 403),
        ({"deleted": "no"}, 403),
        ({"os_glance_x": "y"}, 403),
        ({"visibility": "public"}, 403),
        ({"owner": "b"}, 403),
        ({f"p{index}": "x" for index in range(129)}, 413),
    ],
)
async def test_a_senseless_image_is_refused(alice: Client, body: dict, status: int) -> None:
    assert (await alice.post("/v2/images", json=body)).status_code == status
    assert await ids(alice) == []


async def test_a_reader_only_reads(alice: Client, person: As) -> None:
    image_id = await make(alice)
    reader = person("reader")
    assert await ids(reader) == [image_id]
    assert (await reader.post("/v2/images", json={})).status_code == 403
    assert (await patch(reader, image_id, [])).status_code == 403
    assert (await put(reader, image_id, b"x")).status_code == 403
    assert (await reader.delete(f"/v2/images/{image_id}")).status_code == 403
    assert (await reader.get("/v2/images", headers={"x-auth-token": ""})).status_code == 401


async def test_patches_old_and_new(alice: Client) -> None:
    image_id = await make(alice, arch="x86")
    changed = await patch(alice, image_id, [{"replace": "/name", "value": "b"}], OLD)
    assert changed.status_code == 200
    assert changed.json()["name"] == "b"
    assert (await patch(alice, image_id, [{"add": "/arch", "value": "arm"}], OLD)).status_code == 409
    changes = [
        {"op": "add", "path": "/arch", "value": "arm"},
        {"op": "add", "path": "/a~1b", "value": "c"},
        {"op": "replace", "path": "/tags", "value": ["t", "t"]},
        {"op": "replace", "path": "/disk_format", "value": "qcow2"},
        {"op": "replace", "path": "/protected", "value": True},
    ]
    image = (await patch(alice, image_id, changes)).json()
    assert (image["arch"], image["a/b"], image["tags"], image["disk_format"]) == ("arm", "c", ["t"], "qcow2")
    assert (await alice.delete(f"/v2/images/{image_id}")).status_code == 403
    assert (await patch(alice, image_id, [{"op": "remove", "path": "/arch"}])).json().get("arch") is None
    allowed = (await patch(alice, image_id, [], "application/json")).headers["accept-patch"]
    assert allowed == f"{OLD}, {NEW}"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 400),
        ([7], 400),
        ([{"op": "move", "path": "/name"}], 400),
        ([{"op": "replace", "path": "/name"}], 400),
        ([{"op": "replace", "path": "name", "value": "x"}], 400),
        ([{"op": "replace", "path": "/na~me", "value": "x"}], 400),
        ([{"op": "replace", "path": "/a/b", "value": "x"}], 400),
        ([{"op": "replace", "path": "/min_disk", "value": "x"}], 400),
        ([{"op": "replace", "path": "/id", "value": "x"}], 403),
        ([{"op": "replace", "path": "/status", "value": "active"}], 403),
        ([{"op": "remove", "path": "/name"}], 403),
        ([{"op": "replace", "path": "/owner", "value": "b"}], 403),
        ([{"op": "replace", "path": "/visibility", "value": "public"}], 403),
        ([{"op": "replace", "path": "/locations", "value": []}], 403),
        ([{"op": "replace", "path": "/nothing", "value": "x"}], 409),
        ([{"op": "remove", "path": "/nothing"}], 409),
    ],
)
async def test_a_senseless_patch_changes_nothing(alice: Client, changes: object, status: int) -> None:
    image_id = await make(alice)
    before = (await alice.get(f"/v2/images/{image_id}")).json()
    assert (await patch(alice, image_id, changes)).status_code == status
    assert (await alice.get(f"/v2/images/{image_id}")).json() == before


async def test_who_sees_what(alice: Client, bob: Client, admin: Client) -> None:
    private = await make(alice, visibility="private")
    community = await make(alice, visibility="community")
    public = await make(admin, visibility="public")
    hidden = await make(admin, visibility="public", os_hidden=True)
    assert await ids(bob) == [public]
    assert await ids(bob, "os_hidden=true") == [hidden]
    assert await ids(bob, "visibility=community") == [community]
    assert set(await ids(bob, "visibility=all")) == {public, community}
    assert set(await ids(admin)) == {public, private, community}
    assert (await bob.get(f"/v2/images/{private}")).status_code == 404
    assert (await bob.get(f"/v2/images/{community}")).status_code == 200
    assert (await bob.delete(f"/v2/images/{private}")).status_code == 404
    assert (await bob.delete(f"/v2/images/{public}")).status_code == 403


async def test_an_image_is_shared_and_accepted(alice: Client, bob: Client) -> None:
    image_id = await make(alice, b"x")
    members = f"/v2/images/{image_id}/members"
    assert (await bob.get(members)).status_code == 404
    added = await alice.post(members, json={"member": "b"})
    assert added.status_code == 200
    assert added.json()["status"] == "pending"
    assert (await alice.post(members, json={"member": "b"})).status_code == 409
    assert (await alice.post(members, json={"member": "c"})).status_code == 200
    assert (await bob.get(f"/v2/images/{image_id}")).status_code == 200
    assert await ids(bob) == []
    assert await ids(bob, "member_status=pending") == [image_id]
    assert (await alice.put(f"{members}/b", json={"status": "accepted"})).status_code == 403
    assert (await bob.put(f"{members}/b", json={"status": "maybe"})).status_code == 400
    assert (await bob.put(f"{members}/b", json={"status": "accepted"})).json()["status"] == "accepted"
    assert await ids(bob, "visibility=shared") == [image_id]
    assert [each["member_id"] for each in (await bob.get(members)).json()["members"]] == ["b"]
    assert (await bob.get(f"{members}/c")).status_code == 404
    assert len((await alice.get(members)).json()["members"]) == 2
    assert (await bob.post(members, json={"member": "d"})).status_code == 403
    assert (await bob.delete(f"{members}/c")).status_code == 403
    assert (await alice.delete(f"{members}/b")).status_code == 204
    assert (await bob.get(f"/v2/images/{image_id}")).status_code == 404
    private = await make(alice, visibility="private")
    assert (await alice.post(f"/v2/images/{private}/members", json={"member": "b"})).status_code == 403


async def test_filters(alice: Client) -> None:
    small = await make(alice, b"x" * 10, name="small", arch="arm", tags=["red"])
    large = await make(alice, b"x" * 100, name="large", arch="x86", tags=["red", "blue"])
    queued = await make(alice, name="queued", disk_format="qcow2")
    image = (await alice.get(f"/v2/images/{small}")).json()
    for query, found in {
        "name=small": {small},
        "name=in:small,large": {small, large},
        "status=queued": {queued},
        "status=in:active,queued": {small, large, queued},
        "disk_format=qcow2": {queued},
        "size_min=50": {large},
        "size_max=50": {small},
        "arch=arm": {small},
        "arch=none": set(),
        "tag=red": {small, large},
        "tag=red&tag=blue": {large},
        f"checksum={image['checksum']}": {small},
        f"os_hash_value={image['os_hash_value']}": {small},
        "owner=a": {small, large, queued},
        "owner=b": set(),
        "protected=true": set(),
        f"id=in:{small},{queued}": {small, queued},
        "created_at=gt:2001-01-01T00:00:00Z": {small, large, queued},
        "created_at=lt:2001-01-01T00:00:00Z": set(),
        f"created_at=gte:{image['created_at']}&name=small": {small},
        f"created_at=lte:{image['created_at']}&name=small": {small},
        f"created_at={image['created_at']}&name=small": {small},
    }.items():
        assert set(await ids(alice, query)) == found, query
    for query in (
        "size_min=x", "protected=maybe", "visibility=x", "member_status=x", "created_at=gt:x", "sort_key=colour",
        "sort_dir=up", "limit=-1", "limit=x", "marker=none", "sort=name&sort_key=name", "changes-since=1",
    ):  # fmt: skip
        assert (await alice.get(f"/v2/images?{query}")).status_code == 400, query


async def test_pages_and_orders(alice: Client) -> None:
    made = [await make(alice, name=f"n{index % 2}") for index in range(5)]
    assert await ids(alice) == made[::-1]
    assert await ids(alice, "sort_key=created_at&sort_dir=asc") == made
    by_name = await ids(alice, "sort=name:asc,created_at:desc")
    assert by_name == [made[4], made[2], made[0], made[3], made[1]]
    assert await ids(alice, "sort_key=name&sort_key=created_at&sort_dir=asc&sort_dir=desc") == by_name
    seen: list[str] = []
    path = "/v2/images?limit=2&name=in:n0,n1"
    while path:
        page = (await alice.get(path)).json()
        assert page["first"].startswith("/v2/images?limit=2")
        seen += [image["id"] for image in page["images"]]
        path = page.get("next", "")
    assert seen == made[::-1]


async def test_tags(alice: Client) -> None:
    image_id = await make(alice)
    path = f"/v2/images/{image_id}/tags/blue"
    assert (await alice.put(path)).status_code == 204
    assert (await alice.get(f"/v2/images/{image_id}")).json()["tags"] == ["blue"]
    assert (await alice.delete(path)).status_code == 204
    assert (await alice.delete(path)).status_code == 404
    assert (await alice.put(f"/v2/images/{image_id}/tags/{'x' * 256}")).status_code == 400


async def test_schemas(alice: Client) -> None:
    for name in ("image", "images", "member", "members", "task", "tasks"):
        found = (await alice.get(f"/v2/schemas/{name}")).json()
        assert found["name"] == name
    assert (await alice.get("/v2/schemas/nothing")).status_code == 404
    image_id = await make(alice)
    known = (await alice.get("/v2/schemas/image")).json()["properties"]
    assert set((await alice.get(f"/v2/images/{image_id}")).json()) <= set(known)


async def test_an_image_without_an_id_is_not_a_list(alice: Client) -> None:
    assert (await alice.get("/v2/images/")).status_code == 404
    assert (await alice.delete("/v2/images/")).status_code == 404
