"""How tests are shared out among processes: what shares a thing of the machine stays together."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/contract/", "tests/faults/", "tests/compute/servers/")
"""Folders whose tests share a cloud, or would stand in each other's way."""


class ByFile(LoadScopeScheduling):
    """Gives a whole file, or one of the folders above, to one process.

    Groups by marker would be finer, but this pytest ignores how xdist writes them into a test's id.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Share tests out by file."""
    return ByFile(config, log)
