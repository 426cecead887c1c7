"""Regions, services, endpoints, limits and policy blobs over HTTP."""

from __future__ import annotations

import pytest

from tests.identity.conftest import Site


async def test_regions(site: Site) -> None:
    admin = await site.admin()
    made = (await admin.put("/v3/regions/north", {"region": {"description": "d", "colour": "red"}}, 201))["region"]
    assert made == {
        "id": "north",
        "description": "d",
        "parent_region_id": None,
        "colour": "red",
        "links": {"self": "http://cloud:5000/identity/v3/regions/north"},
    }
    child = (await admin.post("/v3/regions", {"region": {"parent_region_id": "north"}}))["region"]
    assert len(child["id"]) == 32 and child["description"] == ""
    assert [each["id"] for each in (await admin.get("/v3/regions?parent_region_id=north"))["regions"]] == [child["id"]]
    await admin.post("/v3/regions", {"region": {"id": "north"}}, 409)
    await admin.post("/v3/regions", {"region": {"parent_region_id": "none"}}, 404)
    await admin.put("/v3/regions/south", {"region": {"id": "west"}}, 400)
    await admin.patch("/v3/regions/north", {"region": {"parent_region_id": child["id"]}}, 400)
    changed = await admin.patch("/v3/regions/north", {"region": {"description": "e"}})
    assert (await admin.get("/v3/regions/north"))["region"] == changed["region"]
    service = (await admin.post("/v3/services", {"service": {"type": "t"}}))["service"]
    body = {"service_id": service["id"], "interface": "public", "url": "http://x", "region_id": child["id"]}
    endpoint = (await admin.post("/v3/endpoints", {"endpoint": body}))["endpoint"]
    await admin.delete("/v3/regions/north", 403)
    await admin.delete(f"/v3/endpoints/{endpoint['id']}")
    await admin.delete("/v3/regions/north")
    for path in ("/v3/regions/north", f"/v3/regions/{child['id']}"):
        await admin.get(path, 404)
        await admin.delete(path, 404)


async def test_services_and_endpoints_and_the_catalog(site: Site) -> None:
    admin = await site.admin()
    body = {"type": "toys", "name": "toybox", "description": "d", "colour": "red"}
    service = (await admin.post("/v3/services", {"service": body}))["service"]
    assert service["enabled"] is True and service["colour"] == "red"
    path = f"/v3/services/{service['id']}"
    changed = await admin.patch(path, {"service": {"description": "e"}})
    assert (await admin.get(path))["service"] == changed["service"] and changed["service"]["name"] == "toybox"
    assert [each["id"] for each in (await admin.get("/v3/services?type=toys"))["services"]] == [service["id"]]
    await admin.post("/v3/services", {"service": {}}, 400)

    async def endpoint(url: str, status: int = 201, **more: object) -> str:
        body = {"service_id": service["id"], "interface": "public", "url": url, "region": "new-region"} | more
        answer = await admin.post("/v3/endpoints", {"endpoint": body}, status)
        return answer["endpoint"]["id"] if status == 201 else ""

    plain = await endpoint("http://toys/v1")
    await endpoint("http://toys/$(project_id)s/%(user_id)s", interface="internal")
    await endpoint("http://toys/$(tenant_id)s", interface="admin")
    await endpoint("http://toys/$(other)s", 400)
    await endpoint("http://toys/$(project_id)", 400)
    await endpoint("http://toys", 400, interface="other")
    await endpoint("http://toys", 400, service_id="none")
    await admin.get("/v3/regions/new-region")
    again = await site.admin()
    found = next(each for each in again.body["catalog"] if each["type"] == "toys")
    user, project = again.body["user"]["id"], again.body["project"]["id"]
    assert {each["interface"]: each["url"] for each in found["endpoints"]} == {
        "public": "http://toys/v1",
        "internal": f"http://toys/{project}/{user}",
        "admin": f"http://toys/{project}",
    }
    system = await site.admin({"system": {"all": True}})
    found = next(each for each in system.body["catalog"] if each["type"] == "toys")
    assert [each["interface"] for each in found["endpoints"]] == ["public"]
    shown = (await admin.get(f"/v3/endpoints/{plain}"))["endpoint"]
    assert shown["region"] == shown["region_id"] == "new-region"
    assert (await admin.patch(f"/v3/endpoints/{plain}", {"endpoint": {"enabled": False}}))["endpoint"][
        "enabled"
    ] is False
    await admin.patch(f"/v3/endpoints/{plain}", {"endpoint": {"url": "$("}}, 400)
    listed = (await admin.get(f"/v3/endpoints?service_id={service['id']}&interface=public"))["endpoints"]
    assert [each["id"] for each in listed] == [plain]
    found = next(each for each in (await site.admin()).body["catalog"] if each["type"] == "toys")
    assert {each["interface"] for each in found["endpoints"]} == {"internal", "admin"}
    await admin.patch(path, {"service": {"enabled": False}})
    assert "toys" not in [each["type"] for each in (await site.admin()).body["catalog"]]
    await admin.delete(path)
    await admin.get(path, 404)
    await admin.get(f"/v3/endpoints/{plain}", 404)
    await admin.delete(f"/v3/endpoints/{plain}", 404)
    await admin.delete(path, 404)


async def test_our_own_endpoints_are_where_the_client_is(site: Site) -> None:
    admin = await site.admin()
    answer = await site.http.get(
        "/identity/v3/endpoints", headers={"x-auth-token": admin.token or "", "host": "elsewhere:99"}
    )
    assert "http://elsewhere:99/identity" in {each["url"] for each in answer.json()["endpoints"]}


