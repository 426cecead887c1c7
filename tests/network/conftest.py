"""What the network tests share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.network.cloud import TestCloud, test_cloud
from tests.postgres import postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
async def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[TestCloud]:
    """An application of the test's own, on each kind of database."""
    database = postgres_url() if request.param == "postgres" else ""
    async with test_cloud(tmp_path, database) as cloud:
        yield cloud
