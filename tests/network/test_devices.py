"""What compute does with networks: ports of servers in the caller's transaction."""

from __future__ import annotations

import pytest

from tests.network.cloud import TestCloud
from welkin.core.errors import Problem
from welkin.services.network import public

SERVER = "11111111-2222-4333-8444-555555555555"
DEVICE = public.Device(id=SERVER, project_id="demo-project", hostname="web")


async def test_a_server_gets_ports_and_gives_them_back(cloud: TestCloud) -> None:
    network, subnet = await cloud.network()
    own = await cloud.member.create("port", network_id=network["id"])
    db, world = cloud.cloud.db, cloud.cloud.world
    async with db.tx() as tx:
        wanted = [public.NicWanted(network_id=network["id"], fixed_ip="10.0.0.77"), public.NicWanted(port_id=own["id"])]
        made, taken = await public.create_ports(tx, world, DEVICE, wanted)
        await public.bind(tx, SERVER, "host-1")
    assert taken == own["id"]
    port = (await cloud.admin.get(f"ports/{made}"))["port"]
    assert port["device_id"] == SERVER
    assert port["device_owner"] == "compute:nova"
    assert port["binding:host_id"] == "host-1"
    assert port["binding:vif_type"] == "bridge"
    assert port["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.0.0.77"}]
    nics = (await public.nics(db, [SERVER, "other"]))[SERVER]
    assert {nic.port_id for nic in nics} == {made, taken}
    assert {nic.network_name for nic in nics} == {"net"}
    assert await public.servers_with_address(db, ["10.0.0.77"], "demo-project") == [SERVER]
    assert [group.name for group in (await public.security_groups(db, [SERVER]))[SERVER]] == ["default"]
    async with db.tx() as tx:
        await public.release(tx, SERVER)
    await cloud.member.get(f"ports/{made}", 404)
    free = (await cloud.admin.get(f"ports/{taken}"))["port"]
    assert (free["device_id"], free["binding:host_id"]) == ("", "")


async def test_floating_addresses_stand_beside_fixed_ones(cloud: TestCloud) -> None:
    outside, _ = await cloud.outside()
    network, subnet = await cloud.network()
    router = await cloud.member.create("router", external_gateway_info={"network_id": outside["id"]})
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    async with cloud.cloud.db.tx() as tx:
        wanted = [public.NicWanted(network_id=network["id"])]
        (port_id,) = await public.create_ports(tx, cloud.cloud.world, DEVICE, wanted)
    floating = await cloud.member.create("floatingip", floating_network_id=outside["id"], port_id=port_id)
    (nic,) = (await public.nics(cloud.cloud.db, [SERVER]))[SERVER]
    assert nic.addresses[0].floating == [floating["floating_ip_address"]]
    assert nic.addresses[0].subnet.gateway_ip == "10.0.0.1"


async def test_addresses_come_and_go(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    db, world = cloud.cloud.db, cloud.cloud.world
    async with db.tx() as tx:
        await public.create_ports(tx, world, DEVICE, [public.NicWanted(network_id=network["id"])])
        text = await public.add_fixed_ip(tx, world, SERVER, network["id"])
    (nic,) = (await public.nics(db, [SERVER]))[SERVER]
    assert text in [each.address for each in nic.addresses]
    assert len(nic.addresses) == 2
    async with db.tx() as tx:
        assert await public.remove_fixed_ip(tx, world, SERVER, text)
        assert not await public.remove_fixed_ip(tx, world, SERVER, text)


async def test_security_groups_of_a_server(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    group = await cloud.member.create("security_group", name="web")
    db, world = cloud.cloud.db, cloud.cloud.world
    async with db.tx() as tx:
        wanted = [public.NicWanted(network_id=network["id"])]
        await public.create_ports(tx, world, DEVICE, wanted, ["web", "default"])
    assert [each.name for each in (await public.security_groups(db, [SERVER]))[SERVER]] == ["default", "web"]
    async with db.tx() as tx:
        assert await public.remove_group(tx, SERVER, group["id"])
        assert not await public.remove_group(tx, SERVER, group["id"])
        await public.add_group(tx, SERVER, group["id"])


@pytest.mark.parametrize(
    ("nic", "groups", "refusal"),
    [
        ({"network_id": "none"}, (), public.NetworkNotFound),
        ({"port_id": "none"}, (), public.PortNotFound),
        ({"network_id": "own", "fixed_ip": "10.9.0.1"}, (), public.InvalidIpForNetwork),
        ({"network_id": "own"}, ("nothing",), public.SecurityGroupNotFound),
        ({"network_id": "own"}, ("twice",), public.SecurityGroupAmbiguous),
        ({"network_id": "outside"}, (), public.ExternalNetworkForbidden),
        ({"network_id": "empty"}, (), public.NetworkWithoutSubnet),
        ({"port_id": "busy"}, (), public.PortInUse),
    ],
)
async def test_what_a_server_cannot_have(
    cloud: TestCloud, nic: dict[str, str], groups: tuple[str, ...], refusal: type[Problem]
) -> None:
    own, _ = await cloud.network()
    outside, _ = await cloud.outside()
    empty = await cloud.member.create("network")
    busy = await cloud.member.create("port", network_id=own["id"], device_id="somebody")
    for _ in range(2):
        await cloud.member.create("security_group", name="twice")
    known = {"own": own["id"], "outside": outside["id"], "empty": empty["id"], "busy": busy["id"]}
    wanted = public.NicWanted(**{name: known.get(value, value) for name, value in nic.items()})
    with pytest.raises(refusal):
        async with cloud.cloud.db.tx() as tx:
            await public.create_ports(tx, cloud.cloud.world, DEVICE, [wanted], groups)
    assert await cloud.member.list("port", f"device_id={SERVER}") == []


async def test_networks_that_need_no_name(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    await cloud.outside()
    shared = await cloud.admin.create("network", shared=True)
    found = await public.available_networks(cloud.cloud.db, "demo-project")
    assert [row.id for row in found] == [network["id"], shared["id"]]


async def test_a_port_that_only_says_so_is_not_of_a_server(cloud: TestCloud) -> None:
    network = await cloud.stranger.create("network")
    await cloud.stranger.create("subnet", network_id=network["id"], ip_version=4, cidr="10.0.0.0/24")
    claim = {"device_owner": "compute:nova", "device_id": SERVER}
    await cloud.stranger.create("port", network_id=network["id"], **claim)
    assert await public.nics(cloud.cloud.db, [SERVER]) == {SERVER: []}
