"""Every guest settles, whatever is found, whatever fails and whoever changes their mind.

The judge is `is_as_wanted` and the driver's own diary; neither calls plan().
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from welkin.core.world import World
from welkin.services.compute.driver import DriverError, Guest, Hopeless, NotYet, Tap
from welkin.services.compute.drivers.memory import Delays, MemoryDriver, MemoryImages
from welkin.services.compute.host.plan import Found, Wait, plan
from welkin.services.compute.host.reconcile import Hands, ServerHost
from welkin.services.compute.host.wanted import (
    Flavor,
    Image,
    Nic,
    Rescue,
    ServerSeen,
    ServerWanted,
    Snapshot,
)

SERVER = "6f1f8c58-7b7e-4a0e-9d7a-3f5d2b1c0a99"
IMAGE = Image(id="1b2e2c6e-5a0b-4d5c-8d55-0d6a4f0f7c11", format="qcow2", size_bytes=1 << 20)
RESCUE_IMAGE = Image(id="2c3f3d7f-6b1c-4e6d-9e66-1e7b50108d22", format="qcow2", size_bytes=1 << 20)
PORTS = ("port-a", "port-b", "port-c")


class QuickWorld(World):
    """Time is a number: a sleep takes none."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


class DiaryDriver(MemoryDriver):
    """The memory driver with a diary, that fails on command: before its effect, or after."""

    def __init__(self, world: QuickWorld, delays: Delays | None = None) -> None:
        super().__init__(world, delays)
        self.world = world
        self.diary: list[str] = []
        self.fault_rate = 0.0
        self.made: list[int] = []

    def _roll(self) -> None:
        if self.world.random.random() < self.fault_rate:
            raise self.world.random.choice([DriverError("injected"), TimeoutError(), OSError("injected")])

    async def find(self, server_id):
        self._roll()
        return await super().find(server_id)

    async def _do(self, word, effect, *arguments, **named):
        self._roll()
        self.diary.append(word)
        await effect(*arguments, **named)
        self._roll()

    async def make_disk(self, server, image):
        guest = await MemoryDriver.find(self, server.id)
        assert guest is None or guest.power == "stopped", "a disk was made under a guest that lives"
        if guest is None or guest.disk_epoch != server.disk_epoch:
            self.made.append(server.disk_epoch)
        await self._do("disk", super().make_disk, server, image)

    async def start(self, server, taps, rescue):
        guest = await MemoryDriver.find(self, server.id)
        assert guest is not None and guest.disk_epoch == server.disk_epoch, "a guest was started from the wrong disk"
        assert guest.power in ("stopped", "suspended"), "a guest was started twice"
        if guest.power == "suspended":
            assert (guest.vcpus, guest.ram_mib) == (server.flavor.vcpus, server.flavor.ram_mib)
        if self.world.random.random() < self.fault_rate:
            raise NotYet("waiting_for_network", 0.05)
        await self._do("start", super().start, server, taps, rescue)

    async def stop(self, server_id, *, force):
        await self._do("kill" if force else "press", super().stop, server_id, force=force)

    async def set_paused(self, server_id, *, paused):
        await self._do("pause" if paused else "unpause", super().set_paused, server_id, paused=paused)

    async def suspend(self, server_id):
        await self._do("suspend", super().suspend, server_id)

    async def plug(self, server_id, nic, tap):
        await self._do("plug", super().plug, server_id, nic, tap)

    async def unplug(self, server_id, port_id):
        guest = await MemoryDriver.find(self, server_id)
        assert guest is not None and guest.power == "running", "only a running guest gives a card up"
        await self._do("unplug", super().unplug, server_id, port_id)

    async def remove(self, server_id):
        await self._do("remove", super().remove, server_id)


async def no_upload(image_id: str, path: Path) -> None:
    """Take the copy, keep nothing."""


