"""Two hosts with an underlay between them: a tenant's network spans both, by VXLAN.

A host is a namespace with a process of its own in it; the underlay is a veth pair.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.network.guests import Guest
from welkin import app
from welkin.core.agent import Agent, websocket_link
from welkin.core.cloud import Host
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.services.network import underlays
from welkin.services.network.host import setup
from welkin.services.network.host.wanted import FixedIp, NetworkWanted, Port, Rule, Subnet
from welkin.services.network.names import namespace_of_network
from welkin.services.network.options import NetworkOptions
from welkin.testing.cloud import running
from welkin.tools import namespaces

DHCP_MAC = "fa:16:3e:d0:00:02"
RULES = [Rule(direction="egress", ethertype="IPv4"), Rule(direction="ingress", ethertype="IPv4", protocol="icmp")]
ELSEWHERE = "192.0.2.3"
"""The underlay address of a third host, to which the first sends what everybody shall hear; counted on the second."""
COUNTERS = """
table ip elsewhere {
  counter heard {
  }
  counter known {
  }
  chain input {
    type filter hook input priority 0;
    ip daddr 192.0.2.3 udp dport 4789 counter name "heard"
    ip daddr 192.0.2.3 udp dport 4789 @th,128,48 0xfa163e000012 counter name "known"
  }
}
"""

in_thread = asyncio.to_thread


class JoinedHost:
    """A host, by its number, 1 or 2."""

    def __init__(self, name: str, number: int, folder: Path) -> None:
        self.host, self.prefix, self.space = f"host-{number}", f"{name}{number}", f"{name}-host{number}"
        self.address = f"192.0.2.{number}"
        namespaces.create(self.space)
        words = [sys.executable, "-m", "tests.network.joined", self.prefix, str(folder / self.host), self.host]
        (folder / self.host).mkdir()
        self._command = namespaces.command(self.space, words)
        self._process: subprocess.Popen[str] | None = None

    def run(self, *argv: str, text: str | None = None) -> str:
        """Run a program on the host."""
        return subprocess.check_output(namespaces.command(self.space, list(argv)), text=True, input=text)

    def start(self) -> None:
        """Start its agent."""
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def want(self, network: NetworkWanted) -> None:
        """Have a network as this host's document says."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode({network.id: network}).decode() + "\n")
        self._process.stdin.flush()
        assert json.loads(self._process.stdout.readline()) == {}

    def close(self) -> None:
        """Take everything away."""
        if self._process is not None:
            self._process.communicate(timeout=60)
        namespaces.remove(self.space)


class Pair:
    """Two hosts and one network with a guest on each."""

    def __init__(self, one: JoinedHost, two: JoinedHost) -> None:
        self.hosts = (one, two)
        id = str(uuid.uuid4())
        self.ports = tuple(_port(host) for host in self.hosts)
        server = Port(
            id=str(uuid.uuid4()),
            mac=DHCP_MAC,
            fixed_ips=[FixedIp(subnet_id="four", address="10.0.0.2")],
            device_owner="network:dhcp",
        )
        subnet = Subnet(id="four", cidr="10.0.0.0/24", dhcp_address="10.0.0.2")
        vni = int(id[:5], 16) + 1
        self.network = NetworkWanted(id=id, vni=vni, subnets=[subnet], ports=[server, *self.ports])

    def want(self) -> None:
        """Give each host its document: the same ports, and the other as a peer."""
        one, two = self.hosts
        one.want(msgspec.structs.replace(self.network, peers={two.host: two.address, "host-3": ELSEWHERE}))
        two.want(msgspec.structs.replace(self.network, peers={one.host: one.address}))

    def inside(self, host: JoinedHost, *argv: str) -> str:
        """Run a program in the network's namespace on a host."""
        space = namespace_of_network(host.prefix, self.network.id)
        return subprocess.check_output(namespaces.command(space, list(argv)), text=True)

    def guests(self) -> list[Guest]:
        """Put a guest behind each port."""
        return [
            Guest(f"{host.prefix}-guest", host.prefix, self.network.id, port.id, port.mac)
            for host, port in zip(self.hosts, self.ports, strict=True)
        ]

    def flooded(self, counter: str) -> int:
        """Return how many packets the third host got: all that it heard, or those to the second guest alone."""
        listed = self.hosts[1].run("nft", "list", "counter", "ip", "elsewhere", counter)
        return int(re.findall(r"packets (\d+)", listed)[0])


