"""Networks, subnets and what they are shared by, as clients see them."""

from __future__ import annotations

import pytest

from tests.network.cloud import Body, TestCloud


async def test_a_network_is_made_changed_and_deleted(cloud: TestCloud) -> None:
    made = await cloud.member.create("network", name="net", description="mine", tags=["b", "a"])
    assert made["status"] == "ACTIVE"
    assert made["tags"] == ["a", "b"]
    assert "provider:network_type" not in made
    path = f"networks/{made['id']}"
    assert await cloud.member.get(path) == {"network": made}
    changed = (await cloud.member.put(path, {"network": {"name": "new", "mtu": "1400"}}))["network"]
    assert (changed["name"], changed["mtu"], changed["revision_number"]) == ("new", 1400, 2)
    seen = (await cloud.admin.get(path))["network"]
    assert seen["provider:network_type"] == "vxlan"
    assert isinstance(seen["provider:segmentation_id"], int)
    await cloud.member.delete(path)
    await cloud.member.get(path, 404)


async def test_strangers_and_readers(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    for path, body in (
        (f"networks/{network['id']}", {"network": {"name": "x"}}),
        (f"subnets/{subnet['id']}", {"subnet": {"name": "x"}}),
    ):
        await cloud.stranger.get(path, 404)
        await cloud.stranger.put(path, body, 404)
        await cloud.stranger.delete(path, 404)
        await cloud.reader.get(path)
        await cloud.reader.put(path, body, 403)
        await cloud.reader.delete(path, 403)
    assert await cloud.stranger.list("network") == []
    assert await cloud.stranger.list("subnet") == []
    await cloud.reader.create("network", status=403)
    await cloud.stranger.create("subnet", network_id=network["id"], ip_version=4, cidr="10.9.0.0/24", status=404)


@pytest.mark.parametrize(
    "field",
    [
        {"shared": True},
        {"router:external": True},
        {"is_default": True},
        {"provider:network_type": "vxlan"},
        {"provider:segmentation_id": 7},
        {"project_id": "other-project"},
    ],
)
async def test_what_only_admins_set(cloud: TestCloud, field: Body) -> None:
    refused = await cloud.member.create("network", status=403, **field)
    assert refused["NeutronError"]["type"] == "PolicyNotAuthorized"
    await cloud.admin.create("network", **{"provider:network_type": "vxlan", **field})


async def test_defaults_of_what_only_admins_set_are_no_offence(cloud: TestCloud) -> None:
    await cloud.member.create("network", shared=False, **{"router:external": False})


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ({"nonsense": 1}, 400),
        ({"name": None}, 400),
        ({"mtu": 9000}, 400),
        ({"name": "x" * 256}, 400),
        ({"admin_state_up": "perhaps"}, 400),
        ({"project_id": "a", "tenant_id": "b"}, 400),
    ],
)
async def test_senseless_networks(cloud: TestCloud, field: Body, status: int) -> None:
    refused = await cloud.admin.create("network", status=status, **field)
    assert set(refused["NeutronError"]) == {"type", "message", "detail"}


async def test_segments_are_given_once(cloud: TestCloud) -> None:
    vxlan = {"provider:network_type": "vxlan", "provider:segmentation_id": 2}
    await cloud.admin.create("network", **vxlan)
    refused = await cloud.admin.create("network", status=409, **vxlan)
    assert refused["NeutronError"]["type"] == "TunnelIdInUse"
    found = [await cloud.admin.create("network") for _ in range(3)]
    assert [each["provider:segmentation_id"] for each in found] == [1, 3, 4]
    flat = {"provider:network_type": "flat", "provider:physical_network": "outside"}
    assert (await cloud.admin.create("network", **flat))["mtu"] == 1500
    await cloud.admin.create("network", status=409, **flat)
    await cloud.admin.create("network", status=400, **{"provider:network_type": "vlan"})


async def test_bulk_is_all_or_nothing(cloud: TestCloud) -> None:
    body = {"networks": [{"name": "one"}, {"name": "two"}]}
    made = await cloud.member.call("POST", "networks", body, status=201)
    assert [each["name"] for each in made["networks"]] == ["one", "two"]
    network = made["networks"][0]["id"]
    subnets = [{"network_id": network, "ip_version": 4, "cidr": cidr} for cidr in ("10.0.0.0/24", "10.0.0.0/25")]
    await cloud.member.call("POST", "subnets", {"subnets": subnets}, status=400)
    assert await cloud.member.list("subnet") == []
    await cloud.member.call("POST", "networks", {"networks": []}, status=400)
    await cloud.member.call("POST", "networks", {}, status=400)


