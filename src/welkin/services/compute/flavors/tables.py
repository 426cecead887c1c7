"""Flavors as rows, and the one question that servers ask of them."""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads, columns
from welkin.core.policy import Actor
from welkin.services.compute.flavors.errors import FlavorNotFound

FLAVORS = """
    CREATE TABLE flavors (
        id            TEXT PRIMARY KEY,
        name          TEXT NOT NULL UNIQUE,
        vcpus         BIGINT NOT NULL,
        ram_mib       BIGINT NOT NULL,
        disk_gib      BIGINT NOT NULL,
        ephemeral_gib BIGINT NOT NULL DEFAULT 0,
        swap_mib      BIGINT NOT NULL DEFAULT 0,
        rxtx_factor   DOUBLE PRECISION NOT NULL DEFAULT 1.0,
        is_public     BOOLEAN NOT NULL DEFAULT TRUE,
        description   TEXT,
        extra_specs   TEXT NOT NULL DEFAULT '{}',
        created_at    DOUBLE PRECISION NOT NULL,
        updated_at    DOUBLE PRECISION NOT NULL
    );
    CREATE TABLE flavor_access (
        flavor_id  TEXT NOT NULL REFERENCES flavors (id),
        project_id TEXT NOT NULL,
        PRIMARY KEY (flavor_id, project_id)
    );
    CREATE INDEX flavor_access_by_project ON flavor_access (project_id);
"""


class FlavorRow(msgspec.Struct):
    """A flavor as stored; the fields are the columns, in the table's order."""

    id: str
    name: str
    vcpus: int
    ram_mib: int
    disk_gib: int
    ephemeral_gib: int
    swap_mib: int
    rxtx_factor: float
    is_public: bool
    description: str | None
    extra_specs: dict[str, str]
    created_at: float
    updated_at: float


MAY_SEE = "(is_public OR EXISTS (SELECT 1 FROM flavor_access AS a WHERE a.flavor_id = flavors.id AND a.project_id = ?))"
"""What holds of the flavors that a project may take."""


async def get_flavor(reads: Reads, id: str, actor: Actor) -> FlavorRow:
    """Return a flavor that the caller may take.  Raises FlavorNotFound."""
    flavor = await reads.one(FlavorRow, f"SELECT {columns(FlavorRow)} FROM flavors WHERE id = $1", id)
    if flavor is None:
        raise FlavorNotFound(id)
    if not flavor.is_public and not actor.is_admin and actor.project_id not in await projects_of(reads, id):
        raise FlavorNotFound(id)
    return flavor


async def projects_of(reads: Reads, flavor_id: str) -> list[str]:
    """Return the projects that were given access to a flavor."""
    sql = "SELECT project_id FROM flavor_access WHERE flavor_id = $1 ORDER BY project_id"
    return await reads.values(sql, flavor_id)
