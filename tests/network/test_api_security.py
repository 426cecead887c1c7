"""Security groups, rules, default rules and address groups, as clients see them."""

from __future__ import annotations

import pytest

from tests.network.cloud import Body, TestCloud


async def test_every_project_has_a_default_group(cloud: TestCloud) -> None:
    (group,) = await cloud.reader.list("security_group")
    assert group["name"] == "default"
    rules = {(rule["direction"], rule["ethertype"], rule["remote_group_id"]) for rule in group["security_group_rules"]}
    inward = {("ingress", version, group["id"]) for version in ("IPv4", "IPv6")}
    assert rules == inward | {("egress", version, None) for version in ("IPv4", "IPv6")}
    path = f"security-groups/{group['id']}"
    assert (await cloud.member.delete(path, 409))["NeutronError"]["type"] == "SecurityGroupCannotRemoveDefault"
    await cloud.member.put(path, {"security_group": {"name": "other"}}, 409)
    await cloud.member.put(path, {"security_group": {"description": "mine"}})
    await cloud.member.create("security_group", name="default", status=409)
    await cloud.admin.delete(path)
    (again,) = await cloud.member.list("security_group", "name=default")
    assert again["id"] != group["id"]


async def test_a_group_is_made_changed_and_deleted(cloud: TestCloud) -> None:
    made = await cloud.member.create("security_group", name="web", description="d")
    assert [rule["direction"] for rule in made["security_group_rules"]] == ["egress", "egress"]
    path = f"security-groups/{made['id']}"
    assert await cloud.member.get(path) == {"security_group": made}
    changed = await cloud.member.put(path, {"security_group": {"name": "new", "stateful": False}})
    assert (changed["security_group"]["name"], changed["security_group"]["stateful"]) == ("new", False)
    network, _ = await cloud.network()
    await cloud.member.create("port", network_id=network["id"], security_groups=[made["id"]])
    assert (await cloud.member.delete(path, 409))["NeutronError"]["type"] == "SecurityGroupInUse"
    await cloud.member.put(path, {"security_group": {"stateful": True}}, 409)


async def test_strangers_and_readers(cloud: TestCloud) -> None:
    group = await cloud.member.create("security_group", name="web")
    rule = await cloud.member.create("security_group_rule", security_group_id=group["id"], direction="ingress")
    ranges = await cloud.member.create("address_group", name="a")
    for path, body in (
        (f"security-groups/{group['id']}", {"security_group": {"name": "x"}}),
        (f"security-group-rules/{rule['id']}", None),
        (f"address-groups/{ranges['id']}", {"address_group": {"name": "x"}}),
        (f"address-groups/{ranges['id']}/add_addresses", {"addresses": ["10.0.0.1/32"]}),
        (f"address-groups/{ranges['id']}/remove_addresses", {"addresses": ["10.0.0.1/32"]}),
    ):
        if not path.endswith("addresses"):
            await cloud.stranger.get(path, 404)
            await cloud.stranger.delete(path, 404)
            await cloud.reader.get(path)
            await cloud.reader.delete(path, 403)
        if body is not None:
            await cloud.stranger.put(path, body, 404)
            await cloud.reader.put(path, body, 403)
    new = {"security_group_id": group["id"], "direction": "ingress", "protocol": "udp"}
    await cloud.stranger.create("security_group_rule", status=404, **new)
    await cloud.reader.create("security_group_rule", status=403, **new)
    await cloud.reader.create("security_group", status=403)
    await cloud.reader.create("address_group", status=403)
    assert await cloud.stranger.list("address_group") == []
    assert await cloud.stranger.list("security_group_rule", f"security_group_id={group['id']}") == []
    assert rule["id"] in [each["id"] for each in await cloud.member.list("security_group_rule")]


