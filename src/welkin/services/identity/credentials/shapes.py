"""What clients send about credentials."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Given

Type = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Blob = str | dict[str, Any]


class CredentialCreate(msgspec.Struct, kw_only=True):
    """A new credential; of the type `ec2` the blob is a JSON object with `access` and `secret`."""

    user_id: str
    type: Type
    blob: Blob
    project_id: str | None = None


class CredentialUpdate(msgspec.Struct, kw_only=True):
    """Changes of a credential."""

    user_id: str | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    blob: Blob | UnsetType = UNSET
    project_id: str | UnsetType | None = UNSET


class CredentialBody(msgspec.Struct):
    """A body about a credential."""

    credential: Given


class Ec2Create(msgspec.Struct):
    """The project that a new EC2 key is for."""

    tenant_id: str
