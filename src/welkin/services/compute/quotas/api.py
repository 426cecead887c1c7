"""Quotas of projects over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from welkin.core import quota
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.quota import UNLIMITED
from welkin.services.compute.projects import check_project
from welkin.services.compute.quotas import policy
from welkin.services.compute.quotas.resources import (
    FILE_NAMES,
    NETWORK_NAMES,
    in_force,
    in_use,
    of_class,
    user_owner,
)
from welkin.services.compute.quotas.shapes import (
    ClassQuotas,
    FileQuotas,
    FileQuotaUpdate,
    NetworkQuotas,
    NetworkQuotaUpdate,
    Quotas,
    QuotaUpdate,
    UserQuery,
)
from welkin.services.compute.service import service
from welkin.services.compute.values import INTEGER_MAX, NoQuery, whole, yes

routes = Routes(service)
ONE = "/v2.1/os-quota-sets/{project_id}"


@routes.get(ONE, rule=policy.SHOW, late=True)
async def show_quotas(call: Call, project_id: str, query: UserQuery) -> dict[str, Any]:
    """Show the quotas of a project, or of one user in it."""
    call.enforce(policy.SHOW, project_id=project_id)
    await check_project(call.db, project_id)
    return {"quota_set": {"id": project_id, **view(await in_force(call.db, project_id, query.user_id))}}


@routes.get(ONE + "/detail", rule=policy.DETAIL, late=True)
async def show_quotas_detail(call: Call, project_id: str, query: UserQuery) -> dict[str, Any]:
    """Show the quotas of a project and what is used of them."""
    call.enforce(policy.DETAIL, project_id=project_id)
    await check_project(call.db, project_id)
    used = await in_use(call.db, project_id)
    limits = await in_force(call.db, project_id, query.user_id)
    lines = {name: {"limit": limit, "in_use": used[name], "reserved": 0} for name, limit in limits.items()}
    return {"quota_set": {"id": project_id, **view(lines)}}


@routes.get(ONE + "/defaults", rule=policy.DEFAULTS)
async def show_default_quotas(call: Call, project_id: str, query: NoQuery) -> dict[str, Any]:
    """Show the quotas of a project for which none were set."""
    await check_project(call.db, project_id)
    return {"quota_set": {"id": project_id, **view(await of_class(call.db, "default"))}}


@routes.put(ONE, rule=policy.UPDATE, since="2.57")
async def update_quotas(call: Call, project_id: str, body: QuotaUpdate, query: UserQuery) -> dict[str, Any]:
    """Set quotas of a project, or of one user in it."""
    return await set_quotas(call, project_id, body.quota_set, query)


@routes.put(ONE, rule=policy.UPDATE, since="2.36", until="2.56")
async def update_file_quotas(call: Call, project_id: str, body: FileQuotaUpdate, query: UserQuery) -> dict[str, Any]:
    """Set quotas of a project, those of files too."""
    return await set_quotas(call, project_id, body.quota_set, query)


@routes.put(ONE, rule=policy.UPDATE, until="2.35")
async def update_network_quotas(
    call: Call, project_id: str, body: NetworkQuotaUpdate, query: UserQuery
) -> dict[str, Any]:
    """Set quotas of a project, those of files and networks too."""
    return await set_quotas(call, project_id, body.quota_set, query)


@routes.delete(ONE, rule=policy.DELETE, status=202)
async def delete_quotas(call: Call, project_id: str, query: UserQuery) -> None:
    """Give a project, or one user in it, the default quotas again."""
    owner = user_owner(project_id, query.user_id) if query.user_id else project_id
    async with call.db.tx() as tx:
        await quota.reset(tx, "compute", owner)


async def set_quotas(
    call: Call, project_id: str, quotas: Quotas | FileQuotas | NetworkQuotas, query: UserQuery
) -> dict[str, Any]:
    """Write quotas down, and return those in force.  Raises Invalid for one below what is used."""
    wanted = amounts(quotas)
    async with call.db.tx() as tx:
        await check_project(tx, project_id)
        if quota.are_unified(tx):  # they are changed where they are kept; nothing is written here, as upstream does
            return {"quota_set": view(await in_force(tx, project_id, query.user_id))}
        if not yes(quotas.force):
            check_used(wanted, await in_use(tx, project_id))
        owner = user_owner(project_id, query.user_id) if query.user_id else project_id
        await quota.put(tx, "compute", owner, wanted)
        return {"quota_set": view(await in_force(tx, project_id, query.user_id))}


def amounts(quotas: ClassQuotas) -> dict[str, int]:
    """Return the limits that a body sets.  Raises Invalid."""
    found = {name: getattr(quotas, name) for name in quotas.__struct_fields__ if name != "force"}
    return {name: whole(value, name, -1, INTEGER_MAX) for name, value in found.items() if value is not UNSET}


def check_used(wanted: Mapping[str, int], used: Mapping[str, int]) -> None:
    """Demand that no limit is below what is used.  Raises Invalid."""
    for name, limit in wanted.items():
        if limit != UNLIMITED and limit < used[name]:
            raise Invalid(
                f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved "
                f"{used[name]}."
            )


def view(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return quotas as answers have them; those of networks and files are for older versions."""
    older = NETWORK_NAMES | FILE_NAMES
    now = {name: value for name, value in values.items() if name not in older}
    return {**now, "_old": {name: value for name, value in values.items() if name in older}}
