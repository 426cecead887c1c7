"""Make the guests of this host what is wanted of them, and report what is seen.

Look, take one step, look again.  Whatever a step raises ends the attempt and becomes
the report's text; the next attempt starts from what it finds.  There is no undo.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec import Struct

from welkin.core.agent import Outcome
from welkin.core.agents import Item
from welkin.core.world import World
from welkin.services.compute.driver import DriverError, Guest, Hopeless, ImageCache, NotYet, ServerDriver, Tap
from welkin.services.compute.host import plan as steps
from welkin.services.compute.host.wanted import Image, Progress, ServerSeen, ServerWanted, Snapshot, SnapshotSeen

STEPS_MAX = 16
"""A new server with pause and snapshot takes seven; more than this means that plan() does not converge."""
FAILED_AGAIN_S = (0.5, 60.0)
"""After a failure: first and longest pause before the next attempt."""

log = logging.getLogger(__name__)

TapOf = Callable[[str, str], Tap]  # (port_id, network_id) -> where the network room puts its tap
SendImage = Callable[[str, Path], Awaitable[None]]  # (image_id, file)
Preparing = steps.FetchImage | steps.MakeDisk | steps.Start
Performed = (
    Preparing
    | steps.Remove
    | steps.Stop
    | steps.SetPaused
    | steps.Suspend
    | steps.Plug
    | steps.Unplug
    | steps.TakeSnapshot
    | steps.SendSnapshot
    | steps.DropSnapshot
)
LONG = (steps.FetchImage, steps.MakeDisk, steps.Suspend, steps.TakeSnapshot, steps.SendSnapshot)
"""Steps that may take minutes and may be given up at any moment: a server that shall go does not wait for them."""
Tell = Callable[[Outcome], None]

PROGRESS: dict[type[Struct], Progress] = {
    steps.FetchImage: "fetching_image",
    steps.MakeDisk: "making_disk",
    steps.Start: "starting",
    steps.Stop: "stopping",
    steps.Suspend: "suspending",
    steps.Plug: "plugging",
    steps.Unplug: "plugging",
    steps.TakeSnapshot: "snapshotting",
    steps.SendSnapshot: "uploading",
    steps.Remove: "deleting",
}


class Hands(Struct, frozen=True, kw_only=True):
    """What the host works with."""

    driver: ServerDriver
    images: ImageCache
    tap_of: TapOf
    send_image: SendImage


class Memory(Struct):
    """What is kept of a server between attempts; all of it may be lost without harm."""

    failures: int = 0
    failed_snapshots: dict[str, str] = msgspec.field(default_factory=dict)  # image id -> why


class ServerHost:
    """The servers of one host."""

    def __init__(self, hands: Hands, world: World) -> None:
        self._hands, self._world = hands, world
        self._memories: dict[str, Memory] = {}
        self._unwanted: set[str] = set()  # that shall go, and that an attempt may still be busy with
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def hurry(self, server_id: str) -> None:
        """Give up what takes long with this server: it shall not be here any more."""
        self._unwanted.add(server_id)
        if server_id in self._under_way:
            self._under_way[server_id].cancel()

    async def reconcile_item(self, item: Item, tell: Tell | None = None) -> Outcome:
        """Reconcile what the agent's watch stream says of one server; `tell` hears of the way there."""
        wanted = None if item.wanted is None else msgspec.convert(item.wanted, ServerWanted, strict=False)
        return await self.reconcile(item.id, wanted, tell)

    async def reconcile(self, server_id: str, wanted: ServerWanted | None, tell: Tell | None = None) -> Outcome:
        """Bring one server as far as it goes now; the outcome says when to look again."""
        memory = self._memories.setdefault(server_id, Memory())
        self._unwanted.discard(server_id)
        _forget_old_failures(memory, wanted)
        guest: Guest | None = None
        try:
            for _ in range(STEPS_MAX):
                guest = await self._hands.driver.find(server_id)
                step = steps.plan(wanted, await self._found(guest, wanted, memory))
                if step is None:
                    return self._settled(server_id, wanted, guest, memory)
                if isinstance(step, steps.Wait):
                    return _waiting(server_id, guest, memory, step.why, step.seconds)
                progress = PROGRESS.get(type(step), "")
                if tell is not None and progress:
                    tell(_waiting(server_id, guest, memory, progress, None))
                if isinstance(step, LONG):
                    await self._long(server_id, self._perform(step, server_id, wanted, memory))
                else:
                    await self._perform(step, server_id, wanted, memory)
        except NotYet as error:
            return _waiting(server_id, guest, memory, error.why, error.again_s)
        except Exception as error:
            return self._failed(server_id, guest, memory, error)
        raise AssertionError(f"server {server_id} does not settle: {wanted} {guest}")

    async def settle(self, server_id: str, wanted: ServerWanted | None, tell: Tell | None = None) -> ServerSeen:
        """Reconcile until nothing is left to do or waiting would not help; for tests and tools."""
        while True:
            outcome = await self.reconcile(server_id, wanted, tell)
            if outcome.again_s is None or outcome.seen.error:
                seen: ServerSeen = outcome.seen
                return seen
            await self._world.sleep(outcome.again_s)

    async def _found(self, guest: Guest | None, wanted: ServerWanted | None, memory: Memory) -> steps.Found:
        here = frozenset([image.id for image in _images(wanted) if await self._hands.images.has(image)])
        return steps.Found(guest=guest, images_here=here, failed_snapshots=frozenset(memory.failed_snapshots))

    async def _long(self, server_id: str, work: Coroutine[None, None, None]) -> None:
        """Do what takes long, unless the server shall go meanwhile.  Raises NotYet when it was given up."""
        task = self._under_way[server_id] = asyncio.create_task(work)
        if server_id in self._unwanted:
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            if server_id not in self._unwanted:
                raise  # we are to stop ourselves
            raise NotYet("deleting", 0.0) from None
        finally:
            del self._under_way[server_id]

    async def _perform(self, step: Performed, server_id: str, wanted: ServerWanted | None, memory: Memory) -> None:
        driver = self._hands.driver
        match step:
            case steps.Remove():
                await driver.remove(server_id)
            case steps.Stop(force):
                await driver.stop(server_id, force=force)
            case steps.SetPaused(paused):
                await driver.set_paused(server_id, paused=paused)
            case steps.Suspend():
                await driver.suspend(server_id)
            case steps.Plug(nic):
                await driver.plug(server_id, nic, self._hands.tap_of(nic.port_id, nic.network_id))
            case steps.Unplug(port_id):
                await driver.unplug(server_id, port_id)
            case steps.DropSnapshot(image_id):
                await driver.drop_snapshot(server_id, image_id)
            case steps.TakeSnapshot(snapshot) | steps.SendSnapshot(snapshot):
                await self._snapshot(step, server_id, snapshot, memory)
            case _:
                assert wanted is not None
                await self._prepare(step, wanted)

    async def _prepare(self, step: Preparing, wanted: ServerWanted) -> None:
        images, driver = self._hands.images, self._hands.driver
        match step:
            case steps.FetchImage(image):
                await images.fetch(image)
            case steps.MakeDisk():
                await driver.make_disk(wanted, None if wanted.image is None else images.path(wanted.image))
            case steps.Start():
                taps = {nic.port_id: self._hands.tap_of(nic.port_id, nic.network_id) for nic in wanted.nics}
                rescue = None if wanted.rescue is None else images.path(wanted.rescue.image)
                await driver.start(wanted, taps, rescue)
            case _:
                assert_never(step)

    async def _snapshot(self, step: steps.Step, server_id: str, snapshot: Snapshot, memory: Memory) -> None:
        """A copy that fails is reported and not tried again: its image is spoilt, and the server goes on."""
        image_id = snapshot.image_id
        try:
            path = await self._hands.driver.snapshot(server_id, snapshot)
            if isinstance(step, steps.SendSnapshot):
                await self._hands.send_image(image_id, path)
                await self._hands.driver.drop_snapshot(server_id, image_id)
        except Exception as error:
            log.warning("snapshot of server %s into image %s failed: %s", server_id, image_id, error)
            memory.failed_snapshots[image_id] = _sentence(error)

    def _settled(self, server_id: str, wanted: ServerWanted | None, guest: Guest | None, memory: Memory) -> Outcome:
        memory.failures = 0
        seen = _seen(server_id, guest, memory)
        if wanted is None:
            self._memories.pop(server_id, None)
        return Outcome(seen=msgspec.structs.replace(seen, settled=True), settled=True, again_s=None)

    def _failed(self, server_id: str, guest: Guest | None, memory: Memory, error: Exception) -> Outcome:
        memory.failures += 1
        if isinstance(error, DriverError):
            log.warning("server %s: %s", server_id, error)
        else:
            log.exception("server %s: a step failed", server_id)
        first, longest = FAILED_AGAIN_S
        pause_s = min(longest, first * float(2 ** min(memory.failures - 1, 10)))
        final = isinstance(error, Hopeless)
        seen = msgspec.structs.replace(_seen(server_id, guest, memory), error=_sentence(error), error_is_final=final)
        return Outcome(seen=seen, settled=final, again_s=longest if final else pause_s)


