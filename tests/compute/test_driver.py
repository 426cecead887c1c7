"""One suite for every hypervisor: what a ServerDriver does, on memory and on real QEMU."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from welkin.core.world import World
from welkin.services.compute.driver import Hopeless, Tap
from welkin.services.compute.drivers.memory import MemoryDriver, MemoryImages
from welkin.services.compute.drivers.qemu import QemuDriver, QemuOptions
from welkin.services.compute.drivers.qemu.home import Home
from welkin.services.compute.host.images import DiskImageCache
from welkin.services.compute.host.reconcile import Hands, ServerHost
from welkin.services.compute.host.wanted import Flavor, Image, Metadata, Rescue, ServerSeen, ServerWanted, Snapshot
from welkin.tools import processes
from welkin.tools.cgroups import ROOT

DEADLINE_S = 60.0
FLAVOR = Flavor(name="tiny", vcpus=1, ram_mib=128, disk_gib=1)


class Rig:
    """One host with one hypervisor, and a server to play with."""

    def __init__(self, state_dir: Path, disk: Path | None) -> None:
        self.state_dir, self.disk, self.world = state_dir, disk, World()
        self.sent: dict[str, bytes] = {}
        size = 1 << 20 if disk is None else disk.stat().st_size
        self.image = Image(id=self.world.new_id(), format="qcow2", size_bytes=size)
        self.server = ServerWanted(
            id=self.world.new_id(),
            name="Server, with a comma",
            hostname="suite",
            project_id="project",
            flavor=FLAVOR,
            image=self.image,
            config_drive=True,
            metadata=Metadata(meta={"a": "b"}),
        )
        self.is_real = disk is not None
        self.connect()

    def connect(self) -> None:
        """Begin as after a restart: nothing is remembered."""
        self.driver: MemoryDriver | QemuDriver
        if self.disk is None:
            self.driver = getattr(self, "driver", None) or MemoryDriver(self.world)
            images = MemoryImages(self.world)
        else:
            self.driver = QemuDriver(QemuOptions(state_dir=self.state_dir, prefix="wkts"), self.world)
            images = DiskImageCache(self.state_dir / "images", self.fetch)
        hands = Hands(driver=self.driver, images=images, tap_of=lambda port, net: Tap(net, port), send_image=self.send)
        self.host = ServerHost(hands, self.world)

    async def fetch(self, image_id: str, path: Path) -> None:
        assert self.disk is not None
        await asyncio.to_thread(shutil.copyfile, self.disk, path)

    async def send(self, image_id: str, path: Path) -> None:
        self.sent[image_id] = path.read_bytes()

    async def want(self, **changes) -> ServerSeen:
        """Want the server changed, and wait until it is so."""
        self.server = msgspec.structs.replace(self.server, **changes)
        async with asyncio.timeout(DEADLINE_S):
            seen = await self.host.settle(self.server.id, self.server)
        assert not seen.error, seen.error
        return seen

    async def login(self) -> str:
        """Wait for the login prompt on the serial console; return the log."""
        return await self.until(lambda log: "login:" in log)

    async def until(self, wanted: Callable[[str], bool]) -> str:
        """Wait until the console log is as wanted."""
        log = ""
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not wanted(log):
                    await asyncio.sleep(0.02)
                    log = await self.driver.console_text(self.server.id, None)
        except TimeoutError:
            pytest.fail(f"The console says only:\n{log[-3000:]}")
        return log

    async def close(self) -> None:
        await self.driver.remove(self.server.id)
        if isinstance(self.driver, QemuDriver):
            await self.driver.close()


@pytest.fixture(params=["memory", pytest.param("qemu", marks=[pytest.mark.qemu, pytest.mark.root])])
async def rig(request, short_dir) -> AsyncIterator[Rig]:
    disk = request.getfixturevalue("guest_image").disk if request.param == "qemu" else None
    made = Rig(short_dir, disk)
    yield made
    await made.close()


async def test_a_life(rig: Rig) -> None:
    """Boot, pause, suspend, stop, start, reboot in both ways, rebuild, delete: in one boot after the other."""
    seen = await rig.want()
    assert (seen.power, seen.settled, seen.disk_gib) == ("running", True, 1)
    assert seen.consoles.serial and seen.consoles.vnc and seen.consoles.log
    assert "suite login:" in await rig.login()

    assert (await rig.want(power="paused")).power == "paused"
    assert (await rig.want(power="running")).power == "running"

    assert (await rig.want(power="suspended")).power == "suspended"
    seen = await rig.want(power="running")
    assert (seen.power, seen.boot_epoch) == ("running", 1)
    assert (await rig.driver.console_text(rig.server.id, None)).count("login:") == 1, "it booted instead of waking"

    seen = await rig.want(power="stopped")
    assert (seen.power, seen.powered_off_by_guest) == ("stopped", False)
    assert (await rig.want(power="running")).power == "running"
    await rig.login()

    assert (await rig.want(soft_reboots=1)).soft_reboots == 1
    await rig.login()
    assert (await rig.want(boot_epoch=2)).boot_epoch == 2
    log = await rig.login()
    assert len(log.splitlines()) >= 10

    assert (await rig.want(disk_epoch=2)).disk_epoch == 2
    await rig.login()

    assert (await rig.host.settle(rig.server.id, None)).power == "absent"
    assert await rig.driver.find_all() == frozenset()


async def test_a_resize_changes_the_guest_while_it_is_down(rig: Rig) -> None:
    await rig.want()
    await rig.login()
    seen = await rig.want(flavor=Flavor(name="larger", vcpus=2, ram_mib=160, disk_gib=2))
    assert (seen.power, seen.vcpus, seen.ram_mib, seen.disk_gib) == ("running", 2, 160, 2)
    await rig.login()


async def test_rescue_boots_another_disk_and_back(rig: Rig) -> None:
    await rig.want(shutdown_timeout_s=0.0)
    seen = await rig.want(rescue=Rescue(image=rig.image, epoch=1))
    assert (seen.power, seen.rescue_epoch) == ("running", 1)
    await rig.login()
    assert (await rig.want(rescue=None)).rescue_epoch == 0
    await rig.login()


async def test_snapshots_of_a_running_and_a_stopped_guest(rig: Rig) -> None:
    await rig.want()
    await rig.login()
    first, second = rig.world.new_id(), rig.world.new_id()
    await rig.want(snapshots=(Snapshot(image_id=first),))
    seen = await rig.want(
        power="stopped", snapshots=(Snapshot(image_id=first), Snapshot(image_id=second, format="raw"))
    )
    assert {(each.image_id, each.state) for each in seen.snapshots} == {(first, "sent"), (second, "sent")}
    if rig.is_real:
        assert rig.sent[first][:4] == b"QFI\xfb"
        assert rig.sent[first][8:16] == bytes(8), "the copy still names a backing file"
        assert len(rig.sent[second]) == 1 << 30 and rig.sent[second][510:512] == b"\x55\xaa"


async def test_a_guest_outlives_us_and_is_found_again(rig: Rig) -> None:
    await rig.want()
    await rig.login()
    before = pid_of(rig) if rig.is_real else 0
    if isinstance(rig.driver, QemuDriver):
        await rig.driver.close()
    rig.connect()
    assert (await rig.want()).power == "running"
    if rig.is_real:
        assert pid_of(rig) == before
        assert (await rig.driver.console_text(rig.server.id, None)).count("login:") == 1


async def test_a_guest_killed_behind_our_back_comes_back(rig: Rig) -> None:
    await rig.want()
    await rig.login()
    if isinstance(rig.driver, MemoryDriver):
        rig.driver.crash(rig.server.id)
    else:
        child = Home(rig.state_dir / "servers", rig.server.id, None).child()
        assert child is not None
        os.kill(child.pid, signal.SIGKILL)
        while processes.is_alive(child):
            await asyncio.sleep(0.01)
    found = await rig.driver.find(rig.server.id)
    assert found is not None and (found.power, found.powered_off_by_guest) == ("stopped", False)
    assert (await rig.want()).power == "running"
    await rig.login()


async def test_a_guest_that_shuts_itself_down_is_told_from_one_that_was_killed(rig: Rig) -> None:
    if isinstance(rig.driver, MemoryDriver):
        await rig.want()
        rig.driver.power_off_from_inside(rig.server.id)
    else:
        script = "IyEvYmluL3NoCnBvd2Vyb2ZmCg=="  # "#!/bin/sh", "poweroff"
        await rig.want(metadata=Metadata(user_data=script))
        async with asyncio.timeout(DEADLINE_S):
            while (await rig.host.settle(rig.server.id, rig.server)).power == "running":
                await asyncio.sleep(0.05)
    seen = await rig.want()
    assert (seen.power, seen.powered_off_by_guest) == ("stopped", True)
    assert (await rig.want(power="stopped")).powered_off_by_guest is False


async def test_deleting_leaves_nothing(rig: Rig) -> None:
    await rig.want()
    child = Home(rig.state_dir / "servers", rig.server.id, None).child()
    assert (await rig.host.settle(rig.server.id, None)).power == "absent"
    await rig.driver.remove(rig.server.id)  # twice is as once
    assert await rig.driver.find(rig.server.id) is None
    if rig.is_real:
        assert child is not None and not processes.is_alive(child)
        assert list((rig.state_dir / "servers").iterdir()) == []
        assert not list(ROOT.glob(f"*/wkts-guests/{rig.server.id}"))


async def test_a_bad_image_is_refused_in_words(rig: Rig) -> None:
    if not rig.is_real:
        pytest.skip("images in memory have no content")
    rig.disk = rig.state_dir / "bad"
    backed = bytearray(b"QFI\xfb\0\0\0\3" + (4096).to_bytes(8) + (11).to_bytes(4) + (16).to_bytes(4) + bytes(1000))
    rig.disk.write_bytes(backed)
    image = msgspec.structs.replace(rig.image, size_bytes=len(backed))
    seen = await rig.host.settle(rig.server.id, msgspec.structs.replace(rig.server, image=image))
    assert seen.error_is_final and "names a backing file" in seen.error
    small = msgspec.structs.replace(rig.server, image=msgspec.structs.replace(image, size_bytes=7))
    seen = await rig.host.settle(rig.server.id, small)
    assert not seen.error_is_final and "instead of 7" in seen.error


async def test_a_disk_too_small_for_its_image_is_refused(rig: Rig, guest_image) -> None:
    if not rig.is_real:
        pytest.skip("images in memory have no size of their own")
    rig.disk = rig.state_dir / "large"
    await processes.run(["qemu-img", "create", "-q", "-f", "qcow2", str(rig.disk), "5G"])
    image = msgspec.structs.replace(rig.image, size_bytes=rig.disk.stat().st_size)
    seen = await rig.host.settle(rig.server.id, msgspec.structs.replace(rig.server, image=image))
    assert seen.error_is_final and seen.error.startswith("Flavor's disk is too small for requested image.")
    with pytest.raises(Hopeless):
        await rig.driver.make_disk(msgspec.structs.replace(rig.server, image=image), rig.host._hands.images.path(image))


def pid_of(rig: Rig) -> int:
    child = Home(rig.state_dir / "servers", rig.server.id, None).child()
    assert child is not None
    return child.pid
