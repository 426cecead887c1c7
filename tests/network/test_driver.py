"""What every driver of networks must do; and on the kernel, what packets then do.

Guests are namespaces joined to the ports' taps (see guests.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.network.guests import Guest
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.services.network.driver import DropSpace, NetworkDriver
from welkin.services.network.drivers.kernel import KernelNetworks
from welkin.services.network.drivers.memory import MemoryNetworks
from welkin.services.network.host import setup
from welkin.services.network.host.filters import link_local
from welkin.services.network.host.plan import network_seen, plan, router_seen
from welkin.services.network.host.reconcile import NetworkHost
from welkin.services.network.host.spaces import Here, spaces
from welkin.services.network.host.wanted import (
    AddressPair,
    FixedIp,
    FloatingIp,
    NetworkWanted,
    Port,
    PortForwarding,
    RouterGateway,
    RouterLeg,
    RouterWanted,
    Rule,
    Subnet,
)
from welkin.services.network.names import (
    bridge_leg_name,
    external_bridge,
    leg_name,
    namespace_of_network,
    namespace_of_router,
    tap_name,
)
from welkin.services.network.options import NetworkOptions
from welkin.tools import namespaces, netlink, nft, processes

EGRESS = [Rule(direction="egress", ethertype="IPv4"), Rule(direction="egress", ethertype="IPv6")]
PING = [
    Rule(direction="ingress", ethertype="IPv4", protocol="icmp"),
    Rule(direction="ingress", ethertype="IPv6", protocol="icmp"),
]
WEB = Rule(direction="ingress", ethertype="IPv4", protocol="tcp", port_min=80, port_max=80)
OUTSIDE_ID = "99999999-9999-4999-8999-999999999999"
REPAIR_S = 10.0

in_thread = asyncio.to_thread


async def answer(
    network_id: str, source: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    """Say what was asked, and by whom."""
    return 200, {}, " ".join([network_id, source, method, path, body.decode()]).encode()


class Field:
    """A host, with what a test wants of it."""

    def __init__(self, driver: NetworkDriver, folder: Path, prefix: str) -> None:
        number = int(uuid.uuid4().hex[:4], 16) % 16000
        self.outside = f"100.{64 + number // 256}.{number % 256}"
        self.folder, self.prefix, self.driver = folder, prefix, driver
        self.here = Here(host="here", prefix=prefix, external_address=f"{self.outside}.1/24")
        self.host = NetworkHost(self.here, driver)
        self.networks: dict[str, NetworkWanted] = {}
        self.routers: dict[str, RouterWanted] = {}
        self.guests: list[Guest] = []

    async def settle(self) -> None:
        found, errors = await self.host.settle(self.networks, self.routers)
        assert not errors
        assert not plan(spaces(self.here, self.networks, self.routers), found)

    def network(self, cidr: str = "10.0.0.0/24", **changes: Any) -> str:
        """Want a network with one subnet, whose first addresses are the gateway's and the DHCP server's."""
        id = str(uuid.uuid4())
        head = cidr.split("/")[0].removesuffix("0")
        subnet = {"id": "four", "cidr": cidr, "gateway_ip": f"{head}1", "dhcp_address": f"{head}2"} | changes
        self.networks[id] = NetworkWanted(id=id, vni=7, subnets=[Subnet(**subnet)])
        return id

    def port(self, network_id: str, address: str, **fields: Any) -> Port:
        """Want a guest's port."""
        id = str(uuid.uuid4())
        mac = "fa:16:3e:" + ":".join(id[place : place + 2] for place in (0, 2, 4))
        fixed = [FixedIp(subnet_id="six" if ":" in each else "four", address=each) for each in address.split()]
        owner = {"host": "here", "device_owner": "compute:nova", "rules": [*EGRESS, *PING]} | fields
        port = Port(id=id, mac=mac, fixed_ips=fixed, **owner)
        self.replace(network_id, port)
        return port

    def replace(self, network_id: str, port: Port) -> None:
        network = self.networks[network_id]
        others = [each for each in network.ports if each.id != port.id]
        self.networks[network_id] = msgspec.structs.replace(network, ports=[*others, port])

    def router(self, *network_ids: str, last: int = 10, **fields: Any) -> str:
        """Want a router with a leg at each network's gateway address, and a gateway."""
        id = str(uuid.uuid4())
        legs = []
        for network_id in network_ids:
            port_id, subnets = str(uuid.uuid4()), self.networks[network_id].subnets
            addresses = [f"{each.gateway_ip}/{each.cidr.split('/')[1]}" for each in subnets]
            modes = [each.ipv6_ra_mode for each in subnets if each.ipv6_ra_mode]
            mac = "fa:16:3f:" + ":".join(port_id[place : place + 2] for place in (0, 2, 4))
            legs.append(
                RouterLeg(
                    port_id=port_id,
                    network_id=network_id,
                    mac=mac,
                    addresses=addresses,
                    ra_mode=modes[0] if modes else None,
                )
            )
        gateway = RouterGateway(
            port_id=str(uuid.uuid4()),
            network_id=OUTSIDE_ID,
            mac=f"fa:16:40:00:00:{last:02x}",
            addresses=[f"{self.outside}.{last}/24"],
            next_hops=[f"{self.outside}.1"],
        )
        self.routers[id] = RouterWanted(id=id, **({"legs": legs, "gateway": gateway} | fields))
        return id

    def float(self, router_id: str, last: int, port: Port) -> str:
        """Want a floating address for a port."""
        router, address = self.routers[router_id], f"{self.outside}.{last}"
        floating = FloatingIp(id=str(uuid.uuid4()), address=address, fixed_address=port.fixed_ips[0].address)
        self.routers[router_id] = msgspec.structs.replace(router, floating_ips=[*router.floating_ips, floating])
        return address

    async def guest(self, network_id: str, port: Port, *, configured: bool = True) -> Guest:
        """Put a guest behind a port."""
        name = f"{self.prefix}-guest{len(self.guests)}"
        guest = await in_thread(Guest, name, self.prefix, network_id, port.id, port.mac)
        self.guests.append(guest)
        if configured:
            subnet = self.networks[network_id].subnets[0]
            guest.set(f"{port.fixed_ips[0].address}/{subnet.cidr.split('/')[1]}", subnet.gateway_ip or "")
        return guest

    async def close(self) -> None:
        for guest in self.guests:
            await in_thread(guest.close)
        self.guests = []
        self.networks, self.routers = {}, {}
        with contextlib.suppress(Exception):
            await self.settle()
        await self.driver.close()
        for space in sorted(await self.driver.look(), reverse=True):
            await self.driver.perform(DropSpace(space))


