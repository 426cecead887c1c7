"""What clients send about projects and domains."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Given, Text

TAGS_MAX = 80
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\S")]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[^,/]*$")]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=TAGS_MAX)]


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """The options of a project, a domain or a role; null takes one away."""

    immutable: bool | UnsetType | None = UNSET


class ProjectCreate(msgspec.Struct, kw_only=True):
    """A new project; with `is_domain`, a new domain."""

    name: Name
    description: Text | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    enabled: bool = True
    is_domain: bool = False
    tags: Tags = []
    options: Options = msgspec.field(default_factory=Options)


class ProjectUpdate(msgspec.Struct, kw_only=True):
    """Changes of a project."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    domain_id: str | UnsetType | None = UNSET
    parent_id: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    is_domain: bool | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    options: Options | UnsetType = UNSET


class DomainCreate(msgspec.Struct, kw_only=True):
    """A new domain, with an id of the client's own if it likes."""

    name: Name
    description: Text | None = None
    enabled: bool = True
    explicit_domain_id: Annotated[str, msgspec.Meta(pattern=r"^[a-fA-F0-9]{32}$")] | None = None
    tags: Tags = []
    options: Options = msgspec.field(default_factory=Options)


class DomainUpdate(msgspec.Struct, kw_only=True):
    """Changes of a domain."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    options: Options | UnsetType = UNSET


class ProjectBody(msgspec.Struct):
    """A body about a project."""

    project: Given


class DomainBody(msgspec.Struct):
    """A body about a domain."""

    domain: Given


class TagsBody(msgspec.Struct):
    """All tags of a project."""

    tags: Tags


def merged(old: dict[str, Any], new: msgspec.Struct | UnsetType) -> dict[str, Any]:
    """Return options with changes applied; null takes an option away."""
    if isinstance(new, UnsetType):
        return old
    found = old | msgspec.to_builtins(new)
    return {name: value for name, value in found.items() if value is not None}