def _port(host: JoinedHost) -> Port:
    number = int(host.host[-1])
    return Port(
        id=str(uuid.uuid4()),
        mac=f"fa:16:3e:00:00:1{number}",
        fixed_ips=[FixedIp(subnet_id="four", address=f"10.0.0.1{number}")],
        host=host.host,
        device_owner="compute:nova",
        hostname=f"guest{number}",
        rules=RULES,
    )


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Join two hosts by a veth pair and start their agents."""
    name = "w" + uuid.uuid4().hex[:2]
    with tempfile.TemporaryDirectory(prefix="welkin-net-") as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o755)
        one, two = (JoinedHost(name, number, Path(folder)) for number in (1, 2))
        stack.callback(one.close)
        stack.callback(two.close)
        one.run("ip", "link", "add", "under", "type", "veth", "peer", "name", "under", "netns", two.space)
        for host in (one, two):
            host.run("ip", "addr", "add", f"{host.address}/24", "dev", "under")
            host.run("ip", "link", "set", "under", "up")
            host.start()
        two.run("ip", "addr", "add", f"{ELSEWHERE}/24", "dev", "under")
        two.run("nft", "-f", "-", text=COUNTERS)
        yield Pair(one, two)


@pytest.mark.root
async def test_a_network_spans_two_hosts(pair: Pair, tmp_path: Path) -> None:
    await in_thread(pair.want)
    guests = await in_thread(pair.guests)
    with contextlib.ExitStack() as stack:
        for guest in guests:
            stack.callback(guest.close)
        one, two = guests
        # Each gets its address from its own host, though the servers' addresses are the same.
        assert (await in_thread(one.lease, tmp_path)).startswith("guest1 ")
        assert (await in_thread(two.lease, tmp_path)).startswith("guest2 ")
        assert await in_thread(one.pings, "10.0.0.12")
        assert await in_thread(two.pings, "10.0.0.11")
        # What is known goes to its host alone; a broadcast goes to all.
        known = pair.inside(pair.hosts[0], "bridge", "fdb", "show", "dev", "vx0")
        assert f"{pair.ports[1].mac} dst {pair.hosts[1].address}" in known
        assert await in_thread(one.ok, "ping", "-c5", "-i0.2", "-W1", "10.0.0.12")
        assert pair.flooded("known") == 0
        before = pair.flooded("heard")
        assert before > 0
        one.run("ip", "neigh", "flush", "dev", "eth0")
        assert await in_thread(one.pings, "10.0.0.12")
        assert pair.flooded("heard") > before
        assert pair.flooded("known") == 0
        await alike(pair, guests)


async def alike(pair: Pair, guests: list[Guest]) -> None:
    """See that bridges with the same addresses on both hosts do not get into each other's way."""
    for host, guest in zip(pair.hosts, guests, strict=True):
        assert DHCP_MAC in pair.inside(host, "ip", "link", "show", "br0")
        for _ in range(3):
            guest.run("ip", "neigh", "flush", "dev", "eth0")
            told = await in_thread(guest.run, "curl", "-s", "-m5", "http://169.254.169.254/")
            assert told.stdout.split()[0] == host.host
        known = pair.inside(host, "bridge", "fdb", "show", "dev", "vx0")
        assert f"{DHCP_MAC} master" not in known


@pytest.mark.root
async def test_an_agent_tells_where_its_host_is(tmp_path: Path) -> None:
    async with running(tmp_path / "cloud", hosts=()) as run:
        key = await app.agent_key(run.cloud, "far", tmp_path / "key")
        options = CloudOptions(state_dir=tmp_path / "far", prefix="w" + uuid.uuid4().hex[:3])
        agent = Agent(run.cloud.world, lambda: websocket_link(run.url, "far", key))
        parts = Parts(run.cloud.world, options, NetworkOptions(underlay_address="192.0.2.77"))
        setup.host(Host("far", run.cloud.world, agent, parts))
        serving = asyncio.create_task(agent.run())
        try:
            async with asyncio.timeout(10):
                while await underlays.addresses(run.cloud.db) != {"far": "192.0.2.77"}:
                    await asyncio.sleep(0.05)
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
