"""Writing down what a verdict means: the effects behind `plan`'s decisions."""

from __future__ import annotations

from typing import Any

from welkin.core import agents, events, tags, work
from welkin.core.db import Transaction
from welkin.core.world import World
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.server_groups.tables import remove_member
from welkin.services.compute.servers import images, moves, ports, transitions
from welkin.services.compute.servers.plan import Verdict
from welkin.services.compute.servers.states import OFFLOAD
from welkin.services.compute.servers.tables import KIND, ServerRow, SnapshotWanted
from welkin.services.placement import public as placement


async def apply(tx: Transaction, world: World, options: ComputeOptions, server: ServerRow, verdict: Verdict) -> None:
    """Write what a verdict says of a server."""
    if verdict.gone:
        await _gone(tx, world, server)
    elif verdict.stopped_by_guest:
        await _stopped_by_guest(tx, world, server)
    elif verdict.may_snapshot:
        await _copy_disk(tx, world, server)
    elif verdict.done:
        await _done(tx, world, options, server, verdict)
    elif verdict.vm_state == "error":
        await _failed(tx, world, server, verdict.error)
    elif verdict.task_state is not None and verdict.task_state != server.task_state:
        await transitions.put(tx, world, server, {"task_state": verdict.task_state})


async def _done(tx: Transaction, world: World, options: ComputeOptions, server: ServerRow, verdict: Verdict) -> None:
    """End what was under way."""
    if server.snapshots:
        await _snapshots_done(tx, world, options, server, verdict)
    elif verdict.vm_state == "error":
        await _failed(tx, world, server, verdict.error)
    else:
        await _succeeded(tx, world, options, server, verdict)


async def _failed(tx: Transaction, world: World, server: ServerRow, error: str) -> None:
    if server.resize is not None:
        await moves.mark(tx, world, server, "error")
    await transitions.fail(tx, world, server, error)


async def _succeeded(
    tx: Transaction, world: World, options: ComputeOptions, server: ServerRow, verdict: Verdict
) -> None:
    now = world.now()
    changes: dict[str, Any] = {"vm_state": verdict.vm_state or server.vm_state, "fault": None, "progress": 0}
    if verdict.launched:
        changes |= {"launched_at": now, "admin_password": None}
    if server.shelved_image_id is not None and verdict.launched:
        await images.drop(tx, server.shelved_image_id)
        changes["shelved_image_id"] = None
    if server.task_state == "resize_reverting":
        changes["resize"] = None
        await moves.mark(tx, world, server, "reverted")
    elif changes["vm_state"] == "resized":
        await moves.mark(tx, world, server, moves.WAITS)
    await transitions.finish(tx, world, server, changes)
    later_s = {"resized": options.resize_confirm_s, "soft-delete": options.reclaim_s}.get(server.vm_state, 0.0)
    if later_s > 0:
        await transitions.put(tx, world, server, {"deadline": now + later_s})
        await work.want(tx, KIND, server.id, now + later_s)


async def _snapshots_done(
    tx: Transaction, world: World, options: ComputeOptions, server: ServerRow, verdict: Verdict
) -> None:
    """End the making of an image; a shelved server may leave its host now."""
    for image_id in verdict.snapshots_failed:
        await images.drop(tx, image_id)
    done = [each for each in server.snapshots if each.image_id in verdict.snapshots_done]
    for each in done:
        if each.backup_type is not None:
            await images.rotate(tx, server, each)
    shelving = (server.task_state or "").startswith("shelving")
    changes: dict[str, Any] = {"snapshots": []}
    if shelving and verdict.snapshots_failed:
        # As it was before, then.
        power = {"active": "running"}.get(server.vm_state, server.vm_state)
        changes |= {"shelved_image_id": None, "power": power}
    if not shelving or verdict.snapshots_failed:
        await transitions.finish(tx, world, server, changes, verdict.error)
    else:
        await transitions.finish(tx, world, server, {**changes, "vm_state": "shelved", "power": "stopped"})
        if options.shelved_offload_s == 0:
            await offload(tx, world, options, server)
        elif options.shelved_offload_s > 0:
            due = world.now() + options.shelved_offload_s
            await transitions.put(tx, world, server, {"deadline": due})
            await work.want(tx, KIND, server.id, due)
    await _touch(tx, server)


async def _copy_disk(tx: Transaction, world: World, server: ServerRow) -> None:
    """Have the disk of a server that is being shelved copied, now that the guest is off."""
    assert server.shelved_image_id is not None
    await transitions.put(tx, world, server, {"snapshots": [SnapshotWanted(image_id=server.shelved_image_id)]})
    await _touch(tx, server)


async def offload(tx: Transaction, world: World, options: ComputeOptions, server: ServerRow) -> None:
    """Have a shelved server leave its host."""
    begun = transitions.Begun(
        world=world,
        options=options,
        user_id=server.user_id,
        project_id=server.project_id,
        request_id=transitions.request_id(),
    )
    await transitions.begin(tx, begun, server, OFFLOAD, {"present": False})


async def _stopped_by_guest(tx: Transaction, world: World, server: ServerRow) -> None:
    """Keep off a server that its own guest shut down."""
    await transitions.put(tx, world, server, {"vm_state": "stopped", "power": "stopped"})
    await events.record(tx, world, f"{KIND}.shut_down_by_guest", server.id, project_id=server.project_id)
    await _touch(tx, server)


async def _gone(tx: Transaction, world: World, server: ServerRow) -> None:
    """Write that a host has nothing of a server any more."""
    if server.task_state == "shelving_offloading":
        await _left_its_host(tx, world, server)
    else:
        await delete(tx, world, server)


async def _left_its_host(tx: Transaction, world: World, server: ServerRow) -> None:
    host = server.host
    await placement.release(tx, server.id)
    await ports.bind(tx, server, "")
    changes = {"vm_state": "shelved_offloaded", "host": None, "zone": None, "power_state": 0}
    await transitions.finish(tx, world, server, changes)
    if host is not None:
        await agents.forget(tx, host, KIND, server.id)


async def delete(tx: Transaction, world: World, server: ServerRow, *, keep_item: bool = False) -> None:
    """Write that a server is gone, and give back everything that it had.

    keep_item  whether its host still has to destroy the guest, by itself and later.
    """
    now = world.now()
    for snapshot in server.snapshots:
        await images.drop(tx, snapshot.image_id)
    if server.resize is not None:
        await moves.mark(tx, world, server, "confirmed")
    await placement.release(tx, server.id)
    await ports.release(tx, server)
    await remove_member(tx, server.id)
    await tags.clear(tx, KIND, server.id)
    await tx.delete("console_tokens", {"server_id": server.id})
    changes = {
        "vm_state": "deleted",
        "deleted": True,
        "terminated_at": now,
        "power_state": 0,
        "snapshots": [],
        "present": False,
        "admin_password": None,
        "user_data": None,
    }
    await transitions.finish(tx, world, server, changes)
    await work.forget(tx, KIND, server.id)
    if server.host is not None and not keep_item:
        await agents.forget(tx, server.host, KIND, server.id)


async def _touch(tx: Transaction, server: ServerRow) -> None:
    if server.host is not None:
        await agents.touch(tx, server.host, KIND, [server.id])
