"""Projects and domains over HTTP."""

from __future__ import annotations

from tests.identity.conftest import Site


async def test_a_project_lives_and_dies(site: Site) -> None:
    admin = await site.admin()
    made = await site.project(description="d", colour="red", tags=["b", "a"])
    assert made["links"]["self"] == f"http://cloud:5000/identity/v3/projects/{made['id']}"
    assert made["parent_id"] == made["domain_id"] == "default"
    assert made["tags"] == ["a", "b"] and made["colour"] == "red" and made["is_domain"] is False
    path = f"/v3/projects/{made['id']}"
    changed = await admin.patch(path, {"project": {"description": None, "shape": "round", "enabled": False}})
    assert changed["project"]["shape"] == "round" and changed["project"]["colour"] == "red"
    assert (await admin.get(path))["project"] == changed["project"]
    await admin.head(path, 200)
    await admin.delete(path)
    await admin.get(path, 404)
    await admin.delete(path, 404)
    await admin.patch(path, {"project": {}}, 404)


async def test_names_are_unique_in_a_domain_only(site: Site) -> None:
    admin, domain = await site.admin(), await site.domain()
    made = await site.project()
    await admin.post("/v3/projects", {"project": {"name": made["name"], "domain_id": "default"}}, 409)
    await admin.post("/v3/projects", {"project": {"name": made["name"], "domain_id": domain["id"]}})
    other = await site.project()
    await admin.patch(f"/v3/projects/{other['id']}", {"project": {"name": made["name"]}}, 409)


async def test_senseless_projects_are_refused(site: Site) -> None:
    admin = await site.admin()
    for body in (
        {"project": {}},
        {"project": {"name": ""}},
        {"project": {"name": "  "}},
        {"project": {"name": "x" * 65}},
        {"project": {"name": "n", "enabled": "yes"}},
        {"project": {"name": "n", "domain_id": "none"}},
        {"project": {"name": "n", "parent_id": "none"}},
        {"project": {"name": "n", "tags": ["a,b"]}},
        {"project": {"name": "n", "options": {"other": True}}},
        {"project": []},
        {},
    ):
        await admin.post("/v3/projects", body, 400)


async def test_projects_nest(site: Site) -> None:
    admin = await site.admin()
    top = await site.project()
    middle = await site.project(parent_id=top["id"])
    leaf = await site.project(parent_id=middle["id"])
    shown = (await admin.get(f"/v3/projects/{leaf['id']}?parents_as_ids"))["project"]
    assert shown["parents"] == {middle["id"]: {top["id"]: {"default": None}}}
    shown = (await admin.get(f"/v3/projects/{top['id']}?subtree_as_ids"))["project"]
    assert shown["subtree"] == {middle["id"]: {leaf["id"]: None}}
    me = admin.body["user"]["id"]
    await admin.put(f"/v3/projects/{middle['id']}/users/{me}/roles/{await site.role_id('admin')}")
    shown = (await admin.get(f"/v3/projects/{top['id']}?subtree_as_list"))["project"]
    assert [each["project"]["id"] for each in shown["subtree"]] == [middle["id"]]
    shown = (await admin.get(f"/v3/projects/{leaf['id']}?parents_as_list"))["project"]
    assert [each["project"]["id"] for each in shown["parents"]] == [middle["id"]]
    await admin.get(f"/v3/projects/{leaf['id']}?parents_as_list&parents_as_ids", 400)
    await admin.delete(f"/v3/projects/{middle['id']}", 403)
    await admin.patch(f"/v3/projects/{top['id']}", {"project": {"enabled": False}}, 403)
    await admin.patch(f"/v3/projects/{leaf['id']}", {"project": {"parent_id": top["id"]}}, 403)
    for each in (leaf, middle, top):
        await admin.patch(f"/v3/projects/{each['id']}", {"project": {"enabled": False}})
    await admin.patch(f"/v3/projects/{leaf['id']}", {"project": {"enabled": True}}, 403)
    await admin.post("/v3/projects", {"project": {"name": "n", "parent_id": top["id"]}}, 400)


