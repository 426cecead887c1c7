"""Hundreds of ports of one network on one host: the kernel's limits are kept, and what a port costs does not grow."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.network.test_driver import open_field
from welkin.services.network.host.filters import network_filters
from welkin.services.network.host.wanted import FixedIp, NetworkWanted, Port, Rule, Subnet
from welkin.services.network.names import namespace_of_network, tap_name
from welkin.tools import namespaces, processes

DEVICES_REFUSED = 256
"""As many devices in one chain the kernel refuses."""
PORTS = 300


def crowd(count: int) -> NetworkWanted:
    """Return a network whose guests are all in one security group, which lets its own members in."""
    addresses = [f"10.1.{number // 100}.{number % 100 * 2 + 3}" for number in range(count)]
    rules = [
        Rule(direction="egress", ethertype="IPv4"),
        Rule(direction="ingress", ethertype="IPv4", remote_cidrs=addresses),
    ]
    ports = [
        Port(
            id=f"{number:08x}-0000-4000-8000-000000000000",
            mac=f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}",
            fixed_ips=[FixedIp(subnet_id="four", address=address)],
            host="here",
            device_owner="compute:nova",
            rules=rules,
        )
        for number, address in enumerate(addresses)
    ]
    subnet = Subnet(id="four", cidr="10.1.0.0/16", gateway_ip="10.1.255.1", enable_dhcp=False)
    return NetworkWanted(id=str(uuid.uuid4()), vni=7, subnets=[subnet], ports=ports)


def test_every_tap_is_guarded_by_one_chain_that_the_kernel_takes() -> None:
    network = crowd(PORTS)
    text = network_filters(network, network.ports, ("vx0",)).text
    chains = [found.split(", ") for found in re.findall(r"devices = \{ (.*?) \}", text)]
    assert all(len(devices) < DEVICES_REFUSED for devices in chains)
    assert sorted(device for devices in chains for device in devices) == sorted(
        [*(tap_name(port.id) for port in network.ports), "vx0"]
    )


def test_the_members_of_a_group_are_written_down_once() -> None:
    network = crowd(PORTS)
    text = network_filters(network, network.ports, ()).text
    address = network.ports[PORTS // 2].fixed_ips[0].address
    assert text.count(f", {address}, ") == 1  # among the members; alone it stands beside its MAC
    assert text.count("ip saddr @") == PORTS


def test_different_remotes_stay_apart() -> None:
    network = crowd(10)
    addresses = [f"10.2.0.{number}" for number in range(1, 9, 2)]
    others = [Rule(direction="egress", ethertype="IPv4", remote_cidrs=[*addresses, "10.3.0.0/24"])]
    ports = [*network.ports[:9], Port(id=network.ports[9].id, mac="fa:16:3e:ff:00:01", rules=others)]
    text = network_filters(network, ports, ()).text
    sets = dict(re.findall(r"set (\w+) \{\n.*\n *elements = \{ (.*) \}", text))
    chain = text.split(f"chain from_{tap_name(ports[9].id)} {{")[1].split("  chain ")[0]
    (name,) = re.findall(r"ip daddr @(\w+)", chain)
    assert sets[name].split(", ") == [*addresses, "10.3.0.0/24"]


@pytest.mark.root
async def test_the_kernel_carries_them_all() -> None:
    async with open_field("kernel") as field:
        network = crowd(PORTS)
        field.networks[network.id] = network
        await field.settle()
        space = namespace_of_network(field.prefix, network.id)
        argv = namespaces.command(space, ["nft", "list", "table", "netdev", "welkin"])
        listed = (await processes.run(argv)).decode()
        assert all(f"jump guard_{tap_name(port.id)}" in listed for port in network.ports)
