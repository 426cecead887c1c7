"""The tiny guest on a real network: DHCP, metadata, SSH, and every command that clients' checks run in it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from tests.compute.test_driver import Rig
from welkin.services.compute.driver import Tap
from welkin.services.compute.host.metadata import Found, PasswordWanted, lookup
from welkin.services.compute.host.wanted import Flavor, KeyPair, Metadata, Nic, ServerWanted
from welkin.tools.guest_image.builder import build
from welkin.tools.taps import _enter

pytestmark = [pytest.mark.qemu, pytest.mark.root]
ADDRESS = "10.97.0.5"
FLAVOR_WITH_SWAP = Flavor(name="swap", vcpus=1, ram_mib=128, disk_gib=1, swap_mib=64)


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (argv, done.stderr)
    return done.stdout


class Wire:
    """A network namespace with taps, DHCP and metadata: what the network room makes, by hand."""

    def __init__(self, directory: Path) -> None:
        self.name = f"wkt{uuid.uuid4().hex[:8]}"
        self.directory = directory
        self.password: str | None = None
        self.server: ServerWanted | None = None
        run("ip", "netns", "add", self.name)
        self.ip("link", "set", "lo", "up")
        self.ip("addr", "add", "169.254.169.254/32", "dev", "lo")
        self.ip("link", "add", "name", "wire", "type", "bridge")
        self.ip("addr", "add", "10.97.0.1/24", "dev", "wire")
        self.ip("addr", "add", "fd97::1/64", "dev", "wire", "nodad")
        self.ip("link", "set", "wire", "up")
        run("ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f", str(directory / "key"))
        self.public_key = (directory / "key.pub").read_text()
        self.dhcp = self._dhcp()

    def ip(self, *words: str) -> None:
        run("ip", "-n", self.name, *words)

    def tap(self, port_id: str) -> None:
        self.ip("tuntap", "add", "dev", port_id, "mode", "tap")
        self.ip("link", "set", port_id, "master", "wire", "up")

    def _dhcp(self) -> subprocess.Popen[bytes]:
        hosts = self.directory / "hosts"
        hosts.write_text(f"fa:16:3e:00:00:01,{ADDRESS}\nfa:16:3e:00:00:02,10.97.0.6\n")
        words = ["nsenter", f"--net=/run/netns/{self.name}", "dnsmasq", "-k", "--conf-file=/dev/null", "--port=0"]
        words += ["--interface=wire", "--bind-dynamic", "--user=root", "--pid-file=", "--dhcp-no-override"]
        words += [f"--dhcp-leasefile={self.directory / 'leases'}", f"--dhcp-hostsfile={hosts}", "--enable-ra"]
        words += ["--dhcp-range=10.97.0.0,static,255.255.255.0,1h", "--dhcp-range=::,constructor:wire,ra-only"]
        words += ["--dhcp-option=option:router,10.97.0.1", "--dhcp-option=option:dns-server,10.97.0.1"]
        words += ["--dhcp-option=option:mtu,1450", "--dhcp-option=121,169.254.169.254/32,10.97.0.1,0.0.0.0/0,10.97.0.1"]
        return subprocess.Popen(words, stderr=subprocess.DEVNULL)

    async def ssh(self, command: str) -> str:
        """Run a command as clients' checks do."""
        options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
        options += ["-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR", "-i", str(self.directory / "key")]
        words = ["nsenter", f"--net=/run/netns/{self.name}", "ssh", *options, f"root@{ADDRESS}"]
        command = f"set -eu -o pipefail; PATH=$PATH:/sbin:/usr/sbin; {command}"
        process = await asyncio.create_subprocess_exec(
            *words, command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        printed, complaint = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, (command, printed.decode(), complaint.decode())
        return printed.decode()

    async def serve_metadata(self) -> asyncio.Server:
        import socket
        import threading

        made: list[socket.socket] = []

        def listen() -> None:
            _enter(self.name)
            made.append(socket.create_server(("169.254.169.254", 80)))

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
        return await asyncio.start_server(self._answer, sock=made[0])

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        assert self.server is not None
        found = lookup(self.server, path, os.urandom(512))
        status, body = "404 Not Found", b""
        if isinstance(found, PasswordWanted) and method == "POST":
            length = int(head.lower().split("content-length:")[1].split()[0])
            self.password = (await reader.readexactly(length)).decode()
            status = "200 OK"
        elif isinstance(found, Found):
            status, body = "200 OK", found.body
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    def close(self) -> None:
        self.dhcp.terminate()
        self.dhcp.wait()
        run("ip", "netns", "del", self.name)


@pytest.fixture
def wire(short_dir: Path) -> Iterator[Wire]:
    made = Wire(short_dir)
    yield made
    made.close()


@pytest.fixture
async def rig(short_dir: Path, guest_image, wire: Wire) -> AsyncIterator[Rig]:
    made = Rig(short_dir, guest_image.disk)
    made.host._hands = msgspec.structs.replace(made.host._hands, tap_of=lambda port, network: Tap(wire.name, port))
    known = Metadata(
        meta={"role": "guest"},
        key=KeyPair(name="key", public_key=wire.public_key),
        user_data="IyEvYmluL3NoCmVjaG8gdXNlci1kYXRhIHJhbiBvbiAkKGhvc3RuYW1lKQo=",  # echo user-data ran on $(hostname)
        floating_ipv4=("203.0.113.9",),
    )
    cards = (card(1), card(2))
    made.server = msgspec.structs.replace(
        made.server, nics=cards, metadata=known, config_drive=False, hostname="tiny-guest", flavor=FLAVOR_WITH_SWAP
    )
    wire.server = made.server
    server = await wire.serve_metadata()
    yield made
    await made.close()
    server.close()


def card(number: int) -> Nic:
    return Nic(port_id=f"port{number}", network_id="net", mac=f"fa:16:3e:00:00:0{number}", mtu=1450, tag=f"tag{number}")


async def test_the_guest_does_what_clients_expect(rig: Rig, wire: Wire) -> None:
    outcome = await rig.host.reconcile(rig.server.id, rig.server)
    assert outcome.seen.progress == "waiting_for_network", "it was started without its taps"
    wire.tap("port1")
    wire.tap("port2")
    seen = await rig.want()
    assert seen.plugged == ("port1", "port2")
    log = await rig.login()
    assert "tiny-guest login:" in log and "metadata from: metadata" in log and "user-data ran on tiny-guest" in log
    ssh = wire.ssh

    assert (await ssh("hostname")).strip() == "tiny-guest"
    assert (await ssh("curl http://169.254.169.254/latest/meta-data/public-ipv4")).strip() == "203.0.113.9"
    assert "curl" in await ssh("curl -V")
    await ssh("curl -X POST -d some-words http://169.254.169.254/openstack/2013-10-17/password")
    assert wire.password == "some-words"
    assert "vda" in await ssh("lsblk -lb --nodeps") and "TYPE" in await ssh("lsblk -lb --nodeps")
    assert (await ssh("ip addr show eth1 | awk '/ether/ {print $2}'")).strip() == "fa:16:3e:00:00:02"
    assert "mtu 1450" in await ssh("ip link show eth0")
    assert (await ssh("cut -f1 -d. /proc/uptime")).strip().isdigit()
    assert (await ssh("grep -c ^processor /proc/cpuinfo")).strip() == "1"
    await ssh('sudo sh -c "echo \\"words for the console\\" >/dev/console"')
    await rig.until(lambda log: "words for the console" in log)
    await ssh("ping -c1 -w5 -s56 -M do 10.97.0.1 && ping6 -c1 -w5 fd97::1")
    assert "fd97:" in await ssh("ip -6 addr show eth0 scope global")
    assert await ssh("sudo -u root cat /etc/resolv.conf") == "nameserver 10.97.0.1\n"
    for kind in ("ext4", "vfat"):
        await ssh(f"sudo mkfs -t {kind} /dev/vdb && sudo mount /dev/vdb /mnt")
        await ssh("date > /mnt/timestamp && sync && sudo umount /mnt")
    await ssh("test -e /dev/pts/ptmx -o -e /dev/ptmx; df -m / | awk 'NR==2 {exit $2 < 800}'")

    pid = (await ssh("cat /var/run/udhcpc.eth0.pid")).strip()
    await ssh(f"sudo /bin/kill -USR1 {pid}; sleep 1; sudo /bin/kill -0 {pid}")
    assert f"inet {ADDRESS}/24" in await ssh("ip addr show eth0")

    await ssh("(sudo nc -p 81 -lk -e echo foolish >/dev/null 2>&1 &) ; sleep 0.5")
    assert (await ssh(f'echo "bar" | nc -w 1 {ADDRESS} 81')).strip() == "foolish"
    await ssh("(sudo nc -u -p 82 -lk -e echo foolish >/dev/null 2>&1 &) ; sleep 0.5")
    assert (await ssh(f'echo "bar" | nc -w 1 -u {ADDRESS} 82')).strip() == "foolish"


async def test_cards_are_plugged_and_unplugged(rig: Rig, wire: Wire) -> None:
    for number in (1, 2, 3):
        wire.tap(f"port{number}")
    await rig.want(nics=(card(1),))
    await rig.login()
    assert (await rig.want(nics=(card(1), card(3)))).plugged == ("port1", "port3")
    await until_ssh(wire, "ip -o link | grep -q fa:16:3e:00:00:03")
    assert (await rig.want(nics=(card(1),))).plugged == ("port1",)
    await until_ssh(wire, "! ip -o link | grep -q fa:16:3e:00:00:03")
    assert (await rig.want(power="suspended", nics=(card(1), card(2)))).power == "suspended"
    assert (await rig.want(power="running")).plugged == ("port1", "port2")
    await wire.ssh("ping -c1 -w5 10.97.0.1")


async def until_ssh(wire: Wire, command: str) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await wire.ssh(command)
            except AssertionError:
                await asyncio.sleep(0.2)
            else:
                return


async def test_a_config_drive_is_found_and_mounted(rig: Rig, wire: Wire) -> None:
    wire.tap("port1")
    known = msgspec.structs.replace(rig.server.metadata, admin_password="Geheim1")
    await rig.want(nics=(card(1),), config_drive=True, metadata=known)
    assert "metadata from: config-drive" in await rig.login()
    device = (await wire.ssh("blkid -L config-2 -o device")).strip()
    await wire.ssh(f"sudo mount {device} /mnt")
    drive = msgspec.json.decode(await wire.ssh("sudo cat /mnt/openstack/latest/meta_data.json"))
    assert drive["meta"] == {"role": "guest"} and drive["devices"][0]["tags"] == ["tag1"]
    address = drive["devices"][0]["address"]
    found = await wire.ssh(f"cat /sys/bus/pci/devices/{address}/virtio*/net/*/address")
    assert found.strip() == card(1).mac, "the address that the guest is told is not where its card is"
    assert "root:$6$" in await wire.ssh("cat /etc/shadow")


def test_the_same_recipe_makes_the_same_bytes(tmp_path: Path, guest_image) -> None:
    again = build(tmp_path)
    assert again.disk.read_bytes() == guest_image.disk.read_bytes()
    assert again.initrd.read_bytes() == guest_image.initrd.read_bytes()
