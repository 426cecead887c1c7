"""Key files: fernet keys in a folder, written and rotated as a Keystone writes and rotates its own.

The file with the highest number is the primary key, which encrypts.  `0` is staged: it
becomes the primary at the next rotation, so that every node can read what it encrypts
before anything is encrypted with it.  The others only decrypt, until they are dropped.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from welkin.core.world import World

STAGED = 0
KEY_BYTES = 32


class KeyRing:
    """The keys of one folder; read again when the folder changes."""

    def __init__(self, folder: Path, world: World) -> None:
        self._folder, self._world = folder, world
        if not folder.exists():
            self._create()
        self._primary, self._keys, self._seen = self._load()

    def encrypt(self, data: bytes) -> str:
        """Return `data` encrypted and signed with the primary key, as text that fits into a URL."""
        self._refresh()
        return self._primary.encrypt_at_time(data, int(self._world.now())).decode().rstrip("=")

    def decrypt(self, text: str) -> bytes | None:
        """Return what was encrypted, or None for anything that was not encrypted with a key of ours."""
        self._refresh()
        try:
            return self._keys.decrypt(text + "=" * (-len(text) % 4))
        except (InvalidToken, ValueError):
            return None

    def rotate(self, kept: int) -> None:
        """Make the staged key the primary, stage a new one, and drop the oldest beyond `kept`."""
        names = self._names()
        primary = max(names) + 1
        (self._folder / str(STAGED)).replace(self._folder / str(primary))
        self._write(self._folder, STAGED)
        old = sorted(name for name in names if name != STAGED)
        for name in old[: max(0, len(old) + 2 - max(kept, 2))]:
            (self._folder / str(name)).unlink(missing_ok=True)
        self._primary, self._keys, self._seen = self._load()

    def _names(self) -> list[int]:
        return sorted(int(path.name) for path in self._folder.iterdir() if path.name.isdigit())

    def _refresh(self) -> None:
        if self._folder.stat().st_mtime_ns != self._seen:
            self._primary, self._keys, self._seen = self._load()

    def _load(self) -> tuple[Fernet, MultiFernet, int]:
        seen = self._folder.stat().st_mtime_ns
        keys = [Fernet((self._folder / str(name)).read_bytes().strip()) for name in reversed(self._names())]
        return keys[0], MultiFernet(keys), seen

    def _create(self) -> None:
        """Make the folder with a staged and a primary key at once, whoever else may be trying the same."""
        self._folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder.with_name(f"{self._folder.name}.{self._world.new_hex()}")
        draft.mkdir(mode=0o700)
        for name in (STAGED, 1):
            self._write(draft, name)
        with contextlib.suppress(OSError):  # another process was first: its keys are the keys
            draft.rename(self._folder)
        shutil.rmtree(draft, ignore_errors=True)

    def _write(self, folder: Path, name: int) -> None:
        draft = folder / f"{name}.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(base64.urlsafe_b64encode(self._world.secret(KEY_BYTES)))
        draft.rename(folder / str(name))