async def test_shared_networks_are_seen_and_used(cloud: TestCloud) -> None:
    network = await cloud.admin.create("network", shared=True)
    await cloud.admin.create("subnet", network_id=network["id"], ip_version=4, cidr="10.0.0.0/24")
    (seen,) = await cloud.stranger.list("network", "shared=True")
    assert seen["shared"] is True
    assert len(await cloud.stranger.list("subnet")) == 1
    await cloud.stranger.create("port", network_id=network["id"])
    await cloud.stranger.put(f"networks/{network['id']}", {"network": {"name": "x"}}, 403)
    refused = await cloud.admin.put(f"networks/{network['id']}", {"network": {"shared": False}}, 409)
    assert refused["NeutronError"]["type"] == "InvalidSharedSetting"


async def test_external_networks_are_seen_without_their_subnets(cloud: TestCloud) -> None:
    network, _ = await cloud.outside()
    await cloud.network()
    (seen,) = await cloud.reader.list("network", "router:external=True")
    assert (seen["id"], seen["shared"], seen["is_default"]) == (network["id"], False, False)
    assert await cloud.stranger.list("subnet", f"network_id={network['id']}") == []
    await cloud.stranger.create("port", network_id=network["id"], status=403)


async def test_a_policy_shares_with_one_project(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    policy = await cloud.member.create(
        "rbac_policy",
        object_type="network",
        object_id=network["id"],
        action="access_as_shared",
        target_tenant="other-project",
    )
    assert policy["target_project"] == "other-project"
    port = await cloud.stranger.create("port", network_id=network["id"])
    again = {name: policy[name] for name in ("object_type", "object_id", "action", "target_tenant")}
    await cloud.member.create("rbac_policy", status=409, **again)
    await cloud.member.create("rbac_policy", status=403, **{**again, "target_tenant": "*"})
    await cloud.member.create("rbac_policy", status=400, **{**again, "action": "access_as_queen"})
    await cloud.stranger.get(f"rbac-policies/{policy['id']}", 404)
    await cloud.member.delete(f"rbac-policies/{policy['id']}", 409)
    await cloud.stranger.delete(f"ports/{port['id']}")
    new = {"rbac_policy": {"target_tenant": "third-project"}}
    assert (await cloud.member.put(f"rbac-policies/{policy['id']}", new))["rbac_policy"]["target_tenant"]
    await cloud.member.delete(f"rbac-policies/{policy['id']}")
    assert await cloud.member.list("rbac_policy") == []


async def test_a_subnet_has_what_was_asked_for(cloud: TestCloud) -> None:
    network = await cloud.member.create("network")
    asked = {
        "gateway_ip": "10.0.0.254",
        "allocation_pools": [{"start": "10.0.0.10", "end": "10.0.0.20"}],
        "dns_nameservers": ["192.0.2.1", "192.0.2.2"],
        "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.5"}],
        "enable_dhcp": False,
    }
    made = await cloud.member.create("subnet", network_id=network["id"], ip_version=4, cidr="10.0.0.0/24", **asked)
    assert {name: made[name] for name in asked} == asked
    new = {"gateway_ip": None, "dns_nameservers": [], "enable_dhcp": True}
    changed = await cloud.member.put(f"subnets/{made['id']}", {"subnet": new})
    assert {name: changed["subnet"][name] for name in new} == new
    assert [port["device_owner"] for port in await cloud.member.list("port")] == ["network:dhcp"]
    await cloud.member.delete(f"subnets/{made['id']}")
    assert await cloud.member.list("port") == []
    assert (await cloud.member.get(f"networks/{network['id']}"))["network"]["subnets"] == []


