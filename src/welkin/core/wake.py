"""Hints that something changed, so that nobody has to poll quickly.

A hint names a topic and says nothing else: whoever hears it looks at the rows, which
are the truth.  A hint that is lost costs the time until the next slow look.  Within a
process hints are events; between the processes of one machine they are Unix datagrams.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

DATAGRAM_BYTES_MAX = 4096


class Signal:
    """One listener's ear: set by a hint, cleared when it is waited for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Make the next wait return at once."""
        self._event.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait for a hint, at most `timeout_s`; return whether there was one."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True


class Wakeups:
    """Hints of this process, and by `folder` those of its neighbours on this machine."""

    def __init__(self) -> None:
        self._signals: dict[str, set[Signal]] = defaultdict(set)
        self._socket: socket.socket | None = None
        self._folder: Path | None = None
        self._own: Path | None = None

    def listen(self, topic: str) -> Signal:
        """Return an ear for `topic`; give it back with `leave`."""
        signal = Signal()
        self._signals[topic].add(signal)
        return signal

    def leave(self, topic: str, signal: Signal) -> None:
        """Stop listening."""
        self._signals[topic].discard(signal)
        if not self._signals[topic]:
            del self._signals[topic]

    def hear(self, topic: str) -> None:
        """Set the signals of `topic` in this process."""
        for signal in self._signals.get(topic, ()):
            signal.set()

    def send(self, topics: Iterable[str]) -> None:
        """Tell this process and its neighbours."""
        topics = tuple(topics)
        for topic in topics:
            self.hear(topic)
        if self._socket is not None and self._folder is not None:
            self._tell_neighbours("\n".join(topics).encode()[:DATAGRAM_BYTES_MAX])

    def open(self, folder: Path) -> None:
        """Hear the neighbours that share `folder`, and let them hear us."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._own = folder, folder / f"{os.getpid()}.wake"
        self._own.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.bind(str(self._own))
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Leave the neighbourhood."""
        if self._socket is not None and self._own is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._own.unlink(missing_ok=True)
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(BlockingIOError):
            while True:
                for topic in self._socket.recv(DATAGRAM_BYTES_MAX).decode(errors="replace").split("\n"):
                    self.hear(topic)

    def _tell_neighbours(self, datagram: bytes) -> None:
        assert self._socket is not None and self._folder is not None
        for neighbour in self._folder.glob("*.wake"):
            if neighbour == self._own:
                continue
            try:
                self._socket.sendto(datagram, str(neighbour))
            except ConnectionRefusedError:  # its process is gone
                neighbour.unlink(missing_ok=True)
            except OSError:  # full, or just closing: it looks again by itself
                continue
