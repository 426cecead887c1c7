"""Unified limits as other services ask for them, in the transaction that makes what is limited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from welkin.core.db import Reads

LIMITS = """
    SELECT r.region_id, r.resource_name, r.default_limit, l.resource_limit
    FROM identity_registered_limits AS r
    JOIN identity_services AS s ON s.id = r.service_id AND s.type = $1
    LEFT JOIN identity_limits AS l ON l.registered_limit_id = r.id AND l.owner_id = $2
    WHERE r.region_id IN ('', $3)
    ORDER BY r.region_id, r.id
"""


class _Found(msgspec.Struct):
    """A registered limit, and what one project has instead."""

    region_id: str
    resource_name: str
    default_limit: int
    resource_limit: int | None


class Limits:
    """The unified limits of a region."""

    def __init__(self, region: str) -> None:
        self._region = region

    async def __call__(
        self, reads: Reads, project_id: str | None, service: str, names: Sequence[str]
    ) -> Mapping[str, int]:
        """Return those of `names` that are registered for a type of service; a region's own come before the others."""
        found: dict[str, int] = {}
        for row in await reads.all(_Found, LIMITS, service, project_id or "", self._region):
            if row.resource_name in names:
                found[row.resource_name] = row.default_limit if row.resource_limit is None else row.resource_limit
        return found
