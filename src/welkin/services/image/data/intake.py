"""How data comes in: the row says so first, then the file grows, then the row says that it is there.

Whoever brings data is believed alive for a while and renews that; when it dies, the
reconciler of `image.data` puts the image back to `queued` and removes what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import msgspec

from welkin.core import work
from welkin.core.db import Database, Transaction
from welkin.core.errors import Invalid
from welkin.core.events import record
from welkin.core.world import World
from welkin.services.image import inspect
from welkin.services.image.data.files import Store, Sums, Writer
from welkin.services.image.errors import ImageNotFound, LimitExceeded, Refused, Vanished, WrongStatus
from welkin.services.image.images import store as images
from welkin.services.image.options import ImageOptions
from welkin.services.image.tables import ImageRow

ALIVE_S = 120.0
"""How long whoever brings data is believed alive without a sign."""
RENEW_S = 30.0
BATCH_BYTES = 1 << 20
GIB = 1 << 30
COMING = ("saving", "uploading", "importing")
HASH = "sha512"

Chunks = AsyncIterator[bytes]


class Arrived(msgspec.Struct, frozen=True):
    """Data that is complete on disk, and what it is."""

    name: str
    sums: Sums
    virtual_size: int


class Intake:
    """Takes data in."""

    def __init__(self, database: Database, world: World, files: Store, options: ImageOptions) -> None:
        self._database, self._world, self.files, self._options = database, world, files, options

    async def begin(self, tx: Transaction, image_id: str, before: str, status: str) -> str:
        """Note that data is about to come; return the name of its file.  Raises ImageNotFound, WrongStatus."""
        row = await images.find(tx, image_id)
        if row is None:
            raise ImageNotFound(image_id)
        if row.status != before:
            raise WrongStatus(f"Image status transition from {row.status} to {status} is not allowed")
        name = self._world.new_hex()
        until = self._world.now() + ALIVE_S
        changes = {"status": status, "coming": name, "coming_until": until, "updated_at": self._world.now()}
        if not await tx.update("images", {"id": image_id, "status": before}, changes):
            raise WrongStatus(f"The data of image {image_id} is already coming.")
        await work.want(tx, images.DATA, image_id, until)
        return name

    async def receive(self, image_id: str, name: str, chunks: Chunks, expected: int | None = None) -> Arrived:
        """Write chunks to the file `name` and look at what they are.

        expected  how many bytes there must be, where the client has said so.
        Raises    Refused, LimitExceeded, Invalid; whatever it raises, nothing is left on disk.
        """
        try:
            writer = await asyncio.to_thread(self.files.begin, image_id, name)
        except FileNotFoundError:
            raise Vanished(image_id) from None
        try:
            await self._write(image_id, name, chunks, writer)
            if expected is not None and writer.size != expected:
                raise Invalid(f"The data has {writer.size} bytes, and {expected} were announced.")
            virtual_size = await asyncio.to_thread(self._look, await self._row(image_id), writer.part, writer.size)
            sums = await asyncio.to_thread(writer.keep)
        except FileNotFoundError:  # the image was deleted meanwhile, and its directory with it
            await asyncio.to_thread(writer.discard)
            raise Vanished(image_id) from None
        except BaseException:
            await asyncio.shield(asyncio.to_thread(writer.discard))
            raise
        return Arrived(name, sums, virtual_size)

    async def stage(self, image_id: str, arrived: Arrived) -> None:
        """Note that data is in staging, whole.  Raises Vanished."""
        changes = {"file": arrived.name, "coming": None, "coming_until": None, "size": arrived.sums.size}
        if not await self._settle(image_id, arrived.name, changes):
            raise Vanished(image_id)

    async def activate(self, image_id: str, arrived: Arrived) -> None:
        """Note that data is there and can be used.  Raises Vanished."""
        if not await self._settle(image_id, arrived.name, activation(arrived)):
            raise Vanished(image_id)

    async def give_up(self, image_id: str, name: str) -> None:
        """Put an image whose data did not come back to `queued`, and remove what did."""
        await asyncio.to_thread(self.files.remove, image_id, name)
        changes = {"status": "queued", "coming": None, "coming_until": None, "file": None, "size": None}
        await self._settle(image_id, name, changes)

    async def recheck(self, row: ImageRow) -> Arrived:
        """Look at staged data again, now that it is known what it should be.  Raises Refused."""
        assert row.file is not None
        path = self.files.path(row.id, row.file)

        def look() -> Arrived:
            size = path.stat().st_size
            virtual_size = self._look(row, path, size)
            return Arrived(row.file or "", sums_of(path), virtual_size)

        return await asyncio.to_thread(look)

    async def _write(self, image_id: str, name: str, chunks: Chunks, writer: Writer) -> None:
        limit = self._options.size_gib_max * GIB
        renewed = self._world.monotonic()
        batch = bytearray()
        async for chunk in chunks:
            batch += chunk
            if writer.size + len(batch) > limit:
                raise LimitExceeded(f"The incoming image is too large: more than {self._options.size_gib_max} GiB.")
            if len(batch) >= BATCH_BYTES:
                await asyncio.to_thread(writer.write, bytes(batch))
                batch.clear()
            if self._world.monotonic() - renewed > RENEW_S:
                renewed = self._world.monotonic()
                await self._renew(image_id, name)
        if batch:
            await asyncio.to_thread(writer.write, bytes(batch))

    async def _renew(self, image_id: str, name: str) -> None:
        async with self._database.tx() as tx:
            until = self._world.now() + ALIVE_S
            if not await tx.update("images", {"id": image_id, "coming": name}, {"coming_until": until}):
                raise Vanished(image_id)

    async def _row(self, image_id: str) -> ImageRow:
        row = await images.find(self._database, image_id)
        if row is None:
            raise Vanished(image_id)
        return row

    def _look(self, row: ImageRow, path: Path, size: int) -> int:
        """Return the virtual size.  Raises Refused.  Only bare containers are looked into."""
        if row.container_format != "bare" or row.disk_format is None:
            return size
        with path.open("rb") as file:
            found = inspect.inspect(reader(file.fileno()), size)
        if row.status == "uploading":
            return found.virtual_size  # staged data is judged when it is imported
        reason = inspect.refusal(found, row.disk_format, enforce=self._options.format_enforcement)
        if reason is not None:
            raise Refused(reason)
        return size if row.disk_format == "raw" else min(found.virtual_size, 1 << 62)

    async def _settle(self, image_id: str, name: str, changes: Mapping[str, object]) -> bool:
        """Change the row if it still waits for this file, and nobody else's."""
        async with self._database.tx() as tx:
            key = {"id": image_id, "coming": name}
            count: int = await tx.update("images", key, {**changes, "updated_at": self._world.now()})
            done = count > 0
            await work.want(tx, images.DATA, image_id)
            if done and changes.get("status") == "active":
                row = await images.find(tx, image_id)
                owner = row.owner if row is not None else None
                await record(tx, self._world, "image.active", image_id, project_id=owner)
        if not done:
            await asyncio.to_thread(self.files.remove, image_id, name)
        return done


