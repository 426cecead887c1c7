"""Routers, floating IPs and port forwardings, as clients see them."""

from __future__ import annotations

from tests.network.cloud import Body, TestCloud


async def routed(cloud: TestCloud) -> tuple[Body, Body, Body, Body]:
    """Return a network, its subnet, an external network and a router between them."""
    outside, _ = await cloud.outside()
    network, subnet = await cloud.network()
    router = await cloud.member.create("router", name="r", external_gateway_info={"network_id": outside["id"]})
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    return network, subnet, outside, router


async def test_a_router_is_made_changed_and_deleted(cloud: TestCloud) -> None:
    outside, _ = await cloud.outside()
    made = await cloud.member.create("router", name="r", admin_state_up=False)
    assert (made["status"], made["external_gateway_info"]) == ("ACTIVE", None)
    assert "distributed" not in made
    path = f"routers/{made['id']}"
    changed = await cloud.member.put(path, {"router": {"external_gateway_info": {"network_id": outside["id"]}}})
    gateway = changed["router"]["external_gateway_info"]
    assert gateway["network_id"] == outside["id"]
    assert gateway["enable_snat"] is True
    (port,) = await cloud.admin.list("port", f"device_id={made['id']}")
    assert (port["device_owner"], port["project_id"]) == ("network:router_gateway", "")
    await cloud.admin.delete(f"ports/{port['id']}", 409)
    assert (await cloud.member.put(path, {"router": {"external_gateway_info": {}}}))["router"][
        "external_gateway_info"
    ] is None
    assert (await cloud.admin.get(path))["router"]["ha"] is False
    await cloud.member.delete(path)
    await cloud.member.get(path, 404)


async def test_strangers_and_readers(cloud: TestCloud) -> None:
    _, subnet, outside, router = await routed(cloud)
    floating = await cloud.member.create("floatingip", floating_network_id=outside["id"])
    for path, body in (
        (f"routers/{router['id']}", {"router": {"name": "x"}}),
        (f"floatingips/{floating['id']}", {"floatingip": {"description": "x"}}),
    ):
        await cloud.stranger.get(path, 404)
        await cloud.stranger.put(path, body, 404)
        await cloud.stranger.delete(path, 404)
        await cloud.reader.get(path)
        await cloud.reader.put(path, body, 403)
        await cloud.reader.delete(path, 403)
    for action in ("add_router_interface", "remove_router_interface"):
        await cloud.stranger.put(f"routers/{router['id']}/{action}", {"subnet_id": subnet["id"]}, 404)
        await cloud.reader.put(f"routers/{router['id']}/{action}", {"subnet_id": subnet["id"]}, 403)
    for action in ("add_extraroutes", "remove_extraroutes"):
        await cloud.stranger.put(f"routers/{router['id']}/{action}", {"router": {"routes": []}}, 404)
        await cloud.reader.put(f"routers/{router['id']}/{action}", {"router": {"routes": []}}, 403)
    await cloud.reader.create("router", status=403)
    await cloud.reader.create("floatingip", floating_network_id=outside["id"], status=403)
    assert await cloud.stranger.list("router") == []
    assert await cloud.stranger.list("floatingip") == []