@contextlib.asynccontextmanager
async def open_field(kind: str) -> AsyncIterator[Field]:
    with tempfile.TemporaryDirectory(prefix="welkin-net-") as name:
        folder, prefix = Path(name) / "network", "w" + uuid.uuid4().hex[:3]
        Path(name).chmod(0o755)
        folder.mkdir()
        driver: NetworkDriver = MemoryNetworks() if kind == "memory" else KernelNetworks(prefix, folder, answer)
        field = Field(driver, folder, prefix)
        try:
            yield field
        finally:
            await field.close()


@pytest.fixture(params=["memory", pytest.param("kernel", marks=pytest.mark.root)])
async def any_field(request: pytest.FixtureRequest) -> AsyncIterator[Field]:
    """A host on each driver."""
    async with open_field(request.param) as field:
        yield field


@pytest.fixture
async def field() -> AsyncIterator[Field]:
    """A host whose packets move."""
    async with open_field("kernel") as field:
        yield field


def traces(prefix: str) -> str:
    """Return everything that is called after this cloud, wherever the kernel lists it."""
    links = json.loads(subprocess.check_output(["ip", "-j", "link"]))
    tables = subprocess.check_output(["nft", "list", "tables"], text=True).splitlines()
    names = [*(each["ifname"] for each in links), *tables, *namespaces.known()]
    return " ".join(name for name in names if f"{prefix}-" in name or f"welkin_{prefix}" in name)


async def until(holds: Callable[[], bool], field: Field) -> None:
    """Reconcile until something holds."""
    async with asyncio.timeout(REPAIR_S):
        while not holds():
            await field.host.settle(field.networks, field.routers)
            await asyncio.sleep(0.05)


# On every driver.


