"""The one place that moves a server from state to state, and that writes down what was done to it.

An operation begins in the request's transaction, with a task, a deadline, and an entry in
the server's list of actions; it ends when a report or the deadline says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from welkin.core import agents, events, work
from welkin.core.db import Reads, Transaction, columns
from welkin.core.http import Call
from welkin.core.log import request_context
from welkin.core.policy import Rule
from welkin.core.world import World
from welkin.services.compute.errors import NeverActive, ServerInState, ServerLocked, ServerNotFound
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers.states import Operation
from welkin.services.compute.servers.tables import KIND, Fault, ServerRow

SELECT = f"SELECT {columns(ServerRow)} FROM servers WHERE id = $1"
ERROR_CODE = 500

Changes = Mapping[str, Any]


class Begun(Struct, kw_only=True):
    """Who began an operation, and by when it has to be over."""

    world: World
    options: ComputeOptions
    user_id: str
    project_id: str
    request_id: str


def begun_by(call: Call) -> Begun:
    """Return the beginning of an operation that a request asks for."""
    return Begun(
        world=call.world,
        options=call.get(ComputeOptions),
        user_id=call.actor.user_id,
        project_id=call.actor.project_id or "",
        request_id=call.request_id,
    )


async def find(reads: Reads, server_id: str) -> ServerRow | None:
    """Return a server, deleted or not, or None."""
    return await reads.one(ServerRow, SELECT, server_id)


async def visible(call: Call, reads: Reads, server_id: str, rule: Rule) -> ServerRow:
    """Return a server that the caller may do `rule` to.  Raises ServerNotFound, PolicyDenied."""
    server = await find(reads, server_id)
    if server is None or server.deleted:
        raise ServerNotFound(server_id)
    if server.project_id != call.actor.project_id and not call.actor.is_admin:
        raise ServerNotFound(server_id)
    call.enforce(rule, project_id=server.project_id, user_id=server.user_id)
    return server


async def locked(call: Call, tx: Transaction, server_id: str, rule: Rule, operation: Operation) -> ServerRow:
    """Return a server that `operation` may begin on, kept from others until the transaction ends.

    Raises ServerNotFound, PolicyDenied, ServerLocked, ServerInState.
    """
    await tx.lock(f"server:{server_id}")
    server = await visible(call, tx, server_id, rule)
    check(call, server, operation)
    return server


def check(call: Call, server: ServerRow, operation: Operation) -> None:
    """Check that `operation` may begin.  Raises ServerLocked, ServerInState."""
    if server.locked_by is not None and not operation.allowed_when_locked and not call.actor.is_admin:
        raise ServerLocked(server.id)
    if operation.vm_states is not None and server.vm_state not in operation.vm_states:
        raise ServerInState(server.id, "vm_state", server.vm_state, operation.verb)
    if operation.tasks is not None and server.task_state not in operation.tasks:
        raise ServerInState(server.id, "task_state", server.task_state, operation.verb)
    if operation.needs_launch and server.launched_at is None:
        raise NeverActive(operation.verb)


async def begin(tx: Transaction, begun: Begun, server: ServerRow, operation: Operation, changes: Changes) -> str:
    """Begin an operation, tell the server's host, and return the id of its entry in the list of actions."""
    action_id = await note_action(tx, begun, server, operation)
    deadline = None
    if operation.task_state is not None:
        deadline = begun.world.now() + timeout_s(begun.options, operation.task_state)
    await put(
        tx,
        begun.world,
        server,
        {**changes, "task_state": operation.task_state, "deadline": deadline, "action_id": action_id},
    )
    await events.record(
        tx,
        begun.world,
        f"{KIND}.{operation.action}",
        server.id,
        project_id=server.project_id,
        user_id=begun.user_id,
    )
    if deadline is not None:
        await work.want(tx, KIND, server.id, deadline)
    if server.host is not None:
        await agents.touch(tx, server.host, KIND, [server.id])
    return action_id


def timeout_s(options: ComputeOptions, task_state: str) -> float:
    """Return how long a task may take."""
    if task_state in ("scheduling", "rebuilding", "unshelving"):
        return options.build_timeout_s
    if task_state.startswith("image_") or task_state == "shelving":
        return options.snapshot_timeout_s
    if task_state == "deleting":
        return options.delete_timeout_s
    return options.action_timeout_s


async def wake(tx: Transaction, server: ServerRow) -> None:
    """Have central look at a server now."""
    await work.want(tx, KIND, server.id)


async def put(tx: Transaction, world: World, server: ServerRow, changes: Changes) -> None:
    """Write changes of a server, and into `server` too."""
    await tx.update("servers", {"id": server.id}, {**changes, "updated_at": world.now()})
    for name, value in changes.items():
        setattr(server, name, value)


async def note_action(tx: Transaction, begun: Begun, server: ServerRow, operation: Operation) -> str:
    """Write down that an operation begins."""
    now, action_id = begun.world.now(), begun.world.new_id()
    await tx.insert(
        "server_actions",
        {
            "id": action_id,
            "server_id": server.id,
            "action": operation.action,
            "request_id": begun.request_id,
            "user_id": begun.user_id,
            "project_id": begun.project_id,
            "start_time": now,
            "updated_at": now,
            "message": None,
        },
    )
    if operation.event:
        await begin_event(tx, begun.world, action_id, operation.event, server.host)
    return action_id


async def begin_event(tx: Transaction, world: World, action_id: str, event: str, host: str | None) -> None:
    """Write down that a part of an action begins."""
    await tx.insert(
        "server_action_events",
        {
            "id": world.new_id(),
            "action_id": action_id,
            "event": event,
            "start_time": world.now(),
            "finish_time": None,
            "result": None,
            "traceback": None,
            "host": host,
            "details": None,
        },
    )


async def end_action(tx: Transaction, world: World, server: ServerRow, error: str = "") -> None:
    """Write down that what was under way is over, well or badly."""
    if server.action_id is None:
        return
    now = world.now()
    await tx.run(
        "UPDATE server_action_events SET finish_time = $1, result = $2, details = $3, host = COALESCE(host, $4) "
        "WHERE action_id = $5 AND finish_time IS NULL",
        now,
        "Error" if error else "Success",
        error or None,
        server.host,
        server.action_id,
    )
    message = {"message": "Error"} if error else {}
    await tx.update("server_actions", {"id": server.action_id}, {"updated_at": now, **message})


async def finish(tx: Transaction, world: World, server: ServerRow, changes: Changes, error: str = "") -> None:
    """End what is under way: the task is over, `changes` say where that leaves the server."""
    await end_action(tx, world, server, error)
    await put(tx, world, server, {**changes, "task_state": None, "deadline": None, "action_id": None})
    await events.record(
        tx,
        world,
        f"{KIND}.{server.vm_state}",
        server.id,
        project_id=server.project_id,
        **({"error": error} if error else {}),
    )


async def fail(tx: Transaction, world: World, server: ServerRow, error: str, details: str = "") -> None:
    """End what is under way badly, with a fault that the server's owner can read."""
    fault = Fault(code=ERROR_CODE, message=error, created_at=world.now(), details=details)
    await finish(tx, world, server, {"vm_state": "error", "fault": fault}, error)


def request_id() -> str:
    """Return the request that the running code serves."""
    return request_context.get()
