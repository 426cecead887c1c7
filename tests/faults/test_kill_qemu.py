"""The same with real guests: what shall live is never touched, what shall go leaves nothing behind."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.processes import PREFIX, Processes
from tests.faults.story import User, check_nothing_leaks, furnish, killing, until
from welkin import starter
from welkin.tools import cgroups, namespaces
from welkin.tools.guest_image.builder import build

pytestmark = [pytest.mark.qemu, pytest.mark.root, pytest.mark.slow]
IMAGE = Path.home() / ".cache" / "welkin" / "guest-image"
BOOT_TIMEOUT_S = 90.0
BOOTED = "Linux version"  # what a kernel says first


@pytest.fixture
def cloud() -> Iterator[Processes]:
    folder = Path(tempfile.mkdtemp(prefix="wkq-", dir="/tmp"))  # short: it is part of sockets' names
    folder.chmod(0o711)
    cloud = Processes(folder / "state", "qemu", WELKIN_COMPUTE__SHUTDOWN_TIMEOUT_S="5")
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()
        cloud.run("purge")
        shutil.rmtree(folder)


class Guests:
    """The guests of a cloud as this machine knows them, without asking the cloud."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def pid(self, id: str) -> int:
        record = self.folder / "servers" / id / "process.json"
        return int(json.loads(record.read_bytes())["pid"])

    def boots(self, id: str) -> int:
        """How often its kernel has begun since it was last started on purpose."""
        return self.console(id).count(BOOTED)

    def console(self, id: str) -> str:
        log = self.folder / "servers" / id / "own" / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def until_login(self, id: str) -> None:
        deadline = time.monotonic() + BOOT_TIMEOUT_S
        while "login:" not in self.console(id):
            assert time.monotonic() < deadline, self.console(id)[-2000:]
            time.sleep(0.2)


def running(word: str) -> list[int]:
    """Return the processes that have `word` in their command lines, but for those of Welkin itself."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(word in each for each in words) and "welkin" not in words:
                found.append(int(entry.name))
    return found


def boot_id(address: str, key: Path) -> str:
    """Ask a guest when it booted, by SSH from outside."""
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes"]
    command = ["ssh", *options, "-o", "ConnectTimeout=5", "-i", str(key), f"root@{address}"]
    deadline = time.monotonic() + BOOT_TIMEOUT_S
    while True:
        done = subprocess.run([*command, "cat /proc/sys/kernel/random/boot_id"], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.strip()
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.5)


def test_guests_live_while_everything_is_killed(cloud: Processes) -> None:
    dice, guests = random.Random(7), Guests(cloud.folder)
    user = furnish(cloud, build(IMAGE).disk)
    key = make_key(cloud.folder.parent)
    starter.access(user.api, key.with_suffix(".pub").read_text().strip())
    for name in ("lives", "dies"):
        user.create(name, key_name=starter.KEYPAIR)
    settle(user, lives="ACTIVE", dies="ACTIVE")
    lives, dies = user.id_of("lives"), user.id_of("dies")
    address = float_on(user, lives)
    for id in (lives, dies):
        guests.until_login(id)
    pid, booted, killed = guests.pid(lives), boot_id(address, key), guests.pid(dies)
    with killing(cloud, dice):
        os.kill(killed, signal.SIGKILL)
        os.kill(one_dnsmasq(cloud), signal.SIGKILL)
        for name in ("stops", "is-rebuilt", "goes-at-once"):
            user.create(name)
        user.delete("goes-at-once")
        settle(user, lives="ACTIVE", dies="ACTIVE", stops="ACTIVE", **{"is-rebuilt": "ACTIVE"})
        user.act("stops", {"os-stop": None})
        user.act("is-rebuilt", {"rebuild": {"imageRef": user.image_id}})
        settle(user, lives="ACTIVE", dies="ACTIVE", stops="SHUTOFF", **{"is-rebuilt": "ACTIVE"})
        user.act("stops", {"os-start": None})
        user.act("is-rebuilt", {"reboot": {"type": "HARD"}})
        settle(user, lives="ACTIVE", dies="ACTIVE", stops="ACTIVE", **{"is-rebuilt": "ACTIVE"})
        user.act("stops", {"os-stop": None})
        user.delete("is-rebuilt")
        settle(user, lives="ACTIVE", dies="ACTIVE", stops="SHUTOFF")
    assert len(cloud.kills) >= 8
    assert guests.pid(lives) == pid and boot_id(address, key) == booted, "a kill of Welkin touched a guest"
    assert guests.boots(lives) == 1
    assert guests.pid(dies) != killed, "a guest that was killed did not come back"
    until(lambda: len(running(f"{cloud.folder}/network/dhcp")), 1)
    check_nothing_leaks(cloud, user)
    left = {lives, dies, user.id_of("stops")}
    assert {path.name for path in (cloud.folder / "servers").iterdir()} == left
    until(lambda: len(running(f"{cloud.folder}/servers/")), 2)
    with killing(cloud, dice):
        for name in sorted(user.wanted):
            user.delete(name)
        settle(user)
    check_nothing_leaks(cloud, user)
    clear(user)
    check_no_traces(cloud)


def settle(user: User, **wanted: str) -> None:
    """Wait until servers are as wanted."""
    until(lambda: user.servers(), wanted, BOOT_TIMEOUT_S)


def make_key(folder: Path) -> Path:
    """Make a key pair; the public half lies beside it."""
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)], check=True)
    return key


def float_on(user: User, server_id: str) -> str:
    """Give a server an address outside."""
    (port,) = user.api.get(f"/network/v2.0/ports?device_id={server_id}")["ports"]
    (outside,) = user.api.get("/network/v2.0/networks?router:external=true")["networks"]
    wanted = {"floating_network_id": outside["id"], "port_id": port["id"]}
    floating = user.api.post("/network/v2.0/floatingips", {"floatingip": wanted})["floatingip"]
    return str(floating["floating_ip_address"])


def one_dnsmasq(cloud: Processes) -> int:
    """Return the process of the network's DHCP server."""
    return running(f"{cloud.folder}/network/dhcp")[0]


