"""What clients send about application credentials."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from welkin.services.identity.wire import Name, Text


class RoleRef(msgspec.Struct):
    """A role by id or by name."""

    id: str | None = None
    name: str | None = None


class AccessRule(msgspec.Struct, kw_only=True):
    """A new access rule, or by its id one that the user has."""

    id: str | None = None
    service: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    method: Literal["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"] | None = None
    path: Annotated[str, msgspec.Meta(max_length=225, pattern=r"^/")] | None = None


class ApplicationCredentialCreate(msgspec.Struct, kw_only=True):
    """A new application credential; without roles it has all that the token has."""

    name: Name
    description: Text | None = None
    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)] | None = None
    expires_at: str | None = None
    roles: list[RoleRef] | None = None
    unrestricted: bool | None = False
    access_rules: list[AccessRule] | None = None


class ApplicationCredentialBody(msgspec.Struct):
    """A body about an application credential."""

    application_credential: ApplicationCredentialCreate