async def test_projects_nest_only_so_deep(site: Site) -> None:
    admin, parent = await site.admin(), await site.project()
    for _ in range(4):
        parent = await site.project(parent_id=parent["id"])
    await admin.post("/v3/projects", {"project": {"name": "n", "parent_id": parent["id"]}}, 403)


async def test_an_immutable_project_stays(site: Site) -> None:
    admin = await site.admin()
    path = f"/v3/projects/{(await site.project(options={'immutable': True}))['id']}"
    await admin.delete(path, 403)
    await admin.patch(path, {"project": {"name": "n"}}, 403)
    await admin.patch(path, {"project": {"options": {"immutable": False}}})
    await admin.delete(path)


async def test_tags(site: Site) -> None:
    admin, project = await site.admin(), await site.project()
    path = f"/v3/projects/{project['id']}/tags"
    await admin.put(f"{path}/blue", None, 201)
    await admin.get(f"{path}/blue", 204)
    await admin.head(f"{path}/red", 404)
    await admin.put(path, {"tags": ["one", "two"]}, 200)
    assert (await admin.get(path))["tags"] == ["one", "two"]
    assert [each["id"] for each in (await admin.get("/v3/projects?tags=one,two"))["projects"]] == [project["id"]]
    assert (await admin.get("/v3/projects?tags=one,three"))["projects"] == []
    assert project["id"] not in [each["id"] for each in (await admin.get("/v3/projects?not-tags=one"))["projects"]]
    await admin.put(path, {"tags": ["one", "one"]}, 400)
    split = await site.http.put(f"/identity{path}/a%0d%0ab: c", headers={"x-auth-token": admin.token or ""})
    assert split.headers["location"].endswith("/tags/a%0D%0Ab%3A%20c")
    await admin.put(f"{path}/{'x' * 256}", None, 400)
    await admin.delete(f"{path}/one")
    await admin.delete(f"{path}/one", 404)
    await admin.delete(path)
    assert (await admin.get(path))["tags"] == []
    member = await site.somebody("member", project)
    assert (await member.get(path))["tags"] == []
    await member.put(f"{path}/mine", None, 403)
    await member.put(path, {"tags": []}, 403)
    await member.delete(path, 403)
    await member.delete(f"{path}/mine", 403)
    stranger = await site.somebody("member")
    await stranger.get(path, 403)
    await stranger.get(f"{path}/one", 403)
    for method in ("GET", "PUT", "DELETE"):
        await site.nobody.call(method, f"{path}/one", 401)
        await site.nobody.call(method, path, 401)


async def test_lists_are_filtered_and_paged(site: Site) -> None:
    admin = await site.admin()
    made = [await site.project(name=f"page-{index}", enabled=index != 2) for index in range(4)]

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await admin.get(f"/v3/projects?{query}"))["projects"]]

    assert await names("name=page-1") == ["page-1"]
    assert await names("name__contains=age-&sort_key=name&sort_dir=asc") == ["page-0", "page-1", "page-2", "page-3"]
    assert await names("name__startswith=page&enabled=false") == ["page-2"]
    assert await names("name__iendswith=GE-3") == ["page-3"]
    assert await names("name__startswith=age") == []
    assert await names("parent_id=default&name=demo") == ["demo"]
    first = await admin.get("/v3/projects?limit=2&name__contains=page")
    assert first["truncated"] is True and len(first["projects"]) == 2
    second = await admin.get(first["links"]["next"].removeprefix("http://cloud:5000/identity"))
    assert {each["id"] for each in first["projects"] + second["projects"]} == {each["id"] for each in made}
    assert "truncated" not in second
    await admin.get("/v3/projects?marker=none", 404)
    await admin.get("/v3/projects?limit=x", 400)
    assert [each["id"] for each in (await admin.get("/v3/projects?is_domain=true"))["projects"]] == ["default"]


