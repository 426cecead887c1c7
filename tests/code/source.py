"""The project's own source as the rules read it: files, their syntax trees, and the faults found in them."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
AS_IT_CAME = {"tests/bench/load.py"}
"""Kept as it is so that its figures stay comparable; the linter passes it over as well."""
UNTRACKED = {".git", ".venv", "__pycache__", "build", "dist", "reports"}


class Fault(NamedTuple):
    """One place that breaks a rule.  `rule` and `place` together name it in the list of exceptions."""

    rule: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} [{self.rule}]"


class Source(NamedTuple):
    """One Python file: its path from the root of the project, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, path: str, text: str) -> Source:
        return cls(path, text, ast.parse(text))

    @property
    def module(self) -> str:
        """The dotted name under which the file is imported."""
        return self.path.removeprefix("src/").removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def own(self) -> bool:
        """Whether the file is shipped, not a test or a helper of the build."""
        return self.path.startswith("src/")


@cache
def python_files() -> tuple[Source, ...]:
    """Return every Python file of the project that follows its rules."""
    paths = [path for path in project_files() if path.endswith(".py") and path not in AS_IT_CAME]
    return tuple(Source.of(path, (ROOT / path).read_text()) for path in paths)


@cache
def project_files() -> tuple[str, ...]:
    """Return the paths of the project's files: those git tracks, or all of them where there is no git."""
    listed = _tracked() if (ROOT / ".git").exists() and shutil.which("git") else None
    return tuple(sorted(path for path in listed or _walked() if (ROOT / path).is_file()))


def _tracked() -> list[str] | None:
    command = ["git", "-C", str(ROOT), "ls-files", "-z"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.split("\0")[:-1] if answer.returncode == 0 else None


def _walked() -> list[str]:
    found: list[str] = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in UNTRACKED and not name.endswith(("_cache", ".egg-info"))]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in files]
    return found


class Exemption(NamedTuple):
    """One entry of exceptions.toml."""

    rule: str
    place: str
    reason: str


def exemptions() -> list[Exemption]:
    """Read the list of exceptions, which may only shrink."""
    table = tomllib.loads((ROOT / "tests/code/exceptions.toml").read_text())
    return [Exemption(**entry) for entry in table.get("exception", [])]


def judge(faults: list[Fault], exempt: list[Exemption], rules: set[str]) -> list[str]:
    """Return what is wrong: faults that no exception covers, and exceptions of `rules` that cover no fault."""
    allowed = {(entry.rule, entry.place) for entry in exempt}
    found = {(fault.rule, fault.place) for fault in faults}
    wrong = [str(fault) for fault in faults if (fault.rule, fault.place) not in allowed]
    wrong += [
        f"{entry.place}: the exception from {entry.rule} is no longer needed; remove it"
        for entry in exempt
        if entry.rule in rules and (entry.rule, entry.place) not in found
    ]
    return wrong
