"""docs/map.md: every module and what it is for, so that a reader finds the place in one search."""

from __future__ import annotations

import ast
from pathlib import Path

from welkin.docs import tables

PACKAGE = Path(__file__).parents[1]
ORDER = ("", "core", "tools", "services", "testing", "cli", "docs")


def render() -> str:
    """Return the page."""
    folders: dict[Path, list[Path]] = {}
    for file in modules():
        folders.setdefault(file.parent, []).append(file)
    return tables.page(
        "Map",
        "Every module and what it is for, in its own words. Read a room from top to bottom: tables, shapes, policy,\n"
        "api (what a request does), plan (what happens next), central and host (who does it), driver (with what).",
        *(_folder(folder, folders[folder]) for folder in sorted(folders, key=_rank)),
    )


def modules() -> list[Path]:
    """Return the package's modules; an empty `__init__.py` says nothing and is left out."""
    return sorted(file for file in PACKAGE.rglob("*.py") if file.stat().st_size)


def _folder(folder: Path, files: list[Path]) -> str:
    title = "welkin" if folder == PACKAGE else str(folder.relative_to(PACKAGE))
    parts = [f"## {title}", *(_purpose(file) for file in files if file.name == "__init__.py")]
    rows = [(tables.code(file.name), _purpose(file)) for file in files if file.name != "__init__.py"]
    if rows:
        parts.append(tables.table(("File", "What it is for"), rows))
    return "\n\n".join(part for part in parts if part)


def _purpose(file: Path) -> str:
    return tables.first_line(ast.get_docstring(ast.parse(file.read_text())))


def _rank(folder: Path) -> tuple[int, str]:
    path = folder.relative_to(PACKAGE)
    first = path.parts[0] if path.parts else ""
    return (ORDER.index(first) if first in ORDER else len(ORDER), str(path))