@pytest.mark.parametrize(
    ("rule", "status", "shown"),
    [
        ({"protocol": "tcp", "port_range_min": 22, "port_range_max": 22}, 201, {"protocol": "tcp"}),
        ({"protocol": "TCP"}, 201, {"protocol": "tcp"}),
        ({"protocol": 17}, 201, {"protocol": "17"}),
        ({"protocol": "any"}, 201, {"protocol": None}),
        ({"protocol": "icmp", "ethertype": "IPv6"}, 201, {"protocol": "icmp", "ethertype": "IPv6"}),
        ({"protocol": "icmp", "port_range_min": 8, "port_range_max": 0}, 201, {"port_range_max": 0}),
        ({"protocol": "icmp", "port_range_max": 0}, 400, {}),
        ({"protocol": "icmp", "port_range_min": 256}, 400, {}),
        ({"protocol": "icmpv6"}, 400, {}),
        ({"protocol": "wood"}, 400, {}),
        ({"protocol": "256"}, 400, {}),
        ({"ethertype": "ipv6"}, 201, {"ethertype": "IPv6"}),
        ({"ethertype": "IPv5"}, 400, {}),
        ({"direction": "sideways"}, 400, {}),
        ({"port_range_min": 1, "port_range_max": 2}, 400, {}),
        ({"protocol": "gre", "port_range_min": 1, "port_range_max": 2}, 400, {}),
        ({"protocol": "tcp", "port_range_min": 2, "port_range_max": 1}, 400, {}),
        ({"protocol": "tcp", "port_range_min": 2}, 400, {}),
        ({"protocol": "tcp", "port_range_min": 0, "port_range_max": 65535}, 400, {}),
        ({"protocol": "tcp", "port_range_min": 1, "port_range_max": 65536}, 400, {}),
        ({"remote_ip_prefix": "10.0.0.5/8"}, 201, {"remote_ip_prefix": "10.0.0.5/8", "normalized_cidr": "10.0.0.0/8"}),
        ({"remote_ip_prefix": "10.0.0.5"}, 201, {"normalized_cidr": "10.0.0.5/32"}),
        ({"remote_ip_prefix": "fd00::/8"}, 400, {}),
        ({"remote_ip_prefix": "bad_prefix"}, 400, {}),
        ({"remote_group_id": "00000000-0000-4000-8000-000000000000"}, 404, {}),
        ({"remote_group_id": "no-id"}, 404, {}),
        ({"remote_address_group_id": "no-id"}, 404, {}),
        ({"remote_address_group_id": "00000000-0000-4000-8000-000000000000"}, 404, {}),
        ({"security_group_id": "00000000-0000-4000-8000-000000000000"}, 404, {}),
        (
            {"remote_ip_prefix": "10.0.0.0/8", "remote_group_id": "00000000-0000-4000-8000-000000000000"},
            400,
            {},
        ),
    ],
)
async def test_what_a_rule_can_say(cloud: TestCloud, rule: Body, status: int, shown: Body) -> None:
    group = await cloud.member.create("security_group", name="web")
    body = {"security_group_id": group["id"], "direction": "ingress", **rule}
    made = await cloud.member.create("security_group_rule", status=status, **body)
    if status == 201:
        assert {name: made[name] for name in shown} == shown
        assert await cloud.member.get(f"security-group-rules/{made['id']}") == {"security_group_rule": made}
        await cloud.member.delete(f"security-group-rules/{made['id']}")
        await cloud.member.get(f"security-group-rules/{made['id']}", 404)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {}),
        ({}, {"remote_ip_prefix": "0.0.0.0/0"}),
        ({"protocol": "tcp"}, {"protocol": "6"}),
        ({"protocol": "tcp"}, {"protocol": "tcp", "port_range_min": 1, "port_range_max": 65535}),
        ({"description": "a"}, {"description": "b"}),
    ],
)
async def test_two_rules_that_say_the_same(cloud: TestCloud, one: Body, other: Body) -> None:
    group = await cloud.member.create("security_group", name="web")
    common = {"security_group_id": group["id"], "direction": "ingress"}
    made = await cloud.member.create("security_group_rule", **common, **one)
    refused = await cloud.member.create("security_group_rule", status=409, **common, **other)
    assert made["id"] in refused["NeutronError"]["message"]
    both = {"security_group_rules": [{**common, "protocol": "udp"}] * 2}
    await cloud.member.call("POST", "security-group-rules", both, status=409)
    assert (
        len((await cloud.member.get(f"security-groups/{group['id']}"))["security_group"]["security_group_rules"]) == 3
    )


