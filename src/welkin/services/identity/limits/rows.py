"""Rows of unified limits."""

from __future__ import annotations

import msgspec

from welkin.core.db import columns


class RegisteredLimitRow(msgspec.Struct, frozen=True):
    """What a project gets of a service's resource when nothing else is said; the region '' is every region."""

    id: str
    service_id: str
    region_id: str
    resource_name: str
    default_limit: int
    description: str | None


class LimitRow(msgspec.Struct, frozen=True):
    """What one project or domain gets, with the registered limit that it departs from."""

    id: str
    registered_limit_id: str
    owner_id: str
    is_domain: bool
    resource_limit: int
    description: str | None
    service_id: str
    region_id: str
    resource_name: str


JOINED = "identity_limits AS l JOIN identity_registered_limits AS r ON r.id = l.registered_limit_id"
LIMIT_COLUMNS = (
    "l.id, l.registered_limit_id, l.owner_id, l.is_domain, l.resource_limit, l.description, "
    "r.service_id, r.region_id, r.resource_name"
)
REGISTERED_COLUMNS = columns(RegisteredLimitRow)