def rig(seed: int = 0, delays: Delays | None = None) -> tuple[ServerHost, DiaryDriver, QuickWorld]:
    world = QuickWorld(seed)
    driver = DiaryDriver(world, delays)
    images = MemoryImages(world, delays)
    hands = Hands(driver=driver, images=images, tap_of=lambda port, network: Tap(network, port), send_image=no_upload)
    return ServerHost(hands, world), driver, world


def server(**changes) -> ServerWanted:
    basis = ServerWanted(
        id=SERVER,
        name="one",
        hostname="one",
        project_id="project",
        flavor=Flavor(name="small", vcpus=1, ram_mib=128, disk_gib=1),
        image=IMAGE,
        nics=(Nic(port_id="port-a", network_id="network", mac="fa:16:3e:00:00:01"),),
    )
    return msgspec.structs.replace(basis, **changes)


def mostly(usual: int, most: int) -> st.SearchStrategy[int]:
    """Draw a number that is the usual one half of the time, so that past and wish often agree."""
    return st.just(usual) | st.integers(0 if usual == 0 else 1, most)


nics = st.sets(st.sampled_from(PORTS)).map(
    lambda ports: tuple(Nic(port_id=port, network_id="network", mac="fa:16:3e:00:00:01") for port in sorted(ports))
)
wishes = st.builds(
    lambda power, disk, boot, soft, vcpus, disk_gib, nics, rescue: server(
        power=power,
        disk_epoch=disk,
        boot_epoch=boot,
        soft_reboots=soft,
        flavor=Flavor(name="f", vcpus=vcpus, ram_mib=128 * vcpus, disk_gib=disk_gib),
        nics=nics,
        rescue=Rescue(image=RESCUE_IMAGE, epoch=rescue) if rescue else None,
    ),
    st.sampled_from(["running", "stopped", "paused", "suspended"]),
    mostly(1, 2),
    mostly(1, 2),
    mostly(0, 1),
    mostly(1, 2),
    st.integers(1, 3),
    nics,
    mostly(0, 2),
)
pasts = st.none() | st.builds(
    lambda power, disk, boot, soft, vcpus, disk_gib, ports, rescue, off: Guest(
        power=power,
        disk_epoch=disk,
        disk_gib=disk_gib,
        boot_epoch=boot,
        soft_reboots=soft,
        rescue_epoch=rescue,
        vcpus=vcpus,
        ram_mib=128 * vcpus,
        plugged=frozenset(ports) if power in ("running", "paused") else frozenset(),
        powered_off_by_guest=off and power == "stopped",
    ),
    st.sampled_from(["running", "stopped", "paused", "suspended"]),
    mostly(1, 2),
    mostly(1, 2),
    mostly(0, 1),
    mostly(1, 2),
    st.integers(0, 3),
    st.sets(st.sampled_from(PORTS)),
    mostly(0, 2),
    st.booleans(),
)


def is_as_wanted(wanted: ServerWanted | None, guest: Guest | None) -> bool:
    """Say whether a guest is what its owner asked for, by the words of the interface alone."""
    if wanted is None or guest is None:
        return wanted is None and guest is None
    if guest.disk_epoch != wanted.disk_epoch:
        return False
    counters = (guest.boot_epoch, guest.soft_reboots, guest.rescue_epoch)
    asked = (wanted.boot_epoch, wanted.soft_reboots, wanted.rescue.epoch if wanted.rescue else 0)
    if guest.powered_off_by_guest and guest.power == "stopped" and wanted.power != "stopped":
        return counters == asked  # its owner shut it down from inside, after everything asked for was done
    if guest.power != wanted.power or (guest.power == "stopped" and guest.powered_off_by_guest):
        return False
    if guest.power == "stopped":
        return guest.disk_gib >= wanted.flavor.disk_gib
    same_size = (guest.vcpus, guest.ram_mib) == (wanted.flavor.vcpus, wanted.flavor.ram_mib)
    if not same_size or counters != asked:
        return False
    if guest.power == "suspended":
        return True  # cards are put right when it wakes
    ports = {nic.port_id for nic in wanted.nics}
    return guest.plugged == ports if guest.power == "running" else guest.plugged >= ports