async def test_rules_go_with_the_group_that_they_name(cloud: TestCloud) -> None:
    group = await cloud.member.create("security_group", name="web")
    remote = await cloud.member.create("security_group", name="db")
    rule = await cloud.member.create(
        "security_group_rule", security_group_id=group["id"], direction="ingress", remote_group_id=remote["id"]
    )
    await cloud.member.delete(f"security-groups/{remote['id']}")
    await cloud.member.get(f"security-group-rules/{rule['id']}", 404)


async def test_default_rules_are_templates(cloud: TestCloud) -> None:
    before = await cloud.reader.list("default_security_group_rule")
    assert len(before) == 4
    made = await cloud.admin.create(
        "default_security_group_rule", direction="ingress", protocol="tcp", port_range_min=22, port_range_max=22
    )
    assert await cloud.reader.get(f"default-security-group-rules/{made['id']}") == {"default_security_group_rule": made}
    group = await cloud.member.create("security_group", name="web")
    assert [rule["port_range_min"] for rule in group["security_group_rules"] if rule["direction"] == "ingress"] == [22]
    await cloud.member.create("default_security_group_rule", direction="ingress", status=403)
    await cloud.member.delete(f"default-security-group-rules/{made['id']}", 403)
    await cloud.admin.delete(f"default-security-group-rules/{made['id']}")
    await cloud.admin.delete(f"default-security-group-rules/{made['id']}", 404)


async def test_address_groups_stand_in_rules(cloud: TestCloud) -> None:
    made = await cloud.member.create("address_group", name="a", addresses=["10.0.0.0/8"])
    path = f"address-groups/{made['id']}"
    added = await cloud.member.put(f"{path}/add_addresses", {"addresses": ["192.0.2.7"]})
    assert added["address_group"]["addresses"] == ["10.0.0.0/8", "192.0.2.7/32"]
    await cloud.member.put(f"{path}/add_addresses", {"addresses": ["10.0.0.0/8"]}, 400)
    await cloud.member.put(f"{path}/remove_addresses", {"addresses": ["172.16.0.0/12"]}, 404)
    left = await cloud.member.put(f"{path}/remove_addresses", {"addresses": ["10.0.0.0/8"]})
    assert left["address_group"]["addresses"] == ["192.0.2.7/32"]
    assert (await cloud.member.put(path, {"address_group": {"name": "b"}}))["address_group"]["name"] == "b"
    group = await cloud.member.create("security_group", name="web")
    rule = await cloud.member.create(
        "security_group_rule", security_group_id=group["id"], direction="ingress", remote_address_group_id=made["id"]
    )
    assert (await cloud.member.delete(path, 409))["NeutronError"]["type"] == "AddressGroupInUse"
    await cloud.member.delete(f"security-group-rules/{rule['id']}")
    await cloud.member.delete(path)


async def test_groups_are_shared_by_policy(cloud: TestCloud) -> None:
    group = await cloud.member.create("security_group", name="web")
    await cloud.member.create(
        "rbac_policy",
        object_type="security_group",
        object_id=group["id"],
        action="access_as_shared",
        target_tenant="other-project",
    )
    (seen,) = await cloud.stranger.list("security_group", "name=web")
    assert seen["shared"] is True
    await cloud.stranger.put(f"security-groups/{group['id']}", {"security_group": {"name": "x"}}, 403)
