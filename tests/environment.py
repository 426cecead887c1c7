"""A virtual environment of its own for a tool whose dependencies are none of ours, made from a lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


class Environment:
    """The environment in `folder`, as `lock` says."""

    def __init__(self, folder: Path, lock: Path) -> None:
        self.folder, self.lock = folder, lock
        self.bin = folder / "bin"

    def install(self) -> None:
        """Install what the lock says, once for each content of the lock."""
        stamp, key = self.folder / ".installed", self.lock.read_text()
        if stamp.exists() and stamp.read_text() == key:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder)], check=True)
        pip = [str(self.bin / "pip"), "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(self.lock)], check=True)
        stamp.write_text(key)
