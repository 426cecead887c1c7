"""Network namespaces: make them, list them, and do something inside one.

A namespace belongs to a thread, so whatever is done inside one is done in a thread of
its own that ends afterwards.  The name "" stands for the host's own namespace.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

NAMESPACES = Path("/run/netns")
OWN = Path("/proc/thread-self/ns/net")
HOST = Path("/proc/self/ns/net")  # that of the process, whatever its threads do
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED, MNT_DETACH = 0x1000, 0x4000, 0x100000, 2
LISTEN_BACKLOG = 128

_libc = ctypes.CDLL(None, use_errno=True)

ResultT = TypeVar("ResultT")


class NamespaceMissing(Exception):
    """There is no such namespace."""


def known() -> dict[str, int]:
    """Return every named namespace with the number that the kernel knows it by."""
    device = HOST.stat().st_dev
    found: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(NAMESPACES) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                stat = Path(entry.path).stat()  # not the entry's own, which does not see what is mounted there
                if stat.st_dev == device:
                    found[entry.name] = stat.st_ino
    return found


def create(name: str) -> None:
    """Make the namespace `name`; it is there already where it was made before."""
    if name in known():
        return
    _prepare_directory()
    file = path(name)
    file.touch(mode=0o444)

    def unshare() -> None:
        _check(_libc.unshare(CLONE_NEWNET), name)
        _mount(str(OWN), str(file), MS_BIND)

    in_thread(unshare)


def remove(name: str) -> None:
    """Take away the name; the namespace ends with the last process inside."""
    file = path(name)
    while _libc.umount2(str(file).encode(), MNT_DETACH) == 0:
        pass  # it may have been mounted more than once
    file.unlink(missing_ok=True)


def path(name: str) -> Path:
    """Return the file that stands for a namespace."""
    return NAMESPACES / name if name else HOST


def number_of(pid: int) -> int:
    """Return the number of the namespace that a process is in; 0 when there is no such process."""
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except (FileNotFoundError, ProcessLookupError):
        return 0


def command(name: str, argv: list[str]) -> list[str]:
    """Return the words that run a program inside `name`; it sees everything else as we do."""
    return ["nsenter", f"--net={path(name)}", "--", *argv] if name else argv


def run(name: str, function: Callable[[], ResultT]) -> ResultT:
    """Call `function` inside the namespace and return what it returns.  Raises NamespaceMissing."""
    if not name:
        return function()

    def enter() -> ResultT:
        try:
            handle = os.open(path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NamespaceMissing(f"There is no network namespace {name}.") from error
        try:
            _check(_libc.setns(handle, CLONE_NEWNET), name)
        finally:
            os.close(handle)
        return function()

    return in_thread(enter)


async def inside(name: str, function: Callable[[], ResultT]) -> ResultT:
    """Call `function` inside the namespace, without holding up anything else."""
    return await asyncio.to_thread(run, name, function)


def in_thread(function: Callable[[], ResultT]) -> ResultT:
    """Call `function` in a thread of its own, and wait for it."""
    results: list[ResultT] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=call, name="namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def listen(name: str, address: str, port: int) -> socket.socket:
    """Return a socket that listens inside the namespace; it may be served from anywhere."""

    def listening() -> socket.socket:
        listener = _bound(socket.SOCK_STREAM, address, port)
        listener.listen(LISTEN_BACKLOG)
        return listener

    return await inside(name, listening)


async def datagrams(name: str, address: str, port: int) -> socket.socket:
    """Return a socket for datagrams inside the namespace; it may be served from anywhere."""
    return await inside(name, lambda: _bound(socket.SOCK_DGRAM, address, port))


def _bound(kind: socket.SocketKind, address: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.settimeout(0)
        host, _, link = address.partition("%")  # an address of one link counts only with the link's number
        bound.bind((host, port, 0, socket.if_nametoindex(link)) if link else (host, port))
    except BaseException:
        bound.close()
        raise
    return bound


def sysctls(names: list[str]) -> dict[str, str]:
    """Return the settings of the namespace that the calling thread is in, those that exist."""
    found = {}
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            found[name] = _sysctl(name).read_text().strip()
    return found


def set_sysctls(values: Mapping[str, str]) -> None:
    """Change settings of the namespace that the calling thread is in."""
    for name, value in values.items():
        _sysctl(name).write_text(value)


def link_indexes(names: Iterable[str]) -> dict[str, int]:
    """Return the numbers of links in the calling thread's namespace; 0 for those that are not there."""
    known = {name: index for index, name in socket.if_nameindex()}
    return {name: known.get(name, 0) for name in names}


def _sysctl(name: str) -> Path:
    """Return the file of a setting; it is written with slashes, for names of links may hold dots."""
    return Path("/proc/sys") / name


def _prepare_directory() -> None:
    """Make the directory of names one that is seen in every mount namespace, as iproute2 does."""
    NAMESPACES.mkdir(mode=0o755, parents=True, exist_ok=True)
    where = str(NAMESPACES).encode()
    if _libc.mount(b"", where, b"none", MS_SHARED | MS_REC, None) != 0:
        _mount(str(NAMESPACES), str(NAMESPACES), MS_BIND | MS_REC)
        _check(_libc.mount(b"", where, b"none", MS_SHARED | MS_REC, None), str(NAMESPACES))


def _mount(source: str, target: str, flags: int) -> None:
    _check(_libc.mount(source.encode(), target.encode(), b"none", flags, None), target)


def _check(result: int, subject: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), subject)