CATALOG = [
    ("regions", "region", "RegionOne"),
    ("services", "service", "any"),
    ("endpoints", "endpoint", "any"),
    ("policies", "policy", "any"),
    ("registered_limits", "registered_limit", "any"),
]


@pytest.mark.parametrize(("many", "one", "id"), CATALOG)
async def test_who_may_see_and_change_the_catalog(site: Site, many: str, one: str, id: str) -> None:
    member, reader = await site.somebody("member"), await site.system_reader()
    everybody_reads = many in ("regions", "registered_limits")
    shown = 200 if many == "regions" else 404
    await reader.get(f"/v3/{many}")
    await reader.get(f"/v3/{many}/{id}", shown)
    await member.get(f"/v3/{many}", 200 if everybody_reads else 403)
    await member.get(f"/v3/{many}/{id}", shown if everybody_reads else 403)
    await site.nobody.get(f"/v3/{many}", 401)
    await site.nobody.get(f"/v3/{many}/{id}", 401)
    for client, status in ((member, 403), (reader, 403), (site.nobody, 401)):
        await client.post(f"/v3/{many}", {one: {}}, status)
        await client.patch(f"/v3/{many}/{id}", {one: {}}, status)
        await client.delete(f"/v3/{many}/{id}", status)
    await member.put("/v3/regions/x", {"region": {}}, 403)
    await site.nobody.put("/v3/regions/x", {"region": {}}, 401)


async def test_policy_blobs(site: Site) -> None:
    admin = await site.admin()
    made = (await admin.post("/v3/policies", {"policy": {"type": "t", "blob": "b", "colour": "red"}}))["policy"]
    path = f"/v3/policies/{made['id']}"
    changed = await admin.patch(path, {"policy": {"type": "u"}})
    assert (await admin.get(path))["policy"] == changed["policy"] == {**made, "type": "u"}
    assert (await admin.get("/v3/policies?type=t"))["policies"] == []
    assert len((await admin.get("/v3/policies?type=u"))["policies"]) == 1
    await admin.post("/v3/policies", {"policy": {"type": "t"}}, 400)
    await admin.delete(path)
    await admin.get(path, 404)


async def test_limits(site: Site) -> None:
    admin, project, domain = await site.admin(), await site.project(), await site.domain()
    service = (await admin.post("/v3/services", {"service": {"type": "t"}}))["service"]["id"]
    wanted = {"service_id": service, "region_id": "RegionOne", "resource_name": "toys", "default_limit": 5}
    (registered,) = (await admin.post("/v3/registered_limits", {"registered_limits": [wanted]}))["registered_limits"]
    await admin.post("/v3/registered_limits", {"registered_limits": [wanted]}, 409)
    for wrong in ({"service_id": "none"}, {"region_id": "none"}, {"default_limit": -2}, {"more": 1}):
        await admin.post("/v3/registered_limits", {"registered_limits": [wanted | wrong]}, 400)
    await admin.post("/v3/registered_limits", {"registered_limits": []}, 400)
    path = f"/v3/registered_limits/{registered['id']}"
    assert (await admin.get(path))["registered_limit"] == registered
    changed = await admin.patch(path, {"registered_limit": {"default_limit": 6}})
    assert changed["registered_limit"]["default_limit"] == 6
    listed = (await admin.get("/v3/registered_limits?resource_name=toys"))["registered_limits"]
    assert [each["id"] for each in listed] == [registered["id"]]

    base = {"service_id": service, "region_id": "RegionOne", "resource_name": "toys", "resource_limit": 9}
    bodies = [base | {"project_id": project["id"]}, base | {"domain_id": domain["id"]}]
    made = (await admin.post("/v3/limits", {"limits": bodies}))["limits"]
    assert made[0]["project_id"] == project["id"] and made[0]["domain_id"] is None
    assert made[1]["domain_id"] == domain["id"] and made[1]["project_id"] is None
    await admin.post("/v3/limits", {"limits": bodies[:1]}, 409)
    await admin.post("/v3/limits", {"limits": [bodies[0] | {"resource_name": "other"}]}, 403)
    for wrong in ({}, {"project_id": "none"}, {"domain_id": project["id"]}):
        await admin.post("/v3/limits", {"limits": [base | wrong]}, 400)
    await admin.delete(path, 403)
    await admin.patch(path, {"registered_limit": {"resource_name": "other"}}, 403)
    member, stranger = await site.somebody("member", project), await site.somebody("member")
    assert [each["id"] for each in (await member.get("/v3/limits"))["limits"]] == [made[0]["id"]]
    assert (await stranger.get("/v3/limits"))["limits"] == []
    assert len((await admin.get("/v3/limits?resource_name=toys"))["limits"]) == 2
    assert len((await admin.get(f"/v3/limits?domain_id={domain['id']}"))["limits"]) == 1
    one = f"/v3/limits/{made[0]['id']}"
    await member.get(one)
    await stranger.get(one, 403)
    await (await site.of_domain("reader", domain)).get(f"/v3/limits/{made[1]['id']}")
    for client, status in ((member, 403), (site.nobody, 401)):
        await client.post("/v3/limits", {"limits": bodies}, status)
        await client.patch(one, {"limit": {}}, status)
        await client.delete(one, status)
    for each in (one, "/v3/limits", "/v3/limits/model"):
        await site.nobody.get(each, 401)
    assert (await member.get("/v3/limits/model"))["model"]["name"] == "flat"
    assert (await admin.patch(one, {"limit": {"resource_limit": 10}}))["limit"]["resource_limit"] == 10
    await admin.patch(one, {"limit": {"project_id": "x"}}, 400)
    for each in made:
        await admin.delete(f"/v3/limits/{each['id']}")
        await admin.get(f"/v3/limits/{each['id']}", 404)
    await admin.delete(path)
    await admin.get(path, 404)
