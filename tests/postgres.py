"""A PostgreSQL server of the tests' own: started once for a test run, each test gets a fresh database."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

FOR_SPEED = (
    "-c full_page_writes=off -c synchronous_commit=off -c autovacuum=off -c wal_level=minimal -c max_wal_senders=0"
)
"""What keeps data through a crash, and tests throw theirs away."""


def postgres_url() -> str:
    """Return the URL of a new, empty database; skip the test where no server program is installed."""
    folder = _server()
    name = f"t{uuid.uuid4().hex}"
    _psql(folder, f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={folder}"


@functools.cache
def _server() -> Path:
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not programs:
        pytest.skip("PostgreSQL's server programs are not installed")
    folder = Path(tempfile.mkdtemp(prefix="welkin-pg-"))
    folder.chmod(0o711)
    data = folder / "data"
    data.mkdir()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for each in (folder, data):
            os.chown(each, owner.pw_uid, owner.pw_gid)
    pg_ctl = programs[-1]
    _as_postgres([str(pg_ctl.with_name("initdb")), "-D", str(data), "-U", "postgres", "-A", "trust", "--no-sync"])
    options = f"-k {folder} -c listen_addresses= -c fsync=off -c max_connections=200 {FOR_SPEED}"
    _as_postgres([str(pg_ctl), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start"])
    atexit.register(_stop, pg_ctl, folder)
    return folder


def _stop(pg_ctl: Path, folder: Path) -> None:
    _as_postgres([str(pg_ctl), "-D", str(folder / "data"), "-m", "immediate", "stop"])
    shutil.rmtree(folder)


def _psql(folder: Path, sql: str) -> None:
    _as_postgres(["psql", "-q", "-h", str(folder), "-U", "postgres", "-d", "postgres", "-c", sql])


def _as_postgres(command: list[str]) -> None:
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
