"""Versions, extensions, tags, quotas, agents and the rest that clients look up."""

from __future__ import annotations

from tests.network.cloud import TestCloud


async def test_versions_are_told_to_everybody(cloud: TestCloud) -> None:
    answer = await cloud.http.get("/network/")
    assert answer.status_code == 200
    (version,) = answer.json()["versions"]
    assert (version["id"], version["status"]) == ("v2.0", "CURRENT")
    assert version["links"] == [{"rel": "self", "href": "http://cloud/network/v2.0/"}]
    resources = (await cloud.member.get(""))["resources"]
    assert {"subnet", "network", "port"} <= {each["name"] for each in resources}


async def test_nobody_is_refused(cloud: TestCloud) -> None:
    for path in ("networks", "ports", "routers", "quotas/x", "agents", "extensions"):
        assert (await cloud.http.get(f"/network/v2.0/{path}")).status_code == 401
    missing = await cloud.http.get("/network/v2.0/nothing", headers={"x-test-caller": "member@x"})
    assert (missing.status_code, missing.json()["NeutronError"]["type"]) == (404, "HTTPNotFound")
    later = await cloud.http.get("/network/v2.0/trunks", headers={"x-test-caller": "member@x"})
    assert later.status_code == 501


async def test_extensions_are_the_same_in_the_list_and_alone(cloud: TestCloud) -> None:
    found = (await cloud.reader.get("extensions"))["extensions"]
    for each in found:
        assert set(each) == {"alias", "name", "description", "updated", "links"}
        assert await cloud.reader.get(f"extensions/{each['alias']}") == {"extension": each}
    await cloud.reader.get("extensions/wooden", 404)


async def test_tags_of_everything(cloud: TestCloud) -> None:
    outside, _ = await cloud.outside()
    network, subnet = await cloud.network()
    group = await cloud.member.create("security_group", name="web")
    things = {
        "networks": network,
        "subnets": subnet,
        "ports": await cloud.member.create("port", network_id=network["id"]),
        "routers": await cloud.member.create("router"),
        "floatingips": await cloud.member.create("floatingip", floating_network_id=outside["id"]),
        "security-groups": group,
        "security-group-rules": group["security_group_rules"][0],
        "subnetpools": await cloud.member.create("subnetpool", name="p", prefixes=["10.0.0.0/8"]),
        "address-groups": await cloud.member.create("address_group"),
    }
    for kind, thing in things.items():
        path = f"{kind}/{thing['id']}/tags"
        assert await cloud.member.put(path, {"tags": ["b", "a"]}) == {"tags": ["a", "b"]}
        await cloud.member.put(f"{path}/c", {}, 201)
        await cloud.member.get(f"{path}/c", 204)
        await cloud.member.get(f"{path}/d", 404)
        await cloud.member.delete(f"{path}/c")
        await cloud.member.delete(f"{path}/c", 404)
        assert await cloud.member.call("POST", path, {"tags": ["e"]}) == {"tags": ["a", "b", "e"]}
        assert await cloud.reader.get(path) == {"tags": ["a", "b", "e"]}
        shown = await cloud.member.get(f"{kind}/{thing['id']}")
        assert next(iter(shown.values()))["tags"] == ["a", "b", "e"]
        await cloud.reader.put(path, {"tags": []}, 403)
        await cloud.stranger.get(path, 404)
        await cloud.stranger.put(path, {"tags": []}, 404)
        await cloud.member.put(path, {"tags": ["x", "x"]}, 400)
        await cloud.member.delete(path)
        assert await cloud.member.get(path) == {"tags": []}
    await cloud.member.get(f"clouds/{network['id']}/tags", 400)


async def test_quotas(cloud: TestCloud) -> None:
    assert (await cloud.manager.get("quotas/demo-project"))["quota"]["network"] == 100
    for path in ("demo-project", "demo-project/default", "demo-project/details", "project"):
        await cloud.member.get(f"quotas/{path}")
    await cloud.member.get("quotas/other-project", 403)
    await cloud.member.get("quotas", 403)
    await cloud.manager.get("quotas/other-project", 403)
    await cloud.manager.put("quotas/demo-project", {"quota": {"network": 1}}, 403)
    changed = await cloud.admin.put("quotas/demo-project", {"quota": {"network": 1, "router": "-1"}})
    assert (changed["quota"]["network"], changed["quota"]["router"]) == (1, -1)
    await cloud.member.create("network")
    await cloud.member.create("network", status=409)
    assert [each["project_id"] for each in (await cloud.admin.get("quotas"))["quotas"]] == ["demo-project"]
    await cloud.manager.get("quotas", 403)
    assert (await cloud.admin.get("quotas/demo-project/default"))["quota"]["network"] == 100
    details = (await cloud.admin.get("quotas/demo-project/details"))["quota"]["network"]
    assert details == {"limit": 1, "used": 1, "reserved": 0}
    await cloud.admin.put("quotas/demo-project", {"quota": {"wood": 1}}, 400)
    await cloud.admin.put("quotas/demo-project", {"quota": {"network": -2}}, 400)
    await cloud.manager.delete("quotas/demo-project", 403)
    await cloud.admin.delete("quotas/demo-project")
    assert (await cloud.admin.get("quotas"))["quotas"] == []