@pytest.mark.parametrize(
    ("fields", "status", "text"),
    [
        ({"cidr": "10.0.0.128/25"}, 400, "overlaps with another subnet"),
        ({"cidr": "10.1.0.1/24"}, 400, "is recommended"),
        ({"cidr": "fd00::/64"}, 400, "does not match the ip_version"),
        ({"cidr": "nonsense"}, 400, "not a valid"),
        ({}, 400, "absence of a cidr"),
        ({"cidr": "10.1.0.0/24", "gateway_ip": "10.1.0.0"}, 400, "Gateway is not valid"),
        (
            {
                "cidr": "10.1.0.0/24",
                "gateway_ip": "10.1.0.5",
                "allocation_pools": [{"start": "10.1.0.2", "end": "10.1.0.9"}],
            },
            409,
            "conflicts with allocation pool",
        ),
        ({"cidr": "10.1.0.0/24", "allocation_pools": [{"start": "10.2.0.2", "end": "10.2.0.9"}]}, 400, "spans beyond"),
        ({"cidr": "10.1.0.0/24", "allocation_pools": [{"start": "10.1.0.9", "end": "10.1.0.2"}]}, 400, "not valid"),
        (
            {
                "cidr": "10.1.0.0/24",
                "allocation_pools": [
                    {"start": "10.1.0.2", "end": "10.1.0.9"},
                    {"start": "10.1.0.9", "end": "10.1.0.12"},
                ],
            },
            409,
            "overlapping allocation pools",
        ),
        ({"cidr": "10.1.0.0/24", "dns_nameservers": [f"192.0.2.{n}" for n in range(6)]}, 400, "exceeds the limit 5"),
        ({"cidr": "10.1.0.0/24", "ipv6_ra_mode": "slaac"}, 400, "not valid when ip_version is 4"),
        ({"cidr": "fd01::/56", "ip_version": 6, "ipv6_address_mode": "slaac"}, 400, "64 is required"),
        (
            {"cidr": "fd01::/64", "ip_version": 6, "ipv6_address_mode": "slaac", "ipv6_ra_mode": "dhcpv6-stateful"},
            400,
            "is not valid",
        ),
        ({"cidr": "fd01::/64", "ip_version": 6, "ipv6_ra_mode": "slaac", "enable_dhcp": False}, 400, "enable_dhcp"),
        ({"cidr": "10.1.0.0/24", "network_id": "00000000-0000-4000-8000-000000000000"}, 404, "could not be found"),
    ],
)
async def test_senseless_subnets(cloud: TestCloud, fields: Body, status: int, text: str) -> None:
    network, _ = await cloud.network()
    refused = await cloud.member.create(
        "subnet", status=status, **{"network_id": network["id"], "ip_version": 4, **fields}
    )
    assert text in refused["NeutronError"]["message"]


