"""The console log of a guest: kept small while the guest writes as much as it likes, and read with care."""

from __future__ import annotations

import os

from welkin.services.compute.drivers.qemu.home import Home, open_owned

LOG_BYTES_MAX = 2 << 20
KEPT_BYTES = 256 << 10


def begin(home: Home) -> None:
    """Forget what an earlier boot wrote."""
    home.console_log.unlink(missing_ok=True)
    home.console_old.unlink(missing_ok=True)


def trim(home: Home) -> None:
    """Cut a log that has grown too long: its end is kept aside, and QEMU, which appends, begins anew."""
    try:
        if home.console_log.lstat().st_size <= LOG_BYTES_MAX:
            return
        fd = open_owned(home.console_log, home.uid, os.O_RDWR)
    except OSError:
        return
    try:
        kept = _end(fd)
        home.console_old.write_bytes(kept)
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def text(home: Home, lines_max: int | None) -> str:
    """Return the last lines that the guest wrote, at most `lines_max` of them."""
    try:
        fd = open_owned(home.console_log, home.uid, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        found = _end(fd)
    finally:
        os.close(fd)
    if len(found) < KEPT_BYTES and home.console_old.exists():
        found = (home.console_old.read_bytes() + found)[-KEPT_BYTES:]
    whole = found.decode(errors="replace").replace("\r", "")
    if lines_max is None:
        return whole
    lines = whole.splitlines(keepends=True)
    return "".join(lines[max(0, len(lines) - lines_max) :])


def _end(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, KEPT_BYTES, max(0, size - KEPT_BYTES))
