"""From what is wanted of a server and what is found of its guest to what to do.  Pure: no clock, no I/O."""

from __future__ import annotations

from msgspec import Struct

from welkin.services.compute.driver import PRESS_LAPSES_S, Guest
from welkin.services.compute.host.wanted import Image, Nic, Progress, ServerWanted, Snapshot

PRESS_AGAIN_S = 5.0  # a guest that is still booting does not hear its power button
LOOK_AT_SHUTDOWN_S = 0.2


class FetchImage(Struct, frozen=True):
    """Bring an image to this host."""

    image: Image


class MakeDisk(Struct, frozen=True):
    """Make the disks of the wanted epoch, or grow them."""


class Start(Struct, frozen=True):
    """Boot, or wake from saved memory."""


class Stop(Struct, frozen=True):
    """Press the power button, or end the guest."""

    force: bool


class SetPaused(Struct, frozen=True):
    """Halt the processors or let them go on."""

    paused: bool


class Suspend(Struct, frozen=True):
    """Save memory to disk and end."""


class Plug(Struct, frozen=True):
    """Add a network card."""

    nic: Nic


class Unplug(Struct, frozen=True):
    """Take a network card out."""

    port_id: str


class TakeSnapshot(Struct, frozen=True):
    """Copy the root disk."""

    snapshot: Snapshot


class SendSnapshot(Struct, frozen=True):
    """Upload a copy that lies ready, then drop it."""

    snapshot: Snapshot


class DropSnapshot(Struct, frozen=True):
    """Drop a copy that nobody wants any more."""

    image_id: str


class Remove(Struct, frozen=True):
    """Destroy everything of the server."""


class Wait(Struct, frozen=True):
    """The guest is doing its part; look again after `seconds`."""

    why: Progress
    seconds: float


Step = (
    FetchImage
    | MakeDisk
    | Start
    | Stop
    | SetPaused
    | Suspend
    | Plug
    | Unplug
    | TakeSnapshot
    | SendSnapshot
    | DropSnapshot
    | Remove
    | Wait
)


class Found(Struct, frozen=True, kw_only=True):
    """What is found on the host that matters to one server."""

    guest: Guest | None
    images_here: frozenset[str] = frozenset()  # ids, of those that the server wants
    failed_snapshots: frozenset[str] = frozenset()  # image ids that are not tried again


def plan(wanted: ServerWanted | None, found: Found) -> Step | None:
    """Return the next step towards `wanted` (None: absent), or None when there is nothing to do."""
    guest = found.guest
    if wanted is None:
        return None if guest is None else Remove()
    if guest is None or guest.disk_epoch != wanted.disk_epoch:
        return _disk(wanted, found)
    step = _snapshot(wanted, guest, found.failed_snapshots)
    if step is not None:
        return step
    if guest.power in ("running", "paused"):
        if _must_end_now(wanted, guest):
            return Stop(force=True)
        if _must_shut_down(wanted, guest):
            return _shut_down(wanted, guest)
        return _adjust(wanted, guest)
    return _down(wanted, guest, found)


def _disk(wanted: ServerWanted, found: Found) -> Step:
    """Make the disk.  The image comes first: a guest is not ended for an image that cannot be had."""
    if wanted.image is not None and wanted.image.id not in found.images_here:
        return FetchImage(wanted.image)
    if found.guest is not None and found.guest.power in ("running", "paused", "suspended"):
        return Stop(force=True)
    return MakeDisk()


def _snapshot(wanted: ServerWanted, guest: Guest, failed: frozenset[str]) -> Step | None:
    asked = {snapshot.image_id for snapshot in wanted.snapshots}
    for image_id in sorted(guest.snapshots - asked):
        return DropSnapshot(image_id)
    for snapshot in wanted.snapshots:
        if snapshot.image_id in guest.sent or snapshot.image_id in failed:
            continue
        if snapshot.image_id in guest.snapshots:
            return SendSnapshot(snapshot)
        return TakeSnapshot(snapshot)
    return None


def _must_end_now(wanted: ServerWanted, guest: Guest) -> bool:
    """A hard reboot is asked for."""
    return guest.boot_epoch != wanted.boot_epoch


def _must_shut_down(wanted: ServerWanted, guest: Guest) -> bool:
    """The guest runs and shall not, or runs as what it shall not be; it may end in peace."""
    return (
        wanted.power == "stopped"
        or guest.soft_reboots != wanted.soft_reboots
        or guest.rescue_epoch != _rescue_epoch(wanted)
        or (guest.vcpus, guest.ram_mib) != (wanted.flavor.vcpus, wanted.flavor.ram_mib)
    )


def _shut_down(wanted: ServerWanted, guest: Guest) -> Step:
    """Press the button, again from time to time, and lose patience at last."""
    asked_s_ago, pressed_s_ago = guest.shutdown_asked_s_ago, guest.pressed_s_ago
    if guest.power == "paused":
        return Stop(force=True)
    if asked_s_ago is None or pressed_s_ago is None or pressed_s_ago >= PRESS_LAPSES_S:
        return Stop(force=False)
    if asked_s_ago >= wanted.shutdown_timeout_s:
        return Stop(force=True)
    return Stop(force=False) if pressed_s_ago >= PRESS_AGAIN_S else Wait("stopping", LOOK_AT_SHUTDOWN_S)


def _adjust(wanted: ServerWanted, guest: Guest) -> Step | None:
    """The guest runs, and may: change what can be changed while it does."""
    ports = {nic.port_id for nic in wanted.nics}
    if guest.power == "running":  # a card comes out with the guest's help only
        for port_id in sorted(guest.plugged - ports):
            return Unplug(port_id)
    for nic in wanted.nics:
        if nic.port_id not in guest.plugged:
            return Plug(nic)
    if wanted.power == "suspended":
        return Suspend()
    paused = wanted.power == "paused"
    return SetPaused(paused) if paused != (guest.power == "paused") else None


def _down(wanted: ServerWanted, guest: Guest, found: Found) -> Step | None:
    """The guest does not run: prepare it, and start it where it shall run."""
    if guest.power == "suspended":
        if wanted.power == "suspended" and not _saved_is_stale(wanted, guest):
            return None
        if wanted.power == "stopped" or _saved_is_stale(wanted, guest):
            return Stop(force=True)
        return Start()
    if guest.disk_gib < wanted.flavor.disk_gib:
        return MakeDisk()
    if wanted.power == "stopped":
        return Stop(force=True) if guest.powered_off_by_guest else None
    if guest.powered_off_by_guest and not _asked_to_boot(wanted, guest):
        return None  # The owner shut it down from inside: that is a wish, too.
    if wanted.rescue is not None and wanted.rescue.image.id not in found.images_here:
        return FetchImage(wanted.rescue.image)
    return Start()


def _saved_is_stale(wanted: ServerWanted, guest: Guest) -> bool:
    """Memory that was saved cannot be woken as another machine, and need not where a boot is asked for."""
    other_size = (guest.vcpus, guest.ram_mib) != (wanted.flavor.vcpus, wanted.flavor.ram_mib)
    return other_size or _asked_to_boot(wanted, guest)


def _asked_to_boot(wanted: ServerWanted, guest: Guest) -> bool:
    """A boot is asked for that the guest has not had."""
    return (
        guest.boot_epoch != wanted.boot_epoch
        or guest.soft_reboots != wanted.soft_reboots
        or guest.rescue_epoch != _rescue_epoch(wanted)
    )


def _rescue_epoch(wanted: ServerWanted) -> int:
    return 0 if wanted.rescue is None else wanted.rescue.epoch
