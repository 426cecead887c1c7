"""Build the tiny guest from Debian's packages: no mounts, no network in the guest's making, same bytes each time.

The disk has two partitions: a small FAT one with syslinux, kernel and initrd, and the
ext4 root, last, so that it can grow.  The kernel's package is fetched and unpacked,
never installed: building a guest must not change what this machine boots.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

FILES = Path(__file__).parent / "files"
EPOCH = "1700000000"  # every time stamp in the image
UUID = "5e1f4d2a-0c3b-4a7e-9d18-77656c6b696e"
BOOT_MIB, ROOT_MIB = 24, 72

MODULES_TO_BOOT = "virtio_pci virtio_blk virtio_scsi sd_mod ata_piix ata_generic virtio_mmio"
MODULES_IN_ROOT = (
    "virtio_net virtio-rng virtio_console virtio_balloon virtio_mem qemu_fw_cfg button evdev sr_mod isofs vfat "
    "nls_ascii nls_cp437 nls_iso8859-1 nls_utf8 virtiofs vmw_vsock_virtio_transport 8021q overlay xfs"
)
INITRD_APPLETS = "sh mount modprobe findfs switch_root sleep dd printf cat blockdev"
PROGRAMS = (
    "/bin/bash",  # busybox' own shell prefers its applets to programs of the same name, such as ping and nc
    "/usr/sbin/dropbear",
    "/usr/bin/dropbearkey",
    "/usr/sbin/resize2fs",
    "/usr/sbin/mkfs",
    "/usr/sbin/mkfs.ext4",
    "/usr/sbin/mkfs.vfat",
    "/usr/sbin/blkid",
    "/usr/bin/lsblk",
    "/usr/bin/ping",
    "/usr/bin/curl",
    "/usr/bin/socat",
    "/usr/sbin/qemu-ga",
)
LINKS_IN_SBIN = "init poweroff reboot halt getty modprobe ip mdev udhcpc acpid"
KERNEL_ARGUMENTS = "console=tty0 console=ttyS0 root=LABEL=welkin-root rw mitigations=off random.trust_cpu=on"
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/group": "root:x:0:\n",
    "etc/shells": "/bin/sh\n/bin/bash\n",
    "etc/issue": "welkin guest \\n \\l\n",
    "etc/hostname": "welkin-guest\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/profile": "export PATH=/sbin:/bin:/usr/sbin:/usr/bin\n",
    "etc/filesystems": "ext4\nvfat\niso9660\nxfs\n",  # what mount tries; the kernel loads the module of each
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/acpi/PWRF/00000080": "#!/bin/sh\nexec /sbin/poweroff\n",
}
SCRIPTS = {
    "etc/init.d/rcS": "rcS",
    "etc/udhcpc.script": "udhcpc.script",
    "usr/bin/sudo": "sudo",
    "usr/bin/nc": "nc",
    "usr/sbin/chpasswd_file": "chpasswd_file",
}
DIRECTORIES = "usr/bin usr/sbin bin sbin dev proc sys tmp run root/.ssh etc/dropbear var/log var/lib media mnt"


class GuestImage(Struct, frozen=True):
    """What the builder leaves: a bootable disk, and the parts to boot without its boot loader."""

    disk: Path  # qcow2
    kernel: Path
    initrd: Path


class BuildFailed(Exception):
    """A tool that the build needs is missing or did not succeed."""


def build(directory: Path) -> GuestImage:
    """Return the image in `directory`, building it there when this recipe's is not there yet.

    Several processes may ask at once: one builds, the others wait for it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    image = GuestImage(directory / "disk.qcow2", directory / "vmlinuz", directory / "initrd.img")
    stamp, recipe = directory / "recipe", _recipe_hash()
    with _locked(directory / "lock"):
        if stamp.exists() and stamp.read_text() == recipe and image.disk.exists():
            return image
        with tempfile.TemporaryDirectory(dir=directory, prefix="build-") as work:
            _build_in(Path(work), image)
        stamp.write_text(recipe)
    return image


