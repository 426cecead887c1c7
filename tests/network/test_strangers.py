"""What a project must not do to another: read, use, pretend to be, take away.  `stranger` tries, `member` suffers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.network.cloud import Body, TestCloud
from tests.network.test_hosts import live, plug, router_document
from welkin.services.network import public

SERVER = "11111111-2222-4333-8444-555555555555"
THEIRS, MINE = "demo-project", "other-project"


async def share(cloud: TestCloud, network_id: str, target: str = MINE) -> None:
    """Share a network of the member's with a project, or with everybody."""
    who = cloud.admin if target == "*" else cloud.member
    policy = {"object_type": "network", "object_id": network_id, "action": "access_as_shared"}
    await who.create("rbac_policy", **policy, target_tenant=target)


async def own_network(cloud: TestCloud, cidr: str = "10.66.0.0/24") -> tuple[Body, Body]:
    """Make a network of the stranger's with one subnet."""
    network = await cloud.stranger.create("network", name="mine")
    subnet = await cloud.stranger.create("subnet", network_id=network["id"], ip_version=4, cidr=cidr)
    return network, subnet


async def test_a_router_port_cannot_be_handed_to_anothers_router(cloud: TestCloud) -> None:
    await live(cloud, "host-1")
    _, subnet = await cloud.network()
    theirs = await cloud.member.create("router", name="theirs")
    await cloud.member.put(f"routers/{theirs['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    _, own_subnet = await own_network(cloud)
    mine = await cloud.stranger.create("router", name="mine")
    path = f"routers/{mine['id']}/add_router_interface"
    leg = (await cloud.stranger.put(path, {"subnet_id": own_subnet["id"]}))["port_id"]
    for change in ({"device_id": theirs["id"]}, {"device_id": ""}, {"device_owner": "compute:nova"}):
        await cloud.stranger.put(f"ports/{leg}", {"port": change}, status=409)
    assert len((await router_document(cloud, "host-1", theirs["id"])).legs) == 1
    await cloud.stranger.put(f"ports/{leg}", {"port": {"name": "leg", "device_id": mine["id"]}})


async def test_a_port_cannot_pretend_to_be_anothers_card(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    await plug(cloud, network["id"], "host-1")
    own, _ = await own_network(cloud)
    pretended = {"device_id": SERVER, "device_owner": "compute:nova"}
    port = await cloud.stranger.create("port", network_id=own["id"], **pretended)
    addresses = await public.addresses_of_servers(cloud.cloud.db, [SERVER])
    assert [each.network_name for each in addresses] == ["net"]
    assert [each.network_id for each in (await public.nics(cloud.cloud.db, [SERVER]))[SERVER]] == [network["id"]]
    sql = "SELECT COALESCE(SUM(generation), 0) FROM host_items WHERE id = $1"
    async with cloud.cloud.db.tx() as tx:
        await tx.insert("host_items", {"host": "host-1", "kind": "compute.server", "id": SERVER, "generation": 1})
    await cloud.stranger.put(f"ports/{port['id']}", {"port": {"fixed_ips": []}})
    await cloud.stranger.delete(f"ports/{port['id']}")
    assert await cloud.cloud.db.value(sql, SERVER) == 1


@pytest.mark.parametrize("how", [THEIRS, "admin-project"])
async def test_nothing_is_made_in_anothers_name(cloud: TestCloud, how: str) -> None:
    own, _ = await own_network(cloud)
    group = await cloud.stranger.create("security_group", name="mine")
    bodies: dict[str, Body] = {
        "network": {},
        "router": {},
        "security_group": {"name": "theirs"},
        "subnetpool": {"name": "theirs", "prefixes": ["10.0.0.0/8"]},
        "address_scope": {"name": "theirs", "ip_version": 4},
        "address_group": {"name": "theirs", "addresses": []},
        "port": {"network_id": own["id"]},
        "subnet": {"network_id": own["id"], "ip_version": 4, "cidr": "10.67.0.0/24"},
        "security_group_rule": {"security_group_id": group["id"], "direction": "ingress"},
    }
    for kind, body in bodies.items():
        for name in ("project_id", "tenant_id"):
            answer = await cloud.stranger.create(kind, 403, **body, **{name: how})
            assert answer["NeutronError"], kind


async def test_a_private_pool_is_not_used_in_its_owners_name(cloud: TestCloud) -> None:
    pool = await cloud.member.create("subnetpool", name="private", prefixes=["10.0.0.0/16"], default_prefixlen=24)
    own = await cloud.stranger.create("network", name="mine")
    wanted = {"network_id": own["id"], "ip_version": 4, "subnetpool_id": pool["id"]}
    await cloud.stranger.create("subnet", 404, **wanted)
    await cloud.stranger.create("subnet", 403, **wanted, project_id=THEIRS)


async def test_a_group_is_not_named_in_its_owners_name(cloud: TestCloud) -> None:
    theirs = await cloud.member.create("security_group", name="theirs")
    mine = await cloud.stranger.create("security_group", name="mine")
    rule = {"security_group_id": mine["id"], "direction": "ingress", "remote_group_id": theirs["id"]}
    await cloud.stranger.create("security_group_rule", 404, **rule)
    await cloud.stranger.create("security_group_rule", 403, **rule, project_id=THEIRS)


async def test_a_network_of_ones_own_does_not_become_the_wire_outside(cloud: TestCloud) -> None:
    own, _ = await own_network(cloud, "203.0.113.0/24")
    policy = {"object_type": "network", "object_id": own["id"], "action": "access_as_external"}
    for target in (MINE, THEIRS, "*"):
        await cloud.stranger.create("rbac_policy", 403, **policy, target_tenant=target)
    await cloud.stranger.put(f"networks/{own['id']}", {"network": {"router:external": True}}, status=403)
    assert (await cloud.stranger.get(f"networks/{own['id']}"))["network"]["router:external"] is False
    await cloud.admin.create("rbac_policy", **policy, target_tenant=THEIRS)
    assert (await cloud.member.get(f"networks/{own['id']}"))["network"]["router:external"] is True


async def test_who_is_shared_with_gets_no_say(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    await share(cloud, network["id"])
    victim = await cloud.member.create("port", network_id=network["id"])
    address = victim["fixed_ips"][0]["ip_address"]
    wanted: list[Body] = [
        {"fixed_ips": [{"ip_address": "10.0.0.77"}]},
        {"mac_address": victim["mac_address"].replace("fa:16", "fa:17")},
        {"allowed_address_pairs": [{"ip_address": address}]},
        {"port_security_enabled": False},
        {"device_owner": "network:dhcp"},
        {"device_owner": "network:router_interface"},
        {"binding:host_id": "host-1"},
    ]
    port = await cloud.stranger.create("port", network_id=network["id"])
    for body in wanted:
        refused = 409 if body.get("device_owner") == "network:router_interface" else 403
        answer = await cloud.http.post(
            "/network/v2.0/ports",
            json={"port": {"network_id": network["id"], **body}},
            headers={"x-test-caller": "member@other-project"},
        )
        assert answer.status_code in (403, refused), (body, answer.text)
        answer = await cloud.http.put(
            f"/network/v2.0/ports/{port['id']}", json={"port": body}, headers={"x-test-caller": "member@other-project"}
        )
        assert answer.status_code in (403, refused), (body, answer.text)
    await cloud.stranger.get(f"ports/{victim['id']}", status=404)
    assert [each["id"] for each in await cloud.stranger.list("port")] == [port["id"]]
    await cloud.stranger.put(f"networks/{network['id']}", {"network": {"name": "x"}}, status=403)
    await cloud.stranger.put(f"subnets/{subnet['id']}", {"subnet": {"enable_dhcp": False}}, status=403)
    await cloud.stranger.create("subnet", 403, network_id=network["id"], ip_version=4, cidr="10.9.0.0/24")
    again = {"object_type": "network", "object_id": network["id"], "action": "access_as_shared"}
    await cloud.stranger.create("rbac_policy", 403, **again, target_tenant="third-project")
    for path in (f"networks/{network['id']}", f"subnets/{subnet['id']}"):
        await cloud.stranger.put(f"{path}/tags", {"tags": ["x"]}, status=403)
        await cloud.stranger.delete(f"{path}/tags", status=403)
        await cloud.stranger.delete(path, status=403)
    await cloud.stranger.put(f"ports/{victim['id']}/tags", {"tags": ["x"]}, status=404)


async def test_a_network_for_everybody_gets_no_gateway_of_a_strangers(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    await share(cloud, network["id"], "*")
    router = await cloud.stranger.create("router", name="mine")
    path = f"routers/{router['id']}/add_router_interface"
    refused = await cloud.stranger.put(path, {"subnet_id": subnet["id"]}, status=400)
    assert "is not owned by project making the request" in refused["NeutronError"]["message"]
    await cloud.admin.put(path, {"subnet_id": subnet["id"]})


async def test_a_network_shared_with_one_project_may_get_its_router(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    await share(cloud, network["id"])
    router = await cloud.stranger.create("router", name="mine")
    await cloud.stranger.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})


async def test_nobody_is_plugged_into_the_wire_outside(cloud: TestCloud) -> None:
    outside, subnet = await cloud.outside()
    await cloud.stranger.create("port", 403, network_id=outside["id"])
    await cloud.stranger.create("subnet", 403, network_id=outside["id"], ip_version=4, cidr="10.9.0.0/24")
    await cloud.stranger.get(f"subnets/{subnet['id']}", status=404)
    router = await cloud.stranger.create("router", external_gateway_info={"network_id": outside["id"]})
    chosen = {"network_id": outside["id"], "external_fixed_ips": [{"ip_address": "203.0.113.77"}]}
    await cloud.stranger.put(f"routers/{router['id']}", {"router": {"external_gateway_info": chosen}}, status=403)
    floating = {"floating_network_id": outside["id"], "floating_ip_address": "203.0.113.78"}
    await cloud.stranger.create("floatingip", 403, **floating)


async def test_gateways_and_floating_addresses_of_others_are_unknown(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    outside, _ = await cloud.outside()
    router = await cloud.member.create("router", external_gateway_info={"network_id": outside["id"]})
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    floating = await cloud.member.create("floatingip", floating_network_id=outside["id"])
    port = await cloud.member.create("port", network_id=network["id"])
    hidden = [each["id"] for each in await cloud.admin.list("port") if each["network_id"] == outside["id"]]
    assert len(hidden) == 2
    own, _ = await own_network(cloud)
    own_port = await cloud.stranger.create("port", network_id=own["id"])
    for id in hidden:
        await cloud.stranger.get(f"ports/{id}", status=404)
        await cloud.stranger.put(f"ports/{id}", {"port": {"name": "x"}}, status=404)
        await cloud.stranger.delete(f"ports/{id}", status=404)
    path = f"floatingips/{floating['id']}"
    await cloud.stranger.put(path, {"floatingip": {"port_id": own_port["id"]}}, status=404)
    await cloud.stranger.delete(path, status=404)
    await cloud.stranger.get(f"{path}/port_forwardings", status=404)
    await cloud.stranger.put(f"{path}/tags", {"tags": ["x"]}, status=404)
    mine = await cloud.stranger.create("floatingip", floating_network_id=outside["id"])
    await cloud.stranger.put(f"floatingips/{mine['id']}", {"floatingip": {"port_id": port["id"]}}, status=404)
    await cloud.stranger.put(f"routers/{router['id']}/remove_router_interface", {"subnet_id": subnet["id"]}, status=404)
    for query in (f"network_id={outside['id']}", "project_id=", f"device_id={router['id']}"):
        assert await cloud.stranger.list("port", query) == []


async def test_a_networks_owner_does_not_own_its_guests_ports(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    await share(cloud, network["id"])
    guest = await cloud.stranger.create("port", network_id=network["id"])
    path = f"ports/{guest['id']}"
    assert (await cloud.member.get(path))["port"]["id"] == guest["id"]
    for change in ({"name": "x"}, {"device_id": "y"}, {"security_groups": []}, {"admin_state_up": False}):
        await cloud.member.put(path, {"port": change}, status=403)
    await cloud.member.put(f"{path}/tags", {"tags": ["x"]}, status=403)
    outside, _ = await cloud.outside()
    floating = await cloud.member.create("floatingip", floating_network_id=outside["id"])
    body = {"floatingip": {"port_id": guest["id"]}}
    await cloud.member.put(f"floatingips/{floating['id']}", body, status=400)
    router = await cloud.member.create("router", name="theirs")
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"port_id": guest["id"]}, status=403)
    with pytest.raises(public.PortNotFound):
        await public.usable_port(cloud.cloud.db, guest["id"], public.Device(id=SERVER, project_id=THEIRS))
    await cloud.member.delete(path)


async def test_a_port_that_a_server_has_is_in_use_whatever_is_said(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    port_id = await plug(cloud, network["id"], "host-1")
    await cloud.member.put(f"ports/{port_id}", {"port": {"device_id": "", "device_owner": ""}})
    router = await cloud.member.create("router", name="one")
    path = f"routers/{router['id']}/add_router_interface"
    await cloud.member.put(path, {"port_id": port_id}, status=409)
    other: Any = public.Device(id=SERVER.replace("1", "2"), project_id=THEIRS)
    with pytest.raises(public.PortInUse):
        await public.usable_port(cloud.cloud.db, port_id, other)
