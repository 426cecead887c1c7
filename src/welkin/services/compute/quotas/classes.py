"""Quotas of classes of projects over HTTP; of them only `default` concerns any project."""

from __future__ import annotations

from typing import Any

from welkin.core import quota
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.quotas import policy
from welkin.services.compute.quotas.api import amounts, view
from welkin.services.compute.quotas.resources import class_owner, of_class
from welkin.services.compute.quotas.shapes import ClassQuotas, ClassUpdate, FileClassUpdate, NetworkClassUpdate
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)
ONE = "/v2.1/os-quota-class-sets/{name}"


@routes.get(ONE, rule=policy.SHOW_CLASS)
async def show_class(call: Call, name: str, query: NoQuery) -> dict[str, Any]:
    """Show the quotas of a class."""
    return {"quota_class_set": {"id": name, **view(await of_class(call.db, name))}}


@routes.put(ONE, rule=policy.UPDATE_CLASS, since="2.57")
async def update_class(call: Call, name: str, body: ClassUpdate) -> dict[str, Any]:
    """Set quotas of a class."""
    return await set_class(call, name, body.quota_class_set)


@routes.put(ONE, rule=policy.UPDATE_CLASS, since="2.50", until="2.56")
async def update_file_class(call: Call, name: str, body: FileClassUpdate) -> dict[str, Any]:
    """Set quotas of a class, those of files too."""
    return await set_class(call, name, body.quota_class_set)


@routes.put(ONE, rule=policy.UPDATE_CLASS, until="2.49")
async def update_network_class(call: Call, name: str, body: NetworkClassUpdate) -> dict[str, Any]:
    """Set quotas of a class, those of files and networks too."""
    return await set_class(call, name, body.quota_class_set)


async def set_class(call: Call, name: str, quotas: ClassQuotas) -> dict[str, Any]:
    """Write the quotas of a class down, and return them all.  Raises Invalid."""
    if len(name) > 255:
        raise Invalid("quota_class_name has more than 255 characters.")
    wanted = amounts(quotas)
    async with call.db.tx() as tx:
        if not quota.are_unified(tx):
            await quota.put(tx, "compute", class_owner(name), wanted)
        return {"quota_class_set": view(await of_class(tx, name))}