async def test_a_network_and_its_router_come_and_go(any_field: Field) -> None:
    field = any_field
    network_id = field.network()
    port = field.port(network_id, "10.0.0.11")
    field.port(network_id, "10.0.0.12", host="elsewhere")
    router_id = field.router(network_id)
    await field.settle()
    found = await field.driver.look()
    wanted = spaces(field.here, field.networks, field.routers)
    seen = network_seen(field.here, field.networks[network_id], field.routers, wanted, found)
    assert seen.plugged == [port.id]
    assert seen.dhcp
    assert router_seen(field.here, field.routers[router_id], wanted, found).active
    leg = field.routers[router_id].legs[0]
    assert set(found) == {
        "",
        namespace_of_network(field.prefix, network_id),
        namespace_of_router(field.prefix, router_id),
    }
    space = found[namespace_of_network(field.prefix, network_id)]
    assert set(space.links) == {"lo", "br0", tap_name(port.id), bridge_leg_name(leg.port_id)}
    assert leg_name(leg.port_id) in found[namespace_of_router(field.prefix, router_id)].links
    assert external_bridge(field.prefix) in found[""].links
    field.networks, field.routers = {}, {}
    await field.settle()
    found = await field.driver.look()
    assert set(found) == {""}
    assert not found[""].links
    assert found[""].filters is None


async def test_ports_come_and_go_while_the_network_stays(any_field: Field) -> None:
    field = any_field
    network_id = field.network()
    first = field.port(network_id, "10.0.0.11")
    await field.settle()
    second = field.port(network_id, "10.0.0.12", admin_state_up=False)
    network = field.networks[network_id]
    field.networks[network_id] = msgspec.structs.replace(
        network, ports=[each for each in network.ports if each.id != first.id]
    )
    await field.settle()
    links = (await field.driver.look())[namespace_of_network(field.prefix, network_id)].links
    assert tap_name(first.id) not in links
    assert not links[tap_name(second.id)].up
    field.replace(network_id, msgspec.structs.replace(second, admin_state_up=True))
    await field.settle()
    links = (await field.driver.look())[namespace_of_network(field.prefix, network_id)].links
    assert links[tap_name(second.id)].up
    assert links[tap_name(second.id)].mtu == network.mtu


async def test_what_was_dropped_behind_our_back_comes_back(any_field: Field) -> None:
    field = any_field
    network_id = field.network()
    field.port(network_id, "10.0.0.11")
    field.router(network_id)
    await field.settle()
    before = await field.driver.look()
    await field.driver.perform(DropSpace(namespace_of_network(field.prefix, network_id)))
    await field.settle()
    after = await field.driver.look()
    assert {name: set(space.links) for name, space in after.items()} == {
        name: set(space.links) for name, space in before.items()
    }


# On the kernel: what packets do.


@pytest.mark.root
async def test_a_guest_gets_its_address_and_metadata(field: Field) -> None:
    network_id = field.network()
    one = field.port(network_id, "10.0.0.11", hostname="one")
    field.router(network_id)
    await field.settle()
    guest = await field.guest(network_id, one, configured=False)
    assert await in_thread(guest.lease, field.folder) == "one 10.0.0.2 1450"
    assert "10.0.0.11/24" in guest.addresses()
    assert "169.254.169.254 via 10.0.0.2" in guest.run("ip", "route").stdout
    ask = ("curl", "-s", "-m5", "-d", "x", "http://169.254.169.254/openstack")
    expected = f"{network_id} 10.0.0.11 POST /openstack x"
    assert (await in_thread(guest.run, *ask)).stdout == expected
    guest.run("ip", "route", "del", "169.254.169.254")  # a guest that does not know the route asks its router
    assert (await in_thread(guest.run, *ask)).stdout == expected
    # A port that comes later is served by the server that runs already, and may take over an address.
    record = next(field.folder.glob("dhcp/*-n-*/process.json")).read_bytes()
    two = field.port(network_id, "10.0.0.12")
    await field.settle()
    assert next(field.folder.glob("dhcp/*-n-*/process.json")).read_bytes() == record
    other = await field.guest(network_id, two, configured=False)
    assert (await in_thread(other.lease, field.folder)).startswith("host-10-0-0-12 ")
    field.replace(network_id, msgspec.structs.replace(one, fixed_ips=[]))
    field.replace(network_id, msgspec.structs.replace(two, fixed_ips=one.fixed_ips))
    await field.settle()
    await in_thread(other.lease, field.folder)
    assert "10.0.0.11/24" in other.addresses()


