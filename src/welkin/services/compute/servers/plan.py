"""What a report, or a deadline that passed, means for a server's state.  Pure: no clock, no I/O, no surprise."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from welkin.services.compute.host.wanted import ServerSeen
from welkin.services.compute.servers.states import POWER_STATES
from welkin.services.compute.servers.tables import ServerRow

FAILED = 500

BUILDING = {
    "fetching_image": "spawning",
    "making_disk": "block_device_mapping",
    "waiting_for_network": "networking",
    "waiting_to_boot": "spawning",
    "starting": "spawning",
}
"""What a host is busy with, in the words for a server that is being made."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What becomes of a server.  Fields that are None stay as they are."""

    vm_state: str | None = None
    task_state: str | None = None
    """A further task; only with `done` false."""
    done: bool = False
    """Whether what was under way is over, well or badly."""
    error: str = ""
    """Why it is over badly."""
    launched: bool = False
    """Whether the guest is up for the first time, or again after it was made anew."""
    stopped_by_guest: bool = False
    """Whether the guest shut itself down, which its owner may do."""
    may_snapshot: bool = False
    """Whether a server that is being shelved is off, so that its disk can be copied as it will stay."""
    snapshots_done: tuple[str, ...] = ()
    """Images that were written."""
    snapshots_failed: tuple[str, ...] = ()
    """Images that will not be written."""
    gone: bool = False
    """Whether nothing is left of the guest, and nothing shall be."""


Reached = Callable[[ServerRow, ServerSeen], bool]


def judge(server: ServerRow, seen: ServerSeen) -> Verdict:
    """Return what a host's report means for a server that it has.

    A report may be old: what it says is compared with what is wanted now, so that an old
    one says nothing but that more is to be done.
    """
    if not server.present:
        return Verdict(gone=seen.power == "absent" and seen.settled)
    if server.task_state == "shelving" and not server.snapshots:
        return Verdict(may_snapshot=_reached(server, seen))
    if server.snapshots:
        verdict = _snapshots(server, seen)
        if verdict is not None:
            return verdict
    if seen.error_is_final and seen.error and not server.snapshots and not _reached(server, seen):
        return _failed(server, seen)
    if server.task_state is None:
        return _at_rest(server, seen)
    if _reached(server, seen):
        return _completed(server)
    if server.vm_state == "building" and seen.progress in BUILDING:
        return Verdict(task_state=BUILDING[seen.progress])
    return Verdict()


def expire(server: ServerRow, trouble: str = "") -> Verdict:
    """Return what becomes of a server whose deadline has passed; `trouble` is why its ports are not plugged."""
    task = server.task_state
    if task in ("deleting", "shelving_offloading"):
        return Verdict(gone=True)
    if task == "soft-deleting":
        return Verdict(done=True, vm_state="soft-delete")
    if server.snapshots:
        failed = tuple(each.image_id for each in server.snapshots)
        return Verdict(done=True, snapshots_failed=failed, error="The image was not finished in time.")
    if task is None:
        return Verdict()
    reason = trouble[:1].upper() + trouble[1:] or str((server.seen or {}).get("error") or "")
    error = f"The server's host did not finish in time ({task}). {reason}".strip()
    return Verdict(done=True, vm_state="error", error=error)


def _failed(server: ServerRow, seen: ServerSeen) -> Verdict:
    if server.task_state is None:
        return Verdict() if server.vm_state == "error" else Verdict(vm_state="error", error=seen.error)
    if server.task_state == "soft-deleting":
        return Verdict(done=True, vm_state="soft-delete")
    return Verdict(done=True, vm_state="error", error=seen.error)


def _snapshots(server: ServerRow, seen: ServerSeen) -> Verdict | None:
    states = {each.image_id: each for each in seen.snapshots}
    wanted = [each.image_id for each in server.snapshots]
    sent = tuple(id for id in wanted if id in states and states[id].state == "sent")
    failed = tuple(id for id in wanted if id in states and states[id].state == "failed")
    if len(sent) + len(failed) == len(wanted):
        error = next((states[id].error or "The copy failed." for id in failed), "")
        return Verdict(done=True, snapshots_done=sent, snapshots_failed=failed, error=error)
    task = server.task_state
    if task in ("image_snapshot_pending", "image_snapshot", "image_pending_upload"):
        words = {"snapshotting": "image_snapshot", "uploading": "image_uploading"}
        return Verdict(task_state=words.get(seen.progress))
    if task in ("shelving", "shelving_image_pending_upload"):
        words = {"snapshotting": "shelving_image_pending_upload", "uploading": "shelving_image_uploading"}
        return Verdict(task_state=words.get(seen.progress))
    return Verdict()


def _at_rest(server: ServerRow, seen: ServerSeen) -> Verdict:
    """Nothing is under way: only the guest itself can have changed something."""
    running = server.vm_state in ("active", "rescued") and server.power == "running"
    shut_down = seen.powered_off_by_guest and seen.power == "stopped" and seen.boot_epoch == server.boot_epoch
    return Verdict(vm_state="stopped", stopped_by_guest=True) if running and shut_down else Verdict()


def _reached(server: ServerRow, seen: ServerSeen) -> bool:
    """Whether the guest is as it is wanted now."""
    if seen.disk_epoch != server.disk_epoch:
        return False
    rescue_epoch = server.rescue_epoch if server.rescue_image is not None else 0
    if server.power == "running":
        if seen.powered_off_by_guest and seen.boot_epoch == server.boot_epoch:
            return seen.soft_reboots == server.soft_reboots and seen.rescue_epoch == rescue_epoch
        return (
            seen.power == "running"
            and seen.boot_epoch == server.boot_epoch
            and seen.soft_reboots == server.soft_reboots
            and seen.rescue_epoch == rescue_epoch
            and (seen.vcpus, seen.ram_mib) == (server.flavor.vcpus, server.flavor.ram_mib)
        )
    if server.power == "suspended":
        return seen.power == "suspended"
    if server.power == "paused":
        return seen.power == "paused"
    return seen.power == "stopped" and seen.disk_gib >= server.flavor.disk_gib


def _completed(server: ServerRow) -> Verdict:
    """What was under way has succeeded."""
    task = server.task_state
    if task in ("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"):
        return Verdict(done=True, vm_state="resized", launched=True)
    if task == "soft-deleting":
        return Verdict(done=True, vm_state="soft-delete")
    if task == "rescuing":
        return Verdict(done=True, vm_state="rescued", launched=True)
    state = {"running": "active", "stopped": "stopped", "paused": "paused", "suspended": "suspended"}[server.power]
    launched = server.vm_state in ("building", "shelved_offloaded", "shelved") or task in (
        "rebuilding",
        "rebuild_spawning",
        "resize_reverting",
        "unrescuing",
    )
    return Verdict(done=True, vm_state=state, launched=launched)


def power_state_of(seen: ServerSeen) -> int:
    """Return nova's number for what is seen of a guest."""
    return POWER_STATES[seen.power]
