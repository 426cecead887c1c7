"""Imports and tasks over HTTP, and what the service says of itself."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from welkin.core import quota, times, work
from welkin.core.answers import Answer
from welkin.core.db import Transaction, columns
from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX, Listing, Select, equal, limit_of, marker_of, sorting
from welkin.core.log import request_context
from welkin.services.image import policy
from welkin.services.image.data.intake import Intake
from welkin.services.image.errors import WrongStatus, over_quota
from welkin.services.image.images import store as images
from welkin.services.image.images.api import IMPORT_METHODS, ONE, load, new_row
from welkin.services.image.images.listing import LIMIT_DEFAULT, links
from welkin.services.image.images.shapes import STORE, read_create
from welkin.services.image.images.store import Quotas
from welkin.services.image.imports.central import IMPORT, LEGACY
from welkin.services.image.imports.download import check_url
from welkin.services.image.options import ImageOptions
from welkin.services.image.service import service
from welkin.services.image.tables import ImageRow, TaskRow

routes = Routes(service)
TASK = "api_image_import"
TASKS = "/v2/tasks"


class LegacyInput(msgspec.Struct, kw_only=True):
    """What image to make, and of what."""

    import_from: str
    import_from_format: str
    image_properties: dict[str, Any]


class LegacyTask(msgspec.Struct, kw_only=True):
    """A task as administrators ask for it."""

    type: Literal["import"]
    input: LegacyInput


class Method(msgspec.Struct, kw_only=True):
    """How to import; `uri` is for web-download."""

    name: str
    uri: str | None = None


class Import(msgspec.Struct, kw_only=True):
    """A request to import an image's data."""

    method: Method
    stores: list[str] | None = None
    all_stores: bool = False
    all_stores_must_succeed: bool = True


@routes.post(ONE + "/import", rule=policy.MODIFY_IMAGE, late=True, status=202)
async def import_image(call: Call, image_id: str, body: Import) -> None:
    """Begin to import data from staging, or from the web."""
    options = call.get(ImageOptions)
    name = body.method.name
    if name not in IMPORT_METHODS:
        raise Invalid(f"Unknown import method name '{name}'.")
    if any(store != STORE for store in body.stores or ()):
        raise Conflict(f"Stores {body.stores} are not all configured.")
    if name == "web-download":
        check_url(body.method.uri or "", options)
    async with call.db.tx() as tx:
        row = await load(call, tx, image_id, policy.MODIFY_IMAGE)
        _check_ready(row, name)
        if row.owner is not None:
            await quota.claim(tx, row.owner, [quota.Claim(Quotas(options).size, 1)], over_quota)
        changes = {"status": "importing", "updated_at": call.world.now()}
        if not await tx.update("images", {"id": image_id, "status": row.status}, changes):
            raise WrongStatus("The image was changed meanwhile; look at it and try again.")
        asked = {"image_id": row.id, "import_req": msgspec.to_builtins(body), "backend": [STORE]}
        await _begin(tx, call, row, TASK, asked)


@routes.get(ONE + "/tasks", rule=policy.GET_IMAGE, late=True)
async def list_image_tasks(call: Call, image_id: str) -> dict[str, Any]:
    """List the tasks of an image."""
    await load(call, call.db, image_id, policy.GET_IMAGE)
    sql = f"SELECT {columns(TaskRow)} FROM image_tasks WHERE image_id = $1 ORDER BY created_at DESC, id"
    return {"tasks": [view(row) for row in await call.db.all(TaskRow, sql, image_id)]}


LISTED = Listing(
    table="image_tasks",
    row=TaskRow,
    filters={"type": equal("type"), "status": equal("status")},
    sorts={name: name for name in ("id", "type", "status", "created_at", "updated_at")},
    default_sort=(("created_at", "desc"),),
)


@routes.get(TASKS, rule=policy.TASKS_API_ACCESS)
async def list_tasks(call: Call) -> dict[str, Any]:
    """List tasks."""
    select = Select()
    LISTED.filter(select, call.args)
    limit = limit_of(call.args)
    limit = LIMIT_DEFAULT if limit is None else min(limit, LIMIT_MAX)
    page = await LISTED.page(call.db, select, sorting(call.args), limit, marker_of(call.args))
    last = page.rows[-1].id if page.more and page.rows else None
    stubs = [{name: value for name, value in view(row).items() if name in STUB} for row in page.rows]
    return {"tasks": stubs, "schema": "/v2/schemas/tasks", **links(call.args, TASKS, last)}


@routes.post(TASKS, rule=policy.TASKS_API_ACCESS)
async def create_task(call: Call, body: LegacyTask) -> Answer:
    """Make an image of what is at a URL."""
    options = call.get(ImageOptions)
    check_url(body.input.import_from, options)
    fields = {name: value for name, value in body.input.image_properties.items() if value is not None}
    asked = read_create({"container_format": "bare", "disk_format": body.input.import_from_format, **fields})
    row = msgspec.structs.replace(new_row(call, asked), status="importing")
    async with call.db.tx() as tx:
        await tx.insert("images", row)
        await images.set_properties(tx, row.id, asked.properties, options)
        await images.set_tags(tx, row.id, asked.tags, options)
        task = await _begin(tx, call, row, LEGACY, msgspec.to_builtins(body.input))
    return Answer(body=view(task), headers={"Location": f"{call.base_url}{TASKS}/{task.id}"})


