"""What clients send about roles."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.projects.shapes import Options
from welkin.services.identity.wire import Given, Name, Text


class RoleCreate(msgspec.Struct, kw_only=True):
    """A new role; with a domain_id it is that domain's own."""

    name: Name
    description: Text | None = None
    domain_id: str | None = None
    options: Options = msgspec.field(default_factory=Options)


class RoleUpdate(msgspec.Struct, kw_only=True):
    """Changes of a role."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    domain_id: str | UnsetType | None = UNSET
    options: Options | UnsetType = UNSET


class RoleBody(msgspec.Struct):
    """A body about a role."""

    role: Given
