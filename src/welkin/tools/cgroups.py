"""Limits on processor and memory for children, by control groups of version 1 or 2, whichever is mounted."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec import Struct

ROOT = Path("/sys/fs/cgroup")
CPU_PERIOD_US = 100_000
SHARES_PER_CPU = 1024  # version 1's neutral value
WEIGHT_PER_CPU = 100  # version 2's neutral value


class Limits(Struct, frozen=True, kw_only=True):
    """What a child may use.  None is no limit."""

    cpus: float = 1.0  # its weight against others when processors are short
    cpu_quota: float | None = None  # never more than this many processors
    memory_mib: int | None = None


class Group(Struct, frozen=True):
    """A named group below `parent`, in each hierarchy that limits something."""

    parent: str
    name: str

    def make(self, limits: Limits) -> tuple[Path, ...]:
        """Make the group with these limits; return the files into which a child writes its id.

        Where this machine does not let us (no root, no such controller) that limit is
        left out: a guest without a limit is better than none.
        """
        return self._make_v2(limits) if _is_v2() else self._make_v1(limits)

    def remove(self) -> bool:
        """Remove the group, and say whether it is gone.

        The kernel refuses while a process is in it, and for a moment after the last one has ended.
        """
        for directory in self._directories():
            with contextlib.suppress(OSError):
                directory.rmdir()
        return not any(directory.exists() for directory in self._directories())

    def _directories(self) -> list[Path]:
        roots = [ROOT] if _is_v2() else [ROOT / "cpu", ROOT / "memory"]
        return [root / self.parent / self.name for root in roots]

    def _make_v2(self, limits: Limits) -> tuple[Path, ...]:
        directory = ROOT / self.parent / self.name
        for above in (ROOT, ROOT / self.parent):
            if not _made(above) or not _write(above / "cgroup.subtree_control", "+cpu +memory"):
                return ()
        if not _made(directory):
            return ()
        _write(directory / "cpu.weight", str(max(1, min(10_000, round(limits.cpus * WEIGHT_PER_CPU)))))
        quota = "max" if limits.cpu_quota is None else str(round(limits.cpu_quota * CPU_PERIOD_US))
        _write(directory / "cpu.max", f"{quota} {CPU_PERIOD_US}")
        _write(directory / "memory.max", "max" if limits.memory_mib is None else str(limits.memory_mib << 20))
        return (directory / "cgroup.procs",)

    def _make_v1(self, limits: Limits) -> tuple[Path, ...]:
        cpu, memory = self._directories()
        files = []
        if _made(cpu.parent) and _made(cpu):
            quota = -1 if limits.cpu_quota is None else round(limits.cpu_quota * CPU_PERIOD_US)
            _write(cpu / "cpu.shares", str(max(2, round(limits.cpus * SHARES_PER_CPU))))
            _write(cpu / "cpu.cfs_period_us", str(CPU_PERIOD_US))
            _write(cpu / "cpu.cfs_quota_us", str(quota))
            files.append(cpu / "cgroup.procs")
        if _made(memory.parent) and _made(memory):
            size = -1 if limits.memory_mib is None else limits.memory_mib << 20
            _write(memory / "memory.limit_in_bytes", str(size))
            files.append(memory / "cgroup.procs")
        return tuple(files)


def remove_parent(parent: str) -> None:
    """Remove the group that holds the groups, and those of them that are empty."""
    for root in (ROOT, ROOT / "cpu", ROOT / "memory"):
        for directory in (*(each for each in (root / parent).glob("*") if each.is_dir()), root / parent):
            with contextlib.suppress(OSError):
                directory.rmdir()


def _is_v2() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _made(directory: Path) -> bool:
    if not directory.parent.exists():
        return False
    try:
        directory.mkdir(exist_ok=True)
    except OSError:
        return False
    return True


def _write(path: Path, text: str) -> bool:
    try:
        path.write_text(text)
    except OSError:
        return False
    return True