def _images(wanted: ServerWanted | None) -> list[Image]:
    if wanted is None:
        return []
    images = [] if wanted.image is None else [wanted.image]
    return images if wanted.rescue is None else [*images, wanted.rescue.image]


def _forget_old_failures(memory: Memory, wanted: ServerWanted | None) -> None:
    asked = set() if wanted is None else {snapshot.image_id for snapshot in wanted.snapshots}
    for image_id in set(memory.failed_snapshots) - asked:
        del memory.failed_snapshots[image_id]


def _waiting(server_id: str, guest: Guest | None, memory: Memory, why: Progress, again_s: float | None) -> Outcome:
    seen = msgspec.structs.replace(_seen(server_id, guest, memory), progress=why)
    return Outcome(seen=seen, settled=False, again_s=again_s)


def _sentence(error: Exception) -> str:
    """Return what people read of an error; a bug of ours has a name, too."""
    text = str(error).strip()
    if isinstance(error, DriverError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _seen(server_id: str, guest: Guest | None, memory: Memory) -> ServerSeen:
    failed = [
        SnapshotSeen(image_id=image_id, state="failed", error=why) for image_id, why in memory.failed_snapshots.items()
    ]
    if guest is None:
        return ServerSeen(id=server_id, power="absent", snapshots=tuple(failed))
    taken = [SnapshotSeen(image_id=image_id, state="taken") for image_id in sorted(guest.snapshots - guest.sent)]
    sent = [SnapshotSeen(image_id=image_id, state="sent") for image_id in sorted(guest.sent)]
    return ServerSeen(
        id=server_id,
        power=guest.power,
        powered_off_by_guest=guest.powered_off_by_guest,
        disk_epoch=guest.disk_epoch,
        boot_epoch=guest.boot_epoch,
        soft_reboots=guest.soft_reboots,
        rescue_epoch=guest.rescue_epoch,
        vcpus=guest.vcpus,
        ram_mib=guest.ram_mib,
        disk_gib=guest.disk_gib,
        plugged=tuple(sorted(guest.plugged)),
        snapshots=tuple(taken + sent + failed),
        consoles=guest.consoles,
    )
