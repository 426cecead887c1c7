"""Headers that refer to other files are refused before any QEMU opens them; probe guests boot."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from welkin.tools import kvm, processes, qemu_img
from welkin.tools.qemu_img import BadImage, Source


def header(version: int = 3, backing: int = 0, cluster_bits: int = 16, size: int = 1 << 20, features: int = 0) -> bytes:
    fixed = struct.pack(">IIQIIQ", qemu_img.QCOW2_MAGIC, version, backing, 8 if backing else 0, cluster_bits, size)
    return fixed.ljust(72, b"\0") + struct.pack(">Q", features) + bytes(512)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not"),
        (b"raw bytes" * 100, "not"),
        (header(backing=4096), "backing file"),
        (header(features=qemu_img.QCOW2_EXTERNAL_DATA), "external data file"),
        (header(version=9), "version 9"),
        (header(cluster_bits=63), "clusters"),
        (header()[:40], "not"),
    ],
)
def test_a_bad_header_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with pytest.raises(BadImage, match=words):
        qemu_img.virtual_size_bytes(path, "qcow2")


def test_sizes_come_from_the_header(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(header(size=7 << 30))
    assert qemu_img.virtual_size_bytes(path, "qcow2") == 7 << 30
    assert qemu_img.virtual_size_bytes(path, "raw") == path.stat().st_size


@pytest.mark.qemu
async def test_a_copy_takes_the_backing_file_that_it_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    base, secret, disk, copy = (tmp_path / name for name in ("base", "secret", "disk", "copy"))
    base.write_bytes(b"base" * 1024)
    secret.write_bytes(b"leak" * 1024)
    await qemu_img.create_overlay(disk, base, "raw", 4096, uid=None)
    # Whoever broke out of a guest writes another backing file into the header of its disk.
    await processes.run(["qemu-img", "rebase", "-u", "-b", str(secret), "-F", "raw", str(disk)])
    await qemu_img.convert(Source(path=disk, format="qcow2", base=base), copy, "raw", uid=None)
    assert copy.read_bytes() == base.read_bytes()


@pytest.mark.qemu
async def test_the_probe_guest_boots_under_emulation(tmp_path: Path) -> None:
    await kvm.boot_sector("tcg")
    found = await kvm.accelerator(tmp_path)
    assert found.reason
    assert await kvm.accelerator(tmp_path) == found
