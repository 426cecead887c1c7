"""Hostile images: what qemu-img makes and what no program would make."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.image.conftest import Client, make, put
from welkin.services.image.inspect import Found, inspect, refusal
from welkin.services.image.options import ImageOptions

MIB = 1 << 20
needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img makes the images")


def look(data: bytes) -> Found:
    return inspect(lambda offset, length: data[offset : offset + length], len(data))


def qemu_img(path: Path, kind: str, *options: str, size: str = "8M") -> bytes:
    command = ["qemu-img", "create", "-q", "-f", kind, *options, str(path)]
    subprocess.run([*command, *([size] if size else [])], check=True, capture_output=True)
    return path.read_bytes()


def patched(data: bytes, offset: int, content: bytes) -> bytes:
    return data[:offset] + content + data[offset + len(content) :]


@needs_qemu_img
@pytest.mark.parametrize(
    ("kind", "options", "disk_format"),
    [
        ("raw", (), "raw"),
        ("qcow2", (), "qcow2"),
        ("qcow2", ("-o", "compat=0.10"), "qcow2"),
        ("qcow2", ("-o", "extended_l2=on,cluster_size=128k,compression_type=zlib,lazy_refcounts=on"), "qcow2"),
        ("vmdk", ("-o", "subformat=monolithicSparse"), "vmdk"),
        ("vmdk", ("-o", "subformat=streamOptimized"), "vmdk"),
        ("vdi", (), "vdi"),
        ("vpc", (), "vhd"),
        ("vhdx", (), "vhdx"),
    ],
)
def test_what_is_good_is_taken(tmp_path: Path, kind: str, options: tuple[str, ...], disk_format: str) -> None:
    found = look(qemu_img(tmp_path / "disk", kind, *options))
    assert found.format == disk_format, found
    assert found.faults == ()
    assert 8 * MIB <= found.virtual_size < 9 * MIB
    assert refusal(found, disk_format) is None
    other = "vdi" if disk_format != "vdi" else "qcow2"
    assert refusal(found, other) is not None
    assert refusal(found, other, enforce=False) is None


def backing(path: Path) -> bytes:
    qemu_img(path / "base", "qcow2")
    return qemu_img(path / "disk", "qcow2", "-b", str(path / "base"), "-F", "qcow2", size="")


def passwd(path: Path) -> bytes:
    return qemu_img(path / "disk", "qcow2", "-u", "-b", "/etc/passwd", "-F", "raw")


def data_file(path: Path) -> bytes:
    return qemu_img(path / "disk", "qcow2", "-o", f"data_file={path}/data")


def data_file_without_its_bit(path: Path) -> bytes:
    return patched(data_file(path), 72, struct.pack(">Q", 0))


def unknown_feature(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "qcow2"), 72, struct.pack(">Q", 1 << 40))


def corrupt(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "qcow2"), 72, struct.pack(">Q", 2))


def old_qcow(path: Path) -> bytes:
    return qemu_img(path / "disk", "qcow")


def cut_header(path: Path) -> bytes:
    return qemu_img(path / "disk", "qcow2")[:60]


def long_header(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "qcow2"), 100, struct.pack(">I", 1 << 31))


def flat_vmdk(path: Path) -> bytes:
    return qemu_img(path / "disk", "vmdk", "-o", "subformat=monolithicFlat")


def split_vmdk(path: Path) -> bytes:
    return qemu_img(path / "disk", "vmdk", "-o", "subformat=twoGbMaxExtentSparse")


def vmdk_with(replacement: Callable[[bytes], bytes]) -> Callable[[Path], bytes]:
    def write(path: Path) -> bytes:
        data = qemu_img(path / "disk", "vmdk", "-o", "subformat=monolithicSparse")
        at = struct.unpack("<Q", data[28:36])[0] * 512
        described = data[at : at + 10240].rstrip(b"\0")
        return patched(data, at, replacement(described).ljust(len(described), b"\0"))

    return write


def differencing_vdi(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "vdi"), 0x4C, struct.pack("<I", 4))


def differencing_vhd(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "vpc"), 60, struct.pack(">I", 4))


def two_at_once(path: Path) -> bytes:
    return patched(qemu_img(path / "disk", "qcow2"), 0x8001, b"CD001")


def qed(path: Path) -> bytes:
    return qemu_img(path / "disk", "qed")


@needs_qemu_img
@pytest.mark.parametrize(
    ("write", "disk_format"),
    [
        (backing, "qcow2"),
        (passwd, "qcow2"),
        (data_file, "qcow2"),
        (data_file_without_its_bit, "qcow2"),
        (unknown_feature, "qcow2"),
        (corrupt, "qcow2"),
        (old_qcow, "qcow2"),
        (cut_header, "qcow2"),
        (long_header, "qcow2"),
        (flat_vmdk, "vmdk"),
        (split_vmdk, "vmdk"),
        (vmdk_with(lambda text: text.replace(b"monolithicSparse", b"monolithicFlat")), "vmdk"),
        (vmdk_with(lambda text: text.replace(b'"disk"', b'"/etc/passwd"')), "vmdk"),
        (vmdk_with(lambda text: text.replace(b'SPARSE "disk"', b'FLAT "disk" 0')), "vmdk"),
        (vmdk_with(lambda text: text.replace(b"RW ", b'RW 1 SPARSE "x"\nRW ')), "vmdk"),
        (vmdk_with(lambda text: text.replace(b"parentCID=ffffffff", b"parentCID=12345678")), "vmdk"),
        (differencing_vdi, "vdi"),
        (differencing_vhd, "vhd"),
        (two_at_once, "iso"),
        (two_at_once, "qcow2"),
        (qed, "raw"),
    ],
)  # fmt: skip
async def test_what_is_hostile_is_refused(alice: Client, tmp_path: Path, write, disk_format: str) -> None:
    data = write(tmp_path)
    assert look(data).faults, "whatever the image says that it is"
    image_id = await make(alice, disk_format=disk_format)
    refused = await put(alice, image_id, data)
    assert refused.status_code == 415, refused.text
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    assert (image["status"], image["size"]) == ("queued", None)
    assert (await alice.get(f"/v2/images/{image_id}/file")).status_code == 204


@needs_qemu_img
async def test_a_lie_about_the_format_is_refused(alice: Client, tmp_path: Path, options: ImageOptions) -> None:
    data = qemu_img(tmp_path / "disk", "qcow2")
    lie = await make(alice, disk_format="raw")
    assert (await put(alice, lie, data)).status_code == 415
    assert (await put(alice, await make(alice, disk_format="qcow2"), b"x" * 4096)).status_code == 415
    options.format_enforcement = False
    assert (await put(alice, lie, data)).status_code == 204
    assert (await alice.get(f"/v2/images/{lie}")).json()["virtual_size"] == len(data)
    hostile = passwd(tmp_path)
    assert (await put(alice, await make(alice, disk_format="raw"), hostile)).status_code == 415


@needs_qemu_img
async def test_the_virtual_size_is_recorded(alice: Client, tmp_path: Path) -> None:
    image_id = await make(alice, qemu_img(tmp_path / "disk", "qcow2", size="3G"), disk_format="qcow2")
    assert (await alice.get(f"/v2/images/{image_id}")).json()["virtual_size"] == 3 << 30


@needs_qemu_img
async def test_staged_data_is_looked_at_when_it_is_imported(alice: Client, cloud, tmp_path: Path) -> None:
    image_id = await make(alice, disk_format="qcow2")
    assert (await put(alice, image_id, passwd(tmp_path), "stage")).status_code == 204
    body = {"method": {"name": "glance-direct"}}
    assert (await alice.post(f"/v2/images/{image_id}/import", json=body)).status_code == 202
    await cloud.workers.settle()
    image = (await alice.get(f"/v2/images/{image_id}")).json()
    assert (image["status"], image["size"]) == ("queued", None)
    task = (await alice.get(f"/v2/images/{image_id}/tasks")).json()["tasks"][0]
    assert task["status"] == "failure"
    assert "backing file" in task["message"]


async def test_disks_that_may_be_raw(alice: Client) -> None:
    partitioned = patched(bytes(MIB), 510, b"\x55\xaa")
    disc = patched(bytes(MIB), 0x8001, b"CD001")
    for data in (partitioned, disc, patched(disc, 510, b"\x55\xaa")):
        await make(alice, data, disk_format="raw")
    await make(alice, patched(disc, 510, b"\x55\xaa"), disk_format="iso")
    await make(alice, b"anything", disk_format="aki", container_format="aki")
    assert (await put(alice, await make(alice, disk_format="iso"), bytes(MIB))).status_code == 415


MAGIC = [b"QFI\xfb\0\0\0\3", b"KDMV\1\0\0\0", b"vhdxfile", b"conectix", b"QED\0", b"LUKS\xba\xbe\0\1", b"COWD", b""]


@given(st.sampled_from(MAGIC), st.binary(max_size=2048), st.integers(0, 300_000))
def test_no_bytes_make_it_fail(magic: bytes, rest: bytes, padding: int) -> None:
    found = look(magic + rest + bytes(padding))
    assert found.format
    assert found.virtual_size >= 0
