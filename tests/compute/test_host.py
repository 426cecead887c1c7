"""The host's half of compute in an agent: reports, consoles, metadata, facts."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import msgspec
import pytest

from welkin.core.agent import Agent
from welkin.core.agents import Down, Item
from welkin.core.cloud import ControlPlane, Host
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.core.world import World
from welkin.services.compute.host import setup, uptime
from welkin.services.compute.host.metadata import is_source
from welkin.services.compute.host.wanted import Flavor, Metadata, Nic, ServerSeen, ServerWanted
from welkin.services.compute.options import ComputeOptions
from welkin.services.network.public import MetadataAnswerer

SERVER = "6f1f8c58-7b7e-4a0e-9d7a-3f5d2b1c0a99"


def server(id: str = SERVER, address: str = "10.0.0.5", name: str = "one") -> ServerWanted:
    nic = Nic(port_id="p", network_id="n", mac="fa:16:3e:00:00:01", fixed_ips=(address, "fd00::5"))
    flavor = Flavor(name="small", vcpus=1, ram_mib=64, disk_gib=1)
    return ServerWanted(
        id=id, name=name, hostname=name, project_id="p", flavor=flavor, nics=(nic,), metadata=Metadata(meta={"a": name})
    )


class Rig:
    """An agent whose control plane is this test."""

    def __init__(self, state_dir: Path) -> None:
        self.agent = Agent(World(), lambda: None)
        options = CloudOptions(state_dir=state_dir, driver="memory")
        parts = Parts(options, ControlPlane("http://127.0.0.1:9", "host", "key"), ComputeOptions())
        self.host = Host("host", World(), self.agent, parts)
        setup.host(self.host)
        self.generation = 0

    def want(self, id: str, wanted: ServerWanted | None) -> None:
        self.generation += 1
        item = Item(setup.KIND, id, self.generation, None if wanted is None else msgspec.to_builtins(wanted))
        self.agent._hear(Down(items=[item]))

    async def settled(self) -> ServerSeen:
        """Return the first report of the newest generation that is settled."""
        async with asyncio.timeout(5):
            while True:
                for report in (await self.agent._outbox.get()).reports:
                    if report.settled and report.generation == self.generation:
                        return report.seen

    async def ask(self, network: str, source: str, path: str, method: str = "GET", body: bytes = b""):
        return await self.host.get(MetadataAnswerer).answer(network, source, method, path, {}, body)


@pytest.fixture
async def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    for half in made.agent._halves.values():
        half.stop()


async def test_a_server_is_made_reported_and_removed(rig: Rig) -> None:
    rig.want(SERVER, server())
    seen = await rig.settled()
    assert (seen.power, seen.settled, seen.plugged) == ("running", True, ("p",))
    text = await rig.agent._answerers["compute.console_text"]({"server_id": SERVER, "lines": 1})
    assert text == "one login: \n"
    rig.want(SERVER, None)
    assert (await rig.settled()).power == "absent"


async def test_metadata_goes_to_who_asks_and_nobody_else(rig: Rig) -> None:
    other = "7f1f8c58-7b7e-4a0e-9d7a-3f5d2b1c0a99"
    rig.want(SERVER, server())
    rig.want(other, server(other, "10.0.0.6", "two"))
    path = "/openstack/latest/meta_data.json"
    for address, name in (("10.0.0.5", "one"), ("10.0.0.6", "two")):
        status, headers, body = await rig.ask("n", address, path)
        assert (status, json.loads(body)["meta"]) == (200, {"a": name})
        assert headers["Content-Type"].startswith("application/json")
    assert (await rig.ask("n", "10.0.0.7", path))[0] == 404
    assert (await rig.ask("another-network", "10.0.0.5", path))[0] == 404
    assert (await rig.ask("n", "10.0.0.5", "/latest/meta-data/nothing"))[0] == 404
    assert (await rig.ask("n", "10.0.0.5", "/openstack/latest/password"))[2] == b""
    assert (await rig.ask("n", "10.0.0.5", "/openstack/latest/password", "POST", b"x" * 2000))[0] == 400
    assert (await rig.ask("n", "10.0.0.5", "/openstack/latest/password", "POST", b"x"))[0] == 503  # nobody takes it


def test_a_card_may_ask_from_its_addresses_and_its_link_local_one() -> None:
    nic = server().nics[0]
    assert is_source(nic, "10.0.0.5") and is_source(nic, "fd00:0::5")
    assert is_source(nic, "fe80::f816:3eff:fe00:1%eth0")
    assert not is_source(nic, "fe80::f816:3eff:fe00:2") and not is_source(nic, "10.0.0.50")


async def test_the_host_says_what_it_has(rig: Rig) -> None:
    told = await rig.agent._facts[0]()
    assert told["compute"]["vcpus"] > 0
    assert re.fullmatch(r"\s*(.+)\sup\s+(.+),\s+(.+)\susers?,\s+load average:\s(.+)", told["compute"]["uptime"])
    machine = setup.machine_facts(CloudOptions(state_dir=Path("/tmp")))
    assert machine["ram_mib"] > 100 and 0 < machine["free_disk_gib"] <= machine["disk_gib"]


@pytest.mark.parametrize(
    ("up_s", "text"),
    [
        (59.9, " 10:52:12 up 0 min,  0 users,  load average: 0.35, 0.24, 0.28"),
        (3599, " 10:52:12 up 59 min,  0 users,  load average: 0.35, 0.24, 0.28"),
        (7380, " 10:52:12 up  2:03,  0 users,  load average: 0.35, 0.24, 0.28"),
        (86400 + 7380, " 10:52:12 up 1 day,  2:03,  0 users,  load average: 0.35, 0.24, 0.28"),
        (31 * 86400 + 60, " 10:52:12 up 31 days, 1 min,  0 users,  load average: 0.35, 0.24, 0.28"),
    ],
)
def test_uptime_is_told_in_its_words(up_s: float, text: str) -> None:
    assert uptime.words(39132.5, up_s, (0.351, 0.24, 0.279)) == text
