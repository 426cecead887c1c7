"""Keeps the control plane and the agent running: what dies is started again, sooner or later.

It imports nothing of Welkin, so it costs a few megabytes and has next to nothing that could fail.
Guests and their helpers are not its children: they outlive it, and the agent finds them again.
"""

from __future__ import annotations

import contextlib
import ctypes
import select
import signal
import socket
import subprocess
import sys
import time
from types import FrameType

PARTS = ("control", "agent")
PAUSE_S = (0.1, 5.0)
LIVED_WELL_S = 30.0
STOP_TIMEOUT_S = 10.0
PR_SET_PDEATHSIG = 1


class Part:
    """One child, and when to start it again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.due = 0.0
        self.pause_s = PAUSE_S[0]

    def tend(self, now: float) -> None:
        """Notice a death, and start the child when it is due."""
        if self.process is not None and self.process.poll() is not None:
            if now - self.started > LIVED_WELL_S:
                self.pause_s = PAUSE_S[0]
            self.due = now + self.pause_s
            self.pause_s = min(self.pause_s * 2, PAUSE_S[1])
            self.process = None
        if self.process is None and now >= self.due:
            command = [sys.executable, "-m", "welkin", self.name]
            self.process = subprocess.Popen(command, preexec_fn=end_with_parent)
            self.started = now


def end_with_parent() -> None:
    """Have the kernel end this child when the supervisor goes, however it goes."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run() -> None:
    """Supervise until SIGTERM, then stop the children in good order."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)  # noqa: FBT003
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # so that a death ends the wait below
    parts = [Part(name) for name in PARTS]
    while not stopping:
        now = time.monotonic()
        for part in parts:
            part.tend(now)
        pause_s = min((max(0.01, part.due - now) for part in parts if part.process is None), default=None)
        select.select([woken], [], [], pause_s)
        with contextlib.suppress(BlockingIOError):
            woken.recv(4096)
    stop_all(parts)


def stop_all(parts: list[Part]) -> None:
    """Ask every child to stop; end the ones that do not listen."""
    for part in parts:
        if part.process is not None:
            part.process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    for part in parts:
        if part.process is not None:
            try:
                part.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()
