"""Two clouds of one machine cannot have one prefix: each would take the other's networks apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from welkin.cli import prefix
from welkin.cli.trouble import Trouble
from welkin.core.config import CloudOptions


@pytest.fixture(autouse=True)
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefix, "CLAIMS", tmp_path / "claims")


def cloud(folder: Path, driver: str = "qemu") -> CloudOptions:
    folder.mkdir(exist_ok=True)
    return CloudOptions(state_dir=folder, prefix="zz", driver=driver)


def test_a_living_clouds_prefix_is_refused(tmp_path: Path) -> None:
    first, second = cloud(tmp_path / "a"), cloud(tmp_path / "b")
    prefix.claim(first)
    prefix.claim(first)
    with pytest.raises(Trouble, match="belongs to the cloud in"):
        prefix.claim(second)
    prefix.release(second)
    assert prefix.holder(second) == first.state_dir


def test_a_purged_clouds_prefix_is_free(tmp_path: Path) -> None:
    first, second = cloud(tmp_path / "a"), cloud(tmp_path / "b")
    prefix.claim(first)
    first.state_dir.rmdir()
    prefix.claim(second)
    prefix.release(second)
    assert prefix.holder(first) is None


def test_a_cloud_in_memory_claims_nothing(tmp_path: Path) -> None:
    prefix.claim(cloud(tmp_path / "a", "memory"))
    prefix.claim(cloud(tmp_path / "b"))
