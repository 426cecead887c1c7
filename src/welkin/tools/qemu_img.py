"""Disks in files: look at them, make them, copy them, by qemu-img.

Nothing that a file says about itself is trusted.  Formats are always told, a backing
file is always told, and qemu-img runs as a user who may open nothing else, with limits
on memory and time, because a crafted file can make it read long or much.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from welkin.tools import processes

NOBODY = 65534
INFO_TIMEOUT_S = 20.0
COPY_TIMEOUT_S = 3600.0
MEMORY_BYTES_MAX = 1 << 30
CPU_S_MAX = 15
QCOW2_MAGIC = 0x514649FB
QCOW2_EXTERNAL_DATA = 1 << 2  # an incompatible feature: the data lie in another file
_QCOW2_HEADER = struct.Struct(">IIQIIQ")  # magic, version, backing offset and size, cluster bits, size

Format = Literal["qcow2", "raw"]
QEMU_NAMES = {"vhd": "vpc", "iso": "raw", "ami": "raw", "ari": "raw", "aki": "raw"}  # OpenStack's name -> QEMU's


class BadImage(Exception):
    """The file is not what it is said to be, or refers to other files."""


class DiskInfo(Struct, frozen=True, kw_only=True):
    """What qemu-img says of a file."""

    format: str
    virtual_bytes: int
    actual_bytes: int = 0
    backing_file: str = ""
    data_file: str = ""


class Source(Struct, frozen=True, kw_only=True):
    """A disk to read from; its backing file is `base`, whatever its header says."""

    path: Path
    format: str
    base: Path | None = None
    base_format: str = "raw"

    def options(self) -> dict[str, Any]:
        """Return the disk in QEMU's own words, all of them explicit."""
        disk: dict[str, Any] = {"driver": self.format, "file": {"driver": "file", "filename": str(self.path)}}
        if self.format == "qcow2":
            disk["backing"] = None
        if self.base is not None:
            base = Source(path=self.base, format=self.base_format)
            disk["backing"] = base.options()
        return disk


def virtual_size_bytes(path: Path, format: str) -> int:
    """Return a disk's size from its header alone, and refuse one that refers to other files.

    qcow2 and raw only; others go through `info`.  Raises BadImage.
    """
    with path.open("rb") as file:
        head = file.read(80)
        size = os.fstat(file.fileno()).st_size
    if format == "raw":
        return size
    if len(head) < 72 or struct.unpack_from(">I", head)[0] != QCOW2_MAGIC:
        raise BadImage("It is said to be qcow2, but it is not.")
    _, version, backing_offset, _, cluster_bits, virtual_bytes = _QCOW2_HEADER.unpack_from(head)
    if version not in (2, 3) or not 9 <= cluster_bits <= 21:
        raise BadImage(
            f"It is a qcow2 of version {version} with clusters of 2^{cluster_bits} bytes, which nobody writes."
        )
    if backing_offset:
        raise BadImage("It names a backing file.")
    if version == 3 and struct.unpack_from(">Q", head, 72)[0] & QCOW2_EXTERNAL_DATA:
        raise BadImage("It names an external data file.")
    return int(virtual_bytes)


async def info(path: Path, format: str) -> DiskInfo:
    """Look at a file that nobody vouches for, as a user without rights and within limits."""
    name = QEMU_NAMES.get(format, format)
    argv = [*_limited(), "qemu-img", "info", "--output=json", "-U", "-f", name, str(path)]
    try:
        printed = await processes.run(argv, uid=_nobody(), timeout_s=INFO_TIMEOUT_S)
    except processes.ToolFailed as error:
        raise BadImage(f"It cannot be read as {format}: {error}") from error
    found = msgspec.json.decode(printed)
    specific = found.get("format-specific", {}).get("data", {})
    return DiskInfo(
        format=found["format"],
        virtual_bytes=found["virtual-size"],
        actual_bytes=found.get("actual-size", 0),
        backing_file=found.get("backing-filename", ""),
        data_file=specific.get("data-file", "") if isinstance(specific, dict) else "",
    )


async def create(path: Path, size_bytes: int, *, uid: int | None) -> None:
    """Make an empty qcow2 disk, owned by `uid`, in a directory where that user may write."""
    await processes.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), str(size_bytes)], uid=uid)


async def create_overlay(path: Path, base: Path, base_format: str, size_bytes: int, *, uid: int | None) -> None:
    """Make a disk that starts as `base` and keeps only what is written to it.  `base` is not opened."""
    words = ["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", str(base), "-F", base_format]
    await processes.run([*words, str(path), str(size_bytes)], uid=uid)


async def grow(source: Source, size_bytes: int, *, uid: int | None) -> None:
    """Enlarge a disk that is not in use."""
    argv = ["qemu-img", "resize", "-q", _json(source), str(size_bytes)]
    await processes.run(argv, uid=uid)


async def convert(source: Source, target: Path, format: Format, *, uid: int | None, compress: bool = False) -> None:
    """Copy a disk with its backing file into one file that stands alone."""
    words = ["qemu-img", "convert", "-q", "-O", format]
    if compress and format == "qcow2":
        words.append("-c")
    await processes.run([*words, _json(source), str(target)], uid=uid, timeout_s=COPY_TIMEOUT_S)


async def convert_untrusted(path: Path, format: str, target: Path) -> None:
    """Turn an image of another format into qcow2, as a user who may read that one file and no more."""
    name = QEMU_NAMES.get(format, format)
    argv = ["qemu-img", "convert", "-q", "-f", name, "-O", "qcow2", str(path), str(target)]
    try:
        await processes.run([*_limited(cpu_s=600), *argv], uid=_nobody(), timeout_s=COPY_TIMEOUT_S)
    except processes.ToolFailed as error:
        raise BadImage(f"It cannot be read as {format}: {error}") from error


def _json(source: Source) -> str:
    return "json:" + msgspec.json.encode(source.options()).decode()


def _limited(cpu_s: int = CPU_S_MAX) -> list[str]:
    return ["prlimit", f"--as={MEMORY_BYTES_MAX}", f"--cpu={cpu_s}", "--"]


def _nobody() -> int | None:
    return NOBODY if os.geteuid() == 0 else None
