"""Roles, what they imply, and every form of assignment over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.identity.conftest import Site


async def test_a_role_lives_and_dies(site: Site) -> None:
    admin = await site.admin()
    made = (await admin.post("/v3/roles", {"role": {"name": "r", "description": "d", "colour": "red"}}))["role"]
    assert made["domain_id"] is None and made["options"] == {} and made["colour"] == "red"
    path = f"/v3/roles/{made['id']}"
    changed = await admin.patch(path, {"role": {"name": "s"}})
    assert (await admin.get(path))["role"] == changed["role"]
    assert [each["id"] for each in (await admin.get("/v3/roles?name=s"))["roles"]] == [made["id"]]
    await admin.post("/v3/roles", {"role": {"name": "s"}}, 409)
    await admin.patch(path, {"role": {"name": "member"}}, 409)
    await admin.post("/v3/roles", {"role": {}}, 400)
    await admin.patch(path, {"role": {"domain_id": "default"}}, 400)
    await admin.delete(path)
    for method in ("GET", "PATCH", "DELETE"):
        await admin.call(method, path, 404, {"role": {}})
    for name in ("admin", "member"):
        await admin.delete(f"/v3/roles/{await site.role_id(name)}", 403)
        await admin.patch(f"/v3/roles/{await site.role_id(name)}", {"role": {"name": "x"}}, 403)


async def test_a_role_of_a_domain_stays_in_it(site: Site) -> None:
    admin, domain = await site.admin(), await site.domain()
    role = (await admin.post("/v3/roles", {"role": {"name": "member", "domain_id": domain["id"]}}))["role"]
    await admin.post("/v3/roles", {"role": {"name": "x", "domain_id": "none"}}, 404)
    listed = (await admin.get(f"/v3/roles?domain_id={domain['id']}"))["roles"]
    assert [each["id"] for each in listed] == [role["id"]]
    assert role["id"] not in [each["id"] for each in (await admin.get("/v3/roles"))["roles"]]
    inside, outside = await site.project(domain_id=domain["id"]), await site.project()
    user = await site.user()
    await admin.put(f"/v3/projects/{outside['id']}/users/{user['id']}/roles/{role['id']}", None, 403)
    await admin.put(f"/v3/projects/{inside['id']}/users/{user['id']}/roles/{role['id']}")
    # By itself it gives nothing that a token shows; what it implies, it gives.
    await site.log_in({"id": user["id"]}, {"project": {"id": inside["id"]}}, status=401)
    await admin.put(f"/v3/roles/{role['id']}/implies/{await site.role_id('reader')}", None, 201)
    somebody = await site.log_in({"id": user["id"]}, {"project": {"id": inside["id"]}})
    assert [each["name"] for each in somebody.body["roles"]] == ["reader"]
    await admin.put(f"/v3/roles/{await site.role_id('reader')}/implies/{role['id']}", None, 403)


async def test_roles_imply_roles(site: Site) -> None:
    admin = await site.admin()
    first, second = [(await admin.post("/v3/roles", {"role": {"name": name}}))["role"] for name in ("r1", "r2")]
    path = f"/v3/roles/{first['id']}/implies/{second['id']}"
    await admin.head(path, 404)
    made = await admin.put(path, None, 201)
    assert made["role_inference"]["implies"]["id"] == second["id"]
    assert (await admin.get(path)) == made
    await admin.head(path, 204)
    listed = await admin.get(f"/v3/roles/{first['id']}/implies")
    assert [each["id"] for each in listed["role_inference"]["implies"]] == [second["id"]]
    inferences = (await admin.get("/v3/role_inferences"))["role_inferences"]
    assert {each["prior_role"]["name"] for each in inferences} == {"admin", "manager", "member", "r1"}
    await admin.put(f"/v3/roles/{second['id']}/implies/{first['id']}", None, 201)  # a circle ends
    project, user = await site.project(), await site.user()
    await admin.put(f"/v3/projects/{project['id']}/users/{user['id']}/roles/{first['id']}")
    somebody = await site.log_in({"id": user["id"]}, {"project": {"id": project["id"]}})
    assert {each["name"] for each in somebody.body["roles"]} == {"r1", "r2"}
    await admin.put(f"/v3/roles/{first['id']}/implies/{await site.role_id('admin')}", None, 403)
    await admin.delete(path)
    await admin.delete(path, 404)


async def test_who_may_see_and_change_roles(site: Site) -> None:
    domain = await site.domain()
    member, manager, reader = await site.somebody("member"), await site.of_domain("manager", domain), None
    reader = await site.system_reader()
    await manager.get("/v3/roles")
    await manager.get(f"/v3/roles/{await site.role_id('member')}")
    await manager.get(f"/v3/roles/{await site.role_id('admin')}", 403)
    await (await site.somebody("manager")).get("/v3/roles", 403)
    await reader.get("/v3/roles")
    await reader.get("/v3/role_inferences")
    path = f"/v3/roles/{await site.role_id('reader')}"
    implies = f"/v3/roles/{await site.role_id('member')}/implies"
    one = f"{implies}/{await site.role_id('reader')}"
    for client, status in ((member, 403), (site.nobody, 401)):
        for each in ("/v3/roles", f"/v3/roles?domain_id={domain['id']}", path, implies, one, "/v3/role_inferences"):
            await client.get(each, status)
        for each in (path, one):
            await client.delete(each, status)
        await client.patch(path, {"role": {}}, status)
        await client.put(one, None, status)
        await client.post("/v3/roles", {"role": {"name": "n"}}, status)


FORMS = [
    ("projects", "users", ""),
    ("projects", "groups", ""),
    ("domains", "users", ""),
    ("domains", "groups", ""),
    ("system", "users", ""),
    ("system", "groups", ""),
    ("projects", "users", "inherited"),
    ("projects", "groups", "inherited"),
    ("domains", "users", "inherited"),
    ("domains", "groups", "inherited"),
]


@pytest.mark.parametrize(("target", "actor", "inherited"), FORMS)
async def test_every_form_of_assignment(site: Site, target: str, actor: str, inherited: str) -> None:
    admin, role, member = await site.admin(), await site.role_id("member"), await site.somebody("member")
    group = (await admin.post("/v3/groups", {"group": {"name": "g"}}))["group"]["id"]
    user = (await site.user())["id"]
    project = (await site.project())["id"]
    place = {"projects": f"/projects/{project}", "domains": "/domains/default", "system": "/system"}[target]
    who = {"users": f"/users/{user}", "groups": f"/groups/{group}"}[actor]
    start, end = ("/v3/OS-INHERIT", "/inherited_to_projects") if inherited else ("/v3", "")
    listed, one = f"{start}{place}{who}/roles{end}", f"{start}{place}{who}/roles/{role}{end}"
    await admin.head(one, 404)
    await admin.delete(one, 404)
    await admin.put(one)
    await admin.put(one)
    await admin.head(one, 204)
    await admin.get(one, 204)
    assert [each["id"] for each in (await admin.get(listed))["roles"]] == [role]
    for client, status in ((member, 403), (site.nobody, 401)):
        await client.get(listed, status)
        await client.get(one, status)
        await client.put(one, None, status)
        await client.delete(one, status)
    found = await admin.get(f"/v3/role_assignments?{actor[:-1]}.id={user if actor == 'users' else group}")
    (assignment,) = found["role_assignments"]
    assert assignment["links"]["assignment"].endswith(one.removeprefix("/v3"))
    assert ("OS-INHERIT:inherited_to" in assignment["scope"]) == bool(inherited)
    await admin.put(one.replace(role, "none"), None, 404)
    await admin.put(one.replace(who, f"/{actor}/none"), None, 404)
    await admin.delete(one)
    assert (await admin.get(listed))["roles"] == []


async def test_inherited_roles_reach_what_is_below(site: Site) -> None:
    admin, role, user = await site.admin(), await site.role_id("member"), await site.user()
    domain = await site.domain()
    top = await site.project(domain_id=domain["id"])
    leaf = await site.project(parent_id=top["id"], domain_id=domain["id"])
    ref = {"id": user["id"]}

    async def can(target: Any, status: int) -> None:
        await site.log_in(ref, target, status=status)

    on_top = f"/v3/OS-INHERIT/projects/{top['id']}/users/{user['id']}/roles/{role}/inherited_to_projects"
    await admin.put(on_top)
    await can({"project": {"id": top["id"]}}, 401)
    await can({"project": {"id": leaf["id"]}}, 201)
    unscoped = await site.log_in(ref, "unscoped")
    assert [each["id"] for each in (await unscoped.get("/v3/auth/projects"))["projects"]] == [leaf["id"]]
    await admin.delete(on_top)
    await can({"project": {"id": leaf["id"]}}, 401)
    await admin.put(f"/v3/OS-INHERIT/domains/{domain['id']}/users/{user['id']}/roles/{role}/inherited_to_projects")
    await can({"domain": {"id": domain["id"]}}, 401)
    await can({"project": {"id": top["id"]}}, 201)
    await can({"project": {"id": leaf["id"]}}, 201)
    unscoped = await site.log_in(ref, "unscoped")
    found = {each["id"] for each in (await unscoped.get("/v3/auth/projects"))["projects"]}
    assert found == {top["id"], leaf["id"]}


async def test_assignments_as_they_take_effect(site: Site) -> None:
    admin, member = await site.admin(), await site.role_id("member")
    domain = await site.domain()
    top = await site.project(domain_id=domain["id"])
    leaf = await site.project(parent_id=top["id"], domain_id=domain["id"])
    user = await site.user(domain_id=domain["id"])
    group = (await admin.post("/v3/groups", {"group": {"name": "g", "domain_id": domain["id"]}}))["group"]
    await admin.put(f"/v3/groups/{group['id']}/users/{user['id']}")
    await admin.put(f"/v3/projects/{top['id']}/groups/{group['id']}/roles/{member}")
    await admin.put(f"/v3/OS-INHERIT/domains/{domain['id']}/groups/{group['id']}/roles/{member}/inherited_to_projects")

    async def lines(query: str) -> set[tuple[str, str]]:
        found = (await admin.get(f"/v3/role_assignments?{query}"))["role_assignments"]
        return {(each["scope"].get("project", each["scope"])["id"], each["role"]["id"]) for each in found}

    reader = await site.role_id("reader")
    both = {(top["id"], member), (top["id"], reader), (leaf["id"], member), (leaf["id"], reader)}
    assert await lines(f"effective&user.id={user['id']}") == both
    assert await lines(f"effective&user.id={user['id']}&role.id={reader}") == {
        each for each in both if each[1] == reader
    }
    assert await lines(f"effective&scope.project.id={leaf['id']}") == {each for each in both if each[0] == leaf["id"]}
    tree = f"scope.project.id={top['id']}&include_subtree"
    assert await lines(tree) == {(top["id"], member)}
    assert await lines(f"{tree}&effective") == both
    assert await lines(f"user.id={user['id']}") == set()
    named = await admin.get(
        f"/v3/role_assignments?include_names&effective&scope.project.id={leaf['id']}&role.id={reader}"
    )
    (line,) = named["role_assignments"]
    assert line["user"] == {
        "id": user["id"],
        "name": user["name"],
        "domain": {"id": domain["id"], "name": domain["name"]},
    }
    assert line["role"]["name"] == "reader" and line["scope"]["project"]["name"] == leaf["name"]
    assert line["links"]["membership"].endswith(f"/groups/{group['id']}/users/{user['id']}")
    assert f"/prior_role/{member}/implies/{reader}" in line["links"]["prior_role"]
    system = (await admin.get("/v3/role_assignments?scope.system=all"))["role_assignments"]
    assert [each["scope"] for each in system] == [{"system": {"all": True}}]
    for query in (
        "user.id=a&group.id=b",
        "scope.project.id=a&scope.domain.id=b",
        "effective&group.id=a",
        "include_subtree",
    ):
        await admin.get(f"/v3/role_assignments?{query}", 400)
    reading = await site.of_domain("reader", domain)
    seen = (await reading.get("/v3/role_assignments?effective"))["role_assignments"]
    assert {each["scope"].get("project", {}).get("id") for each in seen} == {top["id"], leaf["id"], None}
    await (await site.somebody("reader")).get("/v3/role_assignments", 403)
    await (await site.somebody("reader")).get(f"/v3/role_assignments?{tree}", 403)
    await site.nobody.get("/v3/role_assignments", 401)


async def test_a_domains_manager_gives_only_small_roles_within_it(site: Site) -> None:
    domain = await site.domain()
    manager, user = await site.of_domain("manager", domain), await site.user(domain_id=domain["id"])
    inside, outside = await site.project(domain_id=domain["id"]), await site.project()
    stranger = await site.user()

    def path(project: Any, who: Any, role: str) -> str:
        return f"/v3/projects/{project['id']}/users/{who['id']}/roles/{role}"

    member, admin_role = await site.role_id("member"), await site.role_id("admin")
    await manager.put(path(inside, user, member))
    await manager.get(path(inside, user, member), 204)
    await manager.put(path(inside, user, admin_role), None, 403)
    await manager.put(path(outside, user, member), None, 403)
    await manager.put(path(inside, stranger, member), None, 403)
    await manager.put(f"/v3/domains/{domain['id']}/users/{user['id']}/roles/{member}")
    await manager.put(f"/v3/domains/default/users/{user['id']}/roles/{member}", None, 403)
    await manager.put(f"/v3/system/users/{user['id']}/roles/{member}", None, 403)
    await manager.delete(path(inside, user, member))
    administrator = await site.of_domain("admin", domain)
    await administrator.put(path(inside, user, member))
