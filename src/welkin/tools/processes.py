"""Children that outlive Welkin: started apart, written down, found again, ended safely.

A child is started in a session of its own, and its record (process id, start time,
the machine's boot) is written by the child itself before it becomes the program.  So
there is no moment in which it runs without a record, and a process id that the system
has given to somebody else is never taken for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
START_TIMEOUT_S = 10.0
STATE_FIELD, START_TIME_FIELD = 0, 19  # of /proc/PID/stat, counted after the command's name

# $1 is the record, $2 the number of cgroup files that follow, then the program.  Its input is the
# pipe's end that tells us: a byte means that the record is written, an end without one that it is not.
_BECOME = """
record=$1 groups=$2; shift 2
while [ "$groups" -gt 0 ]; do echo $$ >"$1" || exit 97; shift; groups=$((groups - 1)); done
read -r stat </proc/$$/stat && read -r boot </proc/sys/kernel/random/boot_id || exit 98
ticks() { shift 21; echo "$1"; }
printf '{"pid":%s,"start_ticks":%s,"boot_id":"%s"}' $$ "$(ticks $stat)" "$boot" >"$record.new" || exit 99
mv "$record.new" "$record" || exit 99
echo >&0
exec "$@" </dev/null
"""


class ToolFailed(Exception):
    """A program could not be started, ended badly, or took too long."""


class Child(Struct, frozen=True):
    """A process that we started, told apart from any other that may get its number."""

    pid: int
    start_ticks: int  # its start, in clock ticks after the machine's boot
    boot_id: str


class Launch(Struct, frozen=True, kw_only=True):
    """How to start a child."""

    argv: Sequence[str]
    record: Path
    log: Path  # what it prints; begun anew
    uid: int | None = None  # an own user without any rights; None: ours
    keep_fds: tuple[int, ...] = ()
    cgroup_files: tuple[Path, ...] = ()  # it writes its id into these before it becomes the program
    directory: Path = Path("/")


async def start(launch: Launch) -> Child:
    """Start the child, or return the one that the record names if it still lives.

    It knows nothing of us: own session, no terminal, no open files but `keep_fds`.
    """
    running = find(launch.record)
    if running is not None:
        return running
    return await asyncio.to_thread(_start, launch)


def _start(launch: Launch) -> Child:
    launch.record.unlink(missing_ok=True)
    argv = ["setsid", "--fork", "/bin/sh", "-c", _BECOME, "start", str(launch.record)]
    argv += [str(len(launch.cgroup_files)), *map(str, launch.cgroup_files)]
    argv += [*as_user(launch.uid), *launch.argv]
    told, tell = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, told)
        with launch.log.open("wb") as log, os.fdopen(tell, "wb") as teller:
            helper = subprocess.run(  # it forks and ends at once
                argv,
                stdin=teller,
                stdout=log,
                stderr=log,
                pass_fds=launch.keep_fds,
                cwd=launch.directory,
                check=False,
            )
        ready, _, _ = select.select([told], [], [], START_TIMEOUT_S)
        child = _read(launch.record) if ready and os.read(told, 1) else None
    if child is None:
        raise ToolFailed(f"{launch.argv[0]} did not start ({helper.returncode}): {tail(launch.log)}")
    return child


def as_user(uid: int | None) -> list[str]:
    """Return the words that run a program as `uid`, without groups and without any way back."""
    if uid is None:
        return []
    words = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"]
    return [*words, "--"]


def find(record: Path) -> Child | None:
    """Return the child of this record if it still lives; it is found again however often we were restarted."""
    child = _read(record)
    return child if child is not None and is_alive(child) else None


def _read(record: Path) -> Child | None:
    try:
        return msgspec.json.decode(record.read_bytes(), type=Child)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def is_alive(child: Child) -> bool:
    """Say whether this very process still runs; a zombie does not."""
    stat = _stat(child.pid)
    if stat is None or BOOT_ID.read_text().strip() != child.boot_id:
        return False
    return stat[STATE_FIELD] not in "ZX" and int(stat[START_TIME_FIELD]) == child.start_ticks


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()  # the command's name may hold anything, even spaces


def cpu_seconds(child: Child) -> float:
    """Return how much processor time the child has used; 0 when it is gone."""
    stat = _stat(child.pid)
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if stat else 0.0


def send_signal(child: Child, number: signal.Signals) -> bool:
    """Send a signal to this very process; False when it is gone.

    The process is held by a descriptor between the look and the signal, so its
    number cannot come to mean another one.
    """
    try:
        handle = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return False
    try:
        if not is_alive(child):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


async def stop(child: Child, *, grace_s: float = 5.0) -> None:
    """Ask the child to end, then end it; return when it is gone."""
    if grace_s > 0 and send_signal(child, signal.SIGTERM) and await _gone_within(child, grace_s):
        return
    if send_signal(child, signal.SIGKILL) and not await _gone_within(child, 30.0):
        raise ToolFailed(f"Process {child.pid} does not end, not even when it is killed.")


async def _gone_within(child: Child, seconds: float) -> bool:
    """Wait for the end without asking again and again: the descriptor of a process is readable when it has ended."""
    try:
        handle = os.pidfd_open(child.pid)
    except ProcessLookupError:
        return True
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    loop.add_reader(handle, lambda: None if ended.done() else ended.set_result(None))
    try:
        if not is_alive(child):
            return True
        await asyncio.wait_for(ended, seconds)
    except TimeoutError:
        return not is_alive(child)
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    return True


def tail(log: Path, size: int = 2000) -> str:
    """Return the end of what a program printed, for an error's text."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""


async def run(
    argv: Sequence[str],
    *,
    uid: int | None = None,
    timeout_s: float = 60.0,
    stdin: bytes = b"",
    good_codes: tuple[int, ...] = (0,),
) -> bytes:
    """Run a program to its end and return what it printed.  Raises ToolFailed, with its complaint."""
    words = [*as_user(uid), *argv]
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            # A pipe that nothing is written to would only give the event loop something to close too late.
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd="/",
        )
    except OSError as error:
        raise ToolFailed(f"{words[0]} could not be started: {error}") from error
    try:
        printed, complaint = await asyncio.wait_for(process.communicate(stdin or None), timeout_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        if isinstance(error, TimeoutError):
            raise ToolFailed(f"{argv[0]} took longer than {timeout_s:g} s.") from error
        raise
    if process.returncode not in good_codes:
        text = complaint.decode(errors="replace").strip()[-2000:]
        raise ToolFailed(f"{argv[0]} ended with {process.returncode}: {text}")
    return printed
