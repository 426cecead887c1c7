"""The shipped pytest plugin, as a user's own tests have it: in a pytest of its own, two tests at a time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough
TESTS = """
def test_a_server(openstack):
    made = openstack.create_server("web", image="tiny", flavor="m1.nano", network="private", wait=True, auto_ip=True)
    assert made.status == "ACTIVE" and openstack.get_server("web").public_v4

def test_a_cloud_of_its_own(openstack, openstack_admin):
    assert not list(openstack.compute.servers())
    assert {each.name for each in openstack_admin.identity.projects()} == {"admin", "demo", "service"}

def test_another(openstack):
    assert {each.name for each in openstack.network.networks()} == {"private", "public"}
"""
SETTINGS = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
FIXTURE_S_MAX = 3.0
"""A cloud starts in 0.3 s on a machine that has nothing else to do; a busy one is given more."""


def run(folder: Path, *words: str) -> str:
    """Run a user's tests and return what pytest says."""
    (folder / "test_mine.py").write_text(TESTS)
    (folder / "pytest.ini").write_text(SETTINGS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=0", "-vv", *words]
    # What another pytest says of itself is not for this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_each_test_has_a_cloud_within_moments(tmp_path: Path) -> None:
    said = run(tmp_path, "-W", "error::pytest.PytestUnraisableExceptionWarning")
    assert "3 passed" in said
    setups = [float(seconds) for seconds in re.findall(r"([\d.]+)s setup", said)]
    assert len(setups) == 3 and min(setups) < FIXTURE_S_MAX, said


def test_clouds_run_beside_each_other(tmp_path: Path) -> None:
    assert "3 passed" in run(tmp_path, "-n", "2")