@pytest.mark.root
async def test_security_groups_are_stateful(field: Field) -> None:
    network_id = field.network()
    one = field.port(network_id, "10.0.0.11", rules=EGRESS)
    two = field.port(network_id, "10.0.0.12", rules=[*EGRESS, *PING, WEB])
    await field.settle()
    guest, server = await field.guest(network_id, one), await field.guest(network_id, two)
    assert await in_thread(guest.pings, "10.0.0.12")
    assert await in_thread(server.is_deaf_to, "10.0.0.11")
    with server.listens(80), server.listens(81):
        assert await in_thread(guest.reaches, "10.0.0.12", 80) == "10.0.0.11"
        assert await in_thread(guest.reaches, "10.0.0.12", 81) == ""
        remote = msgspec.structs.replace(WEB, remote_cidrs=["10.0.0.64/26", "10.0.0.11/32", "10.0.0.11"])
        field.replace(network_id, msgspec.structs.replace(two, rules=[*EGRESS, remote]))
        await field.settle()
        assert await in_thread(guest.reaches, "10.0.0.12", 80) == "10.0.0.11"
        nobody = msgspec.structs.replace(WEB, remote_cidrs=[])
        field.replace(network_id, msgspec.structs.replace(two, rules=[*EGRESS, nobody]))
        await field.settle()
        assert await in_thread(guest.reaches, "10.0.0.12", 80) == ""
        field.replace(network_id, msgspec.structs.replace(two, port_security=False, rules=[]))
        await field.settle()
        assert await in_thread(guest.reaches, "10.0.0.12", 81) == "10.0.0.11"
        field.replace(network_id, msgspec.structs.replace(one, rules=[]))
        await field.settle()
        assert await in_thread(guest.is_deaf_to, "10.0.0.12")
        end(server)


def end(guest: Guest) -> None:
    """End the servers of a guest."""
    for server in guest.servers:
        server.kill()


@pytest.mark.root
async def test_a_rule_that_goes_ends_its_connections(field: Field) -> None:
    network_id = field.network()
    one, two = field.port(network_id, "10.0.0.11"), field.port(network_id, "10.0.0.12")
    await field.settle()
    guest, _ = await field.guest(network_id, one), await field.guest(network_id, two)
    with await in_thread(guest.keeps_pinging, "10.0.0.12") as pinging:
        assert pinging.answered()
        field.replace(network_id, msgspec.structs.replace(two, rules=EGRESS))
        await field.settle()
        assert pinging.falls_silent()


@pytest.mark.root
async def test_nobody_speaks_as_somebody_else(field: Field) -> None:
    network_id = field.network()
    field.networks[network_id].subnets.append(
        Subnet(id="six", cidr="fd00:1::/64", gateway_ip="fd00:1::1", enable_dhcp=False)
    )
    pair = AddressPair(mac="fa:16:3e:00:00:77", address="10.0.0.77")
    one = field.port(network_id, "10.0.0.11 fd00:1::11", address_pairs=[pair])
    two = field.port(network_id, "10.0.0.12 fd00:1::12")
    await field.settle()
    guest, other = await field.guest(network_id, one), await field.guest(network_id, two)
    for each, address in ((guest, "fd00:1::11/64"), (other, "fd00:1::12/64")):
        each.set(address)
    assert await in_thread(guest.pings, "10.0.0.12")
    assert await in_thread(guest.pings, "fd00:1::12")
    guest.set("10.0.0.66/24")
    assert await in_thread(guest.is_deaf_to, "10.0.0.12", "-I", "10.0.0.66")
    assert "10.0.0.66" not in other.run("ip", "neigh").stdout  # not even its ARP was heard
    guest.set("fd00:1::66/64")
    assert await in_thread(guest.is_deaf_to, "fd00:1::12", "-I", "fd00:1::66")
    assert "fd00:1::66" not in other.run("ip", "neigh").stdout
    guest.run("ip", "link", "set", "dev", "eth0", "address", "fa:16:3e:00:00:99")
    assert await in_thread(guest.is_deaf_to, "10.0.0.12")
    guest.run("ip", "link", "set", "dev", "eth0", "address", pair.mac)
    guest.set("10.0.0.77/24")
    assert await in_thread(guest.pings, "10.0.0.12", "-I", "10.0.0.77")