async def test_a_network_goes_with_its_subnets_but_not_with_its_ports(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    port = await cloud.member.create("port", network_id=network["id"])
    refused = await cloud.member.delete(f"networks/{network['id']}", 409)
    assert refused["NeutronError"]["type"] == "NetworkInUse"
    refused = await cloud.member.delete(f"subnets/{subnet['id']}", 409)
    assert refused["NeutronError"]["type"] == "SubnetInUse"
    await cloud.member.delete(f"ports/{port['id']}")
    await cloud.member.delete(f"networks/{network['id']}")
    await cloud.member.get(f"subnets/{subnet['id']}", 404)


async def test_pools_give_out_subnets(cloud: TestCloud) -> None:
    pool = await cloud.member.create(
        "subnetpool", name="pool", prefixes=["10.0.0.0/16"], default_prefixlen=24, min_prefixlen=20, max_prefixlen=28
    )
    network = await cloud.member.create("network")
    common = {"network_id": network["id"], "ip_version": 4, "subnetpool_id": pool["id"]}
    first = await cloud.member.create("subnet", **common)
    second = await cloud.member.create("subnet", prefixlen=26, **common)
    assert [first["cidr"], second["cidr"]] == ["10.0.0.0/24", "10.0.1.0/26"]
    certain = await cloud.member.create("subnet", cidr="10.0.200.0/24", **common)
    assert certain["subnetpool_id"] == pool["id"]
    await cloud.member.create("subnet", prefixlen=16, status=400, **common)
    await cloud.member.create("subnet", cidr="10.0.200.0/25", status=409, **common)
    await cloud.stranger.get(f"subnetpools/{pool['id']}", 404)
    await cloud.member.delete(f"subnetpools/{pool['id']}", 400)
    await cloud.member.put(f"subnetpools/{pool['id']}/remove_prefixes", {"prefixes": ["10.0.0.0/16"]}, 400)
    added = await cloud.member.put(f"subnetpools/{pool['id']}/add_prefixes", {"prefixes": ["10.1.0.0/16"]})
    assert added == {"prefixes": ["10.0.0.0/15"]}
    await cloud.member.put(f"subnetpools/{pool['id']}/remove_prefixes", {"prefixes": ["10.1.0.0/16"]})
    await cloud.member.put(f"subnetpools/{pool['id']}", {"subnetpool": {"prefixes": ["10.0.0.0/17"]}}, 400)
    await cloud.member.delete(f"networks/{network['id']}")
    await cloud.member.delete(f"subnetpools/{pool['id']}")


async def test_default_pools_and_scopes(cloud: TestCloud) -> None:
    network = await cloud.member.create("network")
    asked = {"network_id": network["id"], "ip_version": 4, "use_default_subnetpool": True}
    await cloud.member.create("subnet", status=400, **asked)
    scope = await cloud.admin.create("address_scope", name="scope", ip_version=4, shared=True)
    common = {"shared": True, "is_default": True, "default_prefixlen": 24, "address_scope_id": scope["id"]}
    pool = await cloud.admin.create("subnetpool", name="pool", prefixes=["10.0.0.0/16"], **common)
    made = await cloud.member.create("subnet", **asked)
    assert made["subnetpool_id"] == pool["id"]
    assert (await cloud.member.get(f"networks/{network['id']}"))["network"]["ipv4_address_scope"] == scope["id"]
    await cloud.admin.create("subnetpool", name="pool", prefixes=["10.1.0.0/16"], status=400, is_default=True)
    twice = {"prefixes": ["10.0.0.0/24"], "address_scope_id": scope["id"]}
    await cloud.admin.create("subnetpool", name="pool", status=409, **twice)
    await cloud.admin.create("subnetpool", name="six", prefixes=["fd00::/48"], address_scope_id=scope["id"], status=400)
    await cloud.admin.delete(f"address-scopes/{scope['id']}", 409)
    renamed = await cloud.admin.put(f"address-scopes/{scope['id']}", {"address_scope": {"name": "new"}})
    assert renamed["address_scope"]["name"] == "new"
    await cloud.member.create("address_scope", name="x", ip_version=4, shared=True, status=403)
    assert [each["name"] for each in await cloud.stranger.list("address_scope")] == ["new"]


async def test_lists_are_filtered_sorted_and_paged(cloud: TestCloud) -> None:
    for name in ("c", "a", "b"):
        await cloud.member.create("network", name=name, tags=[name, "all"])
    names = [each["name"] for each in await cloud.member.list("network", "sort_key=name&sort_dir=desc")]
    assert names == ["c", "b", "a"]
    assert len(await cloud.member.list("network", "name=a&name=b")) == 2
    assert await cloud.member.list("network", "name=a&fields=name&fields=mtu") == [{"name": "a", "mtu": 1450}]
    assert len(await cloud.member.list("network", "tags=all,a")) == 1
    assert len(await cloud.member.list("network", "tags-any=a,b")) == 2
    assert len(await cloud.member.list("network", "not-tags-any=a,b")) == 1
    first = await cloud.member.get("networks?limit=2&sort_key=name")
    (link,) = [each["href"] for each in first["networks_links"] if each["rel"] == "next"]
    second = await cloud.member.get(link.split("/v2.0/")[1])
    assert [each["name"] for each in first["networks"] + second["networks"]] == ["a", "b", "c"]
    marker = second["networks"][0]["id"]
    back = await cloud.member.get(f"networks?limit=2&sort_key=name&page_reverse=True&marker={marker}")
    assert [each["name"] for each in back["networks"]] == ["a", "b"]
    refused = await cloud.member.get("networks?colour=red", 400)
    assert "invalid attribute for filtering" in refused["NeutronError"]["message"]
    await cloud.member.get("networks?sort_key=colour", 400)
    await cloud.member.get("networks?limit=many", 400)


async def test_a_change_can_name_the_revision_that_it_is_of(cloud: TestCloud) -> None:
    network = await cloud.member.create("network")
    path, body = f"networks/{network['id']}", {"network": {"name": "x"}}
    old = {"If-Match": "revision_number=7"}
    refused = await cloud.member.call("PUT", path, body, status=412, headers=old)
    assert refused["NeutronError"]["type"] == "RevisionNumberConstraintFailed"
    await cloud.member.call("PUT", path, body, headers={"If-Match": "revision_number=1"})
    await cloud.member.call("DELETE", path, status=412, headers={"If-Match": "revision_number=1"})
