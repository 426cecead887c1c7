"""What compute's tests share: the tiny guest, built once, and a short folder for guests' sockets."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from welkin.tools import cgroups
from welkin.tools.guest_image.builder import GuestImage, build


@pytest.fixture(scope="session")
def guest_image() -> GuestImage:
    """The tiny guest, kept between runs; a recipe that changed is built again."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return build(cache / "welkin" / "guest-image")


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A folder with a short name (paths of sockets are limited to 107 bytes) that guests' users may pass."""
    path = Path(tempfile.mkdtemp(prefix="wk-", dir="/tmp"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)
    cgroups.remove_parent("wkts-guests")