async def test_who_may_see_and_change_projects(site: Site) -> None:
    project, domain = await site.project(), await site.domain()
    inside = await site.project(domain_id=domain["id"])
    path = f"/v3/projects/{project['id']}"
    reader = await site.somebody("reader", project)
    assert (await reader.get(path))["project"]["id"] == project["id"]
    await reader.get("/v3/projects", 403)
    await reader.post("/v3/projects", {"project": {"name": "n"}}, 403)
    await reader.patch(path, {"project": {"name": "n"}}, 403)
    await reader.delete(path, 403)
    stranger = await site.somebody("member")
    await stranger.get(path, 403)
    await stranger.get("/v3/projects/none", 403)
    manager = await site.of_domain("manager", domain)
    assert [each["id"] for each in (await manager.get("/v3/projects"))["projects"]] == [inside["id"]]
    made = await manager.post("/v3/projects", {"project": {"name": "n", "domain_id": domain["id"]}})
    await manager.post("/v3/projects", {"project": {"name": "m", "domain_id": "default"}}, 403)
    await manager.patch(f"/v3/projects/{made['project']['id']}", {"project": {"name": "o"}})
    await manager.patch(path, {"project": {"name": "o"}}, 403)
    await manager.delete(f"/v3/projects/{made['project']['id']}")
    await (await site.system_reader()).get(path)
    for method, at in (("GET", "/v3/projects"), ("POST", "/v3/projects"), ("GET", path), ("PATCH", path)):
        await site.nobody.call(method, at, 401, {})
    await site.nobody.delete(path, 401)


async def test_a_domain_lives_and_dies_with_all_in_it(site: Site) -> None:
    admin, domain = await site.admin(), await site.domain()
    path = f"/v3/domains/{domain['id']}"
    assert domain["enabled"] is True and domain["description"] == ""
    changed = await admin.patch(path, {"domain": {"description": "new", "name": "other"}})
    assert (await admin.get(path))["domain"] == changed["domain"]
    assert [each["id"] for each in (await admin.get("/v3/domains?name=other"))["domains"]] == [domain["id"]]
    project = await site.project(domain_id=domain["id"])
    user = await site.user(domain_id=domain["id"])
    role = (await admin.post("/v3/roles", {"role": {"name": "r", "domain_id": domain["id"]}}))["role"]
    await admin.delete(path, 403)
    await admin.patch(path, {"domain": {"enabled": False}})
    await site.log_in({"id": user["id"]}, status=401)
    await admin.delete(path)
    for gone in (path, f"/v3/projects/{project['id']}", f"/v3/users/{user['id']}", f"/v3/roles/{role['id']}"):
        await admin.get(gone, 404)
    await admin.post("/v3/domains", {"domain": {"name": "Default"}}, 409)
    await admin.post("/v3/domains", {"domain": {"name": ""}}, 400)
    made = await admin.post("/v3/projects", {"project": {"name": "as-domain", "is_domain": True}})
    assert (await admin.get(f"/v3/domains/{made['project']['id']}"))["domain"]["name"] == "as-domain"
    await admin.post("/v3/projects", {"project": {"name": "d", "is_domain": True, "parent_id": "default"}}, 400)
    path = f"/v3/projects/{made['project']['id']}"
    await admin.delete(path, 403)
    await admin.patch(path, {"project": {"enabled": False}})
    await admin.delete(path)


async def test_who_may_see_and_change_domains(site: Site) -> None:
    domain = await site.domain()
    path = f"/v3/domains/{domain['id']}"
    reader = await site.of_domain("reader", domain)
    assert [each["id"] for each in (await reader.get("/v3/domains"))["domains"]] == [domain["id"]]
    await reader.get(path)
    await reader.get("/v3/domains/default", 403)
    member = await site.somebody("member")
    await member.get("/v3/domains/default")
    await member.get(path, 403)
    await member.get("/v3/domains", 403)
    for client, status in ((member, 403), (reader, 403), (site.nobody, 401)):
        await client.post("/v3/domains", {"domain": {"name": "n"}}, status)
        await client.patch(path, {"domain": {"name": "n"}}, status)
        await client.delete(path, status)
    await site.nobody.get(path, 401)
    await site.nobody.get("/v3/domains", 401)
