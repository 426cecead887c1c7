"""Who may take a flavor that is not public, over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core.db import Reads, UniqueViolation
from welkin.core.http import Call, Routes
from welkin.services.compute.flavors import policy
from welkin.services.compute.flavors.errors import (
    FlavorAccessExists,
    FlavorAccessNotFound,
    FlavorIsPublic,
    NoAccessList,
)
from welkin.services.compute.flavors.shapes import Access
from welkin.services.compute.flavors.tables import get_flavor, projects_of
from welkin.services.compute.projects import check_project
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)
ACTION = "/v2.1/flavors/{flavor_id}/action"


@routes.get("/v2.1/flavors/{flavor_id}/os-flavor-access", rule=policy.ACCESS)
async def list_access(call: Call, flavor_id: str, query: NoQuery) -> dict[str, Any]:
    """List the projects that have access to a flavor."""
    if (await get_flavor(call.db, flavor_id, call.actor)).is_public:
        raise NoAccessList
    return await access_list(call.db, flavor_id)


@routes.action(ACTION, "addTenantAccess", rule=policy.ADD_ACCESS, status=200, since="2.7")
async def add_access(call: Call, flavor_id: str, body: Access) -> dict[str, Any]:
    """Give a project access to a flavor."""
    if (await get_flavor(call.db, flavor_id, call.actor)).is_public:
        raise FlavorIsPublic
    return await give_access(call, flavor_id, body.tenant)


@routes.action(ACTION, "addTenantAccess", rule=policy.ADD_ACCESS, status=200, until="2.6")
async def add_access_to_any(call: Call, flavor_id: str, body: Access) -> dict[str, Any]:
    """Give a project access to a flavor, even if it is public."""
    await get_flavor(call.db, flavor_id, call.actor)
    return await give_access(call, flavor_id, body.tenant)


@routes.action(ACTION, "removeTenantAccess", rule=policy.REMOVE_ACCESS, status=200)
async def remove_access(call: Call, flavor_id: str, body: Access) -> dict[str, Any]:
    """Take a project's access to a flavor away."""
    async with call.db.tx() as tx:
        await get_flavor(tx, flavor_id, call.actor)
        if not await tx.delete("flavor_access", {"flavor_id": flavor_id, "project_id": body.tenant}):
            raise FlavorAccessNotFound(flavor_id, body.tenant)
        return await access_list(tx, flavor_id)


async def give_access(call: Call, flavor_id: str, project_id: str) -> dict[str, Any]:
    """Write the access down.  Raises FlavorAccessExists, NoSuchProject."""
    await check_project(call.db, project_id)
    try:
        async with call.db.tx() as tx:
            await tx.insert("flavor_access", {"flavor_id": flavor_id, "project_id": project_id})
            return await access_list(tx, flavor_id)
    except UniqueViolation:
        raise FlavorAccessExists(flavor_id, project_id) from None


async def access_list(reads: Reads, flavor_id: str) -> dict[str, Any]:
    """Return who has access."""
    projects = await projects_of(reads, flavor_id)
    return {"flavor_access": [{"flavor_id": flavor_id, "tenant_id": project} for project in projects]}