@pytest.mark.root
async def test_tenants_with_the_same_addresses_do_not_meet(field: Field) -> None:
    ids = [field.network(), field.network()]
    ports = [field.port(ids[0], "10.0.0.11"), field.port(ids[1], "10.0.0.12"), field.port(ids[1], "10.0.0.11")]
    for last, network_id in enumerate(ids, 10):
        field.router(network_id, last=last)
    await field.settle()
    guests = [
        await field.guest(network_id, port) for network_id, port in zip([ids[0], *ids[1:] * 2], ports, strict=True)
    ]
    assert await in_thread(guests[0].is_deaf_to, "10.0.0.12")
    assert await in_thread(guests[2].pings, "10.0.0.12")


@pytest.mark.root
async def test_routers_translate(field: Field) -> None:
    ids = [field.network(), field.network("10.1.0.0/24")]
    one = field.port(ids[0], "10.0.0.11")
    two = field.port(ids[0], "10.0.0.12", rules=[*EGRESS, *PING, WEB])
    three = field.port(ids[1], "10.1.0.11")
    first, second = field.router(ids[0], last=10), field.router(ids[1], last=11)
    floating = field.float(first, 50, two)
    field.routers[first] = msgspec.structs.replace(
        field.routers[first],
        port_forwardings=[
            PortForwarding(
                id="f",
                protocol="tcp",
                address=f"{field.outside}.51",
                port_min=2200,
                port_max=2201,
                fixed_address="10.0.0.12",
                fixed_port_min=80,
                fixed_port_max=81,
            )
        ],
    )
    await field.settle()
    guest, server = await field.guest(ids[0], one), await field.guest(ids[0], two)
    stranger = await field.guest(ids[1], three)
    host = f"{field.outside}.1"
    assert await in_thread(guest.pings, host)
    with server.listens(80), outside_server() as port:
        assert await in_thread(guest.reaches, host, port) == f"{field.outside}.10"
        assert await in_thread(server.reaches, host, port) == floating
        assert await in_thread(from_host, floating, 80) == host
        assert await in_thread(stranger.reaches, floating, 80) == f"{field.outside}.11"
        assert await in_thread(guest.reaches, floating, 80) == f"{field.outside}.10"  # by the router and back
        assert await in_thread(server.reaches, floating, 80) == floating
        assert await in_thread(from_host, f"{field.outside}.51", 2200) == host
        router = field.routers[first]
        field.routers[first] = msgspec.structs.replace(router, floating_ips=[], port_forwardings=[])
        await field.settle()
        assert await in_thread(from_host, floating, 80) == ""
        assert await in_thread(server.reaches, host, port) == f"{field.outside}.10"
        assert await in_thread(stranger.is_deaf_to, "10.0.0.12")
        end(server)
    assert field.routers[second].gateway is not None


@pytest.mark.root
async def test_routers_join_networks(field: Field) -> None:
    ids = [field.network(), field.network("10.1.0.0/24")]
    field.networks[ids[0]].subnets.append(
        Subnet(
            id="six",
            cidr="fd00:1::/64",
            gateway_ip="fd00:1::1",
            enable_dhcp=False,
            ipv6_address_mode="slaac",
            ipv6_ra_mode="slaac",
        )
    )
    one, two = field.port(ids[0], "10.0.0.11"), field.port(ids[1], "10.1.0.11")
    own = guard_address(one.mac)
    field.replace(
        ids[0],
        msgspec.structs.replace(one, fixed_ips=[*one.fixed_ips, FixedIp(subnet_id="six", address=own)]),
    )
    field.router(*ids)
    await field.settle()
    guest, _ = await field.guest(ids[0], one), await field.guest(ids[1], two)
    assert await in_thread(guest.pings, "10.1.0.11")
    async with asyncio.timeout(REPAIR_S):
        while own not in guest.addresses():
            await asyncio.sleep(0.1)
    assert await in_thread(guest.pings, "fd00:1::1")


@pytest.mark.root
async def test_a_guest_gets_an_ipv6_address(field: Field) -> None:
    mode = "dhcpv6-stateful"
    network_id = field.network(
        "fd00:7::/64", dhcp_address="fd00:7::2", gateway_ip="fd00:7::1", ipv6_address_mode=mode, ipv6_ra_mode=mode
    )
    port = msgspec.structs.replace(
        field.port(network_id, "10.0.0.11"), fixed_ips=[FixedIp(subnet_id="four", address="fd00:7::11")]
    )
    field.replace(network_id, port)
    field.router(network_id)
    await field.settle()
    guest = await field.guest(network_id, port, configured=False)
    async with asyncio.timeout(REPAIR_S):
        while "default via fe80" not in guest.run("ip", "-6", "route").stdout:
            await asyncio.sleep(0.1)
    assert await in_thread(guest.lease6, port.mac) == "fd00:7::11"
    assert "fd00:7:" not in guest.addresses()  # it was told to ask, not to make one up
    guest.set("fd00:7::11/64")
    assert await in_thread(guest.pings, "fd00:7::1")