@given(past=pasts, wish=st.none() | wishes)
@settings(max_examples=600, deadline=None)
def test_from_any_past_a_guest_becomes_what_is_wanted(past: Guest | None, wish: ServerWanted | None) -> None:
    async def story() -> None:
        host, driver, _ = rig()
        if past is not None:
            driver.put(SERVER, past)
        seen = await host.settle(SERVER, wish)
        assert not seen.error
        assert is_as_wanted(wish, await driver.find(SERVER)), (past, wish, driver.diary)
        driver.diary.clear()
        await host.settle(SERVER, wish)
        assert driver.diary == [], "what is as wanted was touched"

    asyncio.run(story())


@given(past=pasts, wish=wishes)
@settings(max_examples=300, deadline=None)
def test_no_disk_is_thrown_away_that_nobody_asked_to(past: Guest | None, wish: ServerWanted) -> None:
    async def story() -> None:
        host, driver, _ = rig()
        if past is not None:
            driver.put(SERVER, past)
        await host.settle(SERVER, wish)
        had = 0 if past is None else past.disk_epoch
        assert driver.made == ([] if had == wish.disk_epoch else [wish.disk_epoch])

    asyncio.run(story())


@given(seed=st.integers(0, 2**32), wanted=st.lists(st.none() | wishes, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_a_guest_settles_whatever_fails_and_whoever_changes_their_mind(seed, wanted) -> None:
    async def story() -> None:
        host, driver, world = rig(seed, Delays(shutdown_s=3.0))
        driver.fault_rate = 0.3
        for wish in wanted:
            for _ in range(world.random.randrange(4)):
                outcome = await host.reconcile(SERVER, wish)
                await world.sleep(outcome.again_s or 0.0)
            if world.random.random() < 0.3 and await MemoryDriver.find(driver, SERVER) is not None:
                world.random.choice([driver.crash, driver.power_off_from_inside])(SERVER)
        driver.fault_rate = 0.0  # the storm ends; one calm stretch must be enough
        await host.settle(SERVER, wanted[-1])
        assert is_as_wanted(wanted[-1], await MemoryDriver.find(driver, SERVER)), driver.diary

    asyncio.run(story())


async def ran(*wishes: ServerWanted | None, delays: Delays | None = None) -> tuple[DiaryDriver, ServerSeen]:
    """Settle one wish after the other; return the driver with the diary of the last."""
    host, driver, _ = rig(delays=delays)
    for wish in wishes:
        driver.diary.clear()
        seen = await host.settle(SERVER, wish)
    return driver, seen


async def test_a_new_server_takes_the_shortest_way() -> None:
    driver, seen = await ran(server())
    assert driver.diary == ["disk", "start"]
    assert (seen.power, seen.settled, seen.plugged) == ("running", True, ("port-a",))


async def test_a_hard_reboot_boots_once_and_asks_nobody() -> None:
    driver, seen = await ran(server(), server(boot_epoch=2))
    assert driver.diary == ["kill", "start"]
    assert seen.boot_epoch == 2


async def test_a_soft_reboot_asks_first() -> None:
    driver, _ = await ran(server(), server(soft_reboots=1), delays=Delays(shutdown_s=2.0))
    assert driver.diary == ["press", "start"]


async def test_a_guest_that_does_not_hear_is_asked_again_and_ended_at_last() -> None:
    driver, seen = await ran(server(), server(power="stopped"), delays=Delays(shutdown_s=1e9))
    assert driver.diary[0] == "press" and driver.diary[-1] == "kill"
    assert 10 <= driver.diary.count("press") <= 13  # every 5 s of 60
    assert seen.power == "stopped"


async def test_patience_begins_anew_with_each_shutdown() -> None:
    host, driver, world = rig(delays=Delays(shutdown_s=1e9))
    await host.settle(SERVER, server())
    await host.reconcile(SERVER, server(power="stopped"))
    await host.settle(SERVER, server())  # changed their mind
    await world.sleep(3600)
    driver.diary.clear()
    await host.reconcile(SERVER, server(power="stopped"))
    assert driver.diary == ["press"]


async def test_a_rebuild_fetches_the_image_before_it_ends_the_guest() -> None:
    host, _, _ = rig()
    await host.settle(SERVER, server())

    async def fails(image: Image) -> None:
        raise Hopeless("There is no such image.")

    host._hands.images.fetch = fails  # type: ignore[method-assign]
    other = msgspec.structs.replace(IMAGE, id=RESCUE_IMAGE.id)
    seen = await host.settle(SERVER, server(disk_epoch=2, image=other))
    assert (seen.power, seen.error, seen.error_is_final) == ("running", "There is no such image.", True)


@given(had=nics, asked=nics, power=st.sampled_from(["running", "paused"]))
@settings(max_examples=60, deadline=None)
def test_cards_come_and_go_without_a_boot(had, asked, power) -> None:
    async def story() -> None:
        host, driver, _ = rig()
        await host.settle(SERVER, server(nics=had, power=power))
        driver.diary.clear()
        await host.settle(SERVER, server(nics=asked, power=power))
        assert is_as_wanted(server(nics=asked, power=power), await driver.find(SERVER))
        assert set(driver.diary) <= {"plug", "unplug"}

    asyncio.run(story())


async def test_a_guest_that_shut_itself_down_stays_down_until_it_is_asked_to_boot() -> None:
    host, driver, _ = rig()
    await host.settle(SERVER, server())
    driver.power_off_from_inside(SERVER)
    seen = await host.settle(SERVER, server())
    assert (seen.power, seen.powered_off_by_guest) == ("stopped", True)
    assert (await host.settle(SERVER, server(boot_epoch=2))).power == "running"


async def test_a_guest_that_is_killed_from_outside_comes_back() -> None:
    host, driver, _ = rig()
    await host.settle(SERVER, server())
    driver.crash(SERVER)
    assert (await host.settle(SERVER, server())).power == "running"


async def test_a_snapshot_is_taken_sent_and_dropped_once() -> None:
    host, driver, _ = rig()
    wish = server(snapshots=(Snapshot(image_id="3d4a4e80-7c2d-4f7e-8f77-2f8c61219e33"),))
    seen = await host.settle(SERVER, wish)
    assert [(each.image_id, each.state) for each in seen.snapshots] == [(wish.snapshots[0].image_id, "sent")]
    assert (await MemoryDriver.find(driver, SERVER)).snapshots == frozenset()


async def test_a_snapshot_that_fails_does_not_stop_the_server() -> None:
    host, driver, _ = rig()

    async def refuse(image_id: str, path: Path) -> None:
        raise OSError("The image is gone.")

    host._hands = msgspec.structs.replace(host._hands, send_image=refuse)
    wish = server(snapshots=(Snapshot(image_id="3d4a4e80-7c2d-4f7e-8f77-2f8c61219e33"),))
    seen = await host.settle(SERVER, wish)
    assert seen.power == "running"
    assert [each.state for each in seen.snapshots] == ["taken", "failed"]
    assert "The image is gone." in seen.snapshots[1].error
    await host.settle(SERVER, server())
    assert (await MemoryDriver.find(driver, SERVER)).snapshots == frozenset()


def test_the_plan_never_waits_for_a_guest_that_is_not_there() -> None:
    for power in ("running", "stopped", "paused", "suspended"):
        step = plan(server(power=power), Found(guest=None, images_here=frozenset({IMAGE.id})))
        assert step is not None and not isinstance(step, Wait)