def _recipe_hash() -> str:
    """Name this recipe: its own files and this module."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(FILES.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_in(work: Path, image: GuestImage) -> None:
    kernel = _fetch_kernel(work)
    version = next((kernel / "lib/modules").iterdir()).name
    initrd_tree, root_tree = work / "initrd", work / "root"
    _fill_initrd(initrd_tree, kernel, version)
    _fill_root(root_tree, kernel, version)
    initrd = work / "initrd.img"
    _pack_initrd(initrd_tree, initrd)
    vmlinuz = kernel / f"boot/vmlinuz-{version}"
    disk = _assemble(work, _boot_partition(work, vmlinuz, initrd), _root_partition(work, root_tree))
    finished = work / "disk.qcow2"
    _run("qemu-img", "convert", "-c", "-m", "1", "-O", "qcow2", str(disk), str(finished))
    shutil.copyfile(vmlinuz, image.kernel)
    initrd.replace(image.initrd)
    finished.replace(image.disk)


def _run(*argv: str, stdin: bytes | None = None, cwd: Path | None = None) -> bytes:
    """Run a tool and return what it printed; its complaint becomes the error's text."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    environment |= {"SOURCE_DATE_EPOCH": EPOCH, "E2FSPROGS_FAKE_TIME": EPOCH}
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, cwd=cwd, env=environment, check=False)
    except FileNotFoundError as error:
        raise BuildFailed(f"The guest image needs the program {argv[0]}, which is not installed.") from error
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip()[-2000:]
        raise BuildFailed(f"{argv[0]} ended with {done.returncode}: {complaint}")
    return done.stdout


def _fetch_kernel(work: Path) -> Path:
    """Fetch Debian's kernel for virtual machines and return the unpacked tree."""
    depends = _run("apt-cache", "depends", "linux-image-cloud-amd64").decode()
    match = re.search(r"Depends: (linux-image-\S+)", depends)
    if match is None:
        raise BuildFailed("The package lists know no linux-image-cloud-amd64; run apt-get update.")
    tree = work / "kernel"
    tree.mkdir()
    _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", match[1], cwd=tree)
    package = next(tree.glob("*.deb"))
    _run("dpkg-deb", "-x", str(package), str(tree))
    package.unlink()
    _run("depmod", "-b", str(tree), next((tree / "lib/modules").iterdir()).name)
    return tree


def _fill_initrd(tree: Path, kernel: Path, version: str) -> None:
    for name in ("bin", "dev", "proc", "sys", "newroot", "lib"):
        (tree / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for applet in INITRD_APPLETS.split():
        (tree / "bin" / applet).symlink_to("busybox")
    shutil.copy(FILES / "initrd-init", tree / "init")
    (tree / "init").chmod(0o755)
    _copy_modules(kernel, version, tree, MODULES_TO_BOOT.split())


def _fill_root(tree: Path, kernel: Path, version: str) -> None:
    for name in DIRECTORIES.split():
        (tree / name).mkdir(parents=True, exist_ok=True)
    (tree / "root/.ssh").chmod(0o700)
    (tree / "root").chmod(0o700)
    (tree / "var/run").symlink_to("/run")
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for applet in _run("/bin/busybox", "--list").decode().split():
        if applet not in ("busybox", "nc", "ping", "ping6"):
            (tree / "bin" / applet).symlink_to("/bin/busybox")
    for applet in LINKS_IN_SBIN.split():
        (tree / "sbin" / applet).symlink_to("/bin/busybox")
    for program in PROGRAMS:
        _copy_program(tree, program)
    (tree / "bin/ping").symlink_to("/usr/bin/ping")
    (tree / "bin/ping6").symlink_to("/usr/bin/ping")
    (tree / "bin/nc").symlink_to("/usr/bin/nc")
    for name, text in TEXTS.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tree / "etc/shadow").chmod(0o600)
    (tree / "etc/acpi/PWRF/00000080").chmod(0o755)
    shutil.copy("/etc/mke2fs.conf", tree / "etc/mke2fs.conf")
    shutil.copy(FILES / "inittab", tree / "etc/inittab")
    for name, source in SCRIPTS.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FILES / source, tree / name)
        (tree / name).chmod(0o755)
    _copy_modules(kernel, version, tree, [*MODULES_TO_BOOT.split(), *MODULES_IN_ROOT.split()])


