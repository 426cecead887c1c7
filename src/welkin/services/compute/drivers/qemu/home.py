"""A guest's folder on the host: what lies where, who owns it, and what is written down.

    servers/ID/            ours: QEMU may pass through, no more
        guest.json         what was made, and for which of the wanted counters
        process.json       which process runs it
        qemu.log           what QEMU itself says
        config.iso memory snapshots/
        own/               the guest's own user's: disks, sockets, console log

Nothing below own/ is trusted: whoever breaks out of a guest into its QEMU may write there.
"""

from __future__ import annotations

import os
import shutil
import stat
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from welkin.services.compute.host.wanted import Consoles, Nic
from welkin.tools import processes

UIDS = 1 << 24  # so many users, chosen by the server's id


class Record(Struct, kw_only=True, omit_defaults=True):
    """What we wrote down about a guest when we made it."""

    disk_epoch: int = 0
    disk_bytes: int = 0
    base: str = ""  # the image in the cache that the root disk starts from
    base_format: str = ""
    boot_epoch: int = 0
    soft_reboots: int = 0
    rescue_epoch: int = 0
    rescue_base: str = ""
    rescue_format: str = ""
    vcpus: int = 0
    ram_mib: int = 0
    ephemeral: bool = False
    swap: bool = False
    config_drive: bool = False
    nics: list[Nic] = msgspec.field(default_factory=list)  # as last started or plugged
    slots: dict[str, int] = msgspec.field(default_factory=dict)  # port id -> root port
    paused: bool = False  # it was halted before its memory was saved
    pressed_first: float = 0.0  # the power button, seconds since 1970; 0 never
    pressed_last: float = 0.0
    powered_off_by_guest: bool = False
    sent: list[str] = msgspec.field(default_factory=list)  # image ids of snapshots that were uploaded


class Home:
    """The folder of one server's guest."""

    def __init__(self, servers: Path, server_id: str, uid_base: int | None) -> None:
        self.id = server_id
        self.path = servers / server_id
        self.own = self.path / "own"
        self.uid = None if uid_base is None else uid_base + zlib.crc32(server_id.encode()) % UIDS
        self.process = self.path / "process.json"
        self.qemu_log = self.path / "qemu.log"
        self.config_drive = self.path / "config.iso"
        self.memory = self.path / "memory"
        self.snapshots = self.path / "snapshots"
        self.rescue_disk = self.own / "rescue.qcow2"
        self.monitor = self.own / "qmp"
        self.serial = self.own / "serial"
        self.vnc = self.own / "vnc"
        self.agent = self.own / "agent"
        self.console_log = self.own / "console.log"
        self.console_old = self.path / "console.old"
        self._record = self.path / "guest.json"

    def make(self) -> None:
        """Make the folders, with their owners."""
        self.path.mkdir(mode=0o711, exist_ok=True)
        self.own.mkdir(mode=0o700, exist_ok=True)
        if self.uid is not None:
            os.chown(self.own, self.uid, self.uid)

    def exists(self) -> bool:
        """Say whether anything of the server lies here."""
        return self.path.exists()

    def read(self) -> Record:
        """Return what is written down; an empty record where nothing is."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Record)
        except (FileNotFoundError, msgspec.MsgspecError):
            return Record()

    def write(self, record: Record) -> None:
        """Write the record, whole or not at all."""
        fresh = self._record.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(record))
        fresh.replace(self._record)

    def child(self) -> processes.Child | None:
        """Return the guest's process if it lives."""
        return processes.find(self.process)

    def root_disk(self, epoch: int) -> Path:
        """Return the root disk of an epoch."""
        return self.own / f"root-{epoch}.qcow2"

    def has_disks(self) -> bool:
        """Say whether there is any root disk."""
        return self.own.exists() and any(self.own.glob("root-*.qcow2"))

    def drop_old_disks(self, epoch: int) -> None:
        """Destroy root disks of other epochs."""
        for path in self.own.glob("root-*.qcow2"):
            if path != self.root_disk(epoch):
                path.unlink()

    def drop_sockets(self) -> None:
        """Remove the sockets of a process that has ended."""
        for path in (self.monitor, self.serial, self.vnc, self.agent):
            path.unlink(missing_ok=True)

    def consoles(self) -> Consoles:
        """Return where the consoles of the running guest are."""
        return Consoles(serial=str(self.serial), vnc=str(self.vnc), log=str(self.console_log))

    def taken_snapshots(self) -> frozenset[str]:
        """Return the image ids of snapshots that lie ready."""
        return frozenset(path.name for path in self.snapshots.iterdir()) if self.snapshots.exists() else frozenset()

    def destroy(self) -> None:
        """Remove the folder and all below it."""
        shutil.rmtree(self.path, ignore_errors=False) if self.path.exists() else None


def all_ids(servers: Path) -> Iterator[str]:
    """Name every server that has a folder here."""
    if servers.exists():
        yield from (path.name for path in servers.iterdir() if path.is_dir() and _is_id(path.name))


def _is_id(name: str) -> bool:
    """Say whether a folder is called as servers are: nothing else here is ours to touch."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def open_owned(path: Path, uid: int | None, flags: int) -> int:
    """Open a file below own/ as nothing but the plain file of that user that it should be.

    A link, a pipe or somebody else's file raises OSError: QEMU might have put it there.
    """
    fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or (uid is not None and found.st_uid != uid):
        os.close(fd)
        raise OSError(f"{path} is not the plain file that it should be.")
    return fd
