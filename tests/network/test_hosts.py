"""What hosts are asked, checked against the host's own shapes, and what their reports mean."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.network.cloud import Body, TestCloud
from welkin.core.agents import Report
from welkin.services.network import public, underlays
from welkin.services.network.host.wanted import NetworkWanted, RouterWanted
from welkin.services.network.source import NetworkSource, RouterSource

SERVER = "11111111-2222-4333-8444-555555555555"


async def live(cloud: TestCloud, *hosts: str) -> None:
    """Let hosts have told of themselves just now."""
    now = cloud.cloud.world.now()
    async with cloud.cloud.db.tx() as tx:
        for host in hosts:
            await tx.insert("hosts", {"name": host, "key_hash": "", "created_at": now, "seen_at": now, "facts": {}})
            await underlays.note(tx, host, {"underlay_address": f"192.0.2.{hosts.index(host) + 1}"})


async def plug(cloud: TestCloud, network_id: str, host: str, server: str = SERVER, **wanted: Any) -> str:
    """Give a server a port on a network and plug it on a host."""
    device = public.Device(id=server, project_id="demo-project", hostname="web", host=host)
    async with cloud.cloud.db.tx() as tx:
        nic = public.NicWanted(network_id=network_id, **wanted)
        return (await public.create_ports(tx, cloud.cloud.world, device, [nic]))[0]


async def document(cloud: TestCloud, host: str, network_id: str) -> NetworkWanted:
    found = await NetworkSource(cloud.cloud.world).wanted(cloud.cloud.db, host, [network_id])
    return msgspec.convert(msgspec.to_builtins(found[network_id]), NetworkWanted)


async def router_document(cloud: TestCloud, host: str, router_id: str) -> RouterWanted:
    found = await RouterSource(cloud.cloud.world).wanted(cloud.cloud.db, host, [router_id])
    return msgspec.convert(msgspec.to_builtins(found[router_id]), RouterWanted)


async def generation(cloud: TestCloud, host: str, id: str) -> int:
    found = await cloud.cloud.db.value("SELECT generation FROM host_items WHERE host = $1 AND id = $2", host, id)
    return int(found or 0)


async def report(cloud: TestCloud, source: Any, host: str, kind: str, id: str, seen: Any) -> None:
    async with cloud.cloud.db.tx() as tx:
        await source.report(tx, host, Report(kind, id, await generation(cloud, host, id), seen))


async def test_a_network_document(cloud: TestCloud) -> None:
    await live(cloud, "host-1", "host-2")
    network, subnet = await cloud.network()
    port_id = await plug(cloud, network["id"], "host-1")
    other_id = await plug(cloud, network["id"], "host-2", SERVER.replace("1", "2"))
    found = await document(cloud, "host-1", network["id"])
    assert found.mtu == 1450
    assert isinstance(found.vni, int)
    assert found.peers == {"host-2": "192.0.2.2"}
    assert found.subnets[0].id == subnet["id"]
    dhcp = (await cloud.member.list("port", f"network_id={network['id']}&device_owner=network:dhcp"))[0]
    assert found.subnets[0].dhcp_address == dhcp["fixed_ips"][0]["ip_address"]
    ports = {port.id: port for port in found.ports}
    assert set(ports) == {port_id, other_id}
    mine, others = ports[port_id], ports[other_id]
    assert (mine.host, mine.hostname, mine.device_owner) == ("host-1", "web", "compute:nova")
    # The default group lets everything out, and in only what comes from its own members.
    inward = [rule for rule in mine.rules if rule.direction == "ingress" and rule.ethertype == "IPv4"]
    members = sorted(each.fixed_ips[0].address for each in (mine, others))
    assert inward[0].remote_group is not None
    assert found.groups[inward[0].remote_group] == members
    assert {rule.ethertype for rule in mine.rules if rule.direction == "egress"} == {"IPv4", "IPv6"}
    assert others.rules == []


async def test_a_port_is_active_when_its_host_says_so(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    port_id = await plug(cloud, network["id"], "host-1")
    assert (await cloud.member.get(f"ports/{port_id}"))["port"]["status"] == "DOWN"
    seen = {"plugged": [port_id], "dhcp": True}
    await report(cloud, NetworkSource(cloud.cloud.world), "host-1", "network.network", network["id"], seen)
    assert {port["status"] for port in await cloud.member.list("port")} == {"ACTIVE"}
    await report(cloud, NetworkSource(cloud.cloud.world), "host-1", "network.network", network["id"], {"plugged": []})
    assert (await cloud.member.get(f"ports/{port_id}"))["port"]["status"] == "DOWN"


async def test_a_host_without_ports_has_no_network(cloud: TestCloud) -> None:
    network, _ = await cloud.network()
    await plug(cloud, network["id"], "host-1")
    before = await generation(cloud, "host-1", network["id"])
    async with cloud.cloud.db.tx() as tx:
        await public.release(tx, SERVER)
    assert await generation(cloud, "host-1", network["id"]) > before
    assert await NetworkSource(cloud.cloud.world).wanted(cloud.cloud.db, "host-1", [network["id"]]) == {}
    await report(cloud, NetworkSource(cloud.cloud.world), "host-1", "network.network", network["id"], None)
    assert await generation(cloud, "host-1", network["id"]) == 0


async def test_a_host_that_moves_in_the_underlay_is_found_again(cloud: TestCloud) -> None:
    await live(cloud, "host-1", "host-2", "host-3")
    network, _ = await cloud.network()
    await plug(cloud, network["id"], "host-1")
    await plug(cloud, network["id"], "host-2", SERVER.replace("1", "2"))
    before = await generation(cloud, "host-1", network["id"])
    async with cloud.cloud.db.tx() as tx:
        await underlays.note(tx, "host-2", {"underlay_address": "192.0.2.2"})
        await underlays.note(tx, "host-3", {"underlay_address": "192.0.2.99"})
    assert await generation(cloud, "host-1", network["id"]) == before
    async with cloud.cloud.db.tx() as tx:
        await underlays.note(tx, "host-2", {"underlay_address": "192.0.2.22"})
    assert await generation(cloud, "host-1", network["id"]) > before
    assert (await document(cloud, "host-1", network["id"])).peers == {"host-2": "192.0.2.22"}
    async with cloud.cloud.db.tx() as tx:
        await underlays.note(tx, "host-2", {})
    assert (await document(cloud, "host-1", network["id"])).peers == {}


async def test_only_hosts_that_have_the_network_are_told(cloud: TestCloud) -> None:
    one, _ = await cloud.network()
    other, _ = await cloud.network("10.1.0.0/24")
    await plug(cloud, one["id"], "host-1")
    await plug(cloud, other["id"], "host-2", SERVER.replace("1", "2"))
    before = await generation(cloud, "host-1", one["id"]), await generation(cloud, "host-2", other["id"])
    group = (await cloud.member.list("security_group", "name=default"))[0]
    await cloud.member.put(f"networks/{one['id']}", {"network": {"name": "new"}})
    assert await generation(cloud, "host-1", one["id"]) == before[0] + 1
    assert await generation(cloud, "host-2", other["id"]) == before[1]
    await cloud.member.create("security_group_rule", security_group_id=group["id"], direction="ingress", protocol="tcp")
    assert await generation(cloud, "host-1", one["id"]) == before[0] + 2
    assert await generation(cloud, "host-2", other["id"]) == before[1] + 1
    # One more member of the group is one more address in the rules of all of them, on every network.
    await plug(cloud, other["id"], "host-2", SERVER.replace("1", "3"))
    assert await generation(cloud, "host-1", one["id"]) == before[0] + 3


async def routed(cloud: TestCloud) -> tuple[Body, Body, Body]:
    """Return a network, an external network and a router between them."""
    await live(cloud, "host-1")
    public_network, _ = await cloud.outside()
    network, subnet = await cloud.network()
    gateway = {"network_id": public_network["id"]}
    router = await cloud.member.create("router", external_gateway_info=gateway)
    await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
    return network, public_network, router


async def test_a_router_document(cloud: TestCloud) -> None:
    network, public_network, router = await routed(cloud)
    port_id = await plug(cloud, network["id"], "host-1")
    floating = await cloud.member.create("floatingip", floating_network_id=public_network["id"], port_id=port_id)
    found = await router_document(cloud, "host-1", router["id"])
    assert [leg.addresses for leg in found.legs] == [["10.0.0.1/24"]]
    assert found.legs[0].network_id == network["id"]
    outer = router["external_gateway_info"]["external_fixed_ips"][0]["ip_address"]
    assert found.gateway is not None
    assert found.gateway.addresses == [f"{outer}/24"]
    assert found.gateway.next_hops == ["203.0.113.1"]
    assert found.gateway.enable_snat
    assert [(each.address, each.fixed_address) for each in found.floating_ips] == [
        (floating["floating_ip_address"], floating["fixed_ip_address"])
    ]
    outside = await document(cloud, "host-1", public_network["id"])
    assert (outside.external, outside.vni) == (True, None)
    assert [port.device_owner for port in outside.ports] == ["network:router_gateway"]
    inside = await document(cloud, "host-1", network["id"])
    assert {port.device_owner for port in inside.ports} == {"network:router_interface", "compute:nova"}


async def test_a_floating_ip_is_active_when_its_router_is(cloud: TestCloud) -> None:
    network, public_network, router = await routed(cloud)
    port_id = await plug(cloud, network["id"], "host-1")
    floating = await cloud.member.create("floatingip", floating_network_id=public_network["id"], port_id=port_id)
    path = f"floatingips/{floating['id']}"
    async with cloud.cloud.db.tx() as tx:
        old = Report("network.router", router["id"], 1, {"active": True})
        await RouterSource(cloud.cloud.world).report(tx, "host-1", old)
    assert (await cloud.member.get(path))["floatingip"]["status"] == "DOWN"
    await report(cloud, RouterSource(cloud.cloud.world), "host-1", "network.router", router["id"], {"active": True})
    assert (await cloud.member.get(path))["floatingip"]["status"] == "ACTIVE"
    gone = await cloud.member.put(path, {"floatingip": {"port_id": None}})
    assert gone["floatingip"]["status"] == "DOWN"


async def test_a_router_moves_from_a_dead_host(cloud: TestCloud) -> None:
    from welkin.services.network.routers.placing import place_waiting

    network, _, router = await routed(cloud)
    async with cloud.cloud.db.tx() as tx:
        await tx.update("hosts", {"name": "host-1"}, {"seen_at": 1.0})
        now = cloud.cloud.world.now()
        await tx.insert("hosts", {"name": "host-2", "key_hash": "", "created_at": now, "seen_at": now})
        await place_waiting(tx, cloud.cloud.world)
    assert await RouterSource(cloud.cloud.world).wanted(cloud.cloud.db, "host-1", [router["id"]]) == {}
    assert (await router_document(cloud, "host-2", router["id"])).id == router["id"]
    assert await NetworkSource(cloud.cloud.world).wanted(cloud.cloud.db, "host-1", [network["id"]]) == {}


async def test_what_a_host_cannot_do_is_shown(cloud: TestCloud) -> None:
    source, kind = NetworkSource(cloud.cloud.world), "network.network"
    network, _ = await cloud.network()
    port_id = await plug(cloud, network["id"], "host-1")
    other_id = await plug(cloud, network["id"], "host-1", SERVER.replace("1", "2"))
    seen = {"plugged": [other_id], "dhcp": True, "error": "MakeLink: no memory"}
    for _ in range(2):
        await report(cloud, source, "host-1", kind, network["id"], seen)
    path = f"networks/{network['id']}"
    assert (await cloud.member.get(path))["network"]["status"] == "ERROR"
    assert [each["id"] for each in await cloud.member.list("network", "status=ERROR")] == [network["id"]]
    assert await cloud.member.list("network", "status=ACTIVE") == []
    status = {each["id"]: each["status"] for each in await cloud.member.list("port", "device_owner=compute:nova")}
    assert status == {port_id: "DOWN", other_id: "ACTIVE"}
    why = f"port {port_id} could not be plugged: MakeLink: no memory"
    assert await public.plug_trouble(cloud.cloud.db, SERVER) == why
    assert await public.plug_trouble(cloud.cloud.db, SERVER.replace("1", "2")) == ""
    assert await told(cloud, SERVER) == [("network.port.trouble", why)]
    assert await told(cloud, network["id"]) == [("network.network.trouble", "MakeLink: no memory")]
    await report(cloud, source, "host-1", kind, network["id"], {"plugged": [port_id, other_id], "dhcp": True})
    assert (await cloud.member.get(path))["network"]["status"] == "ACTIVE"
    assert await public.plug_trouble(cloud.cloud.db, SERVER) == ""
    assert [name for name, _ in await told(cloud, SERVER)] == ["network.port.trouble", "network.port.recovered"]


async def told(cloud: TestCloud, subject: str) -> list[tuple[str, Any]]:
    """Return what happened to something, as its own project reads it, and why."""
    answer = await cloud.http.get(
        f"/welkin/v1/events?subject={subject}", headers={"x-test-caller": "reader@demo-project"}
    )
    stranger = await cloud.http.get(
        f"/welkin/v1/events?subject={subject}", headers={"x-test-caller": "reader@other-project"}
    )
    assert stranger.json() == {"events": []}
    found = [(each["kind"], each["facts"].get("why")) for each in answer.json()["events"]]
    return [each for each in found if each[0].endswith((".trouble", ".recovered"))]


async def test_the_trouble_of_one_host_is_not_anothers(cloud: TestCloud) -> None:
    source, kind = NetworkSource(cloud.cloud.world), "network.network"
    network, _ = await cloud.network()
    await plug(cloud, network["id"], "host-1")
    await plug(cloud, network["id"], "host-2", SERVER.replace("1", "2"))
    await report(cloud, source, "host-1", kind, network["id"], {"error": "no"})
    await report(cloud, source, "host-2", kind, network["id"], {"dhcp": True})
    assert (await cloud.member.get(f"networks/{network['id']}"))["network"]["status"] == "ERROR"
    async with cloud.cloud.db.tx() as tx:
        await public.release(tx, SERVER)
    await report(cloud, source, "host-1", kind, network["id"], None)
    assert (await cloud.member.get(f"networks/{network['id']}"))["network"]["status"] == "ACTIVE"


async def test_a_router_in_trouble(cloud: TestCloud) -> None:
    _, _, router = await routed(cloud)
    source, path = RouterSource(cloud.cloud.world), f"routers/{router['id']}"
    await report(cloud, source, "host-1", "network.router", router["id"], {"waiting": "The network is not here yet."})
    assert (await cloud.member.get(path))["router"]["status"] == "ACTIVE"
    await report(cloud, source, "host-1", "network.router", router["id"], {"error": "LoadFilters: no"})
    assert (await cloud.member.get(path))["router"]["status"] == "ERROR"
    assert [each["id"] for each in await cloud.member.list("router", "status=ERROR")] == [router["id"]]
    assert await told(cloud, router["id"]) == [("network.router.trouble", "LoadFilters: no")]
    await report(cloud, source, "host-1", "network.router", router["id"], {"active": True})
    assert (await cloud.member.get(path))["router"]["status"] == "ACTIVE"
