"""Guests in memory: a hypervisor for tests and simulations, thousands in one process.

It does what a real one does to everything that the API can see, at once or after
delays that are asked for, and writes the console log of a guest that boots.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

import msgspec
from msgspec import Struct

from welkin.core.world import World
from welkin.services.compute.driver import PRESS_LAPSES_S, DriverError, Guest, Keep, Tap
from welkin.services.compute.host.wanted import Consoles, Image, Nic, ServerWanted, Snapshot

LINES_MAX = 2000


class Delays(Struct, frozen=True, kw_only=True):
    """How long things take, in seconds."""

    fetch_s: float = 0.0
    disk_s: float = 0.0
    start_s: float = 0.0
    shutdown_s: float = 0.0  # from the power button to the end
    stop_s: float = 0.0


class MemoryGuest(Struct):
    """One guest, and what a real host would keep of it on disk."""

    guest: Guest
    log: list[str]
    pressed_first: float = 0.0
    pressed_last: float = 0.0


class MemoryDriver:
    """One host's guests; a ServerDriver and a ConsoleReader."""

    def __init__(self, world: World, delays: Delays | None = None) -> None:
        self._world, self._delays = world, delays or Delays()
        self._guests: dict[str, MemoryGuest] = {}
        self._files: Path | None = None

    async def find(self, server_id: str) -> Guest | None:
        kept = self._guests.get(server_id)
        if kept is None:
            return None
        if not kept.pressed_first:
            return kept.guest
        now = self._world.monotonic()
        if kept.guest.power == "running" and now - kept.pressed_first >= self._delays.shutdown_s:
            self._go_down(kept)
            return kept.guest
        return msgspec.structs.replace(
            kept.guest,
            shutdown_asked_s_ago=now - kept.pressed_first,
            pressed_s_ago=now - kept.pressed_last,
        )

    async def find_all(self) -> frozenset[str]:
        return frozenset(self._guests)

    async def bases(self) -> frozenset[Path]:
        return frozenset()

    async def make_disk(self, server: ServerWanted, image: Path | None) -> None:
        await self._take(self._delays.disk_s)
        kept = self._guests.setdefault(server.id, MemoryGuest(Guest(power="stopped"), []))
        size_gib = max(server.flavor.disk_gib, 0 if server.image is None else -(-server.image.size_bytes >> 30))
        kept.guest = msgspec.structs.replace(kept.guest, disk_epoch=server.disk_epoch, disk_gib=size_gib)

    async def start(self, server: ServerWanted, taps: dict[str, Tap], rescue: Path | None) -> None:
        kept = self._guest(server.id)
        if kept.guest.power in ("running", "paused"):
            return
        await self._take(self._delays.start_s)
        woken = kept.guest.power == "suspended"
        kept.pressed_first = kept.pressed_last = 0.0
        kept.guest = msgspec.structs.replace(
            kept.guest,
            power="running",
            boot_epoch=server.boot_epoch,
            soft_reboots=server.soft_reboots,
            rescue_epoch=0 if server.rescue is None else server.rescue.epoch,
            vcpus=server.flavor.vcpus,
            ram_mib=server.flavor.ram_mib,
            plugged=frozenset(nic.port_id for nic in server.nics),
            powered_off_by_guest=False,
            consoles=Consoles(serial=f"memory:{server.id}", vnc=f"memory:{server.id}", log=f"memory:{server.id}"),
        )
        if not woken:
            kept.log = _boot_log(server)

    async def stop(self, server_id: str, *, force: bool) -> None:
        kept = self._guests.get(server_id)
        if kept is None:
            return
        if force:
            await self._take(self._delays.stop_s)
            self._go_down(kept)
        elif kept.guest.power == "running":
            now = self._world.monotonic()
            if not kept.pressed_first or now - kept.pressed_last >= PRESS_LAPSES_S:
                kept.pressed_first = now
            kept.pressed_last = now

    async def set_paused(self, server_id: str, *, paused: bool) -> None:
        kept = self._guest(server_id)
        if kept.guest.power not in ("running", "paused"):
            raise DriverError("The guest does not run, so it cannot be paused.")
        kept.guest = msgspec.structs.replace(kept.guest, power="paused" if paused else "running")

    async def suspend(self, server_id: str) -> None:
        kept = self._guest(server_id)
        if kept.guest.power == "suspended":
            return
        if kept.guest.power == "stopped":
            raise DriverError("The guest does not run, so it cannot be suspended.")
        await self._take(self._delays.stop_s)
        kept.guest = msgspec.structs.replace(kept.guest, power="suspended", consoles=Consoles())

    async def plug(self, server_id: str, nic: Nic, tap: Tap) -> None:
        kept = self._guest(server_id)
        kept.guest = msgspec.structs.replace(kept.guest, plugged=kept.guest.plugged | {nic.port_id})

    async def unplug(self, server_id: str, port_id: str) -> None:
        kept = self._guest(server_id)
        kept.guest = msgspec.structs.replace(kept.guest, plugged=kept.guest.plugged - {port_id})

    async def snapshot(self, server_id: str, snapshot: Snapshot) -> Path:
        kept, image_id = self._guest(server_id), snapshot.image_id
        if self._files is None:
            self._files = Path(tempfile.mkdtemp(prefix="welkin-memory-"))
        path = self._files / image_id
        content = f"disk {kept.guest.disk_epoch} of server {server_id}\n".encode().ljust(512, b"\0")
        path.write_bytes(_qcow2_header(kept.guest.disk_gib) + content if snapshot.format == "qcow2" else content)
        kept.guest = msgspec.structs.replace(kept.guest, snapshots=kept.guest.snapshots | {image_id})
        return path

    async def drop_snapshot(self, server_id: str, image_id: str) -> None:
        kept = self._guest(server_id)
        self._drop_file(image_id)
        kept.guest = msgspec.structs.replace(
            kept.guest, snapshots=kept.guest.snapshots - {image_id}, sent=kept.guest.sent | {image_id}
        )

    async def remove(self, server_id: str) -> None:
        kept = self._guests.pop(server_id, None)
        if kept is not None:
            for image_id in kept.guest.snapshots:
                self._drop_file(image_id)

    async def console_text(self, server_id: str, lines_max: int | None) -> str:
        kept = self._guests.get(server_id)
        lines = [] if kept is None else kept.log
        return "".join(f"{line}\n" for line in (lines if lines_max is None else lines[len(lines) - lines_max :]))

    def put(self, server_id: str, guest: Guest) -> None:
        """Place a guest as if it had been found: the past that a simulation starts from."""
        self._guests[server_id] = MemoryGuest(guest, [])

    def power_off_from_inside(self, server_id: str) -> None:
        """Do as a guest that is told to shut down by its own user."""
        kept = self._guest(server_id)
        self._go_down(kept)
        kept.guest = msgspec.structs.replace(kept.guest, powered_off_by_guest=True)

    def crash(self, server_id: str) -> None:
        """Do as a guest whose process is killed from outside."""
        self._go_down(self._guest(server_id))

    def write_console(self, server_id: str, line: str) -> None:
        """Add a line to the console log, as a guest would."""
        kept = self._guest(server_id)
        kept.log.append(line)
        del kept.log[:-LINES_MAX]

    def _go_down(self, kept: MemoryGuest) -> None:
        kept.pressed_first = kept.pressed_last = 0.0
        kept.guest = msgspec.structs.replace(
            kept.guest, power="stopped", plugged=frozenset(), powered_off_by_guest=False, consoles=Consoles()
        )

    def _guest(self, server_id: str) -> MemoryGuest:
        kept = self._guests.get(server_id)
        if kept is None:
            raise DriverError(f"There is nothing of server {server_id} on this host.")
        return kept

    def _drop_file(self, image_id: str) -> None:
        if self._files is not None:
            (self._files / image_id).unlink(missing_ok=True)
            if not any(self._files.iterdir()):
                self._files.rmdir()
                self._files = None

    async def _take(self, seconds: float) -> None:
        if seconds > 0:
            await self._world.sleep(seconds)