async def test_agents_are_made_of_hosts(cloud: TestCloud) -> None:
    now = cloud.cloud.world.now()
    async with cloud.cloud.db.tx() as tx:
        for name, seen_at in (("host-1", now), ("host-2", 1.0)):
            await tx.insert("hosts", {"name": name, "key_hash": "", "created_at": 1.0, "seen_at": seen_at})
    agents = (await cloud.admin.get("agents?host=host-1"))["agents"]
    assert {each["agent_type"] for each in agents} == {
        "DHCP agent",
        "L3 agent",
        "Linux bridge agent",
        "Metadata agent",
    }
    assert all(each["alive"] for each in agents)
    assert not any(each["alive"] for each in (await cloud.admin.get("agents?host=host-2"))["agents"])
    assert await cloud.member.get("agents") == {"agents": []}
    await cloud.member.get(f"agents/{agents[0]['id']}", 403)
    one = agents[1]
    assert (await cloud.admin.get(f"agents/{one['id']}"))["agent"] == one
    new = {"agent": {"admin_state_up": False, "description": "d"}}
    assert (await cloud.admin.put(f"agents/{one['id']}", new))["agent"]["admin_state_up"] is False
    assert (await cloud.admin.get(f"agents/{one['id']}"))["agent"]["description"] == "d"
    await cloud.admin.get("agents/none", 404)
    zones = (await cloud.reader.get("availability_zones"))["availability_zones"]
    assert zones[0] == {"name": "nova", "resource": "network", "state": "available"}
    network, subnet = await cloud.network()
    router = await cloud.member.create("router")
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    hosting = (await cloud.admin.get(f"routers/{router['id']}/l3-agents"))["agents"]
    assert [each["host"] for each in hosting] == ["host-1"]
    routers = (await cloud.admin.get(f"agents/{hosting[0]['id']}/l3-routers"))["routers"]
    assert [each["id"] for each in routers] == [router["id"]]
    hosting = (await cloud.admin.get(f"networks/{network['id']}/dhcp-agents"))["agents"]
    networks = (await cloud.admin.get(f"agents/{hosting[0]['id']}/dhcp-networks"))["networks"]
    assert [each["id"] for each in networks] == [network["id"]]


async def test_how_full_networks_are(cloud: TestCloud) -> None:
    network, subnet = await cloud.network("10.0.0.0/28", enable_dhcp=False)
    await cloud.member.create("port", network_id=network["id"])
    found = (await cloud.admin.get(f"network-ip-availabilities/{network['id']}"))["network_ip_availability"]
    assert (found["total_ips"], found["used_ips"]) == (13, 1)
    assert found["subnet_ip_availability"][0]["subnet_id"] == subnet["id"]
    (again,) = (await cloud.admin.get("network-ip-availabilities?network_name=net"))["network_ip_availabilities"]
    assert again == found
    assert await cloud.member.get("network-ip-availabilities") == {"network_ip_availabilities": []}
    await cloud.member.get(f"network-ip-availabilities/{network['id']}", 403)
    await cloud.admin.get("network-ip-availabilities/none", 404)


async def test_a_network_with_one_call(cloud: TestCloud) -> None:
    path = "auto-allocated-topology/demo-project"
    await cloud.member.get(path, 409)
    outside, _ = await cloud.outside()
    await cloud.admin.put(f"networks/{outside['id']}", {"network": {"is_default": True}})
    await cloud.member.get(path, 409)
    await cloud.admin.create(
        "subnetpool", name="p", prefixes=["10.0.0.0/8"], default_prefixlen=24, shared=True, is_default=True
    )
    assert (await cloud.member.get(f"{path}?fields=dry-run"))["auto_allocated_topology"]["id"] == "dry-run=pass"
    found = (await cloud.member.get(path))["auto_allocated_topology"]["id"]
    assert (await cloud.member.get(path))["auto_allocated_topology"]["id"] == found
    assert [each["id"] for each in await cloud.member.list("network", "router:external=False")] == [found]
    await cloud.stranger.get(path, 403)
    await cloud.reader.delete(path, 403)
    await cloud.member.delete(path)
    assert await cloud.member.list("router") == []
    await cloud.member.delete(path, 404)


async def test_pools_and_providers(cloud: TestCloud) -> None:
    outside, subnet = await cloud.outside()
    (pool,) = (await cloud.member.get("floatingip_pools"))["floatingip_pools"]
    assert (pool["subnet_id"], pool["network_name"], pool["cidr"]) == (subnet["id"], "public", "203.0.113.0/24")
    assert (await cloud.reader.get("service-providers"))["service_providers"][0]["service_type"] == "L3_ROUTER_NAT"
    assert outside["id"] == pool["network_id"]
