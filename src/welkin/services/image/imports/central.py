"""Carries out imports: from staging or from the web, in steps that can be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from welkin.core import work
from welkin.core.db import Database, Transaction, columns
from welkin.core.errors import Problem
from welkin.core.work import After
from welkin.core.world import World
from welkin.services.image.data.intake import ALIVE_S, Intake, activation
from welkin.services.image.errors import WrongStatus
from welkin.services.image.images import store as images
from welkin.services.image.images.shapes import STORE
from welkin.services.image.imports.download import fetch
from welkin.services.image.options import ImageOptions
from welkin.services.image.tables import TaskRow

IMPORT = "image.import"
"""The kind of work that carries out one task."""
HOUR_S = 3600
DONE = ("success", "failure")
LEGACY = "import"
"""The type of a task that makes an image of what is at a URL, as administrators ask for it."""


class Importer:
    """Reconciles one task: until it has succeeded or failed there is something left to do."""

    def __init__(self, database: Database, world: World, intake: Intake, options: ImageOptions) -> None:
        self._database, self._world, self._intake, self._options = database, world, intake, options

    async def reconcile(self, task_id: str) -> After | None:
        """Take a task to its end, or forget it when its time has passed."""
        task = await find_task(self._database, task_id)
        if task is None:
            return None
        if task.status in DONE:
            return await self._forget_later(task)
        try:
            await self._perform(task)
        except (Problem, OSError) as error:
            await self._fail(task, str(error) or type(error).__name__)
        return After(0)

    async def _perform(self, task: TaskRow) -> None:
        row = await images.find(self._database, task.image_id or "")
        if row is None:
            raise WrongStatus("The image has been deleted.")
        await self._mark(task, "processing")
        url = source(task)
        if url is None:
            await self._from_staging(task)
        else:
            await self._from_web(task, url)

    async def _from_staging(self, task: TaskRow) -> None:
        row = await images.find(self._database, task.image_id or "")
        if row is None or row.file is None:
            raise WrongStatus("The staged data is gone.")
        arrived = await self._intake.recheck(row)
        async with self._database.tx() as tx:
            key = {"id": row.id, "status": "importing", "file": row.file}
            if not await tx.update("images", key, {**activation(arrived), "updated_at": self._world.now()}):
                raise WrongStatus("The image was changed while it was imported.")
            await self._finish(tx, task, "success", "")

    async def _from_web(self, task: TaskRow, url: str) -> None:
        image_id = task.image_id or ""
        async with self._database.tx() as tx:
            name = self._world.new_hex()
            until = self._world.now() + ALIVE_S
            # Whoever tried before us is dead, or its lease would hold; its file goes with the next look at the files.
            changes = {"coming": name, "coming_until": until}
            if not await tx.update("images", {"id": image_id, "status": "importing"}, changes):
                raise WrongStatus("The image is not waiting to be imported.")
        arrived = await self._intake.receive(image_id, name, in_thread(fetch(url, self._options)))
        await self._intake.activate(image_id, arrived)
        async with self._database.tx() as tx:
            await self._finish(tx, task, "success", "")

    async def _fail(self, task: TaskRow, message: str) -> None:
        async with self._database.tx() as tx:
            changes = {"status": "queued", "file": None, "coming": None, "coming_until": None, "size": None}
            if await tx.update("images", {"id": task.image_id, "status": "importing"}, changes):
                await images.note_import(tx, task.image_id or "", to="", failed=STORE)
                await work.want(tx, images.DATA, task.image_id or "")
            await self._finish(tx, task, "failure", message)

    async def _mark(self, task: TaskRow, status: str) -> None:
        async with self._database.tx() as tx:
            await tx.update("image_tasks", {"id": task.id}, {"status": status, "updated_at": self._world.now()})

    async def _finish(self, tx: Transaction, task: TaskRow, status: str, message: str) -> None:
        now = self._world.now()
        changes: dict[str, Any] = {"status": status, "message": message, "updated_at": now}
        changes["expires_at"] = now + self._options.task_life_h * HOUR_S
        if status == "success":
            await images.note_import(tx, task.image_id or "", to="", failed="")
            changes["result"] = {"image_id": task.image_id}
        await tx.update("image_tasks", {"id": task.id}, changes)

    async def _forget_later(self, task: TaskRow) -> After | None:
        left = (task.expires_at or 0.0) - self._world.now()
        if left > 0:
            return After(left)
        async with self._database.tx() as tx:
            await tx.delete("image_tasks", {"id": task.id})
        return None


def source(task: TaskRow) -> str | None:
    """Return the URL that a task fetches from, or None for staged data."""
    if task.type == LEGACY:
        return str(task.input["import_from"])
    method = task.input["import_req"]["method"]
    return None if method["name"] == "glance-direct" else str(method["uri"])


async def find_task(database: Database, task_id: str) -> TaskRow | None:
    """Return a task, or None."""
    return await database.one(TaskRow, f"SELECT {columns(TaskRow)} FROM image_tasks WHERE id = $1", task_id)


async def in_thread(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what a blocking iterator yields, without blocking anybody else."""
    nothing = b""
    while chunk := await asyncio.to_thread(next, chunks, nothing):
        yield chunk