def activation(arrived: Arrived) -> dict[str, object]:
    """Return what changes in the row of an image whose data is there."""
    return {
        "status": "active",
        "file": arrived.name,
        "coming": None,
        "coming_until": None,
        "bringer": None,
        "size": arrived.sums.size,
        "virtual_size": arrived.virtual_size,
        "checksum": arrived.sums.md5,
        "os_hash_algo": HASH,
        "os_hash_value": arrived.sums.sha512,
    }


@contextlib.asynccontextmanager
async def taking(intake: Intake, image_id: str, name: str) -> AsyncIterator[None]:
    """Give the image up when what is inside fails, whatever happens to the caller."""
    try:
        yield
    except BaseException:
        await asyncio.shield(asyncio.ensure_future(intake.give_up(image_id, name)))
        raise


def reader(handle: int) -> Callable[[int, int], bytes]:
    """Return a function that reads an open file at an offset."""
    return lambda offset, length: os.pread(handle, length, offset)


def sums_of(path: Path) -> Sums:
    """Return the sums of a file."""
    md5, sha512, size = hashlib.md5(usedforsecurity=False), hashlib.sha512(), 0
    with path.open("rb") as file:
        while chunk := file.read(BATCH_BYTES):
            md5.update(chunk)
            sha512.update(chunk)
            size += len(chunk)
    return Sums(size, md5.hexdigest(), sha512.hexdigest())
