"""Open a tap device in another network namespace, to hand it to a guest."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import struct
import threading
from pathlib import Path

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")

_libc = ctypes.CDLL(None, use_errno=True)


class TapMissing(Exception):
    """There is no such tap, or no such namespace, yet."""


class TapBusy(Exception):
    """Another process holds the tap."""


async def open_tap(namespace: str, name: str) -> int:
    """Return an open descriptor of the persistent tap `name` in `namespace` ("" is the host's own).

    Raises TapMissing where it is not there: opening must not make it, for then it
    would be on no bridge and behind no filter.
    """
    result: list[int | BaseException] = []

    def in_thread() -> None:
        # A namespace belongs to a thread: one that entered another namespace must end, not serve others.
        try:
            result.append(_open(namespace, name))
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=in_thread, name=f"tap-{name}")
    thread.start()
    await asyncio.to_thread(thread.join)
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _open(namespace: str, name: str) -> int:
    if namespace:
        _enter(namespace)
    # Asked in the namespace that this thread is in; /sys shows that of whoever mounted it.
    known = Path("/proc/thread-self/net/dev").read_text()
    if not any(line.split(":")[0].strip() == name for line in known.splitlines()):
        raise TapMissing(f"There is no tap {name} in namespace {namespace or 'of the host'}.")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)
        fcntl.ioctl(fd, TUNSETIFF, request)
        os.set_blocking(fd, False)
    except OSError as error:
        os.close(fd)
        raise TapBusy(f"The tap {name} cannot be opened: {error.strerror}.") from error
    return fd


def _enter(namespace: str) -> None:
    try:
        handle = os.open(NAMESPACES / namespace, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise TapMissing(f"There is no network namespace {namespace}.") from error
    try:
        if _libc.setns(handle, CLONE_NEWNET) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), namespace)
    finally:
        os.close(handle)
