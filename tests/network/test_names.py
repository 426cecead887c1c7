"""Guests' questions for names: what is asked outside, by whom, and that it comes back."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.network.test_driver import Field, in_thread, open_field
from tests.network.test_host_plan import HERE, NETWORK
from welkin.services.network.driver import Listener
from welkin.services.network.drivers.kernel import KernelNetworks
from welkin.services.network.drivers.names import NameRelay, resolvers
from welkin.services.network.host.dhcp import RELAY_ADDRESS, RELAY_PORT, ROUTER_OWNER, dhcp_service
from welkin.services.network.host.spaces import network_space
from welkin.services.network.host.wanted import Port

LEG = Port(id="00000009-0000-4000-8000-000000000000", mac="fa:16:3f:00:00:09", device_owner=ROUTER_OWNER)
NAMES = Listener(RELAY_ADDRESS, RELAY_PORT, serves="names")
ASK = """
import socket, struct, sys
name = b"".join(bytes([len(part)]) + part.encode() for part in sys.argv[2].split(".")) + bytes(1)
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(5)
asked.sendto(struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1), (sys.argv[1], 53))
answer = asked.recv(512)
print(answer[3] & 15, socket.inet_ntoa(answer[-4:]))
"""


class Resolver(asyncio.DatagramProtocol):
    """Knows one address for every name."""

    def __init__(self) -> None:
        self.asked = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        answer = struct.pack(">6H", struct.unpack(">H", data[:2])[0], 0x8180, 1, 1, 0, 0)
        end = data.index(0, 12) + 5  # what may follow the question is none of ours
        record = struct.pack(">3HIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton("192.0.2.80"))
        self.transport.sendto(answer + data[12:end] + record, addr)


@asynccontextmanager
async def resolver() -> AsyncIterator[tuple[str, Resolver]]:
    """A resolver on the host's loopback, as many hosts have one."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Resolver, local_addr=("127.0.0.1", 0))
    yield f"127.0.0.1#{transport.get_extra_info('sockname')[1]}", protocol
    transport.close()


async def test_a_question_goes_to_the_first_who_answers() -> None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.setblocking(False)
    bound.bind(("127.0.0.1", 0))
    question = struct.pack(">6H", 9, 0x100, 1, 0, 0, 0) + b"\3one\0" + struct.pack(">2H", 1, 1)
    async with resolver() as (server, known):
        relay = NameRelay(["no address", "127.0.0.1#1", server])
        await relay.start(bound)
        asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asker.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(asker, question, bound.getsockname())
        async with asyncio.timeout(10):
            answer = await loop.sock_recv(asker, 512)
        assert answer.endswith(socket.inet_aton("192.0.2.80")) and answer[:2] == question[:2]
        assert known.asked == 1
        asker.close()
        await relay.close()


def test_the_hosts_resolvers_are_read_as_they_are_now(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    assert resolvers(file) == ()
    file.write_text("# comment\nsearch example.org\nnameserver 192.0.2.1\nnameserver fd00::53 # two\nnameserver\n")
    assert resolvers(file) == ("192.0.2.1", "fd00::53")


def test_only_a_routed_network_that_names_no_server_asks_outside() -> None:
    routed = msgspec.structs.replace(NETWORK, ports=[LEG])
    own = [msgspec.structs.replace(subnet, dns_nameservers=["192.0.2.53"]) for subnet in NETWORK.subnets]
    for network, asks in (
        (NETWORK, False),
        (routed, True),
        (msgspec.structs.replace(routed, subnets=own), False),
    ):
        service, space = dhcp_service(network, "br0"), network_space(HERE, network, {})
        assert service is not None and space is not None
        assert (f"server={RELAY_ADDRESS}#{RELAY_PORT}\n" in service.options) == asks
        assert (NAMES in space.listeners) == asks


def test_there_is_room_for_every_lease() -> None:
    few = dhcp_service(NETWORK, "br0")
    ports = [
        Port(id=str(number), mac=f"fa:16:3e:00:{number >> 8:02x}:{number & 255:02x}", fixed_ips=fixed(number))
        for number in range(3000)
    ]
    many = dhcp_service(msgspec.structs.replace(NETWORK, ports=ports), "br0")
    assert few is not None and "dhcp-lease-max=1024\n" in few.options
    assert many is not None and "dhcp-lease-max=8192\n" in many.options


def fixed(number: int) -> list[Any]:
    from welkin.services.network.host.wanted import FixedIp

    return [FixedIp(subnet_id=NETWORK.subnets[0].id, address=f"10.0.{number >> 8}.{number & 255}")]


@pytest.mark.root
async def test_a_guest_asks_for_a_name_outside() -> None:
    async with open_field("kernel") as field, resolver() as (server, known):
        assert isinstance(field.driver, KernelNetworks)
        field.driver._name_servers = [server]
        network_id = field.network()
        port = field.port(network_id, "10.0.0.11", hostname="one")
        await field.settle()
        guest = await field.guest(network_id, port)
        assert (await ask(field, guest, "example.org")).startswith("5 "), "it has no way out: refused"
        field.replace(network_id, LEG)
        field.router(network_id)
        await field.settle()
        assert await ask(field, guest, "example.org") == "0 192.0.2.80"
        assert await ask(field, guest, "one") == "0 10.0.0.11"
        assert known.asked == 1, "its own names are answered at home"


async def ask(field: Field, guest: Any, name: str) -> str:
    """Ask the network's server from within a guest: the code of the answer, and its last address."""
    done = await in_thread(guest.run, "python3", "-c", ASK, "10.0.0.2", name)
    assert done.returncode == 0, done.stderr
    return str(done.stdout.strip())
