"""The files of noVNC, the VNC client for browsers, from where the system keeps them."""

from __future__ import annotations

import functools
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("/usr/share/novnc")
"""Debian's package `novnc` puts them here."""
VNC = "vnc_lite.html"
DEPTH_MAX = 6


@functools.cache
def files() -> Mapping[str, Path]:
    """Return every file that may be served, by its path below the folder: nothing else can be asked for."""
    found = {}
    for folder, _, names in os.walk(FOLDER, followlinks=True):
        for name in names:
            path = Path(folder) / name
            if path.is_file():
                found[path.relative_to(FOLDER).as_posix()] = path
    return found


def find(path: str) -> Path | None:
    """Return the file at a path, or None."""
    return files().get(path)


def content_type(path: Path) -> str:
    """Return the type of a file."""
    if path.suffix == ".js":
        return "text/javascript"
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"
