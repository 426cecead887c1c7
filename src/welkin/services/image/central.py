"""Looks after images' files and tasks: what should be there is, what should not be there goes."""

from __future__ import annotations

import asyncio

from welkin.core import work
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.db import Database
from welkin.core.work import After
from welkin.core.world import World
from welkin.services.image.data.files import Store
from welkin.services.image.data.intake import COMING, Intake
from welkin.services.image.images import store as images
from welkin.services.image.imports.central import IMPORT, Importer
from welkin.services.image.options import ImageOptions

GRACE_S = 1.0
"""How much later than promised a sign of life may come."""


class Keeper:
    """Reconciles the files of one image with its row."""

    def __init__(self, database: Database, world: World, files: Store) -> None:
        self._database, self._world, self._files = database, world, files

    async def reconcile(self, image_id: str) -> After | None:
        """Put an image whose data stopped coming back to `queued`, and remove files that no row names."""
        row = await images.find(self._database, image_id)
        if row is None:
            await asyncio.to_thread(self._files.remove_others, image_id, ())
            return None
        if row.coming is not None:
            left = (row.coming_until or 0.0) + GRACE_S - self._world.now()
            if left > 0:
                return After(left)
            async with self._database.tx() as tx:
                key = {"id": image_id, "coming": row.coming, "coming_until": row.coming_until}
                changes = {"status": "queued", "coming": None, "coming_until": None, "file": None, "size": None}
                if row.status in COMING and not await tx.update("images", key, changes):
                    return After(GRACE_S)  # somebody gave a sign of life at this moment
            row = await images.find(self._database, image_id)
        keep = [name for name in (row.file, row.coming) if name] if row is not None else []
        await asyncio.to_thread(self._files.remove_others, image_id, keep)
        return None


def join(cloud: Cloud) -> None:
    """Add the central half to the control plane."""
    files = Store(cloud.get(CloudOptions).state_dir)
    options = cloud.get(ImageOptions)
    intake = Intake(cloud.db, cloud.world, files, options)
    cloud.parts.add(intake)
    cloud.workers.add(images.DATA, Keeper(cloud.db, cloud.world, files).reconcile)
    cloud.workers.add(IMPORT, Importer(cloud.db, cloud.world, intake, options).reconcile)


async def ensure(cloud: Cloud) -> None:
    """Have files looked after whose images are unknown, as after a restored backup of the database."""
    files = cloud.get(Intake).files
    for image_id in await asyncio.to_thread(files.image_ids):
        if await images.find(cloud.db, image_id) is None:
            async with cloud.db.tx() as tx:
                await work.want(tx, images.DATA, image_id)
