"""Auto-allocated topologies over HTTP."""

from __future__ import annotations

from welkin.core.errors import NotFound
from welkin.core.http import Call, Routes
from welkin.services.network.collection import View
from welkin.services.network.options import NetworkOptions
from welkin.services.network.policy import PROJECT_MEMBER, PROJECT_READER, Rule
from welkin.services.network.service import service
from welkin.services.network.topologies import records

GET = Rule("get_auto_allocated_topology", PROJECT_READER, "Read, or make, a network of a project's own.")
DELETE = Rule("delete_auto_allocated_topology", PROJECT_MEMBER, "Delete a project's own network.")
DRY_RUN = "dry-run"

routes = Routes(service)


@routes.get("/v2.0/auto-allocated-topology/{project_id}", rule=GET, late=True)
async def show_topology(call: Call, project_id: str) -> View:
    """Return the id of a project's own network, which is made at the first call; `fields=dry-run` only checks."""
    if project_id in ("None", "null"):
        project_id = call.actor.project_id or ""
    call.enforce(GET, project_id=project_id)
    if DRY_RUN in call.args.get("fields", ()):
        await records.requirements(call.db, project_id)
        found = "dry-run=pass"
    else:
        async with call.db.tx() as tx:
            found = await records.get_or_make(tx, call.world, call.get(NetworkOptions), project_id)
    return {"auto_allocated_topology": {"id": found, "tenant_id": project_id, "project_id": project_id}}


@routes.delete("/v2.0/auto-allocated-topology/{project_id}", rule=DELETE, late=True)
async def delete_topology(call: Call, project_id: str) -> None:
    """Delete a project's own network with its subnets and router."""
    if project_id in ("None", "null"):
        project_id = call.actor.project_id or ""
    call.enforce(DELETE, project_id=project_id)
    async with call.db.tx() as tx:
        if not await records.remove(tx, project_id):
            raise NotFound(f"No auto-allocated topology for project {project_id}.")
