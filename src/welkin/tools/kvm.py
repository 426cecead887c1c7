"""Find out whether guests may run under KVM here: by booting one.

`/dev/kvm` that opens proves little: on some machines (nested ones above all) guests hang
under it.  So a guest of 512 bytes is booted, and then, where one is given, a real
kernel; only when both end in time is KVM used.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from welkin.tools import processes

PROBE_TIMEOUT_S = 5.0
KERNEL_TIMEOUT_S = 20.0
EXIT_PORT, EXIT_VALUE = 0xF4, 0x10
EXIT_CODE = EXIT_VALUE << 1 | 1  # what QEMU's debug exit device makes of the value
DISK_BYTES = 1 << 20  # the firmware boots from nothing smaller
KVM = Path("/dev/kvm")
QEMU = "qemu-system-x86_64"
KEPT = "accelerator.json"


class Accelerator(Struct, frozen=True, kw_only=True):
    """How guests run here, and why."""

    name: Literal["kvm", "tcg"]
    reason: str
    key: str = ""  # what the answer depends on: it is asked again when this changes


async def accelerator(state_dir: Path, kernel: Path | None = None, initrd: Path | None = None) -> Accelerator:
    """Return how guests shall run, probing once for each boot of this machine; kept in `state_dir`."""
    uid = os.geteuid()
    before = known(state_dir, uid)
    if before is not None:
        return before
    found = msgspec.structs.replace(await probe(kernel, initrd), key=_key(uid))
    _keep(state_dir / KEPT, found)
    return found


def known(state_dir: Path, uid: int) -> Accelerator | None:
    """Return what was found for this user since the machine was started, if anything was; nothing is tried."""
    try:
        found = msgspec.json.decode((state_dir / KEPT).read_bytes(), type=Accelerator)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.key == _key(uid) else None


def _keep(path: Path, found: Accelerator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(found))
    fresh.replace(path)


def _obstacle() -> str:
    """Say what keeps this process from trying KVM at all; empty when nothing does."""
    if not KVM.exists():
        return "This machine has no /dev/kvm."
    if not os.access(KVM, os.R_OK | os.W_OK):
        return "/dev/kvm may not be opened by this user; add the user to the group kvm."
    if os.geteuid() == 0 and not KVM.stat().st_mode & stat.S_IWOTH:
        return "/dev/kvm is for root alone, and guests run as users of their own; `chmod 666 /dev/kvm` lets them."
    return ""


def _key(uid: int) -> str:
    """The machine's boot, whether there is a KVM, and which user asks."""
    return f"{processes.BOOT_ID.read_text().strip()} kvm={KVM.exists()} uid={uid}"


async def probe(kernel: Path | None = None, initrd: Path | None = None) -> Accelerator:
    """Boot probe guests under KVM and say what came of it."""
    obstacle = _obstacle()
    if obstacle:
        return Accelerator(name="tcg", reason=obstacle)
    try:
        await boot_sector("kvm")
    except processes.ToolFailed as error:
        return Accelerator(name="tcg", reason=f"/dev/kvm is there, but a guest does not boot under it: {error}")
    if kernel is not None and initrd is not None:
        try:
            await _boot_kernel(kernel, initrd)
        except processes.ToolFailed as error:
            return Accelerator(name="tcg", reason=f"Under KVM a small guest boots, but not a Linux kernel: {error}")
    return Accelerator(name="kvm", reason="A probe guest booted under KVM.")


async def boot_sector(name: Literal["kvm", "tcg"]) -> None:
    """Boot a guest that does one thing: tell that it runs.  Raises ToolFailed when it does not in time."""
    # mov dx, EXIT_PORT; mov al, EXIT_VALUE; out dx, al; then halt for ever.
    code = bytes([0xBA, EXIT_PORT, 0x00, 0xB0, EXIT_VALUE, 0xEE, 0xF4, 0xEB, 0xFD])
    with tempfile.NamedTemporaryFile(prefix="welkin-probe-") as disk:
        disk.write(code.ljust(510, b"\0") + b"\x55\xaa")
        disk.truncate(DISK_BYTES)
        disk.flush()
        argv = [*_machine(name), "-m", "64", "-device", f"isa-debug-exit,iobase={EXIT_PORT:#x},iosize=1"]
        argv += ["-drive", f"if=none,id=disk,format=raw,readonly=on,file={disk.name}"]
        argv += ["-device", "virtio-blk-pci,drive=disk,bootindex=0"]
        await processes.run(argv, timeout_s=PROBE_TIMEOUT_S, good_codes=(EXIT_CODE,))


async def _boot_kernel(kernel: Path, initrd: Path) -> None:
    """Boot a kernel that finds no program to run, so that it gives up and QEMU ends."""
    append = "console=ttyS0 panic=-1 rdinit=/none root=/dev/none"
    argv = [*_machine("kvm"), "-m", "192", "-no-reboot", "-serial", "stdio"]
    argv += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", append]
    printed = await processes.run(argv, timeout_s=KERNEL_TIMEOUT_S)
    if b"Linux version" not in printed:
        raise processes.ToolFailed("the kernel printed nothing.")


def _machine(name: str) -> list[str]:
    return [QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-accel", name]
