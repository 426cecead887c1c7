"""Ports and their addresses, as clients see them."""

from __future__ import annotations

import ipaddress

import pytest

from tests.network.cloud import Body, TestCloud


async def test_a_port_is_made_changed_and_deleted(cloud: TestCloud) -> None:
    network, subnet = await cloud.network(allocation_pools=[{"start": "10.0.0.10", "end": "10.0.0.12"}])
    made = await cloud.member.create("port", network_id=network["id"], name="p", tags=["x"])
    assert made["status"] == "DOWN"
    assert made["fixed_ips"][0]["ip_address"] in ("10.0.0.10", "10.0.0.11", "10.0.0.12")
    assert made["mac_address"].startswith("fa:16:3e:")
    assert "binding:host_id" not in made
    path = f"ports/{made['id']}"
    assert await cloud.member.get(path) == {"port": made}
    changed = await cloud.member.put(path, {"port": {"name": "q", "admin_state_up": False}})
    assert (changed["port"]["name"], changed["port"]["admin_state_up"]) == ("q", False)
    seen = (await cloud.admin.get(path))["port"]
    assert (seen["binding:host_id"], seen["binding:vif_type"], seen["binding:vnic_type"]) == ("", "unbound", "normal")
    assert subnet["id"] == made["fixed_ips"][0]["subnet_id"]
    await cloud.member.delete(path)
    await cloud.member.get(path, 404)