def _copy_program(tree: Path, program: str) -> None:
    """Copy a program of this machine with the libraries that it is linked to."""
    if not Path(program).exists():
        raise BuildFailed(f"The guest image needs {program}, which is not installed.")
    libraries = re.findall(r"(/\S+) \(0x", _run("ldd", program).decode())
    for source in (program, *libraries):
        target = tree / source.lstrip("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(source).resolve(), target)


def _copy_modules(kernel: Path, version: str, tree: Path, names: Iterable[str]) -> None:
    """Copy kernel modules with what they depend on, without what only debuggers read."""
    found: set[str] = set()
    for name in names:
        printed = _run("modprobe", "-d", str(kernel), "-S", version, "--show-depends", name).decode()
        found.update(line.split()[1] for line in printed.splitlines() if line.startswith("insmod "))
    for module in sorted(found):
        relative = Path(module).relative_to(kernel)
        (tree / relative).parent.mkdir(parents=True, exist_ok=True)
        strip = ("--strip-debug", "--remove-section=.BTF", "--remove-section=.note.gnu.build-id")
        _run("objcopy", *strip, module, str(tree / relative))
    directory = tree / "lib/modules" / version
    for name in ("modules.builtin", "modules.order"):
        shutil.copy(kernel / "lib/modules" / version / name, directory / name)
    _run("depmod", "-b", str(tree), version)
    for name in ("symbols", "symbols.bin", "builtin.bin", "builtin.alias.bin", "devname", "order"):
        (directory / f"modules.{name}").unlink(missing_ok=True)


def _paths(tree: Path) -> list[str]:
    """Return every path below `tree`, relative, in one order on every machine."""
    return sorted(str(path.relative_to(tree)) for path in tree.rglob("*"))


def _pack_initrd(tree: Path, output: Path) -> None:
    names = [".", *_paths(tree)]
    for name in reversed(names):
        os.utime(tree / name, (int(EPOCH), int(EPOCH)), follow_symlinks=False)
    listing = "\0".join(names).encode() + b"\0"
    archive = _run("cpio", "-o0", "-H", "newc", "--quiet", "--reproducible", "-R", "0:0", stdin=listing, cwd=tree)
    output.write_bytes(_run("zstd", "-q", "-19", "-c", stdin=archive))


def _boot_partition(work: Path, vmlinuz: Path, initrd: Path) -> Path:
    partition, config = work / "boot.fat", work / "syslinux.cfg"
    lines = ("DEFAULT welkin", "TIMEOUT 0", "PROMPT 0", "LABEL welkin", " KERNEL vmlinuz", " INITRD initrd.img")
    config.write_text("\n".join(lines) + f"\n APPEND {KERNEL_ARGUMENTS}\n")
    _sparse(partition, BOOT_MIB)
    _run("mkfs.fat", "-F", "16", "-n", "BOOT", "-i", "77656c6b", "--invariant", str(partition))
    os.utime(config, (int(EPOCH), int(EPOCH)))
    for source, name in ((vmlinuz, "vmlinuz"), (initrd, "initrd.img"), (config, "syslinux.cfg")):
        os.utime(source, (int(EPOCH), int(EPOCH)))
        _run("mcopy", "-m", "-i", str(partition), str(source), f"::{name}")
    _run("syslinux", "--install", str(partition))
    return partition


def _root_partition(work: Path, tree: Path) -> Path:
    partition = work / "root.ext4"
    _sparse(partition, ROOT_MIB)
    for name in [*reversed(_paths(tree)), "."]:
        os.utime(tree / name, (int(EPOCH), int(EPOCH)), follow_symlinks=False)
    features = "^has_journal,^metadata_csum,resize_inode"
    extended = f"root_owner=0:0,hash_seed={UUID}"
    options = ("-q", "-t", "ext4", "-L", "welkin-root", "-U", UUID, "-O", features, "-E", extended, "-m", "0")
    _run("mke2fs", *options, "-d", str(tree), str(partition))
    _run("debugfs", "-w", "-f", "-", str(partition), stdin=_settle_inodes(tree).encode())
    return partition


def _settle_inodes(tree: Path) -> str:
    """Write debugfs' orders that give every inode the same owner and times on every machine."""
    orders = []
    for name in [".", *_paths(tree)]:
        path = '"/' + ("" if name == "." else name) + '"'
        orders += [f"set_inode_field {path} {field} @{EPOCH}" for field in ("ctime", "atime", "mtime", "crtime")]
        orders += [f"set_inode_field {path} {field} 0" for field in ("uid", "gid", "ctime_extra", "atime_extra")]
    return "\n".join(orders) + "\n"


def _assemble(work: Path, boot: Path, root: Path) -> Path:
    """Lay partition table, boot code and both partitions into one raw disk."""
    disk = work / "disk"
    _sparse(disk, 1 + BOOT_MIB + ROOT_MIB)
    root_start = (1 + BOOT_MIB) * 2048
    table = f"label-id: 0x77656c6b\n2048,{BOOT_MIB * 2048},0x0e,*\n{root_start},,0x83\n"
    _run("sfdisk", "-q", str(disk), stdin=table.encode())
    with disk.open("r+b") as target:
        target.write(Path("/usr/lib/syslinux/mbr/mbr.bin").read_bytes()[:440])
        for partition, start_mib in ((boot, 1), (root, 1 + BOOT_MIB)):
            target.seek(start_mib << 20)
            with partition.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
    return disk


def _sparse(path: Path, size_mib: int) -> None:
    with path.open("wb") as file:
        file.truncate(size_mib << 20)
