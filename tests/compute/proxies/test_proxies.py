"""Calls that network and image answer today, as clients before 2.36 make them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import OTHER, PROJECT, Compute, fault, fits

GROUPS, RULES = "/os-security-groups", "/os-security-group-rules"
FLOATING = "/os-floating-ips"
SERVER = "22222222-2222-2222-2222-222222222222"
NOWHERE = "11111111-1111-1111-1111-111111111111"
OLD = {"version": "2.35"}


async def a_group(compute: Compute, name: str = "web", **query: Any) -> Any:
    body = {"security_group": {"name": name, "description": "for the web"}}
    made = await compute("POST", GROUPS, body, who="member", **OLD)
    return fits(made, "2.1", "security_groups", "create_security_group")["security_group"]


async def test_security_groups(compute: Compute) -> None:
    group = await a_group(compute)
    assert group["rules"] == []
    assert group["tenant_id"] == PROJECT
    listed = fits(await compute("GET", GROUPS, who="member", **OLD), "2.1", "security_groups", "list_security_groups")
    assert group in listed["security_groups"]
    assert [each["name"] for each in listed["security_groups"]] == ["default", "web"]
    path = f"{GROUPS}/{group['id']}"
    body = {"security_group": {"name": "api", "description": "x"}}
    changed = fits(
        await compute("PUT", path, body, who="member", **OLD), "2.1", "security_groups", "update_security_group"
    )
    assert changed["security_group"]["name"] == "api"
    shown = fits(await compute("GET", path, who="member", **OLD), "2.1", "security_groups", "get_security_group")
    assert shown == changed
    fits(await compute("DELETE", path, who="member", **OLD), "2.1", "security_groups", "delete_security_group")
    fault(await compute("GET", path, who="member", **OLD), 404, "itemNotFound")
    fault(await compute("GET", f"{GROUPS}/x", who="member", **OLD), 400, "badRequest")
    assert (await compute("GET", GROUPS, who="member", version="2.36")).status_code == 404


async def test_administrators_list_all_security_groups(compute: Compute) -> None:
    async def owners(who: str, **query: Any) -> set[str]:
        listed = await compute.get(GROUPS, who=who, **OLD, **query)
        return {group["tenant_id"] for group in listed["security_groups"]}

    assert await owners("admin") == {PROJECT}
    assert await owners("stranger", all_tenants="1") == {OTHER}
    assert await owners("admin", all_tenants="1") == {PROJECT, OTHER}


async def test_rules_of_security_groups(compute: Compute) -> None:
    group, other = await a_group(compute), await a_group(compute, "other")
    ids = []
    for new, told in (
        ({"ip_protocol": "tcp", "from_port": 22, "to_port": 22}, ("tcp", 22, 22, {}, {"cidr": "0.0.0.0/0"})),
        ({"ip_protocol": "icmp", "from_port": -1, "to_port": -1}, ("icmp", -1, -1, {}, {"cidr": "0.0.0.0/0"})),
        (
            {"ip_protocol": "UDP", "from_port": "1", "to_port": "9", "cidr": "10.0.0.0/8"},
            ("udp", 1, 9, {}, {"cidr": "10.0.0.0/8"}),
        ),
        (
            {"ip_protocol": "tcp", "from_port": 1, "to_port": 65535, "group_id": other["id"]},
            ("tcp", 1, 65535, {"name": "other", "tenant_id": PROJECT}, {}),
        ),
    ):
        body = {"security_group_rule": {"parent_group_id": group["id"], **new}}
        made = await compute("POST", RULES, body, who="member", **OLD)
        rule = fits(made, "2.1", "security_groups", "create_security_group_rule")["security_group_rule"]
        names = ("ip_protocol", "from_port", "to_port", "group", "ip_range")
        assert tuple(rule[name] for name in names) == told
        ids.append(rule["id"])
    shown = (await compute.get(f"{GROUPS}/{group['id']}", who="member", **OLD))["security_group"]
    assert sorted(rule["id"] for rule in shown["rules"]) == sorted(ids)
    for id in ids:
        assert (await compute("DELETE", f"{RULES}/{id}", who="member", **OLD)).status_code == 202
    assert (await compute("DELETE", f"{RULES}/{ids[0]}", who="member", **OLD)).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"ip_protocol": "tcp"},
        {"ip_protocol": "tcp", "from_port": 9, "to_port": 1},
        {"ip_protocol": "tcp", "from_port": "x", "to_port": 1},
        {"ip_protocol": "carrier pigeon", "from_port": 1, "to_port": 1},
        {"ip_protocol": "tcp", "from_port": 1, "to_port": 1, "cidr": "everywhere"},
        {"parent_group_id": "x"},
    ],
)
async def test_a_senseless_rule_is_refused(compute: Compute, wrong: dict[str, Any]) -> None:
    group = await a_group(compute)
    body = {"security_group_rule": {"parent_group_id": group["id"], **wrong}}
    fault(await compute("POST", RULES, body, who="member", **OLD), 400, "badRequest")


async def network(compute: Compute, name: str, **more: Any) -> str:
    made = await compute.client.post(
        "/network/v2.0/networks",
        json={"network": {"project_id": PROJECT, "name": name, **more}},
        headers={"x-persona": "admin"},
    )
    assert made.status_code == 201, made.text
    return str(made.json()["network"]["id"])


async def test_networks(compute: Compute) -> None:
    id = await network(compute, "inner")
    listed = await compute("GET", "/os-tenant-networks", who="member", **OLD)
    assert fits(listed, "2.1", "tenant_networks", "list_tenant_networks")["networks"] == [
        {"id": id, "cidr": "None", "label": "inner"}
    ]
    shown = await compute("GET", f"/os-tenant-networks/{id}", who="member", **OLD)
    fits(shown, "2.1", "tenant_networks", "get_tenant_network")
    plain = (await compute.get("/os-networks", who="member", **OLD))["networks"][0]
    full = (await compute.get(f"/os-networks/{id}", **OLD))["network"]
    assert (plain["label"], full["label"], len(plain), len(full)) == ("inner", "inner", 11, 32)
    theirs = await network(compute, "theirs", project_id=OTHER)
    for path in ("/os-networks", "/os-tenant-networks"):
        for who, ids in (("member", {id}), ("admin", {id, theirs})):
            assert {each["id"] for each in (await compute.get(path, who=who, **OLD))["networks"]} == ids
        assert (await compute("GET", f"{path}/{NOWHERE}", who="member", **OLD)).status_code == 404


async def test_floating_ips(compute: Compute) -> None:
    module = "floating_ips"
    fault(await compute("POST", FLOATING, {}, who="member", **OLD), 404, "itemNotFound")
    outside = await network(compute, "public", **{"router:external": True})
    subnet = {"network_id": outside, "cidr": "192.0.2.0/24", "ip_version": 4}
    made = await compute.client.post("/network/v2.0/subnets", json={"subnet": subnet}, headers={"x-persona": "admin"})
    assert made.status_code == 201
    pools = await compute.get("/os-floating-ip-pools", who="member", **OLD)
    assert pools == {"floating_ip_pools": [{"name": "public"}]}
    created = fits(
        await compute("POST", FLOATING, {"pool": "public"}, who="member", **OLD),
        "2.1",
        module,
        "create_get_floating_ip",
    )["floating_ip"]
    assert (created["pool"], created["instance_id"], created["fixed_ip"]) == ("public", None, None)
    path = f"{FLOATING}/{created['id']}"
    shown = fits(await compute("GET", path, who="member", **OLD), "2.1", module, "create_get_floating_ip")
    assert shown["floating_ip"] == created
    listed = fits(await compute("GET", FLOATING, who="member", **OLD), "2.1", module, "list_floating_ips")
    assert listed["floating_ips"] == [created]
    assert (await compute("DELETE", path, who="member", **OLD)).status_code == 202
    assert (await compute("DELETE", path, who="member", **OLD)).status_code == 404
    assert (await compute("GET", f"{FLOATING}/x", who="member", **OLD)).status_code == 400
    fault(await compute("POST", FLOATING, {"pool": "none"}, who="member", **OLD), 404, "itemNotFound")


async def a_server_on(compute: Compute, network_id: str) -> dict[str, Any]:
    """Write down a server with a port."""
    await compute.server(SERVER)
    made = await compute.client.post(
        "/network/v2.0/ports",
        json={"port": {"network_id": network_id, "project_id": PROJECT, "device_id": SERVER}},
        headers={"x-persona": "admin"},
    )
    assert made.status_code == 201, made.text
    return dict(made.json()["port"])


async def subnet(compute: Compute, network_id: str, cidr: str) -> str:
    body = {"subnet": {"network_id": network_id, "cidr": cidr, "ip_version": 4, "project_id": PROJECT}}
    made = await compute.client.post("/network/v2.0/subnets", json=body, headers={"x-persona": "admin"})
    assert made.status_code == 201, made.text
    return str(made.json()["subnet"]["id"])


async def test_a_floating_ip_leads_to_a_server(compute: Compute) -> None:
    outside, inner = await network(compute, "public", **{"router:external": True}), await network(compute, "inner")
    await subnet(compute, outside, "192.0.2.0/24")
    inside = await subnet(compute, inner, "10.0.0.0/24")
    router = {"router": {"project_id": PROJECT, "external_gateway_info": {"network_id": outside}}}
    made = await compute.client.post("/network/v2.0/routers", json=router, headers={"x-persona": "admin"})
    id = made.json()["router"]["id"]
    path = f"/network/v2.0/routers/{id}/add_router_interface"
    await compute.client.put(path, json={"subnet_id": inside}, headers={"x-persona": "admin"})
    port = await a_server_on(compute, inner)
    address = port["fixed_ips"][0]["ip_address"]
    floating = (await compute("POST", FLOATING, {}, who="member", **OLD)).json()["floating_ip"]
    action = f"/servers/{SERVER}/action"
    add = {"addFloatingIp": {"address": floating["ip"], "fixed_address": address}}
    for who, status in (("", 401), ("stranger", 404), ("reader", 403), ("member", 202)):
        assert (await compute("POST", action, add, who=who, version="2.43")).status_code == status
    shown = (await compute.get(f"{FLOATING}/{floating['id']}", who="member", **OLD))["floating_ip"]
    assert (shown["instance_id"], shown["fixed_ip"]) == (SERVER, address)
    wrong = {"addFloatingIp": {"address": floating["ip"], "fixed_address": "10.9.9.9"}}
    assert (await compute("POST", action, wrong, who="member", version="2.43")).status_code == 400
    remove = {"removeFloatingIp": {"address": floating["ip"]}}
    for who, status in (("", 401), ("stranger", 404), ("reader", 403), ("member", 202), ("member", 409)):
        assert (await compute("POST", action, remove, who=who, version="2.43")).status_code == status
    nowhere = {"removeFloatingIp": {"address": "192.0.2.250"}}
    assert (await compute("POST", action, nowhere, who="member", version="2.43")).status_code == 404
    assert (await compute("POST", action, remove, who="member", version="2.44")).status_code in (400, 404)


async def test_groups_of_a_server(compute: Compute) -> None:
    inner = await network(compute, "inner")
    await subnet(compute, inner, "10.0.0.0/24")
    port = await a_server_on(compute, inner)
    path = f"/servers/{SERVER}/os-security-groups"
    listed = await compute.get(path, who="reader")
    assert [each["id"] for each in listed["security_groups"]] == port["security_groups"]
    await compute.refused("GET", path, 404)


async def test_metadata_of_images(compute: Compute) -> None:
    body = {"name": "i", "disk_format": "raw", "container_format": "bare", "kind": "plain"}
    made = await compute.client.post("/image/v2/images", json=body, headers={"x-persona": "member"})
    path = f"/images/{made.json()['id']}/metadata"
    at: dict[str, Any] = {"who": "member", "version": "2.38"}
    before = (await compute.get(path, **at))["metadata"]
    added = await compute("POST", path, {"metadata": {"a/b": "1"}}, **at)
    assert added.status_code == 400
    added = await compute("POST", path, {"metadata": {"a": "1", "kind": "fancy"}}, **at)
    assert added.json()["metadata"] == {**before, "a": "1", "kind": "fancy"}
    assert (await compute("PUT", f"{path}/a", {"meta": {"a": "2"}}, **at)).json() == {"meta": {"a": "2"}}
    assert (await compute("PUT", f"{path}/a", {"meta": {"b": "2"}}, **at)).status_code == 400
    assert (await compute("DELETE", f"{path}/a", None, **at)).status_code == 204
    assert (await compute("DELETE", f"{path}/a", None, **at)).status_code == 404
    replaced = await compute("PUT", path, {"metadata": {**before, "b": "3"}}, **at)
    assert replaced.json()["metadata"]["b"] == "3"
    assert (await compute.get(path, **at))["metadata"] == {**before, "b": "3"}
    for method, where, sent in (
        ("POST", path, {"metadata": {}}),
        ("PUT", path, {"metadata": {}}),
        ("PUT", f"{path}/b", {"meta": {"b": "1"}}),
        ("DELETE", f"{path}/b", None),
    ):
        for who, status in (("", 401), ("stranger", 404)):
            assert (await compute(method, where, sent, who=who, version="2.38")).status_code == status


async def test_images(compute: Compute) -> None:
    body = {"name": "i", "disk_format": "raw", "container_format": "bare", "kind": "plain", "min_ram": 64}
    made = await compute.client.post("/image/v2/images", json=body, headers={"x-persona": "member"})
    assert made.status_code == 201, made.text
    path = f"/images/{made.json()['id']}"
    listed = fits(await compute("GET", "/images", who="member", **OLD), "2.1", "images", "list_images")
    assert [each["name"] for each in listed["images"]] == ["i"]
    detail = fits(await compute("GET", "/images/detail", who="member", **OLD), "2.1", "images", "list_images_details")
    shown = fits(await compute("GET", path, who="member", **OLD), "2.1", "images", "get_image")
    assert detail["images"] == [shown["image"]]
    copy = {"name": "s", "image_type": "snapshot", "instance_uuid": SERVER}
    assert (await compute.client.post("/image/v2/images", json=copy, headers={"x-persona": "member"})).is_success
    assert (shown["image"]["status"], shown["image"]["minRam"]) == ("SAVING", 64)
    assert shown["image"]["metadata"]["kind"] == "plain"
    for query, found in (
        ({"status": "ACTIVE"}, []),
        ({"status": "SAVING", "minRam": "64", "property-kind": "plain"}, ["i"]),
        ({"property-kind": "fancy"}, []),
        ({"type": "snapshot"}, ["s"]),
        ({"server": SERVER}, ["s"]),
        ({"server": f"http://cloud/compute/v2.1/servers/{SERVER}"}, ["s"]),
        ({"server": NOWHERE}, []),
    ):
        images = (await compute.get("/images", who="member", **OLD, **query))["images"]
        assert [each["name"] for each in images] == found, query
    assert (await compute.get(f"{path}/metadata", who="member", version="2.38"))["metadata"]["kind"] == "plain"
    one = await compute.get(f"{path}/metadata/kind", who="member", version="2.38")
    assert one == {"meta": {"kind": "plain"}}
    assert (await compute("GET", f"{path}/metadata/none", who="member", version="2.38")).status_code == 404
    fits(await compute("DELETE", path, who="member", **OLD), "2.1", "images", "delete")
    fault(await compute("GET", path, who="member", **OLD), 404, "itemNotFound")


async def test_strangers(compute: Compute) -> None:
    group = await a_group(compute)
    inner = await network(compute, "inner")
    rule = {"parent_group_id": group["id"], "ip_protocol": "tcp", "from_port": 1, "to_port": 1}
    text = {"security_group": {"name": "n", "description": "d"}}
    for method, path, body in (
        ("GET", f"{GROUPS}/{group['id']}", None),
        ("PUT", f"{GROUPS}/{group['id']}", text),
        ("DELETE", f"{GROUPS}/{group['id']}", None),
        ("POST", RULES, {"security_group_rule": rule}),
        ("DELETE", f"{RULES}/{NOWHERE}", None),
        ("GET", f"/os-networks/{inner}", None),
        ("GET", f"/os-tenant-networks/{inner}", None),
        ("GET", f"{FLOATING}/{NOWHERE}", None),
        ("DELETE", f"{FLOATING}/{NOWHERE}", None),
        ("GET", f"/images/{NOWHERE}", None),
        ("DELETE", f"/images/{NOWHERE}", None),
        ("GET", f"/images/{NOWHERE}/metadata", None),
        ("GET", f"/images/{NOWHERE}/metadata/k", None),
    ):
        assert (await compute(method, path, body, who="", **OLD)).status_code == 401, path
        assert (await compute(method, path, body, who="stranger", **OLD)).status_code == 404, path
    for path in ("/os-networks", "/os-tenant-networks", FLOATING, "/os-floating-ip-pools", "/images", "/images/detail"):
        assert (await compute("GET", path, who="", **OLD)).status_code == 401
        assert next(iter((await compute.get(path, who="stranger", **OLD)).values())) == []
    assert (await compute("GET", GROUPS, who="", **OLD)).status_code == 401
    assert len((await compute.get(GROUPS, who="stranger", **OLD))["security_groups"]) == 1
    assert (await compute("POST", GROUPS, text, who="reader", **OLD)).status_code == 403
    assert (await compute("POST", FLOATING, {}, who="reader", **OLD)).status_code == 403
    assert (await compute("POST", GROUPS, text, who="", **OLD)).status_code == 401


LACKING = [
    ("GET", "/os-volumes", "2.35", None),
    ("GET", "/os-snapshots/detail", "2.35", None),
    ("GET", "/os-baremetal-nodes", "2.35", None),
    ("GET", f"/servers/{NOWHERE}/shares", "2.104", "2.97"),
    ("GET", f"/servers/{NOWHERE}/migrations", "2.104", "2.23"),
]


@pytest.mark.parametrize(("method", "path", "last", "first"), LACKING)
async def test_what_is_lacking_is_a_501_only_where_nova_has_it(
    compute: Compute, method: str, path: str, last: str, first: str | None
) -> None:
    fault(await compute(method, path, version=last), 501, "notImplemented")
    outside = "2.36" if first is None else f"2.{int(first[2:]) - 1}"
    fault(await compute(method, path, version=outside), 404, "itemNotFound")
    if first is not None:
        fault(await compute(method, path, version=first), 501, "notImplemented")


async def test_what_nova_has_removed_is_gone(compute: Compute) -> None:
    for version in ("2.1", "2.104"):
        fault(await compute("GET", "/os-cells", version=version), 410, "computeFault")
        reset = await compute("POST", f"/servers/{NOWHERE}/action", {"resetNetwork": None}, version=version)
        assert reset.status_code in (400, 410), reset.text
