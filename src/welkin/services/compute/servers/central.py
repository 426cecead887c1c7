"""What needs no host: finding one for a server, and what is due when time has passed."""

from __future__ import annotations

from typing import Any

from welkin.core import agents, events
from welkin.core.db import Database, Transaction
from welkin.core.errors import Conflict
from welkin.core.work import After
from welkin.core.world import World
from welkin.services.compute.errors import NoValidHost
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import moves, outcomes, placing, ports, schedule, states, transitions
from welkin.services.compute.servers.plan import expire
from welkin.services.compute.servers.schedule import Choice
from welkin.services.compute.servers.tables import KIND, ServerRow
from welkin.services.placement import public as placement

CLAIM_TRIES = 5
"""How many of the best hosts are tried when others are faster."""


class Central:
    """Servers' work in the control plane."""

    def __init__(self, database: Database, world: World, options: ComputeOptions) -> None:
        self._database, self._world, self._options = database, world, options

    async def reconcile(self, server_id: str) -> After | None:
        """Look at a server, take its next step, and say when to look again."""
        server = await transitions.find(self._database, server_id)
        if server is None or server.deleted:
            return None
        if needs_host(server):
            await self._schedule(server)
        elif server.deadline is not None and server.deadline <= self._world.now():
            await self._due(server)
        server = await transitions.find(self._database, server_id)
        if server is None or server.deleted or server.deadline is None:
            return None
        return After(max(0.0, server.deadline - self._world.now()))

    async def _schedule(self, server: ServerRow) -> None:
        """Find a host and claim what the server needs there, or say why there is none."""
        hosts = await placing.hosts(self._database, self._world, self._options, server)
        wish = await placing.wish(self._database, server)
        choice = schedule.choose(wish, hosts)
        for host in choice.hosts[:CLAIM_TRIES]:
            try:
                async with self._database.tx() as tx:
                    await self._place(tx, server.id, host, choice)
            except placement.DoesNotFit:
                continue  # somebody was faster: the next best, then
            except Conflict as error:
                await self._no_host(server.id, choice, str(error))
                return
            return
        await self._no_host(server.id, choice, schedule.explain(choice))

    async def _place(self, tx: Transaction, server_id: str, host: str, choice: Choice) -> None:
        """Give a server its host: allocations, ports, row and the host's item, together."""
        await tx.lock(f"server:{server_id}")
        server = await transitions.find(tx, server_id)
        if server is None or server.deleted or not needs_host(server):
            return
        provider_id = await placing.provider_of(tx, host)
        amounts = {provider_id: schedule.resources_of(server.flavor)}
        await placement.claim(tx, self._world, server.id, (server.project_id, server.user_id), amounts)
        await ports.bind(tx, server, host)
        zone = await placing.zone_of(tx, host, self._options)
        task = "spawning" if server.vm_state == "building" else server.task_state
        changes: dict[str, Any] = {"host": host, "zone": zone, "task_state": task, "present": True}
        await transitions.put(tx, self._world, server, changes)
        if server.action_id is not None:
            await tx.run(
                "UPDATE server_action_events SET host = $1 WHERE action_id = $2 AND host IS NULL",
                host,
                server.action_id,
            )
        facts = schedule.facts_of(choice)
        await events.record(
            tx, self._world, f"{KIND}.scheduled", server.id, project_id=server.project_id, host=host, **facts
        )
        await agents.touch(tx, host, KIND, [server.id])

    async def _no_host(self, server_id: str, choice: Choice, reason: str) -> None:
        """Write down that no host takes the server, and why."""
        async with self._database.tx() as tx:
            await tx.lock(f"server:{server_id}")
            server = await transitions.find(tx, server_id)
            if server is None or server.deleted or not needs_host(server):
                return
            facts = schedule.facts_of(choice)
            await events.record(
                tx, self._world, f"{KIND}.unschedulable", server.id, project_id=server.project_id, why=reason, **facts
            )
            if server.vm_state == "building":
                await transitions.fail(tx, self._world, server, reason)
            else:
                await transitions.finish(tx, self._world, server, {}, str(NoValidHost(reason)))

    async def _due(self, server: ServerRow) -> None:
        """Do what is due at the server's deadline."""
        async with self._database.tx() as tx:
            await tx.lock(f"server:{server.id}")
            found = await transitions.find(tx, server.id)
            now = self._world.now()
            if found is None or found.deleted or found.deadline is None or found.deadline > now:
                return
            if found.task_state is None:
                await self._due_at_rest(tx, found)
            elif found.task_state == "deleting":
                # The host goes on by itself: its item stays until it says that nothing is left.
                await outcomes.delete(tx, self._world, found, keep_item=True)
            else:
                verdict = expire(found, await ports.trouble(tx, found.id))
                await outcomes.apply(tx, self._world, self._options, found, verdict)

    async def _due_at_rest(self, tx: Transaction, server: ServerRow) -> None:
        begun = transitions.Begun(
            world=self._world,
            options=self._options,
            user_id=server.user_id,
            project_id=server.project_id,
            request_id=transitions.request_id(),
        )
        await transitions.put(tx, self._world, server, {"deadline": None})
        if server.vm_state == "soft-delete":
            await delete(tx, begun, server, states.DELETE)
        elif server.vm_state == "resized":
            await confirm_resize(tx, begun, server)
        elif server.vm_state == "shelved":
            await outcomes.offload(tx, self._world, self._options, server)


def needs_host(server: ServerRow) -> bool:
    """Return whether a server waits for a host."""
    return server.host is None and server.task_state in ("scheduling", "unshelving")


async def delete(tx: Transaction, begun: transitions.Begun, server: ServerRow, operation: states.Operation) -> None:
    """Have a server destroyed; one that no living host has is gone at once."""
    await transitions.begin(tx, begun, server, operation, {"present": False})
    if server.host is None:
        await outcomes.delete(tx, begun.world, server)
    elif not await placing.is_alive(tx, begun.world, server.host):
        await outcomes.delete(tx, begun.world, server, keep_item=True)


async def confirm_resize(tx: Transaction, begun: transitions.Begun, server: ServerRow) -> None:
    """Keep what a resize made: the old size cannot come back."""
    server.action_id = await transitions.note_action(tx, begun, server, states.CONFIRM)
    assert server.resize is not None
    await moves.mark(tx, begun.world, server, "confirmed")
    amounts = await own_amounts(tx, server)
    await placement.claim(tx, begun.world, server.id, (server.project_id, server.user_id), amounts)
    state = "stopped" if server.power == "stopped" else "active"
    await transitions.finish(tx, begun.world, server, {"vm_state": state, "resize": None})


async def own_amounts(tx: Transaction, server: ServerRow) -> dict[str, dict[str, int]]:
    """Return what a server of its present size claims on its present host."""
    assert server.host is not None
    return {await placing.provider_of(tx, server.host): schedule.resources_of(server.flavor)}
