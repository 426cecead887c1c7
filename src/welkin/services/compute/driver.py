"""What a hypervisor must be able to do."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from welkin.services.compute.host.wanted import Consoles, Image, Nic, Progress, SeenPower, ServerWanted, Snapshot

PRESS_LAPSES_S = 20.0
"""A power button pressed longer ago was meant for another shutdown: its patience starts anew."""


class DriverError(Exception):
    """A step that did not succeed, told in a sentence for people.  It will be tried again."""


class Hopeless(DriverError):
    """A step that cannot succeed however often it is tried: what is wanted must change first."""


class NotYet(DriverError):
    """Nothing is wrong, but something must come first: a port's tap, or other guests that boot."""

    def __init__(self, why: Progress, again_s: float) -> None:
        super().__init__(why)
        self.why, self.again_s = why, again_s


class Guest(Struct, frozen=True, kw_only=True):
    """A guest as it is found, whoever made it so.

    The epochs say which of the wanted counters it was brought to; they are read from
    what lies on the host, not remembered.
    """

    power: SeenPower
    disk_epoch: int = 0  # 0: it has no root disk
    disk_gib: int = 0
    boot_epoch: int = 0
    soft_reboots: int = 0
    rescue_epoch: int = 0
    vcpus: int = 0
    ram_mib: int = 0
    plugged: frozenset[str] = frozenset()  # ids of ports
    shutdown_asked_s_ago: float | None = None  # since the power button was first pressed
    pressed_s_ago: float | None = None  # since it was last pressed
    powered_off_by_guest: bool = False
    snapshots: frozenset[str] = frozenset()  # image ids of copies that lie ready to be sent
    sent: frozenset[str] = frozenset()  # image ids of copies that were sent
    consoles: Consoles = field(default_factory=Consoles)


class Keep(Struct, frozen=True, kw_only=True):
    """How long and how much is kept of images that no disk starts from.  A negative number sets no limit."""

    unused_s: float
    bytes_max: int


class Tap(Struct, frozen=True):
    """The host's end of a port: a tap device in a network namespace."""

    namespace: str
    name: str


class ServerDriver(Protocol):
    """Guests on one host.

    Every call is safe to repeat: asking twice is the same as asking once.  A call
    that raises may or may not have had its effect; the caller looks again.
    """

    async def find(self, server_id: str) -> Guest | None:
        """Return the guest of this server, or None if nothing at all is left of one."""

    async def find_all(self) -> frozenset[str]:
        """Return the ids of all servers of which this host has anything."""

    async def make_disk(self, server: ServerWanted, image: Path | None) -> None:
        """Make the disks of `server.disk_epoch` from `image`, or grow them to the flavor's size.

        The guest does not run.  Disks of older epochs are destroyed.
        """

    async def start(self, server: ServerWanted, taps: dict[str, Tap], rescue: Path | None) -> None:
        """Boot the guest, or wake it where its memory was saved, with a tap for each port of `server`.

        `rescue` is the image to boot from instead, when one is wanted.  Raises NotYet where a tap is missing.
        """

    async def stop(self, server_id: str, *, force: bool) -> None:
        """Press the power button, upon which the guest may shut down later; or, with `force`, end it now.

        With `force` its saved memory is forgotten, and that it went off by itself.
        """

    async def set_paused(self, server_id: str, *, paused: bool) -> None:
        """Halt the guest's processors, or let them go on."""

    async def suspend(self, server_id: str) -> None:
        """Save the guest's memory to disk and end it."""

    async def plug(self, server_id: str, nic: Nic, tap: Tap) -> None:
        """Add a network card to the running guest."""

    async def unplug(self, server_id: str, port_id: str) -> None:
        """Take the network card of a port out of the running guest."""

    async def snapshot(self, server_id: str, snapshot: Snapshot) -> Path:
        """Copy the root disk, as it is at one moment, into a file that stands alone; return it."""

    async def drop_snapshot(self, server_id: str, image_id: str) -> None:
        """Destroy that copy, and remember that it was sent."""

    async def remove(self, server_id: str) -> None:
        """Destroy everything of this server."""


class DiskReader(Protocol):
    """What the disks of guests need that is not their own."""

    async def bases(self) -> frozenset[Path]:
        """Return the images that disks here start from.  Raises DriverError where that cannot be told for sure."""


class ConsoleReader(Protocol):
    """The text that guests wrote to their first serial port."""

    async def console_text(self, server_id: str, lines_max: int | None) -> str:
        """Return the last `lines_max` lines, or all that is kept."""


class ImageCache(Protocol):
    """Images of this host, each fetched once, shared by all guests."""

    async def has(self, image: Image) -> bool:
        """Say whether the image lies here, checked and ready."""

    async def fetch(self, image: Image) -> None:
        """Bring the image here, compare its hash and look what it is.  Raises Hopeless for a bad one."""

    def path(self, image: Image) -> Path:
        """Return where the image lies once it is here."""

    async def prune(self, in_use: frozenset[Path], keep: Keep) -> list[str]:
        """Drop images that have been of no use for too long, or too many; return the ids of those that went."""
