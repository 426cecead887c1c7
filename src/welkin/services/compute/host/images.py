"""The images of this host: each fetched once, checked, and shared by all guests as their disks' base.

An image comes from whoever uploaded it.  Its hash says that it is the one that was
uploaded, not that it is harmless: its header is read by us before any QEMU opens it, and
what is not qcow2 or raw is converted by a program that may touch nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

from welkin.core.world import World
from welkin.services.compute.driver import DriverError, Hopeless, Keep
from welkin.services.compute.host.wanted import Image
from welkin.tools import qemu_img

FetchImage = Callable[[str, Path], Awaitable[None]]
RAW_FORMATS = frozenset({"raw", "iso", "ami", "ari", "aki"})
CONVERTED_FORMATS = frozenset({"vmdk", "vdi", "vhd", "vhdx"})
READ_BYTES = 1 << 20
RECENT_S = 120.0  # an image used so lately may be on its way into a disk
BLOCK_BYTES = 512  # what a file's blocks are counted in
READABLE = 0o644  # every guest's user reads it

log = logging.getLogger(__name__)


class DiskImageCache:
    """An ImageCache on disk."""

    def __init__(self, directory: Path, fetch_image: FetchImage, world: World | None = None) -> None:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        self._directory, self._fetch_image, self._world = directory, fetch_image, world or World()
        self._fetching: dict[str, asyncio.Task[None]] = {}

    async def has(self, image: Image) -> bool:
        """Who asks is about to use it, so it is marked as used."""
        path, now = self.path(image), self._world.now()
        try:
            if path.stat().st_mtime < now - RECENT_S / 2:
                os.utime(path, (now, now))
        except FileNotFoundError:
            return False
        return True

    def path(self, image: Image) -> Path:
        suffix = "raw" if image.format in RAW_FORMATS else "qcow2"
        return self._directory / f"{image.id}.{suffix}"

    async def fetch(self, image: Image) -> None:
        """Bring the image here, once for all who wait; it comes even when they have all left meanwhile."""
        if image.format not in RAW_FORMATS | CONVERTED_FORMATS | {"qcow2"}:
            raise Hopeless(f"Image {image.id} is of format {image.format}, from which guests cannot boot here.")
        if await self.has(image):
            return
        if image.id not in self._fetching:
            task = self._fetching[image.id] = asyncio.create_task(self._bring(image))
            task.add_done_callback(lambda task: self._brought(image.id, task))
        await asyncio.shield(self._fetching[image.id])

    def _brought(self, image_id: str, task: asyncio.Task[None]) -> None:
        self._fetching.pop(image_id, None)
        if not task.cancelled() and task.exception() is not None:
            log.info("image %s did not come: %s", image_id, task.exception())

    async def _bring(self, image: Image) -> None:
        part = self._directory / f"{image.id}.part"
        try:
            await self._fetch_image(image.id, part)
            await asyncio.to_thread(_compare, image, part)
            await self._settle(image, part)
        finally:
            part.unlink(missing_ok=True)

    async def _settle(self, image: Image, part: Path) -> None:
        """Look at what came, make it qcow2 or raw, and put it in its place whole."""
        try:
            part.chmod(READABLE)
            if image.format in CONVERTED_FORMATS:
                part = await self._converted(image, part)
            qemu_img.virtual_size_bytes(part, self.path(image).suffix[1:])
        except qemu_img.BadImage as error:
            raise Hopeless(f"Image {image.id} is unacceptable: {error}") from error
        part.chmod(READABLE)
        part.replace(self.path(image))

    async def _converted(self, image: Image, part: Path) -> Path:
        found = await qemu_img.info(part, image.format)
        if found.backing_file or found.data_file:
            raise qemu_img.BadImage("It refers to other files.")
        target = part.with_suffix(".converted")
        target.touch()
        target.chmod(0o666)  # for the moment: the user that converts owns nothing
        try:
            await qemu_img.convert_untrusted(part, image.format, target)
        except BaseException:
            target.unlink()
            raise
        return target

    async def prune(self, in_use: frozenset[Path], keep: Keep) -> list[str]:
        return await asyncio.to_thread(self._prune, in_use, keep)

    def _prune(self, in_use: frozenset[Path], keep: Keep) -> list[str]:
        """An image's time of change says when it was last of use: it came, or a disk was seen to start from it."""
        now, unused = self._world.now(), []
        for path in self._directory.iterdir():
            if path in in_use:
                os.utime(path, (now, now))
            elif path.suffix in (".raw", ".qcow2") and (found := path.stat()).st_mtime < now - RECENT_S:
                unused.append((found.st_mtime, found.st_blocks * BLOCK_BYTES, path))
        gone, kept_bytes = [], 0
        for used_at, size_bytes, path in sorted(unused, reverse=True):
            kept_bytes += size_bytes
            too_old = 0 <= keep.unused_s < now - used_at
            if too_old or 0 <= keep.bytes_max < kept_bytes:
                kept_bytes -= size_bytes
                path.unlink(missing_ok=True)
                gone.append(path.stem)
        return gone


def _compare(image: Image, path: Path) -> None:
    """Compare size and hash with what the image service says; what came broken is fetched again."""
    size = path.stat().st_size
    if image.size_bytes and size != image.size_bytes:
        raise DriverError(f"Image {image.id} came with {size} bytes instead of {image.size_bytes}.")
    if not image.hash:
        return
    digest = hashlib.new(image.hash_algorithm)
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != image.hash:
        raise DriverError(f"Image {image.id} came with another {image.hash_algorithm} than the image service says.")
