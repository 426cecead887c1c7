"""Guests as QEMU processes that outlive us, spoken to by QMP.

What is found is what counts: the process, its monitor's answers, the files of its home
(`home.py`).  What a process cannot tell, such as for which boot it was started, is
written down before it starts.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct

from welkin.core.world import World
from welkin.services.compute.driver import PRESS_LAPSES_S, DriverError, Guest, Hopeless, NotYet, Tap
from welkin.services.compute.drivers.qemu import consoles, disks, memory
from welkin.services.compute.drivers.qemu.boots import BootQueue
from welkin.services.compute.drivers.qemu.command import ROOT_PORTS, Card, Machine, card_device, command
from welkin.services.compute.drivers.qemu.home import Home, Record, all_ids
from welkin.services.compute.drivers.qemu.monitors import Monitors
from welkin.services.compute.host.metadata import CONFIG_DRIVE_LABEL, config_drive
from welkin.services.compute.host.wanted import Consoles, Nic, SeenPower, ServerWanted, Snapshot
from welkin.tools import iso9660, kvm, processes, qemu_img, taps
from welkin.tools.cgroups import Group, Limits
from welkin.tools.qmp import Qmp

OVERHEAD_MIB = 768  # QEMU's own memory beside the guest's, at the most
KILL_GRACE_S = 3.0
UNPLUG_TIMEOUT_S = 10.0
GROUP_TIMEOUT_S, LOOK_AT_GROUP_S = 10.0, 0.02
LOOK_FOR_TAP_S, LOOK_FOR_TURN_S = 0.05, 0.1
RANDOM_SEED_BYTES = 512
SENT_MAX = 64
HALTED = ("paused", "prelaunch", "postmigrate", "inmigrate", "finish-migrate", "restore-vm")

log = logging.getLogger(__name__)


class QemuOptions(Struct, frozen=True, kw_only=True):
    """How this host runs guests."""

    state_dir: Path
    accelerator: Literal["kvm", "tcg", "probe"] = "tcg"  # probe: KVM if a guest boots under it
    prefix: str = "wk"  # names the control group, so that several clouds can live on one machine
    uid_base: int = 0x20000000  # guests run as users from here on, when we are root
    boots_at_once: int = 0  # 0: as many as there are cores


class QemuDriver:
    """One host's guests; a ServerDriver and a ConsoleReader."""

    def __init__(self, options: QemuOptions, world: World, changed: Callable[[str], None] | None = None) -> None:
        self._options, self._world = options, world
        self._servers = options.state_dir / "servers"
        self._servers.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._monitors = Monitors(world, changed or (lambda server_id: None))
        self._boots = BootQueue(options.boots_at_once or os.cpu_count() or 1, world)
        self._uid_base = options.uid_base if os.geteuid() == 0 else None
        self._locks: dict[str, asyncio.Lock] = {}
        self.group_parent = f"{options.prefix}-guests"

    async def close(self) -> None:
        """Let go of all guests; they run on."""
        await self._monitors.close()
        self._boots.close()

    @asynccontextmanager
    async def _at(self, server_id: str) -> AsyncIterator[Home]:
        """Lend a guest's home to one caller at a time; what tools complain about becomes the driver's error."""
        home = Home(self._servers, str(uuid.UUID(server_id)), self._uid_base)
        async with self._locks.setdefault(server_id, asyncio.Lock()):
            try:
                yield home
            except processes.ToolFailed as error:
                raise DriverError(str(error)) from error
            except qemu_img.BadImage as error:
                raise Hopeless(f"The image cannot be used. {error}") from error

    async def find(self, server_id: str) -> Guest | None:
        async with self._at(server_id) as home:
            if not home.exists():
                self._locks.pop(server_id, None)
                return None
            record = home.read()
            power, plugged = await self._look(home, record)
            return self._guest(home, record, power, plugged)

    def _guest(self, home: Home, record: Record, power: SeenPower, plugged: frozenset[str]) -> Guest:
        now = self._world.now()
        pressed = power == "running" and record.pressed_first > 0
        return Guest(
            power=power,
            disk_epoch=record.disk_epoch if home.root_disk(record.disk_epoch).exists() else 0,
            disk_gib=record.disk_bytes // disks.GIB,
            boot_epoch=record.boot_epoch,
            soft_reboots=record.soft_reboots,
            rescue_epoch=record.rescue_epoch,
            vcpus=record.vcpus,
            ram_mib=record.ram_mib,
            plugged=plugged,
            shutdown_asked_s_ago=now - record.pressed_first if pressed else None,
            pressed_s_ago=now - record.pressed_last if pressed else None,
            powered_off_by_guest=record.powered_off_by_guest,
            snapshots=home.taken_snapshots(),
            sent=frozenset(record.sent),
            consoles=home.consoles() if power in ("running", "paused") else Consoles(log=str(home.console_log)),
        )

    async def _look(self, home: Home, record: Record) -> tuple[SeenPower, frozenset[str]]:
        """Return the guest's power and its cards, burying a process that has done its work."""
        child = home.child()
        if child is None:
            return ("suspended" if home.memory.exists() else "stopped"), frozenset()
        if home.memory.exists():  # it was saved, or was being woken: what is saved counts, until it is gone
            await self._bury(home, child)
            return "suspended", frozenset()
        consoles.trim(home)
        try:
            async with self._monitors.use(home) as qmp:
                status = (await qmp.execute("query-status"))["status"]
                parts = await qmp.execute("qom-list", {"path": "/machine/peripheral"})
        except DriverError as error:
            if not processes.is_alive(child):
                return "stopped", frozenset()
            log.warning("server %s: %s", home.id, error)  # it hangs; what it was told to be is the best we know
            return "running", frozenset(nic.port_id for nic in record.nics)
        if status == "shutdown":
            record.powered_off_by_guest = not record.pressed_first
            home.write(record)
            await self._bury(home, child)
            return "stopped", frozenset()
        plugged = frozenset(part["name"][4:] for part in parts if part["name"].startswith("nic-"))
        return ("paused" if status in HALTED else "running"), plugged

    async def find_all(self) -> frozenset[str]:
        return frozenset(all_ids(self._servers))

    async def bases(self) -> frozenset[Path]:
        found: set[Path] = set()
        for server_id in all_ids(self._servers):
            home = Home(self._servers, server_id, self._uid_base)
            record = home.read()
            if not record.disk_epoch and home.has_disks():
                raise DriverError(
                    f"The record of server {server_id} cannot be read, so what its disk starts from is unknown."
                )
            found |= {Path(base) for base in (record.base, record.rescue_base) if base}
        return frozenset(found)

    async def make_disk(self, server: ServerWanted, image: Path | None) -> None:
        async with self._at(server.id) as home:
            home.make()
            if home.child() is not None:
                raise DriverError("The disk of a running guest cannot be made anew.")
            await disks.make_root(home, home.read(), server, image)

    async def start(self, server: ServerWanted, taps: dict[str, Tap], rescue: Path | None) -> None:
        async with self._at(server.id) as home:
            if home.child() is not None:
                return
            if not self._boots.take(server.id):
                raise NotYet("waiting_to_boot", LOOK_FOR_TURN_S)
            try:
                await self._start(home, server, taps, rescue)
            except BaseException:
                self._boots.leave(server.id)
                raise

    async def _start(self, home: Home, server: ServerWanted, taps: dict[str, Tap], rescue: Path | None) -> None:
        record, wakes = home.read(), home.memory.exists()
        nics = record.nics if wakes else list(server.nics)
        slots = record.slots if wakes else {nic.port_id: place for place, nic in enumerate(nics)}
        if len(nics) > ROOT_PORTS:
            raise Hopeless(f"A server here can have at most {ROOT_PORTS} ports, not {len(nics)}.")
        cards: list[Card] = []
        try:
            for nic in nics:
                cards.append(await _open_card(nic, slots[nic.port_id], taps.get(nic.port_id), may_lead_nowhere=wakes))
            record.nics, record.slots = nics, slots
            if not wakes:
                await self._prepare_boot(home, record, server, rescue)
            record.boot_epoch, record.soft_reboots = server.boot_epoch, server.soft_reboots
            record.pressed_first = record.pressed_last = 0.0
            record.powered_off_by_guest = False
            home.write(record)
            child = await self._launch(home, record, server, cards)
        finally:
            for card in cards:
                if card.fd >= 0:
                    os.close(card.fd)
        self._boots.follow(server.id, child)
        async with self._monitors.use(home) as qmp:  # that it answers is the proof that it started
            if wakes:
                await memory.wake(home, qmp, self._world, paused=record.paused)

    async def _prepare_boot(self, home: Home, record: Record, server: ServerWanted, rescue: Path | None) -> None:
        """Lay out what a boot starts from: config drive, rescue disk, an empty console log."""
        consoles.begin(home)
        record.vcpus, record.ram_mib = server.flavor.vcpus, server.flavor.ram_mib
        record.config_drive, record.paused = server.config_drive, False
        if server.config_drive:
            files = config_drive(server, self._world.secret(RANDOM_SEED_BYTES))
            await iso9660.write(home.config_drive, CONFIG_DRIVE_LABEL, files)
            if home.uid is not None:
                os.chown(home.config_drive, home.uid, home.uid)
        else:
            home.config_drive.unlink(missing_ok=True)
        record.rescue_epoch = 0
        if server.rescue is None:
            home.rescue_disk.unlink(missing_ok=True)
        elif rescue is not None:
            await disks.make_rescue(home, record, rescue)
            record.rescue_epoch = server.rescue.epoch

    async def _launch(self, home: Home, record: Record, server: ServerWanted, cards: list[Card]) -> processes.Child:
        home.drop_sockets()
        machine = Machine(
            id=home.id,
            accelerator=await self._accelerator(),
            vcpus=record.vcpus,
            ram_mib=record.ram_mib,
            disks=disks.disks(home, record),
            cards=tuple(cards),
            monitor=home.monitor,
            serial=home.serial,
            console_log=home.console_log,
            vnc=home.vnc,
            agent=home.agent,
            wakes=home.memory.exists(),
        )
        return await processes.start(
            processes.Launch(
                argv=command(machine),
                record=home.process,
                log=home.qemu_log,
                uid=home.uid,
                keep_fds=tuple(card.fd for card in cards if card.fd >= 0),
                cgroup_files=self._group(home).make(_limits(server)),
            )
        )

    async def stop(self, server_id: str, *, force: bool) -> None:
        async with self._at(server_id) as home:
            if not home.exists():
                return
            record, child = home.read(), home.child()
            if not force:
                await self._press(home, record, child)
                return
            if child is not None:
                await self._bury(home, child)
            home.memory.unlink(missing_ok=True)
            record.pressed_first = record.pressed_last = 0.0
            record.powered_off_by_guest = False
            home.write(record)

    async def _press(self, home: Home, record: Record, child: processes.Child | None) -> None:
        if child is None:
            return
        now = self._world.now()
        if not record.pressed_first or now - record.pressed_last >= PRESS_LAPSES_S:
            record.pressed_first = now
        record.pressed_last = now
        home.write(record)
        async with self._monitors.use(home) as qmp:
            await qmp.execute("system_powerdown")

    async def set_paused(self, server_id: str, *, paused: bool) -> None:
        async with self._at(server_id) as home, self._monitors.use(home) as qmp:
            await qmp.execute("stop" if paused else "cont")

    async def suspend(self, server_id: str) -> None:
        async with self._at(server_id) as home:
            child = home.child()
            if child is None:
                if home.memory.exists():
                    return
                raise DriverError("The guest does not run, so it cannot be suspended.")
            async with self._monitors.use(home) as qmp:
                await memory.save(home, qmp, self._world)
            await self._bury(home, child)

    async def plug(self, server_id: str, nic: Nic, tap: Tap) -> None:
        async with self._at(server_id) as home:
            record = home.read()
            kept = {port_id: slot for port_id, slot in record.slots.items() if port_id != nic.port_id}
            free = [slot for slot in range(ROOT_PORTS) if slot not in kept.values()]
            if not free:
                raise Hopeless(f"A server here can have at most {ROOT_PORTS} ports.")
            card = await _open_card(nic, free[0], tap)
            record.nics = [each for each in record.nics if each.port_id != nic.port_id] + [nic]
            record.slots = kept | {nic.port_id: card.slot}
            home.write(record)
            try:
                async with self._monitors.use(home) as qmp:
                    await _plug(qmp, card)
            finally:
                os.close(card.fd)

    async def unplug(self, server_id: str, port_id: str) -> None:
        async with self._at(server_id) as home:
            async with self._monitors.use(home) as qmp:
                await _unplug(qmp, port_id)
            record = home.read()
            record.nics = [nic for nic in record.nics if nic.port_id != port_id]
            record.slots.pop(port_id, None)
            home.write(record)

    async def snapshot(self, server_id: str, snapshot: Snapshot) -> Path:
        async with self._at(server_id) as home:
            kept = home.snapshots / str(uuid.UUID(snapshot.image_id))
            if kept.exists():
                return kept
            record, made = home.read(), home.own / "snapshot.qcow2"
            if home.child() is None:
                await disks.copy_stopped(home, record, made)
            else:
                async with self._monitors.use(home) as qmp:
                    await disks.copy_running(home, record, made, qmp, self._world)
            if snapshot.format == "raw":
                made = await disks.as_raw(home, made)
            disks.settle_copy(made, kept, home.uid)
            return kept

    async def drop_snapshot(self, server_id: str, image_id: str) -> None:
        async with self._at(server_id) as home:
            record = home.read()
            record.sent = [*(each for each in record.sent if each != image_id), image_id][-SENT_MAX:]
            home.write(record)
            (home.snapshots / str(uuid.UUID(image_id))).unlink(missing_ok=True)

    async def remove(self, server_id: str) -> None:
        async with self._at(server_id) as home:
            child = home.child()
            if child is not None:
                await self._bury(home, child)
            await self._drop_group(home)
            home.destroy()
        self._locks.pop(server_id, None)

    async def console_text(self, server_id: str, lines_max: int | None) -> str:
        home = Home(self._servers, str(uuid.UUID(server_id)), self._uid_base)
        return consoles.text(home, lines_max)

    async def _bury(self, home: Home, child: processes.Child) -> None:
        """End the process and clear away what it leaves beside the disks."""
        await self._monitors.drop(home.id)
        self._boots.leave(home.id)
        await processes.stop(child, grace_s=KILL_GRACE_S)
        self._group(home).remove()
        home.drop_sockets()

    async def _drop_group(self, home: Home) -> None:
        """Remove the guest's control group; on a busy machine it lives a while longer than its last process."""
        deadline = self._world.monotonic() + GROUP_TIMEOUT_S
        while not self._group(home).remove():
            if self._world.monotonic() > deadline:
                raise DriverError("The control group of the guest cannot be removed: a process is still in it.")
            await self._world.sleep(LOOK_AT_GROUP_S)

    def _group(self, home: Home) -> Group:
        return Group(self.group_parent, home.id)

    async def _accelerator(self) -> Literal["kvm", "tcg"]:
        if self._options.accelerator != "probe":
            return self._options.accelerator
        return (await kvm.accelerator(self._options.state_dir)).name