async def test_strangers_and_readers(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    port = await cloud.member.create("port", network_id=network["id"])
    path, body = f"ports/{port['id']}", {"port": {"name": "x"}}
    await cloud.stranger.get(path, 404)
    await cloud.stranger.put(path, body, 404)
    await cloud.stranger.delete(path, 404)
    await cloud.reader.get(path)
    await cloud.reader.put(path, body, 403)
    await cloud.reader.delete(path, 403)
    await cloud.reader.create("port", network_id=network["id"], status=403)
    await cloud.stranger.create("port", network_id=network["id"], status=404)
    assert await cloud.stranger.list("port") == []


async def test_addresses_are_chosen(cloud: TestCloud) -> None:
    drawn = [{"start": "10.0.0.100", "end": "10.0.0.200"}]  # none of those that are asked for below
    network, subnet = await cloud.network(allocation_pools=drawn)
    common = {"network_id": network["id"]}
    certain = [{"subnet_id": subnet["id"], "ip_address": "10.0.0.50"}, {"subnet_id": subnet["id"]}]
    made = await cloud.member.create("port", fixed_ips=certain, **common)
    assert made["fixed_ips"][0]["ip_address"] == "10.0.0.50"
    assert len(made["fixed_ips"]) == 2
    for wanted, status, kind in (
        ([{"ip_address": "10.0.0.50"}], 409, "IpAddressAlreadyAllocated"),
        ([{"ip_address": "10.9.0.1"}], 400, "InvalidIpForNetwork"),
        ([{"ip_address": "10.0.0.255"}], 400, "InvalidIpForSubnet"),
        ([{"ip_address": "10.0.0.60"}, {"ip_address": "10.0.0.60"}], 400, "InvalidInput"),
        ([{"subnet_id": network["id"]}], 400, "InvalidInput"),
        ([{}], 400, "BadRequest"),
        ([{"ip_address": "nonsense"}], 400, "InvalidInput"),
    ):
        refused = await cloud.member.create("port", fixed_ips=wanted, status=status, **common)
        assert refused["NeutronError"]["type"] == kind, wanted
    assert (await cloud.member.create("port", fixed_ips=[], **common))["fixed_ips"] == []
    new = {"port": {"fixed_ips": [{"ip_address": "10.0.0.50"}]}}
    kept = await cloud.member.put(f"ports/{made['id']}", new)
    assert [each["ip_address"] for each in kept["port"]["fixed_ips"]] == ["10.0.0.50"]


async def test_a_full_subnet_has_no_more_addresses(cloud: TestCloud) -> None:
    network, _ = await cloud.network("10.0.0.0/29", enable_dhcp=False)
    found = {
        (await cloud.member.create("port", network_id=network["id"]))["fixed_ips"][0]["ip_address"] for _ in range(5)
    }
    assert found == {f"10.0.0.{n}" for n in range(2, 7)}
    refused = await cloud.member.create("port", network_id=network["id"], status=409)
    assert refused["NeutronError"]["type"] == "IpAddressGenerationFailure"


async def test_slaac_addresses_follow_from_the_mac_address(cloud: TestCloud) -> None:
    network, _ = await cloud.network("fd00:1::/64", ipv6_address_mode="slaac", ipv6_ra_mode="slaac")
    await cloud.member.create("subnet", network_id=network["id"], ip_version=4, cidr="10.0.0.0/24")
    made = await cloud.member.create("port", network_id=network["id"], mac_address="fa:16:3e:11:22:33")
    addresses = [each["ip_address"] for each in made["fixed_ips"]]
    assert "fd00:1::f816:3eff:fe11:2233" in addresses
    assert len(addresses) == 2
    other = [{"ip_address": "fd00:1::5"}]
    await cloud.member.create("port", network_id=network["id"], fixed_ips=other, status=400)
    stateful = {"ipv6_address_mode": "dhcpv6-stateful", "ipv6_ra_mode": "dhcpv6-stateful"}
    third = await cloud.member.create("subnet", network_id=network["id"], ip_version=6, cidr="fd00:2::/64", **stateful)
    made = await cloud.member.create("port", network_id=network["id"])
    (given,) = [each["ip_address"] for each in made["fixed_ips"] if each["subnet_id"] == third["id"]]
    assert ipaddress.ip_address(given) in ipaddress.ip_network("fd00:2::/64")


async def test_service_types_reserve_a_subnet(cloud: TestCloud) -> None:
    network, _ = await cloud.network(enable_dhcp=False)
    reserved = await cloud.admin.create(
        "subnet", network_id=network["id"], ip_version=4, cidr="10.1.0.0/24", service_types=["compute:nova"]
    )
    await cloud.member.create(
        "subnet", network_id=network["id"], ip_version=4, cidr="10.2.0.0/24", service_types=["compute:x"], status=403
    )
    plain = await cloud.member.create("port", network_id=network["id"])
    assert plain["fixed_ips"][0]["subnet_id"] != reserved["id"]


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ({"mac_address": "fa:16:3e:00:00:01"}, 201),
        ({"mac_address": "nonsense"}, 400),
        ({"network_id": "00000000-0000-4000-8000-000000000000"}, 404),
        ({"network_id": "nonsense"}, 400),
        ({"security_groups": ["00000000-0000-4000-8000-000000000000"]}, 404),
        ({"security_groups": []}, 201),
        ({"port_security_enabled": False, "security_groups": []}, 201),
        ({"allowed_address_pairs": [{"ip_address": "10.8.0.0/16"}]}, 201),
        ({"allowed_address_pairs": [{"ip_address": "nonsense"}]}, 400),
        ({"allowed_address_pairs": [{"ip_address": "10.8.0.1"}], "port_security_enabled": False}, 409),
        ({"extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}]}, 201),
        ({"dns_name": "-wrong-"}, 400),
        ({"dns_name": "right"}, 201),
        ({"binding:host_id": "host-1"}, 403),
        ({"binding:profile": {"a": 1}}, 403),
        ({"binding:vnic_type": "direct"}, 201),
        ({"binding:vnic_type": "wooden"}, 400),
        ({"device_owner": "network:dhcp"}, 201),
        ({"project_id": "other-project"}, 403),
    ],
)
async def test_what_a_port_can_be(cloud: TestCloud, field: Body, status: int) -> None:
    network, _ = await cloud.network()
    made = await cloud.member.create("port", status=status, **{"network_id": network["id"], **field})
    if status == 201:
        shown = {name: value for name, value in field.items() if name in made and not isinstance(value, list)}
        assert {name: made[name] for name in shown} == shown


async def test_a_mac_address_has_one_owner(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    one = {"network_id": network["id"], "mac_address": "FA:16:3E:00:00:01"}
    assert (await cloud.member.create("port", **one))["mac_address"] == "fa:16:3e:00:00:01"
    assert (await cloud.member.create("port", status=409, **one))["NeutronError"]["type"] == "MacAddressInUse"


async def test_groups_need_port_security(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    group = await cloud.member.create("security_group", name="web")
    port = await cloud.member.create("port", network_id=network["id"])
    path = f"ports/{port['id']}"
    refused = await cloud.member.put(path, {"port": {"port_security_enabled": False}}, 409)
    assert refused["NeutronError"]["type"] == "PortSecurityPortHasSecurityGroup"
    open_port = {"port": {"port_security_enabled": False, "security_groups": []}}
    assert (await cloud.member.put(path, open_port))["port"]["security_groups"] == []
    await cloud.member.put(path, {"port": {"security_groups": [group["id"]]}}, 409)
    other = await cloud.stranger.create("security_group", name="theirs")
    port = await cloud.member.create("port", network_id=network["id"])
    await cloud.member.put(f"ports/{port['id']}", {"port": {"security_groups": [other["id"]]}}, 404)


async def test_options_are_replaced_by_name(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    options = [{"opt_name": "mtu", "opt_value": "1"}, {"opt_name": "tftp", "opt_value": "2"}]
    port = await cloud.member.create("port", network_id=network["id"], extra_dhcp_opts=options)
    new = [{"opt_name": "mtu", "opt_value": "3"}, {"opt_name": "tftp", "opt_value": None}]
    changed = await cloud.member.put(f"ports/{port['id']}", {"port": {"extra_dhcp_opts": new}})
    assert changed["port"]["extra_dhcp_opts"] == [{"opt_name": "mtu", "opt_value": "3", "ip_version": 4}]


async def test_admins_bind_and_choose_the_project(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    made = await cloud.admin.create(
        "port", network_id=network["id"], project_id="demo-project", **{"binding:host_id": "host-9"}
    )
    assert (made["project_id"], made["binding:host_id"], made["binding:vif_type"]) == (
        "demo-project",
        "host-9",
        "bridge",
    )
    hosts = await cloud.cloud.db.values("SELECT host FROM host_items WHERE id = $1", network["id"])
    assert hosts == ["host-9"]
    assert (await cloud.admin.list("port", "binding:host_id=host-9"))[0]["id"] == made["id"]


async def test_lists_find_ports_by_address_group_and_device(cloud: TestCloud) -> None:
    network, subnet = await cloud.network(enable_dhcp=False)
    group = await cloud.member.create("security_group", name="web")
    one = await cloud.member.create(
        "port",
        network_id=network["id"],
        fixed_ips=[{"ip_address": "10.0.0.5"}],
        security_groups=[group["id"]],
        device_id="machine",
    )
    two = await cloud.member.create("port", network_id=network["id"], fixed_ips=[{"ip_address": "10.0.0.55"}])
    both = [one["id"], two["id"]]
    for query, wanted in (
        ("fixed_ips=ip_address%3D10.0.0.5", [one["id"]]),
        ("fixed_ips=ip_address_substr%3D0.5", both),
        ("fixed_ips=ip_address_substr%3D0.55", [two["id"]]),
        (f"fixed_ips=subnet_id%3D{subnet['id']}&fixed_ips=ip_address%3D10.0.0.55", [two["id"]]),
        (f"security_groups={group['id']}", [one["id"]]),
        ("device_id=machine", [one["id"]]),
        ("device_id=", [two["id"]]),
        ("status=DOWN", both),
        ("status=ACTIVE", []),
        (f"mac_address={one['mac_address'].upper()}", [one["id"]]),
        ("admin_state_up=True&tenant_id=demo-project", both),
    ):
        found = [each["id"] for each in await cloud.member.list("port", query)]
        assert sorted(found) == sorted(wanted), query
    await cloud.member.get("ports?fixed_ips=nonsense", 400)


async def test_a_project_has_so_many_ports(cloud: TestCloud) -> None:
    network, _ = await cloud.network(enable_dhcp=False)
    await cloud.admin.put("quotas/demo-project", {"quota": {"port": 1}})
    await cloud.member.create("port", network_id=network["id"])
    refused = await cloud.member.create("port", network_id=network["id"], status=409)
    assert refused["NeutronError"] == {
        "type": "OverQuota",
        "message": "Quota exceeded for resources: ['port'].",
        "detail": "",
    }
    details = (await cloud.manager.get("quotas/demo-project/details.json"))["quota"]["port"]
    assert details == {"limit": 1, "used": 1, "reserved": 0}


async def test_a_port_cannot_claim_to_be_of_a_router(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    router = await cloud.stranger.create("router")
    claim = {"device_owner": "network:router_interface", "device_id": router["id"]}
    refused = await cloud.member.create("port", network_id=network["id"], status=409, **claim)
    assert refused["NeutronError"]["type"] == "DeviceIDNotOwnedByTenant"
    port = await cloud.member.create("port", network_id=network["id"], device_id=router["id"])
    await cloud.member.put(f"ports/{port['id']}", {"port": claim}, 409)
