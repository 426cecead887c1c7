"""dnsmasq inside a namespace: started so that it outlives us, found again, told what is new without a restart."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from welkin.tools import namespaces, processes
from welkin.tools.processes import Launch

FOLDER = "{folder}"
"""What a configuration calls the folder of its files."""
EVERYBODY_MAY_PASS = 0o001


class Told(Struct, frozen=True, kw_only=True):
    """What a server was told: its configuration, and the files that it reads again while it runs."""

    device: str
    device_index: int  # a link made anew needs a server started anew
    options: str
    files: dict[str, str] = {}
    leases: list[tuple[str, str]] = []  # (MAC, address) that may be leased


def told(folder: Path, namespace: str) -> Told | None:
    """Return what the server of this folder was told, if it runs in this very namespace."""
    child = processes.find(_record(folder))
    if child is None or namespaces.number_of(child.pid) != namespaces.known().get(namespace):
        return None
    try:
        return msgspec.json.decode(_told(folder).read_bytes(), type=Told)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


async def serve(folder: Path, namespace: str, wanted: Told) -> None:
    """Start the server, or tell the one that runs what is new.

    A lease of somebody who lost the address would keep it from the next one, so the
    server forgets it; for that it is started anew, as it is for a new configuration.
    """
    before = told(folder, namespace)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    _told(folder).unlink(missing_ok=True)  # until this is done, nobody knows what it was told
    for name, text in wanted.files.items():
        _write(folder / name, text)
    stale = _stale_leases(folder, wanted)
    same = before is not None and (before.options, before.device_index) == (wanted.options, wanted.device_index)
    child = processes.find(_record(folder))
    if same and not stale and child is not None:
        processes.send_signal(child, signal.SIGHUP)
    else:
        await _start(folder, namespace, wanted)
    _write(_told(folder), msgspec.json.encode(wanted).decode())


async def _start(folder: Path, namespace: str, wanted: Told) -> None:
    await stop(folder)
    stale = _stale_leases(folder, wanted)
    if stale:
        kept = [line for line in _leases(folder) if line not in stale]
        _write(folder / "leases", "".join(f"{line}\n" for line in kept))
    user = "user=nobody\ngroup=nogroup\n" if _is_open(folder) else "user=root\ngroup=root\n"
    _write(folder / "dnsmasq.conf", wanted.options.replace(FOLDER, str(folder)) + user)
    argv = ["dnsmasq", f"--conf-file={folder / 'dnsmasq.conf'}", "--pid-file"]
    launch = Launch(argv=namespaces.command(namespace, argv), record=_record(folder), log=folder / "log")
    await processes.start(launch)


async def stop(folder: Path) -> None:
    """End the server of this folder; its leases stay."""
    _told(folder).unlink(missing_ok=True)
    child = processes.find(_record(folder))
    if child is not None:
        await processes.stop(child, grace_s=2.0)
    _record(folder).unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Remove the files of a server that was stopped."""
    shutil.rmtree(folder, ignore_errors=True)


def _stale_leases(folder: Path, wanted: Told) -> set[str]:
    """Return the lines of leases that belong to nobody any more: `expiry MAC address name client`."""
    allowed: Mapping[str, str] = {address: mac for mac, address in wanted.leases}
    stale = set()
    for line in _leases(folder):
        words = line.split()
        if len(words) >= 3 and "." in words[2] and allowed.get(words[2]) != words[1]:
            stale.add(line)
    return stale


def _leases(folder: Path) -> list[str]:
    try:
        return (folder / "leases").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_open(folder: Path) -> bool:
    """Say whether a server without rights could read its files when it is told to read them again."""
    return all(each.stat().st_mode & EVERYBODY_MAY_PASS for each in (folder, *folder.parents))


def _write(file: Path, text: str) -> None:
    new = file.with_name(file.name + ".new")
    new.write_text(text)
    new.chmod(0o644)
    new.replace(file)


def _record(folder: Path) -> Path:
    return folder / "process.json"


def _told(folder: Path) -> Path:
    return folder / "told"
