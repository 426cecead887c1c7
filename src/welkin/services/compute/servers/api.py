"""Servers over HTTP: create, list, show, change, delete."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from welkin.core.answers import Answer
from welkin.core.db import Reads
from welkin.core.errors import Conflict
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.compute.errors import ServerNotFound
from welkin.services.compute.fields import address
from welkin.services.compute.links import next_links
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import central, creation, placing, policy, requests, source, states, transitions
from welkin.services.compute.servers.listing import SELECT_VIEW, ServersQuery, page
from welkin.services.compute.servers.shapes import ServerChanges, ServerCreate, ServerUpdate
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.servers.views import ServerAnswer, ServersAnswer, ViewRow, around, view
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)


@routes.post("/v2.1/servers", rule=policy.CREATE, late=True, status=202)
async def create_server(call: Call, body: ServerCreate) -> Answer:
    """Record that servers are wanted; their hosts are found later."""
    draft = await requests.read(call, call.db, body)
    async with call.db.tx() as tx:
        servers = await creation.store(call, tx, draft)
    answer = creation.created(call, draft, servers)
    location = {"Location": answer["server"]["links"][0]["href"]} if "server" in answer else {}
    return Answer(body=answer, headers=location)


@routes.get("/v2.1/servers", rule=policy.LIST)
async def list_servers(call: Call, query: ServersQuery) -> dict[str, Any]:
    """List servers by id and name."""
    found = await page(call, query, in_full=False)
    base = call.base_url
    servers = [
        {
            "id": row.id,
            "name": row.name,
            "links": [
                {"rel": "self", "href": f"{base}/v2.1/servers/{row.id}"},
                {"rel": "bookmark", "href": f"{base}/servers/{row.id}"},
            ],
        }
        for row in found.rows
    ]
    links = next_links(call, "servers", [row.id for row in found.rows])
    return {"servers": servers, **({"servers_links": links} if links else {})}


@routes.get("/v2.1/servers/detail", rule=policy.DETAIL)
async def list_servers_in_full(call: Call, query: ServersQuery) -> ServersAnswer:
    """List servers in full."""
    found = await page(call, query, in_full=True)
    ids = [row.id for row in found.rows]
    beside = await around(call, call.db, ids, groups=False)
    return ServersAnswer([view(row, beside) for row in found.rows], next_links(call, "servers/detail", ids))


@routes.get("/v2.1/servers/{server_id}", rule=policy.SHOW, late=True)
async def show_server(call: Call, server_id: str, query: NoQuery) -> ServerAnswer:
    """Show a server."""
    return await answer_of(call, call.db, server_id, policy.SHOW)


@routes.put("/v2.1/servers/{server_id}", rule=policy.UPDATE, late=True)
async def update_server(call: Call, server_id: str, body: ServerUpdate) -> ServerAnswer:
    """Change how a server is called and described."""
    async with call.db.tx() as tx:
        await tx.lock(f"server:{server_id}")
        server = await transitions.visible(call, tx, server_id, policy.UPDATE)
        changes = await changes_of(call, tx, server, body.server)
        await transitions.put(tx, call.world, server, changes)
        await source.refresh(tx, server)
        return await answer_of(call, tx, server_id, policy.UPDATE)


@routes.delete("/v2.1/servers/{server_id}", rule=policy.DELETE, late=True)
async def delete_server(call: Call, server_id: str) -> None:
    """Delete a server, in whatever state it is; where deleted servers can be restored, only hide it."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.DELETE, states.DELETE)
        if server.task_state == "deleting":
            return
        begun = transitions.begun_by(call)
        kept = call.get(ComputeOptions).reclaim_s > 0 and server.launched_at is not None
        if kept and server.vm_state in (states.SOFT_DELETE.vm_states or ()) and server.host is not None:
            await transitions.begin(tx, begun, server, states.SOFT_DELETE, {"power": "stopped"})
        else:
            await central.delete(tx, begun, server, states.DELETE)


async def answer_of(call: Call, reads: Reads, server_id: str, rule: Rule) -> ServerAnswer:
    """Return a server in full, if the caller may do `rule` to it.  Raises ServerNotFound, PolicyDenied."""
    row = await reads.one(ViewRow, SELECT_VIEW, server_id)
    if row is None or row.deleted or (row.project_id != call.actor.project_id and not call.actor.is_admin):
        raise ServerNotFound(server_id)
    call.enforce(rule, project_id=row.project_id, user_id=row.user_id)
    return ServerAnswer(view(row, await around(call, reads, [server_id], groups=True)))


async def changes_of(call: Call, reads: Reads, server: ServerRow, asked: ServerChanges) -> dict[str, Any]:
    """Return a request's changes as columns.  Raises Invalid, Conflict."""
    changes: dict[str, Any] = {
        name: value
        for name, value in (
            ("name", asked.name),
            ("description", asked.description),
            ("hostname", asked.hostname),
            ("disk_config", asked.disk_config),
        )
        if value is not UNSET
    }
    if asked.accessIPv4 is not UNSET:
        changes["access_ip_v4"] = address("accessIPv4", asked.accessIPv4, 4) if asked.accessIPv4 else ""
    if asked.accessIPv6 is not UNSET:
        changes["access_ip_v6"] = address("accessIPv6", asked.accessIPv6, 6) if asked.accessIPv6 else ""
    zone = asked.pinned_availability_zone
    if zone is not UNSET:
        changes["availability_zone"] = zone
        if zone is not None:
            await placing.check_zone(call, reads, zone)
            if server.availability_zone not in (None, zone):
                raise Conflict("A pinned server cannot be pinned to another availability zone; unpin it first.")
            if server.host is not None and server.zone != zone:
                raise Conflict(f"The server is in the availability zone {server.zone}; it can be pinned there alone.")
    return changes
