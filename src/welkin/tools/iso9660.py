"""Write a small read-only disk with files on it: what a config drive is."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from welkin.tools import processes


async def write(image: Path, label: str, files: Mapping[str, bytes]) -> None:
    """Write `files` (relative path -> content) as an ISO 9660 file system with this label to `image`.

    The image appears whole or not at all, readable by its owner only.
    """
    with tempfile.TemporaryDirectory(dir=image.parent, prefix="iso-") as work:
        tree, made = Path(work) / "tree", Path(work) / "image"
        await asyncio.to_thread(_lay_out, tree, files)
        words = ["genisoimage", "-quiet", "-J", "-r", "-l", "-ldots", "-allow-lowercase", "-allow-multidot"]
        await processes.run([*words, "-V", label, "-o", str(made), str(tree)])
        made.chmod(0o600)
        made.replace(image)


def _lay_out(tree: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
