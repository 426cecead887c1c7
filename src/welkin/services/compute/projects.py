"""Whether a project that a request names is one."""

from __future__ import annotations

from welkin.core.db import Reads
from welkin.core.errors import Invalid
from welkin.services.identity import public as identity


class NoSuchProject(Invalid):
    """There is no project of this id."""

    code = "compute.no-such-project"

    def __init__(self, project_id: str) -> None:
        super().__init__(f"Project ID {project_id} is not a valid project.")


async def check_project(reads: Reads, project_id: str) -> None:
    """Demand that there is such a project.  Raises NoSuchProject."""
    if not await identity.project_exists(reads, project_id):
        raise NoSuchProject(project_id)
