"""Whatever is killed at whatever moment, everything settles: nothing is stuck, nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.processes import Processes
from tests.faults.story import play


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Processes]:
    cloud = Processes(tmp_path / "state")
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.mark.thorough
@pytest.mark.parametrize("seed", [1, 2])
def test_servers_settle_while_everything_is_killed(cloud: Processes, seed: int) -> None:
    play(cloud, seed)
