"""Quotas over HTTP."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.core import quota
from welkin.core.db import Reads
from welkin.core.http import Call, Routes
from welkin.services.network import limits
from welkin.services.network.collection import View
from welkin.services.network.errors import InvalidInput
from welkin.services.network.policy import ADMIN, PROJECT_MANAGER, Rule, any_of
from welkin.services.network.service import service
from welkin.services.network.values import given

GET = Rule("get_quota", ADMIN, "List the projects that have quotas of their own.")
SHOW = Rule(
    "get_quota:project",
    any_of(PROJECT_MANAGER, "project_id:%(project_id)s"),
    "Read the quotas of a project; everybody in it may.",
)
UPDATE = Rule("update_quota", ADMIN, "Change the quotas of a project.")
DELETE = Rule("delete_quota", ADMIN, "Give a project the default quotas again.")

Limit = Annotated[int, Meta(ge=-1, le=(1 << 31) - 1)]

routes = Routes(service)


class QuotaUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Limits to set."""

    network: Limit | UnsetType = UNSET
    subnet: Limit | UnsetType = UNSET
    subnetpool: Limit | UnsetType = UNSET
    port: Limit | UnsetType = UNSET
    router: Limit | UnsetType = UNSET
    floatingip: Limit | UnsetType = UNSET
    rbac_policy: Limit | UnsetType = UNSET
    security_group: Limit | UnsetType = UNSET
    security_group_rule: Limit | UnsetType = UNSET
    address_group: Limit | UnsetType = UNSET
    force: bool | UnsetType = UNSET
    check_limit: bool | UnsetType = UNSET
    project_id: str | UnsetType = UNSET
    tenant_id: str | UnsetType = UNSET


class QuotaUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Limits of a project to set."""

    quota: QuotaUpdate


async def limits_of(reads: Reads, project_id: str) -> View:
    """Return the limits in force for a project."""
    return dict(await quota.limits(reads, project_id, limits.RESOURCES))


@routes.get("/v2.0/quotas", rule=GET)
async def list_quotas(call: Call) -> View:
    """List the projects that have quotas of their own."""
    sql = "SELECT DISTINCT project_id FROM quotas WHERE service = $1 AND project_id <> $2 ORDER BY project_id"
    found = []
    for project_id in await call.db.values(sql, limits.SERVICE, quota.CLASS_DEFAULT):
        found.append({**await limits_of(call.db, project_id), "project_id": project_id, "tenant_id": project_id})
    return {"quotas": found}


@routes.get("/v2.0/quotas/tenant", rule=SHOW)
async def show_own_tenant(call: Call) -> View:
    """Say which project the caller's quotas are those of."""
    return {"tenant": {"tenant_id": call.actor.project_id}}


@routes.get("/v2.0/quotas/project", rule=SHOW)
async def show_own_project(call: Call) -> View:
    """Say which project the caller's quotas are those of."""
    return {"project": {"project_id": call.actor.project_id}}


@routes.get("/v2.0/quotas/{project_id}", rule=SHOW, late=True)
async def show_quota(call: Call, project_id: str) -> View:
    """Show the quotas of a project."""
    call.enforce(SHOW, project_id=project_id)
    return {"quota": await limits_of(call.db, project_id)}


@routes.get("/v2.0/quotas/{project_id}/default", rule=SHOW, late=True)
async def show_default_quota(call: Call, project_id: str) -> View:
    """Show the quotas that a project has when none are set for it."""
    call.enforce(SHOW, project_id=project_id)
    return {"quota": await limits_of(call.db, quota.CLASS_DEFAULT)}


@routes.get("/v2.0/quotas/{project_id}/details", rule=SHOW, late=True)
async def show_quota_details(call: Call, project_id: str) -> View:
    """Show the quotas of a project and how much of each is used."""
    call.enforce(SHOW, project_id=project_id)
    in_force = await limits_of(call.db, project_id)
    return {
        "quota": {
            resource.name: {
                "limit": in_force[resource.name],
                "used": await quota.used(call.db, project_id, resource),
                "reserved": 0,
            }
            for resource in limits.RESOURCES
        }
    }


routes.get("/v2.0/quotas/{project_id}/details.json", rule=SHOW, late=True)(show_quota_details)


@routes.put("/v2.0/quotas/{project_id}", rule=UPDATE, late=True)
async def update_quota(call: Call, project_id: str, body: QuotaUpdateBody) -> View:
    """Set quotas of a project."""
    call.enforce(UPDATE, project_id=project_id)
    names = {resource.name: resource for resource in limits.RESOURCES}
    said = given(body.quota)
    wanted = {name: value for name, value in said.items() if name in names}
    async with call.db.tx() as tx:
        if said.get("check_limit"):
            for name, value in wanted.items():
                if quota.UNLIMITED != value < await quota.used(tx, project_id, names[name]):
                    raise InvalidInput(f"Quota limit {value} of {name} is lower than what is used")
        await quota.put(tx, limits.SERVICE, project_id, wanted)
        return {"quota": await limits_of(tx, project_id)}


@routes.delete("/v2.0/quotas/{project_id}", rule=DELETE, late=True)
async def delete_quota(call: Call, project_id: str) -> None:
    """Give a project the default quotas again."""
    call.enforce(DELETE, project_id=project_id)
    async with call.db.tx() as tx:
        await quota.reset(tx, limits.SERVICE, project_id)