@pytest.mark.root
async def test_metadata_over_ipv6(field: Field) -> None:
    network_id = field.network("fd00:1::/64", dhcp_address=None, ipv6_address_mode="slaac")
    port, other = field.port(network_id, "10.0.0.11"), field.port(network_id, "10.0.0.12")
    for each in (port, other):
        fixed = [FixedIp(subnet_id="four", address=guard_address(each.mac))]
        field.replace(network_id, msgspec.structs.replace(each, fixed_ips=fixed))
    await field.settle()
    guest = await field.guest(network_id, port, configured=False)
    await field.guest(network_id, other, configured=False)
    ask = ("curl", "-gs", "-m5", "-d", "x", "http://[fe80::a9fe:a9fe%25eth0]/openstack")

    def answer_of(guest: Guest) -> list[str]:
        return guest.run(*ask).stdout.split()

    async def answered() -> list[str]:
        async with asyncio.timeout(REPAIR_S):
            while not (said := await in_thread(answer_of, guest)):
                await asyncio.sleep(0.1)  # its own address is not sure yet
        return said

    asked, source, method, path, body = await answered()
    assert (asked, method, path, body) == (network_id, "POST", "/openstack", "x")
    assert source.partition("%")[0] == link_local(port.mac)
    # Nothing else listens there, and a neighbour that takes the address is not believed.
    assert not await in_thread(guest.ok, "curl", "-gs", "-m1", "http://[fe80::a9fe:a9fe%25eth0]:53/")
    field.guests[1].set("fe80::a9fe:a9fe/64")
    guest.run("ip", "neigh", "flush", "dev", "eth0")
    assert (await answered())[0] == network_id
    # A bridge that is made anew is listened on again.
    space = namespace_of_network(field.prefix, network_id)
    await in_thread(namespaces.run, space, lambda: subprocess.check_call(["ip", "link", "del", "br0"]))
    await field.settle()
    assert (await answered())[0] == network_id
    subnet = msgspec.structs.replace(field.networks[network_id].subnets[0], cidr="10.0.0.0/24")
    field.networks[network_id] = msgspec.structs.replace(field.networks[network_id], subnets=[subnet])
    await field.settle()
    assert "fe80::a9fe:a9fe/64" not in (await field.driver.look())[space].links["br0"].addresses


def guard_address(mac: str) -> str:
    """Return the address that a guest makes of its MAC on fd00:1::/64."""
    octets = [int(each, 16) for each in mac.split(":")]
    groups = (octets[0] ^ 2, octets[1], octets[2], 0xFF, 0xFE, *octets[3:])
    return "fd00:1::" + ":".join(f"{high << 8 | low:x}" for high, low in zip(groups[::2], groups[1::2], strict=True))


@pytest.mark.root
async def test_a_network_outside_takes_guests_too(field: Field) -> None:
    network_id = field.network(f"{field.outside}.0/24", dhcp_address=f"{field.outside}.3")
    field.networks[network_id] = msgspec.structs.replace(field.networks[network_id], external=True, vni=None)
    port = field.port(network_id, f"{field.outside}.20")
    await field.settle()
    guest = await field.guest(network_id, port, configured=False)
    await in_thread(guest.lease, field.folder)
    assert await in_thread(guest.pings, f"{field.outside}.1")


@pytest.mark.root
async def test_nothing_is_left_behind(field: Field) -> None:
    assert not traces(field.prefix)
    network_id = field.network()
    field.port(network_id, "10.0.0.11")
    field.router(network_id)
    await field.settle()
    assert traces(field.prefix)
    records = list(field.folder.glob("dhcp/*/process.json"))
    assert all(processes.find(each) for each in records)
    assert records
    field.networks, field.routers = {}, {}
    await field.settle()
    assert not traces(field.prefix)
    assert not [each for each in field.folder.rglob("*") if each.is_file()]