def clear(user: User) -> None:
    """Take away the network and its router."""
    api = user.api
    for floating in api.get("/network/v2.0/floatingips")["floatingips"]:
        user.insist("DELETE", f"/network/v2.0/floatingips/{floating['id']}")
    (router,) = api.get("/network/v2.0/routers")["routers"]
    (subnet,) = api.get(f"/network/v2.0/subnets?network_id={user.network_id}")["subnets"]
    path = f"/network/v2.0/routers/{router['id']}"
    user.insist("PUT", f"{path}/remove_router_interface", {"subnet_id": subnet["id"]})
    user.insist("DELETE", path)
    user.insist("DELETE", f"/network/v2.0/networks/{user.network_id}")


def check_no_traces(cloud: Processes) -> None:
    """Look for what a guest or its network might have left, each where the system keeps it."""
    traces: dict[str, Callable[[], Any]] = {
        "processes": lambda: running(f"{cloud.folder}/"),
        "folders": lambda: [path.name for path in (cloud.folder / "servers").iterdir()],
        "namespaces": lambda: [name for name in namespaces.known() if name.startswith(f"{PREFIX}-")],
        "links": lambda: [path.name for path in Path("/sys/class/net").iterdir() if path.name.startswith(f"{PREFIX}-")],
        "tables": lambda: [line for line in tables() if f"welkin_{PREFIX}" in line],
        "groups": lambda: [path for path in cgroups.ROOT.glob(f"**/{PREFIX}-guests/*") if path.is_dir()],
        "servers of DHCP": lambda: list((cloud.folder / "network" / "dhcp").glob("*")),
    }
    for look in traces.values():
        until(look, [], 20)


def tables() -> list[str]:
    """Return the host's tables of filters."""
    return subprocess.check_output(["nft", "list", "tables"], text=True).splitlines()
