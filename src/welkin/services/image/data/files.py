"""Where data is on disk: a directory for each image, and in it a file for each time that data came.

A file is complete when it has its name without `.part`.  Nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import msgspec

PART = ".part"


class Sums(msgspec.Struct, frozen=True):
    """What came: how much, and its checksums."""

    size: int
    md5: str
    sha512: str


class Store:
    """The directory with every image's data."""

    def __init__(self, state_dir: Path) -> None:
        self.root = state_dir / "images"

    def path(self, image_id: str, name: str) -> Path:
        """Return where a complete file is."""
        return self.root / image_id / name

    def begin(self, image_id: str, name: str) -> Writer:
        """Return a writer of a new file."""
        directory = self.root / image_id
        directory.mkdir(parents=True, exist_ok=True)
        return Writer(directory / (name + PART), directory / name)

    def remove(self, image_id: str, name: str) -> None:
        """Remove a file, complete or not."""
        for path in (self.path(image_id, name), self.path(image_id, name + PART)):
            path.unlink(missing_ok=True)

    def remove_others(self, image_id: str, keep: Iterable[str]) -> None:
        """Remove every file of an image but those named; without any, the directory goes too."""
        directory, kept = self.root / image_id, set(keep)
        if not kept:
            shutil.rmtree(directory, ignore_errors=True)
            return
        for path in directory.glob("*"):
            if path.name.removesuffix(PART) not in kept:
                path.unlink(missing_ok=True)

    def image_ids(self) -> list[str]:
        """Return every image of which there are files."""
        return [path.name for path in self.root.glob("*") if path.is_dir()]


class Writer:
    """Writes a file, sums it up on the way, and gives it its name once it is safe on disk.  For threads."""

    def __init__(self, part: Path, final: Path) -> None:
        self.part, self._final = part, final
        self._file = part.open("wb", buffering=0)
        # Old clients compare MD5; the one that proves anything is SHA-512.
        self._md5, self._sha512 = hashlib.md5(usedforsecurity=False), hashlib.sha512()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append data."""
        self._file.write(data)
        self._md5.update(data)
        self._sha512.update(data)
        self.size += len(data)

    def keep(self) -> Sums:
        """Give the file its name."""
        os.fsync(self._file.fileno())
        self._file.close()
        self.part.rename(self._final)
        sync_directory(self._final.parent)
        return Sums(self.size, self._md5.hexdigest(), self._sha512.hexdigest())

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self.part.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory safe on disk."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