class MemoryImages:
    """An image cache that holds only names."""

    def __init__(self, world: World, delays: Delays | None = None) -> None:
        self._world, self._delays = world, delays or Delays()
        self.here: set[str] = set()

    async def has(self, image: Image) -> bool:
        return image.id in self.here

    async def fetch(self, image: Image) -> None:
        if self._delays.fetch_s > 0:
            await self._world.sleep(self._delays.fetch_s)
        self.here.add(image.id)

    def path(self, image: Image) -> Path:
        return Path("/nonexistent") / image.id

    async def prune(self, in_use: frozenset[Path], keep: Keep) -> list[str]:
        return []


def _boot_log(server: ServerWanted) -> list[str]:
    """Write what a small Linux prints while it boots."""
    lines = [
        "SeaBIOS (version memory)",
        "Booting from Hard Disk...",
        "[    0.000000] Linux version 6.1.0 (welkin)",
        f"[    0.000000] Memory: {server.flavor.ram_mib << 10}K available",
        f"[    0.010000] smp: Brought up 1 node, {server.flavor.vcpus} CPUs",
    ]
    lines += [f"[    0.{20 + index:06d}] virtio_net: {nic.mac}" for index, nic in enumerate(server.nics)]
    lines += [f"[    0.1{index:05d}] init: starting service {index}" for index in range(12)]
    return [*lines, "", f"{server.hostname} login: "]


def _qcow2_header(disk_gib: int) -> bytes:
    """Return the first cluster of an empty disk in qcow2, version 2, so that what looks at it knows its format."""
    size, table, cluster_bits = disk_gib << 30, 1 << 16, 16
    fields = (b"QFI\xfb", 2, 0, 0, cluster_bits, size, 0, 0, table, table, 0, 0, 0)
    return struct.pack(">4sIQIIQIIQQIIQ", *fields).ljust(table, b"\0")
