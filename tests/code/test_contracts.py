"""The import contracts: each breaks on the small trespass planted for it, through import-linter's own command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.code.contracts import matches
from tests.code.source import ROOT

IMAGE = "services/image/{}.py"
TRESPASSES = {
    "core imports a tool": ("core/db.py", "import welkin.tools.nft", "layers"),
    "a tool imports a room": ("tools/nft.py", "import welkin.services.image.public", "layers"),
    "a lower room calls a higher one": (
        "services/image/central.py",
        "import welkin.services.compute.public",
        "staircase",
    ),
    "a room reaches past the door": (
        "services/compute/api.py",
        "from welkin.services.image import tables",
        "public.py",
    ),
    "a room serves HTTP by itself": (IMAGE.format("central"), "import uvicorn", "HTTP server"),
    "a room opens a database": (IMAGE.format("central"), "import sqlite3", "core/db"),
    "a room speaks netlink": (IMAGE.format("host"), "from pyroute2 import IPRoute", "netlink"),
    "a room prints": (IMAGE.format("api"), "import rich.table", "terminal"),
    "a plan opens a file": (IMAGE.format("plan"), "def plan():\n    import pathlib", "plan.py"),
    "a plan reads the database": (IMAGE.format("plan"), "from welkin.core.db import Db", "plan.py"),
    "an api runs a driver": (IMAGE.format("api"), "from welkin.services.image.drivers import memory", "api.py"),
    "an api runs a tool": (IMAGE.format("api"), "from welkin.tools import nft", "api.py"),
}
RIGHT = {
    "core/db.py": "import asyncpg\nimport sqlite3\nclass Db: ...\n",
    "core/http.py": "import uvicorn\n",
    "tools/nft.py": "import pyroute2\n",
    "services/image/public.py": "from welkin.services.image import tables\n",
    "services/image/tables.py": "",
    "services/image/plan.py": "import dataclasses\nimport msgspec\n",
    "services/image/api.py": "from welkin.core.db import Db\n",
    "services/image/central.py": "",
    "services/image/host.py": "from welkin.services.image.drivers import memory\nfrom welkin.tools import nft\n",
    "services/image/drivers/memory.py": "import pathlib\n",
    "services/compute/api.py": "from welkin.services.image import public\n",
    "services/compute/public.py": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project that keeps every contract, under the real contracts."""
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for path, text in RIGHT.items():
        file = tmp_path / "src/welkin" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for folder in [tmp_path / "src/welkin", *(tmp_path / "src/welkin").rglob("*/")]:
        (folder / "__init__.py").touch()
    return tmp_path


def lint(project: Path) -> str:
    """Return the names of the broken contracts, or "" when all are kept."""
    program = (
        f"import sys; sys.path[:0] = [{str(project / 'src')!r}, {str(ROOT)!r}]\n"
        "from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    )
    command = [sys.executable, "-c", program]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    broken = [line for line in answer.stdout.splitlines() if line.endswith("BROKEN")]
    assert bool(answer.returncode) == bool(broken), answer.stdout + answer.stderr
    return "\n".join(broken)


def test_what_is_right_keeps_every_contract(project: Path):
    assert lint(project) == ""


@pytest.mark.parametrize("name", TRESPASSES)
def test_a_planted_trespass_breaks_its_contract(project: Path, name: str):
    path, statement, contract = TRESPASSES[name]
    file = project / "src/welkin" / path
    file.write_text(file.read_text() + statement + "\n")
    assert contract in lint(project)


def test_patterns_fit_whole_names():
    assert matches("welkin.services.compute.servers.plan", ["welkin.services.**.plan"])
    assert matches("welkin.core.db_postgres", ["welkin.core.db*"])
    assert not matches("welkin.services.image.planner", ["welkin.services.**.plan"])
    assert not matches("welkin.core.db.inner", ["welkin.core.db*"])
