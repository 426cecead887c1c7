"""What clients send about groups."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Given, Name, Text


class GroupCreate(msgspec.Struct, kw_only=True):
    """A new group."""

    name: Name
    description: Text | None = None
    domain_id: str | None = None


class GroupUpdate(msgspec.Struct, kw_only=True):
    """Changes of a group."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    domain_id: str | UnsetType | None = UNSET


class GroupBody(msgspec.Struct):
    """A body about a group."""

    group: Given
