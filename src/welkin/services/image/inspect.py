"""What a file really is, from its own bytes: format, virtual size, and whatever would make it unsafe to use.

Nothing here runs a program or follows a reference; every read is of bounded length.
Sources: the format specifications of QEMU (docs/interop/qcow2), VMware (VMDK 1.1), Microsoft
(VHD, VHDX 1.0), VirtualBox and ECMA-119.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable, Iterator

import msgspec

Read = Callable[[int, int], bytes]
"""Takes an offset and a length, both in bytes; returns less at the end of the file."""

SECTOR_BYTES = 512
DESCRIPTOR_BYTES_MAX = 1 << 20
QCOW2_KNOWN_FEATURES = 0b11111
QCOW2_CORRUPT, QCOW2_DATA_FILE = 1 << 1, 1 << 2
QCOW2_DATA_FILE_NAME = 0x44415441
VMDK_SINGLE_FILE = ("monolithicSparse", "streamOptimized")
VMDK_GRAINS_AT_END = 0xFFFF_FFFF_FFFF_FFFF
VHDX_REGIONS = 192 << 10
VHDX_METADATA = uuid.UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
VHDX_DISK_SIZE = uuid.UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le
VHDX_FILE_PARAMETERS = uuid.UUID("caa16737-fa36-4d43-b3b6-33f0aa44e76b").bytes_le
ISO_DESCRIPTOR = 0x8000
PLAIN = frozenset({"raw", "gpt", "iso", "luks", "vhd"})
"""Formats whose bytes are, or may as well be, a disk as it stands."""
UNINSPECTED = frozenset({"ami", "ari", "aki", "ploop"})


class Found(msgspec.Struct, frozen=True):
    """What a file is.  `faults` are sentences; a file with any of them must not be used."""

    format: str
    virtual_size: int
    """In bytes: what a guest would see."""
    faults: tuple[str, ...] = ()


def inspect(read: Read, size: int) -> Found:
    """Return what a file of `size` bytes is; never raises, whatever the bytes are."""
    found = []
    for look in (_qcow, _qed, _vmdk, _vdi, _vhd, _vhdx, _luks, _ploop, _iso, _gpt):
        try:
            each = look(read, size)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            each = Found(look.__name__.lstrip("_"), size, (f"Its header cannot be read: {error}.",))
        if each is not None:
            found.append(each)
    if not found:
        return Found("raw", size)
    words = {each.format for each in found}
    if len(words) > 1 and not words <= {"iso", "gpt"}:
        return Found(found[0].format, found[0].virtual_size, (f"It is several formats at once: {sorted(words)}.",))
    by_format = {each.format: each for each in found}
    return by_format.get("iso", found[0])


def refusal(found: Found, disk_format: str, *, enforce: bool = True) -> str | None:
    """Return why data cannot be taken for an image of `disk_format`, or None.

    enforce  whether data must be of the format that is claimed; unsafe data is never taken.
    """
    if found.faults:
        return f"The {found.format} data is not safe to use. {' '.join(found.faults)}"
    if not enforce or found.format == disk_format or disk_format in UNINSPECTED:
        return None
    if disk_format == "raw" and found.format in PLAIN:
        return None
    return f"Image disk_format {disk_format} does not match stream data {found.format}"


def _qcow(read: Read, size: int) -> Found | None:
    head = read(0, 104)
    if head[:4] != b"QFI\xfb":
        return None
    version, backing = struct.unpack(">IQ", head[4:16])
    virtual_size = struct.unpack(">Q", head[24:32])[0]
    if version not in (2, 3):
        return Found("qcow2", size, (f"Version {version} of qcow is not supported.",))
    faults = ["It has a backing file."] if backing else []
    extensions_at = 72
    if version == 3:
        features = struct.unpack(">Q", head[72:80])[0]
        extensions_at = struct.unpack(">I", head[100:104])[0]
        faults += _qcow_feature_faults(features)
    if not backing and _names_data_file(read, extensions_at):
        faults.append("It names an external data file.")
    return Found("qcow2", virtual_size, tuple(faults))


def _qcow_feature_faults(features: int) -> list[str]:
    faults = []
    if features & QCOW2_DATA_FILE:
        faults.append("It has an external data file.")
    if features & QCOW2_CORRUPT:
        faults.append("It says of itself that it is corrupt.")
    if features & ~QCOW2_KNOWN_FEATURES:
        faults.append(f"It has unknown incompatible features: {features:#x}.")
    return faults


def _names_data_file(read: Read, offset: int) -> bool:
    if not 72 <= offset <= 4096:
        raise ValueError(f"a header of {offset} bytes")
    for _ in range(64):
        raw = read(offset, 8)
        if len(raw) < 8:
            return False
        kind, length = struct.unpack(">II", raw)
        if kind == 0:
            return False
        if kind == QCOW2_DATA_FILE_NAME:
            return True
        offset += 8 + (length + 7) // 8 * 8
    raise ValueError("too many header extensions")


def _qed(read: Read, size: int) -> Found | None:
    return Found("qed", size, ("The format is not supported.",)) if read(0, 4) == b"QED\0" else None


def _vmdk(read: Read, size: int) -> Found | None:
    head = read(0, SECTOR_BYTES)
    if head[:4] in (b"COWD", b"SESp") or head.lstrip().startswith(b"# Disk DescriptorFile"):
        return Found("vmdk", size, ("Its data is in other files, or of a kind that is not supported.",))
    if head[:4] != b"KDMV":
        return None
    version, capacity, described_at, described = _vmdk_header(head)
    if version not in (1, 2, 3):
        return Found("vmdk", size, (f"Version {version} of vmdk is not supported.",))
    length = min(described * SECTOR_BYTES, DESCRIPTOR_BYTES_MAX)
    text = read(described_at * SECTOR_BYTES, length).rstrip(b"\0").decode("latin-1")
    faults = list(_descriptor_faults(text)) if described_at else ["It has no descriptor."]
    if struct.unpack("<Q", head[56:64])[0] == VMDK_GRAINS_AT_END:
        faults += _footer_faults(read, size, capacity)
    return Found("vmdk", capacity * SECTOR_BYTES, tuple(faults))


def _vmdk_header(head: bytes) -> tuple[int, int, int, int]:
    version = struct.unpack("<I", head[4:8])[0]
    capacity = struct.unpack("<Q", head[12:20])[0]
    described_at, described = struct.unpack("<QQ", head[28:44])
    return version, capacity, described_at, described


def _footer_faults(read: Read, size: int, capacity: int) -> list[str]:
    footer = read(max(0, size - 2 * SECTOR_BYTES), SECTOR_BYTES)
    if footer[:4] != b"KDMV":
        return ["Its footer is missing."]
    _, footer_capacity, described_at, _ = _vmdk_header(footer)
    if footer_capacity != capacity or described_at > size // SECTOR_BYTES:
        return ["Its footer contradicts its header."]
    return []


def _descriptor_faults(text: str) -> Iterator[str]:
    kinds = re.findall(r'^\s*createType\s*=\s*"([^"]*)"', text, re.MULTILINE | re.IGNORECASE)
    if len(kinds) != 1 or kinds[0] not in VMDK_SINGLE_FILE:
        yield f"Its type is {kinds or 'not said'}; only {', '.join(VMDK_SINGLE_FILE)} keep everything in one file."
    extents = re.findall(r"^\s*(?:RW|RDONLY|NOACCESS)\b.*$", text, re.MULTILINE | re.IGNORECASE)
    if len(extents) != 1:
        yield f"It has {len(extents)} extents."
    for extent in extents:
        match = re.fullmatch(r'\s*RW\s+\d+\s+SPARSE\s+"([^"/\\]*)"\s*', extent, re.IGNORECASE)
        if match is None or match.group(1) in (".", ".."):
            yield "An extent is not in the file itself."
    parents = re.findall(r'^\s*parentCID\s*=\s*"?([0-9a-f]+)', text, re.MULTILINE | re.IGNORECASE)
    if any(parent.lower() != "ffffffff" for parent in parents) or "parentFileNameHint" in text:
        yield "It has a parent."


def _vdi(read: Read, _size: int) -> Found | None:
    head = read(0, SECTOR_BYTES)
    if head[0x40:0x44] != struct.pack("<I", 0xBEDA107F):
        return None
    kind = struct.unpack("<I", head[0x4C:0x50])[0]
    virtual_size = struct.unpack("<Q", head[0x170:0x178])[0]
    return Found("vdi", virtual_size, () if kind in (1, 2) else (f"Images of type {kind} have a parent.",))


def _vhd(read: Read, size: int) -> Found | None:
    for offset in (0, max(0, size - SECTOR_BYTES)):
        head = read(offset, SECTOR_BYTES)
        if head[:8] == b"conectix":
            virtual_size = struct.unpack(">Q", head[48:56])[0]
            kind = struct.unpack(">I", head[60:64])[0]
            return Found("vhd", virtual_size, () if kind in (2, 3) else (f"Disks of type {kind} have a parent.",))
    return None


def _vhdx(read: Read, _size: int) -> Found | None:
    if read(0, 8) != b"vhdxfile":
        return None
    regions = read(VHDX_REGIONS, 64 << 10)
    if regions[:4] != b"regi":
        raise ValueError("no table of regions")
    metadata_at = None
    for index in range(min(struct.unpack("<I", regions[8:12])[0], 2047)):
        entry = regions[16 + index * 32 : 48 + index * 32]
        if entry[:16] == VHDX_METADATA:
            metadata_at = struct.unpack("<Q", entry[16:24])[0]
    if metadata_at is None:
        raise ValueError("no metadata")
    items = dict(_vhdx_items(read, metadata_at))
    virtual_size = struct.unpack("<Q", items[VHDX_DISK_SIZE][:8])[0] if VHDX_DISK_SIZE in items else 0
    flags = struct.unpack("<I", items.get(VHDX_FILE_PARAMETERS, bytes(8))[4:8])[0]
    faults = ["It has a parent."] if flags & 2 else []
    if not virtual_size:
        faults.append("It does not say its size.")
    return Found("vhdx", virtual_size, tuple(faults))


def _vhdx_items(read: Read, at: int) -> Iterator[tuple[bytes, bytes]]:
    table = read(at, 64 << 10)
    if table[:8] != b"metadata":
        raise ValueError("no table of metadata")
    for index in range(min(struct.unpack("<H", table[10:12])[0], 2047)):
        entry = table[32 + index * 32 : 64 + index * 32]
        offset = struct.unpack("<I", entry[16:20])[0]
        yield entry[:16], read(at + offset, 8)


def _luks(read: Read, size: int) -> Found | None:
    head = read(0, SECTOR_BYTES)
    if head[:6] != b"LUKS\xba\xbe":
        return None
    version = struct.unpack(">H", head[6:8])[0]
    payload = struct.unpack(">I", head[104:108])[0] * SECTOR_BYTES if version == 1 else 16 << 20
    return Found("luks", max(0, size - payload))


def _ploop(read: Read, size: int) -> Found | None:
    return Found("ploop", size) if read(0, 16) in (b"WithoutFreeSpace", b"WithouFreSpacExt") else None


def _iso(read: Read, size: int) -> Found | None:
    descriptor = read(ISO_DESCRIPTOR, 7)
    return Found("iso", size) if descriptor[1:6] in (b"CD001", b"NSR02", b"NSR03", b"BEA01") else None


def _gpt(read: Read, size: int) -> Found | None:
    head = read(0, SECTOR_BYTES)
    if head[510:512] != b"\x55\xaa":
        return None
    starts_of_entries = head[446:510:16]
    return Found("gpt", size) if all(start in (0x00, 0x80) for start in starts_of_entries) else None
