"""What the network tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.network.cloud import TestCloud, test_cloud


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[TestCloud]:
    """An application of the test's own."""
    async with test_cloud(tmp_path) as cloud:
        yield cloud