@routes.get(TASKS + "/{task_id}", rule=policy.TASKS_API_ACCESS)
async def show_task(call: Call, task_id: str) -> dict[str, Any]:
    """Show a task."""
    row = await call.db.one(TaskRow, f"SELECT {columns(TaskRow)} FROM image_tasks WHERE id = $1", task_id)
    if row is None:
        raise NotFound(f"Task not found for task_id {task_id}")
    return view(row)


@routes.get("/v2/info/import", rule=policy.DISCOVERY)
async def show_import_methods(call: Call) -> dict[str, Any]:
    """Return the ways in which data can be imported."""
    methods = {"description": "Import methods available.", "type": "array", "value": list(IMPORT_METHODS)}
    return {"import-methods": methods}


@routes.get("/v2/info/stores", rule=policy.DISCOVERY)
async def list_stores(call: Call) -> dict[str, Any]:
    """Return where data is kept: there is one store."""
    return {"stores": [_store()]}


@routes.get("/v2/info/stores/detail", rule=policy.STORES_INFO_DETAIL)
async def list_stores_in_detail(call: Call) -> dict[str, Any]:
    """Return where data is kept, and how."""
    properties = {"data_dir": str(call.get(Intake).files.root), "chunk_size": 65_536, "thin_provisioning": False}
    return {"stores": [{**_store(), "type": "file", "weight": 0, "properties": properties}]}


@routes.delete("/v2/stores/{store_id}/{image_id}", rule=policy.DELETE_IMAGE, late=True)
async def delete_from_store(call: Call, store_id: str, image_id: str) -> None:
    """Refuse to delete data from its only store."""
    await load(call, call.db, image_id, policy.DELETE_IMAGE)
    if store_id != STORE:
        raise Conflict(f"The selected store {store_id} is not available on this node.")
    raise Forbidden("Cannot delete image data from the only store containing it. Consider deleting the image instead.")


@routes.get("/v2/info/usage", rule=policy.DISCOVERY)
async def show_usage(call: Call) -> dict[str, Any]:
    """Return the limits of the caller's project, and how much of them is used."""
    project_id = call.actor.project_id or ""
    resources = Quotas(call.get(ImageOptions)).all()
    limits = await quota.limits(call.db, project_id, resources)
    usage = {
        each.name: {"limit": limits[each.name], "usage": await quota.used(call.db, project_id, each)}
        for each in resources
    }
    return {"usage": usage}


STUB = frozenset({"id", "type", "status", "owner", "created_at", "updated_at", "expires_at", "self", "schema"})


def view(row: TaskRow) -> dict[str, Any]:
    """Return a task as clients see it."""
    shown: dict[str, Any] = {
        "id": row.id,
        "type": row.type,
        "status": row.status,
        "owner": row.owner,
        "input": row.input,
        "result": row.result,
        "message": row.message,
        "created_at": times.with_z(row.created_at),
        "updated_at": times.with_z(row.updated_at),
        "self": f"/v2/tasks/{row.id}",
        "schema": "/v2/schemas/task",
        "image_id": row.image_id,
        "user_id": row.user_id,
        "request_id": row.request_id,
    }
    if row.expires_at is not None:
        shown["expires_at"] = times.with_z(row.expires_at)
    return shown


def _check_ready(row: ImageRow, method: str) -> None:
    if row.status == "active":
        raise WrongStatus("Image with status active cannot be target for import")
    if method == "web-download" and row.status != "queued":
        raise WrongStatus("Image needs to be in 'queued' state to use 'web-download' method")
    if method == "glance-direct" and (row.status != "uploading" or row.file is None):
        raise WrongStatus("Image needs to be staged before 'glance-direct' method can be used")
    for name in ("container_format", "disk_format"):
        if getattr(row, name) is None:
            raise WrongStatus(f"'{name}' needs to be set before import")


async def _begin(tx: Transaction, call: Call, row: ImageRow, kind: str, asked: dict[str, Any]) -> TaskRow:
    now = call.world.now()
    task = TaskRow(
        id=call.world.new_id(),
        type=kind,
        status="pending",
        owner=call.actor.project_id,
        image_id=row.id,
        user_id=call.actor.user_id,
        request_id=request_context.get(),
        input=asked,
        result=None,
        message="",
        created_at=now,
        updated_at=now,
        expires_at=None,
    )
    await images.note_import(tx, row.id, to=STORE, failed="")
    await tx.insert("image_tasks", task)
    await work.want(tx, IMPORT, task.id)
    return task


def _store() -> dict[str, str]:
    return {"id": STORE, "description": "Files below the state directory.", "default": "true"}
