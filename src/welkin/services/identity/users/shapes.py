"""What clients send about users."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.identity.wire import Given, Name

Password = Annotated[str, msgspec.Meta(max_length=4096)]
Flag = bool | None | UnsetType


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """The options of a user; null takes one away."""

    ignore_change_password_upon_first_use: Flag = UNSET
    ignore_password_expiry: Flag = UNSET
    ignore_lockout_failure_attempts: Flag = UNSET
    ignore_user_inactivity: Flag = UNSET
    lock_password: Flag = UNSET
    multi_factor_auth_enabled: Flag = UNSET
    multi_factor_auth_rules: list[list[str]] | UnsetType | None = UNSET


class UserCreate(msgspec.Struct, kw_only=True):
    """A new user; without a password they can only be acted for."""

    name: Name
    password: Password | None = None
    domain_id: str | None = None
    default_project_id: str | None = None
    enabled: bool = True
    options: Options = msgspec.field(default_factory=Options)
    password_expires_at: str | None = None
    """Answered, and ignored when it is sent back."""


class UserUpdate(msgspec.Struct, kw_only=True):
    """Changes of a user."""

    name: Name | UnsetType = UNSET
    password: Password | UnsetType | None = UNSET
    domain_id: str | UnsetType | None = UNSET
    default_project_id: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET
    options: Options | UnsetType = UNSET
    password_expires_at: str | UnsetType | None = UNSET
    """Answered, and ignored when it is sent back."""


class UserBody(msgspec.Struct):
    """A body about a user."""

    user: Given


class PasswordChange(msgspec.Struct):
    """A user's new password, and the old one as the proof that it is them."""

    password: Password
    original_password: str


class PasswordBody(msgspec.Struct):
    """A body about a user's password."""

    user: PasswordChange
