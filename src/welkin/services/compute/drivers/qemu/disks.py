"""A guest's disks: the root over a shared image, ephemeral and swap, the rescue disk, copies for snapshots.

Every file below own/ is made by the guest's own user, so there is never anything to
chown, and nothing that a broken QEMU could have us write to.
"""

from __future__ import annotations

import os
from pathlib import Path

from welkin.core.world import World
from welkin.services.compute.driver import DriverError, Hopeless
from welkin.services.compute.drivers.qemu.command import Disk
from welkin.services.compute.drivers.qemu.home import Home, Record, open_owned
from welkin.services.compute.host.wanted import ServerWanted
from welkin.tools import processes, qemu_img
from welkin.tools.qmp import Qmp

GIB = 1 << 30
JOB_LOOK_EVERY_S = 0.05
JOB_TIMEOUT_S = 3600.0


async def make_root(home: Home, record: Record, server: ServerWanted, image: Path | None) -> None:
    """Make the root disk of the wanted epoch, or grow it, and write down what it became."""
    if record.disk_epoch == server.disk_epoch and home.root_disk(server.disk_epoch).exists():
        await _grow_root(home, record, server)
        return
    size_bytes = _root_bytes(server, image)
    path = home.root_disk(server.disk_epoch)
    path.unlink(missing_ok=True)
    if image is None:
        await qemu_img.create(path, size_bytes, uid=home.uid)
    else:
        await qemu_img.create_overlay(path, image, image.suffix[1:], size_bytes, uid=home.uid)
    await _make_others(home, record, server)
    record.base, record.base_format = ("", "") if image is None else (str(image), image.suffix[1:])
    record.disk_epoch, record.disk_bytes = server.disk_epoch, size_bytes
    home.write(record)
    home.drop_old_disks(server.disk_epoch)


def _root_bytes(server: ServerWanted, image: Path | None) -> int:
    asked = server.flavor.disk_gib * GIB
    if image is None:
        return asked or GIB
    least = qemu_img.virtual_size_bytes(image, image.suffix[1:])
    if asked and least > asked:
        raise Hopeless(
            f"Flavor's disk is too small for requested image. Flavor disk is {asked} bytes, image is {least} bytes."
        )
    return asked or least


async def _grow_root(home: Home, record: Record, server: ServerWanted) -> None:
    asked = server.flavor.disk_gib * GIB
    if asked > record.disk_bytes:
        await qemu_img.grow(root_source(home, record), asked, uid=home.uid)
        record.disk_bytes = asked
        home.write(record)


async def _make_others(home: Home, record: Record, server: ServerWanted) -> None:
    """Make the ephemeral and the swap disk, formatted, as raw files with holes."""
    record.ephemeral, record.swap = server.flavor.ephemeral_gib > 0, server.flavor.swap_mib > 0
    if record.ephemeral:
        path = home.own / "ephemeral.raw"
        await _blank(path, server.flavor.ephemeral_gib * GIB, home.uid)
        await processes.run(["mkfs.ext4", "-q", "-F", "-L", "ephemeral0", str(path)], uid=home.uid)
    if record.swap:
        path = home.own / "swap.raw"
        await _blank(path, server.flavor.swap_mib << 20, home.uid)
        await processes.run(["mkswap", "-q", str(path)], uid=home.uid)


async def _blank(path: Path, size_bytes: int, uid: int | None) -> None:
    path.unlink(missing_ok=True)
    await processes.run(["truncate", "-s", str(size_bytes), str(path)], uid=uid)


async def make_rescue(home: Home, record: Record, image: Path) -> None:
    """Make a fresh disk to rescue from."""
    home.rescue_disk.unlink(missing_ok=True)
    size_bytes = qemu_img.virtual_size_bytes(image, image.suffix[1:])
    await qemu_img.create_overlay(home.rescue_disk, image, image.suffix[1:], size_bytes, uid=home.uid)
    record.rescue_base, record.rescue_format = str(image), image.suffix[1:]