async def test_gateways_that_cannot_be(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    outside, _ = await cloud.outside()
    nothing = "00000000-0000-4000-8000-000000000000"
    for gateway, status in (
        ({"network_id": network["id"]}, 400),
        ({"network_id": nothing}, 404),
        ({"network_id": outside["id"], "enable_snat": False}, 403),
        ({"network_id": outside["id"], "external_fixed_ips": [{"ip_address": "203.0.113.9"}]}, 403),
        ({"enable_snat": True}, 403),
    ):
        await cloud.member.create("router", external_gateway_info=gateway, status=status)
    fixed = {"network_id": outside["id"], "enable_snat": False, "external_fixed_ips": [{"ip_address": "203.0.113.9"}]}
    made = await cloud.admin.create("router", external_gateway_info=fixed)
    assert made["external_gateway_info"]["enable_snat"] is False
    assert made["external_gateway_info"]["external_fixed_ips"][0]["ip_address"] == "203.0.113.9"
    await cloud.admin.create("router", distributed=True, status=400)


async def test_interfaces_by_subnet_and_by_port(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    other, other_subnet = await cloud.network("10.1.0.0/24")
    router = await cloud.member.create("router")
    path = f"routers/{router['id']}"
    added = await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": subnet["id"]})
    assert (added["id"], added["subnet_id"], added["network_id"]) == (router["id"], subnet["id"], network["id"])
    port = (await cloud.member.get(f"ports/{added['port_id']}"))["port"]
    assert (port["device_id"], port["device_owner"]) == (router["id"], "network:router_interface")
    assert port["fixed_ips"][0]["ip_address"] == "10.0.0.1"
    await cloud.member.delete(f"ports/{port['id']}", 409)
    second = await cloud.member.create("port", network_id=other["id"])
    added = await cloud.member.put(f"{path}/add_router_interface", {"port_id": second["id"]})
    assert added["subnet_ids"] == [other_subnet["id"]]
    await cloud.member.put(f"{path}/add_router_interface", {"port_id": second["id"]}, 409)
    await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": subnet["id"]}, 400)
    await cloud.member.put(f"{path}/add_router_interface", {}, 400)
    await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": subnet["id"], "port_id": second["id"]}, 400)
    _, overlapping = await cloud.network("10.0.0.0/25")
    refused = await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": overlapping["id"]}, 400)
    assert "overlaps with cidr" in refused["NeutronError"]["message"]
    _, closed = await cloud.network("10.2.0.0/24", gateway_ip=None)
    await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": closed["id"]}, 400)
    refused = await cloud.member.delete(path, 409)
    assert refused["NeutronError"]["type"] == "RouterInUse"
    removed = await cloud.member.put(f"{path}/remove_router_interface", {"port_id": second["id"]})
    assert removed["port_id"] == second["id"]
    await cloud.member.put(f"{path}/remove_router_interface", {"port_id": second["id"]}, 404)
    await cloud.member.put(f"{path}/remove_router_interface", {"subnet_id": subnet["id"]})
    await cloud.member.put(f"{path}/remove_router_interface", {"subnet_id": subnet["id"]}, 404)
    await cloud.member.delete(path)


async def test_several_ranges_of_ipv6_share_one_interface(cloud: TestCloud) -> None:
    network, first = await cloud.network("fd00:1::/64", ipv6_address_mode="slaac", ipv6_ra_mode="slaac")
    second = await cloud.member.create("subnet", network_id=network["id"], ip_version=6, cidr="fd00:2::/64")
    router = await cloud.member.create("router")
    path = f"routers/{router['id']}"
    ports = {
        (await cloud.member.put(f"{path}/add_router_interface", {"subnet_id": each["id"]}))["port_id"]
        for each in (first, second)
    }
    assert len(ports) == 1
    await cloud.member.put(f"{path}/remove_router_interface", {"subnet_id": first["id"]})
    (port,) = await cloud.member.list("port", f"device_id={router['id']}")
    assert [each["subnet_id"] for each in port["fixed_ips"]] == [second["id"]]


async def test_extra_routes(cloud: TestCloud) -> None:
    _, subnet, _, router = await routed(cloud)
    path = f"routers/{router['id']}"
    route = {"destination": "10.9.0.0/16", "nexthop": "10.0.0.9"}
    assert (await cloud.member.put(path, {"router": {"routes": [route]}}))["router"]["routes"] == [route]
    for wrong in (
        {"destination": "10.9.0.0/16", "nexthop": "10.5.0.9"},
        {"destination": "10.9.0.0/16", "nexthop": "10.0.0.1"},
        {"destination": "nonsense", "nexthop": "10.0.0.9"},
    ):
        await cloud.member.put(path, {"router": {"routes": [wrong]}}, 400)
    refused = await cloud.member.put(f"{path}/remove_router_interface", {"subnet_id": subnet["id"]}, 409)
    assert refused["NeutronError"]["type"] == "RouterInterfaceInUseByRoute"
    more = {"destination": "10.8.0.0/16", "nexthop": "10.0.0.8"}
    added = await cloud.member.put(f"{path}/add_extraroutes", {"router": {"routes": [more, route]}})
    assert added["router"]["routes"] == [route, more]
    left = await cloud.member.put(f"{path}/remove_extraroutes", {"router": {"routes": [route]}})
    assert left["router"]["routes"] == [more]
    assert (await cloud.member.put(path, {"router": {"routes": None}}))["router"]["routes"] == []


async def test_a_floating_ip_comes_and_goes(cloud: TestCloud) -> None:
    network, subnet, outside, router = await routed(cloud)
    one, two = [await cloud.member.create("port", network_id=network["id"]) for _ in range(2)]
    made = await cloud.member.create("floatingip", floating_network_id=outside["id"], port_id=one["id"])
    assert made["fixed_ip_address"] == one["fixed_ips"][0]["ip_address"]
    assert made["router_id"] == router["id"]
    assert made["port_details"]["network_id"] == network["id"]
    path = f"floatingips/{made['id']}"
    moved = (await cloud.member.put(path, {"floatingip": {"port_id": two["id"]}}))["floatingip"]
    assert moved["fixed_ip_address"] == two["fixed_ips"][0]["ip_address"]
    again = {"floating_network_id": outside["id"], "port_id": two["id"]}
    refused = await cloud.member.create("floatingip", status=409, **again)
    assert refused["NeutronError"]["type"] == "FloatingIPPortAlreadyAssociated"
    refused = await cloud.member.put(
        f"routers/{router['id']}/remove_router_interface", {"subnet_id": subnet["id"]}, 409
    )
    assert refused["NeutronError"]["type"] == "RouterInterfaceInUseByFloatingIP"
    refused = await cloud.member.put(f"routers/{router['id']}", {"router": {"external_gateway_info": None}}, 409)
    assert refused["NeutronError"]["type"] == "RouterExternalGatewayInUseByFloatingIp"
    assert len(await cloud.member.list("floatingip", f"port_id={two['id']}")) == 1
    await cloud.member.delete(f"ports/{two['id']}")
    freed = (await cloud.member.get(path))["floatingip"]
    assert (freed["port_id"], freed["fixed_ip_address"], freed["router_id"]) == (None, None, None)
    assert freed["port_details"] is None
    await cloud.member.delete(path)
    assert await cloud.admin.list("port", "device_owner=network:floatingip") == []


async def test_idle_floating_ips_go_with_their_network(cloud: TestCloud) -> None:
    network, _, outside, router = await routed(cloud)
    await cloud.member.create("floatingip", floating_network_id=outside["id"])
    port = await cloud.member.create("port", network_id=network["id"])
    used = await cloud.member.create("floatingip", floating_network_id=outside["id"], port_id=port["id"])
    await cloud.admin.delete(f"networks/{outside['id']}", 409)
    assert len(await cloud.member.list("floatingip")) == 2
    await cloud.member.put(f"floatingips/{used['id']}", {"floatingip": {"port_id": None}})
    await cloud.member.put(f"routers/{router['id']}", {"router": {"external_gateway_info": None}})
    await cloud.admin.delete(f"networks/{outside['id']}")
    assert await cloud.member.list("floatingip") == []


async def test_floating_ips_that_cannot_be(cloud: TestCloud) -> None:
    network, _, outside, _ = await routed(cloud)
    lonely, _ = await cloud.network("10.5.0.0/24")
    far = await cloud.member.create("port", network_id=lonely["id"])
    near = await cloud.member.create("port", network_id=network["id"])
    bare = await cloud.member.create("port", network_id=network["id"], fixed_ips=[])
    for fields, status, kind in (
        ({"floating_network_id": network["id"]}, 400, "BadRequest"),
        ({"port_id": far["id"]}, 404, "ExternalGatewayForFloatingIPNotFound"),
        ({"port_id": bare["id"]}, 400, "BadRequest"),
        ({"port_id": near["id"], "fixed_ip_address": "10.0.0.250"}, 400, "BadRequest"),
        ({"port_id": "00000000-0000-4000-8000-000000000000"}, 404, "PortNotFound"),
        ({"floating_ip_address": "203.0.113.7"}, 403, "PolicyNotAuthorized"),
        ({"floating_network_id": "00000000-0000-4000-8000-000000000000"}, 404, "NetworkNotFound"),
    ):
        refused = await cloud.member.create(
            "floatingip", status=status, **{"floating_network_id": outside["id"], **fields}
        )
        assert refused["NeutronError"]["type"] == kind, fields
    wanted = {"floating_network_id": outside["id"], "floating_ip_address": "203.0.113.7"}
    assert (await cloud.manager.create("floatingip", **wanted))["floating_ip_address"] == "203.0.113.7"
    await cloud.manager.create("floatingip", status=409, **wanted)


async def test_port_forwardings(cloud: TestCloud) -> None:
    network, _, outside, router = await routed(cloud)
    port = await cloud.member.create("port", network_id=network["id"])
    floating = await cloud.member.create("floatingip", floating_network_id=outside["id"])
    path = f"floatingips/{floating['id']}/port_forwardings"
    body = {
        "protocol": "tcp",
        "internal_port_id": port["id"],
        "internal_ip_address": port["fixed_ips"][0]["ip_address"],
        "internal_port": 22,
        "external_port": 2222,
    }
    made = (await cloud.member.call("POST", path, {"port_forwarding": body}, status=201))["port_forwarding"]
    assert {name: made[name] for name in body} == body
    seen = (await cloud.member.get(f"floatingips/{floating['id']}"))["floatingip"]
    assert seen["router_id"] == router["id"]
    assert [each["external_port"] for each in seen["port_forwardings"]] == [2222]
    await cloud.member.call("POST", path, {"port_forwarding": body}, status=400)
    busy = {"floatingip": {"port_id": port["id"]}}
    assert (await cloud.member.put(f"floatingips/{floating['id']}", busy, 409))["NeutronError"]["type"]
    one = f"{path}/{made['id']}"
    await cloud.stranger.get(path, 404)
    await cloud.stranger.get(one, 404)
    await cloud.stranger.put(one, {"port_forwarding": {"external_port": 1}}, 404)
    await cloud.stranger.delete(one, 404)
    await cloud.reader.get(path)
    await cloud.reader.get(one)
    await cloud.reader.call("POST", path, {"port_forwarding": body}, status=403)
    await cloud.reader.put(one, {"port_forwarding": {"external_port": 1}}, 403)
    await cloud.reader.delete(one, 403)
    changed = await cloud.member.put(one, {"port_forwarding": {"external_port": 2200}})
    assert changed["port_forwarding"]["external_port"] == 2200
    await cloud.member.delete(one)
    await cloud.member.get(one, 404)
    assert (await cloud.member.get(f"floatingips/{floating['id']}"))["floatingip"]["router_id"] is None