@pytest.mark.root
async def test_it_heals(field: Field) -> None:
    network_id = field.network()
    one, two = field.port(network_id, "10.0.0.11"), field.port(network_id, "10.0.0.12")
    router_id = field.router(network_id)
    await field.settle()
    space, router = namespace_of_network(field.prefix, network_id), namespace_of_router(field.prefix, router_id)

    def remove(name: str) -> None:
        with netlink.Netlink() as conversation:
            conversation.delete(name)

    async def serves() -> None:
        guest, other = await field.guest(network_id, one), await field.guest(network_id, two)
        assert await in_thread(guest.pings, "10.0.0.12")
        assert await in_thread(guest.pings, f"{field.outside}.1")
        await in_thread(guest.lease, field.folder)
        asked = await in_thread(guest.run, "curl", "-s", "-m5", "http://169.254.169.254/")
        assert asked.stdout.startswith(network_id)
        for each in (guest, other):
            await in_thread(each.close)
        field.guests = []

    record = next(field.folder.glob("dhcp/*-n-*/process.json"))
    child = processes.find(record)
    assert child is not None
    await processes.stop(child, grace_s=0)
    await field.settle()
    assert processes.find(record)
    for place, name in ((space, "br0"), (space, tap_name(one.id)), ("", external_bridge(field.prefix))):
        await namespaces.inside(place, lambda name=name: remove(name))
        await field.settle()
        await serves()
    await nft.drop_tables(space, ["inet welkin"])
    await nft.drop_tables("", [f"ip welkin_{field.prefix}"])
    await field.settle()
    assert "inet welkin" in await nft.tables(space)
    assert f"ip welkin_{field.prefix}" in await nft.tables("")
    for name in (space, router):
        await processes.run(["ip", "netns", "del", name])
        await until(lambda name=name: name in namespaces.known(), field)
        await field.settle()
        await serves()


@pytest.mark.root
async def test_purging_leaves_nothing(field: Field) -> None:
    network_id = field.network()
    field.port(network_id, "10.0.0.11")
    field.router(network_id)
    await field.settle()
    await field.driver.close()
    options = CloudOptions(prefix=field.prefix, state_dir=field.folder.parent)
    await setup.purge(Parts(options, NetworkOptions()))
    assert not traces(field.prefix)
    await setup.purge(Parts(options, NetworkOptions()))
    assert not [each for each in field.folder.rglob("*") if each.is_file()]


@pytest.mark.root
async def test_other_hosts_are_reached_by_vxlan(field: Field) -> None:
    network_id = field.network()
    field.port(network_id, "10.0.0.11")
    vni = int(uuid.uuid4().hex[:5], 16) + 1
    network = msgspec.structs.replace(field.networks[network_id], vni=vni, peers={"a": "192.0.2.8", "b": "192.0.2.9"})
    field.networks[network_id] = network
    await field.settle()
    space = namespace_of_network(field.prefix, network_id)
    link = (await field.driver.look())[space].links["vx0"]
    assert (link.master, link.peers) == ("br0", {"192.0.2.8", "192.0.2.9"})
    field.networks[network_id] = msgspec.structs.replace(network, peers={"b": "192.0.2.9"})
    await field.settle()
    assert (await field.driver.look())[space].links["vx0"].peers == {"192.0.2.9"}
    field.networks[network_id] = msgspec.structs.replace(network, peers={})
    await field.settle()
    assert "vx0" not in (await field.driver.look())[space].links


@pytest.mark.root
async def test_another_agent_goes_on_without_touching_anything(field: Field) -> None:
    network_id = field.network()
    field.port(network_id, "10.0.0.11")
    await field.settle()
    before = (await field.driver.look())[namespace_of_network(field.prefix, network_id)]
    await field.driver.close()
    field.driver = KernelNetworks(field.prefix, field.folder, answer)
    found = await field.driver.look()
    steps = plan(spaces(field.here, field.networks, field.routers), found)
    assert [type(step).__name__ for step in steps] == ["Listen"]
    assert before.filters == found[namespace_of_network(field.prefix, network_id)].filters


@contextlib.contextmanager
def outside_server() -> Any:
    """A server on the host that answers every connection with the address it came from."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        stop = threading.Event()
        server.settimeout(0.1)

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, peer = server.accept()
                    with connection:
                        connection.sendall(peer[0].encode())

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def from_host(address: str, port: int) -> str:
    """Connect from the host itself."""
    for _ in range(3):
        with contextlib.suppress(OSError), socket.create_connection((address, port), 1.0) as connection:
            return connection.recv(100).decode()
    return ""