def root_source(home: Home, record: Record) -> qemu_img.Source:
    """Return the root disk with the backing file that we gave it, whatever its header says now."""
    base = Path(record.base) if record.base else None
    path = home.root_disk(record.disk_epoch)
    return qemu_img.Source(path=path, format="qcow2", base=base, base_format=record.base_format)


def disks(home: Home, record: Record) -> tuple[Disk, ...]:
    """Return the disks of the guest in the order that it sees them; the first one boots."""
    root = Disk(node="root", source=root_source(home, record), serial="root", boots=not record.rescue_epoch)
    found = [root]
    if record.rescue_epoch:
        base = Path(record.rescue_base)
        source = qemu_img.Source(path=home.rescue_disk, format="qcow2", base=base, base_format=record.rescue_format)
        found.insert(0, Disk(node="rescue", source=source, serial="rescue", boots=True))
    for name, there in (("ephemeral", record.ephemeral), ("swap", record.swap)):
        if there:
            source = qemu_img.Source(path=home.own / f"{name}.raw", format="raw")
            found.append(Disk(node=name, source=source, serial=name))
    if record.config_drive:
        source = qemu_img.Source(path=home.config_drive, format="raw")
        found.append(Disk(node="config", source=source, serial="config-2", writable=False))
    return tuple(found)


async def copy_stopped(home: Home, record: Record, target: Path) -> None:
    """Copy the root disk of a guest that does not run into one file that stands alone."""
    target.unlink(missing_ok=True)
    await qemu_img.convert(root_source(home, record), target, "qcow2", uid=home.uid, compress=True)


async def copy_running(home: Home, record: Record, target: Path, qmp: Qmp, world: World) -> None:
    """Copy the root disk of a running guest, as it is at this moment, while the guest goes on writing."""
    target.unlink(missing_ok=True)
    await qemu_img.create(target, record.disk_bytes, uid=home.uid)
    for name in ("job-dismiss", "blockdev-del"):  # left by an attempt that did not end
        await _try(qmp, name, {"id": "snapshot"} if name == "job-dismiss" else {"node-name": "snapshot"})
    node = {"driver": "qcow2", "node-name": "snapshot", "file": {"driver": "file", "filename": str(target)}}
    await qmp.execute("blockdev-add", node)
    job = {"job-id": "snapshot", "device": "root", "target": "snapshot", "sync": "full", "compress": True}
    try:
        await qmp.execute("blockdev-backup", {**job, "auto-dismiss": False})
        await _job_done(qmp, world)
    finally:
        await _try(qmp, "job-dismiss", {"id": "snapshot"})
        await _try(qmp, "blockdev-del", {"node-name": "snapshot"})


async def as_raw(home: Home, copy: Path) -> Path:
    """Turn a finished copy into a raw one."""
    raw = copy.with_suffix(".raw")
    raw.unlink(missing_ok=True)
    await qemu_img.convert(qemu_img.Source(path=copy, format="qcow2"), raw, "raw", uid=home.uid)
    copy.unlink()
    return raw


async def _job_done(qmp: Qmp, world: World) -> None:
    deadline = world.monotonic() + JOB_TIMEOUT_S
    while world.monotonic() < deadline:
        found = [job for job in await qmp.execute("query-jobs") if job["id"] == "snapshot"]
        if not found or found[0]["status"] == "concluded":
            if found and found[0].get("error"):
                raise DriverError(f"The copy of the disk failed: {found[0]['error']}")
            return
        await world.sleep(JOB_LOOK_EVERY_S)
    raise DriverError(f"The copy of the disk took longer than {JOB_TIMEOUT_S:g} s.")


async def _try(qmp: Qmp, command: str, arguments: dict[str, str]) -> None:
    """Clean up what may not be there."""
    await qmp.execute_if_possible(command, arguments)


def settle_copy(made: Path, kept: Path, uid: int | None) -> None:
    """Move a finished copy out of the guest's reach, if it is the plain file that it should be."""
    os.close(open_owned(made, uid, os.O_RDONLY))
    kept.parent.mkdir(mode=0o700, exist_ok=True)
    made.replace(kept)
    if uid is not None:
        os.chown(kept, 0, 0, follow_symlinks=False)
