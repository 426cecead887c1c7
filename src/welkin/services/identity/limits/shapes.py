"""What clients send about limits."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Name, Text

Amount = Annotated[int, msgspec.Meta(ge=-1, le=0x7FFFFFFF)]
"""How much; -1 for any amount."""


class Registered(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A limit to register."""

    service_id: str
    resource_name: Name
    default_limit: Amount
    region_id: str | None = None
    description: Text | None = None


class RegisteredUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes of a registered limit."""

    service_id: str | UnsetType = UNSET
    resource_name: Name | UnsetType = UNSET
    default_limit: Amount | UnsetType = UNSET
    region_id: str | UnsetType | None = UNSET
    description: Text | UnsetType | None = UNSET


class RegisteredCreateBody(msgspec.Struct):
    """Limits to register."""

    registered_limits: Annotated[list[Registered], msgspec.Meta(min_length=1)]


class RegisteredUpdateBody(msgspec.Struct):
    """Changes of a registered limit."""

    registered_limit: RegisteredUpdate


class Limit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A limit for one project or one domain."""

    service_id: str
    resource_name: Name
    resource_limit: Amount
    region_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    description: Text | None = None


class LimitUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes of a limit."""

    resource_limit: Amount | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET


class LimitCreateBody(msgspec.Struct):
    """Limits to create."""

    limits: Annotated[list[Limit], msgspec.Meta(min_length=1)]


class LimitUpdateBody(msgspec.Struct):
    """Changes of a limit."""

    limit: LimitUpdate
