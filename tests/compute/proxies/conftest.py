"""The whole cloud, with callers who say in a header who they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.compute.resource_cloud import Compute, add_projects, authenticate
from welkin.app import Config, open_cloud
from welkin.core.config import CloudOptions
from welkin.core.world import World


@pytest.fixture
async def compute(tmp_path: Path) -> AsyncIterator[Compute]:
    """Return compute with every other service beside it."""
    world = World()
    config = Config(cloud=CloudOptions(state_dir=tmp_path, driver="memory", host="h1"))
    async with open_cloud(config, world) as cloud:
        cloud.app.authenticators.insert(0, authenticate)
        await add_projects(cloud.db)
        transport = httpx.ASGITransport(cloud.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as client:
            yield Compute(client, cloud, world)
