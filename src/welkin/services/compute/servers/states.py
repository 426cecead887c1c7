"""The states of servers: nova's words, what each operation starts from, and the status that clients see."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

POWER_STATES = {"absent": 0, "running": 1, "paused": 3, "stopped": 4, "suspended": 4}
"""What is seen of a guest, as nova counts it; 6 is crashed and 7 is never said any more."""

REBUILD = {"rebuilding": "REBUILD", "rebuild_block_device_mapping": "REBUILD", "rebuild_spawning": "REBUILD"}
RESIZE = {
    "resize_prep": "RESIZE",
    "resize_migrating": "RESIZE",
    "resize_migrated": "RESIZE",
    "resize_finish": "RESIZE",
}
REBOOT = {
    "rebooting": "REBOOT",
    "reboot_pending": "REBOOT",
    "reboot_started": "REBOOT",
    "rebooting_hard": "HARD_REBOOT",
    "reboot_pending_hard": "HARD_REBOOT",
    "reboot_started_hard": "HARD_REBOOT",
}
STATUSES: dict[str, tuple[str, dict[str, str]]] = {
    "active": ("ACTIVE", {**REBOOT, "updating_password": "PASSWORD", **REBUILD, "migrating": "MIGRATING", **RESIZE}),
    "building": ("BUILD", {}),
    "stopped": ("SHUTOFF", {**RESIZE, **REBUILD}),
    "resized": ("VERIFY_RESIZE", {"resize_reverting": "REVERT_RESIZE"}),
    "paused": ("PAUSED", {"migrating": "MIGRATING"}),
    "suspended": ("SUSPENDED", {}),
    "rescued": ("RESCUE", {}),
    "error": ("ERROR", REBUILD),
    "deleted": ("DELETED", {}),
    "soft-delete": ("SOFT_DELETED", {}),
    "shelved": ("SHELVED", {}),
    "shelved_offloaded": ("SHELVED_OFFLOADED", {}),
}
"""For each `vm_state`: the status, and the statuses of those tasks that have one of their own."""

WITH_PROGRESS = frozenset({"ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING"})
WITH_FAULT = frozenset({"ERROR", "DELETED"})
_FLAT = {(vm, task): word for vm, (_, tasks) in STATUSES.items() for task, word in tasks.items()}
_DEFAULT = {vm: word for vm, (word, _) in STATUSES.items()}


def status_of(vm_state: str, task_state: str | None, deleted: bool = False) -> str:  # noqa: FBT001, FBT002
    """Return the status that a client sees."""
    if deleted:
        return "DELETED"
    return (task_state and _FLAT.get((vm_state, task_state))) or _DEFAULT.get(vm_state, "UNKNOWN")


def states_of(statuses: Sequence[str]) -> tuple[set[str], set[str]]:
    """Return the states behind statuses: those of `vm_state`, and those of `task_state`, where `default` is any."""
    wanted = {status.upper() for status in statuses}
    vm_states, task_states = set(), set()
    for vm_state, (default, tasks) in STATUSES.items():
        for task, status in {"default": default, **tasks}.items():
            if status in wanted:
                vm_states.add(vm_state)
                task_states.add(task)
    return vm_states, task_states


class Operation(Struct, frozen=True, kw_only=True):
    """Something that a caller can have done to a server: from which states, and what it is called meanwhile.

    `action` is the name in the list of the server's actions, `verb` the one in refusals.
    """

    action: str
    verb: str
    vm_states: frozenset[str] | None = None
    """Where it may start; None is anywhere."""
    tasks: frozenset[str | None] | None = frozenset({None})
    task_state: str | None = None
    event: str = ""
    allowed_when_locked: bool = False
    needs_launch: bool = False
    """Whether the server must have been active once."""


def _op(action: str, verb: str, vm_states: str, task_state: str | None, event: str) -> Operation:
    states = frozenset(vm_states.split()) if vm_states else None
    return Operation(
        action=action, verb=verb, vm_states=states, task_state=task_state, event=event, needs_launch=bool(states)
    )


REBOOTABLE_TASKS = frozenset(
    {
        None,
        "rebooting",
        "reboot_pending",
        "reboot_started",
        "resuming",
        "rebooting_hard",
        "unpausing",
        "pausing",
        "suspending",
    }
)
SETTLED = "active paused suspended stopped"
START = _op("start", "start", "stopped", "powering-on", "compute_start_instance")
STOP = _op("stop", "stop", "active error", "powering-off", "compute_stop_instance")
SOFT_REBOOT = _op("reboot", "reboot", "active", "rebooting", "compute_reboot_instance")
HARD_REBOOT = Operation(
    action="reboot",
    verb="reboot",
    vm_states=frozenset(["active", "stopped", "paused", "suspended", "error"]),
    tasks=REBOOTABLE_TASKS,
    needs_launch=True,
    task_state="rebooting_hard",
    event="compute_reboot_instance",
)
PAUSE = _op("pause", "pause", "active", "pausing", "compute_pause_instance")
UNPAUSE = _op("unpause", "unpause", "paused", "unpausing", "compute_unpause_instance")
SUSPEND = _op("suspend", "suspend", "active", "suspending", "compute_suspend_instance")
RESUME = _op("resume", "resume", "suspended", "resuming", "compute_resume_instance")
RESCUE = _op("rescue", "rescue", "active stopped error", "rescuing", "compute_rescue_instance")
UNRESCUE = _op("unrescue", "unrescue", "rescued", "unrescuing", "compute_unrescue_instance")
REBUILD_OP = _op("rebuild", "rebuild", "active stopped error", "rebuilding", "compute_rebuild_instance")
RESIZE_OP = _op("resize", "resize", "active stopped", "resize_prep", "compute_prep_resize")
CONFIRM = _op("confirmResize", "confirmResize", "resized", None, "compute_confirm_resize")
REVERT = _op("revertResize", "revertResize", "resized", "resize_reverting", "compute_revert_resize")
SHELVE = _op("shelve", "shelve", SETTLED, "shelving", "compute_shelve_instance")
OFFLOAD = _op("shelveOffload", "shelveOffload", "shelved", "shelving_offloading", "compute_shelve_offload_instance")
UNSHELVE = _op("unshelve", "unshelve", "shelved shelved_offloaded", "unshelving", "compute_unshelve_instance")
CREATE_IMAGE = _op("createImage", "createImage", SETTLED, "image_snapshot_pending", "compute_snapshot_instance")
CREATE_BACKUP = _op("createBackup", "createBackup", SETTLED, "image_backup", "compute_backup_instance")
SET_PASSWORD = _op("changePassword", "changePassword", "active", None, "compute_set_admin_password")
ATTACH_INTERFACE = _op(
    "attach_interface", "attach_interface", "active paused stopped", None, "compute_attach_interface"
)
DETACH_INTERFACE = _op(
    "detach_interface", "detach_interface", "active paused stopped", None, "compute_detach_interface"
)
ADD_GROUP = _op("addSecurityGroup", "addSecurityGroup", "", None, "")
METADATA = _op("update_metadata", "update metadata", SETTLED, None, "")
TAGS = _op("update_tags", "update tags", SETTLED, None, "")
DELETE = Operation(
    action="delete", verb="delete", tasks=None, task_state="deleting", event="compute_terminate_instance"
)
SOFT_DELETE = Operation(
    action="delete",
    verb="delete",
    vm_states=frozenset(_DEFAULT) - {"building", "soft-delete", "deleted"},
    tasks=None,
    task_state="soft-deleting",
    event="compute_soft_delete_instance",
)
FORCE_DELETE = Operation(
    action="forceDelete", verb="forceDelete", tasks=None, task_state="deleting", event="compute_terminate_instance"
)
RESTORE = _op("restore", "restore", "soft-delete", "restoring", "compute_restore_instance")
CREATE = _op("create", "create", "", "scheduling", "compute__do_build_and_run_instance")
CRASH_DUMP = Operation(
    action="trigger_crash_dump",
    verb="trigger_crash_dump",
    vm_states=frozenset(["active", "paused", "rescued", "resized", "error"]),
)