def _limits(server: ServerWanted) -> Limits:
    """Return what the guest's processes may use; `quota:cpu_*` of the flavor are in microseconds for each vCPU."""
    specs, flavor = server.flavor.extra_specs, server.flavor
    quota_us, period_us = specs.get("quota:cpu_quota", ""), specs.get("quota:cpu_period", "100000")
    quota = None
    if quota_us.isdigit() and period_us.isdigit() and int(period_us):
        quota = int(quota_us) / int(period_us) * flavor.vcpus
    return Limits(cpus=flavor.vcpus, cpu_quota=quota, memory_mib=flavor.ram_mib + OVERHEAD_MIB)


async def _open_card(nic: Nic, slot: int, tap: Tap | None, *, may_lead_nowhere: bool = False) -> Card:
    """Open the tap of a card.  Raises NotYet while the network has not made it."""
    fd = -1
    try:
        if tap is not None:
            fd = await taps.open_tap(tap.namespace, tap.name)
    except (taps.TapMissing, taps.TapBusy) as error:
        if not may_lead_nowhere:
            raise NotYet("waiting_for_network", LOOK_FOR_TAP_S) from error
    return Card(port_id=nic.port_id, mac=nic.mac, mtu=nic.mtu, slot=slot, fd=fd)


async def _plug(qmp: Qmp, card: Card) -> None:
    """Add a card to a running guest; what an earlier attempt left is cleared first."""
    parts = await qmp.execute("qom-list", {"path": "/machine/peripheral"})
    if any(part["name"] == f"nic-{card.port_id}" for part in parts):
        return
    await qmp.execute_if_possible("netdev_del", {"id": f"net-{card.port_id}"})
    await qmp.pass_fd(f"fd-{card.port_id}", card.fd)
    await qmp.execute("netdev_add", {"type": "tap", "id": f"net-{card.port_id}", "fd": f"fd-{card.port_id}"})
    await qmp.execute("device_add", card_device(card))


async def _unplug(qmp: Qmp, port_id: str) -> None:
    """Ask the guest to give a card up, and take it when it has."""
    parts = await qmp.execute("qom-list", {"path": "/machine/peripheral"})
    if any(part["name"] == f"nic-{port_id}" for part in parts):
        device = f"nic-{port_id}"
        async with qmp.expecting("DEVICE_DELETED", lambda data: data.get("device") == device, UNPLUG_TIMEOUT_S):
            await qmp.execute_if_possible("device_del", {"id": device})  # "already being unplugged" is fine
    await qmp.execute_if_possible("netdev_del", {"id": f"net-{port_id}"})
