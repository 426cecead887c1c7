"""What a client sends to get a token."""

from __future__ import annotations

from typing import Any

import msgspec


class DomainRef(msgspec.Struct, frozen=True):
    """A domain by id or by name."""

    id: str | None = None
    name: str | None = None


class ProjectRef(msgspec.Struct, frozen=True):
    """A project by id, or by name and domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None


class UserRef(msgspec.Struct, frozen=True):
    """A user by id, or by name and domain; with what they prove it by."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None
    password: str | None = None
    passcode: str | None = None


class UserMethod(msgspec.Struct, frozen=True):
    """The methods `password` and `totp`."""

    user: UserRef


class TokenMethod(msgspec.Struct, frozen=True):
    """The method `token`."""

    id: str


class ApplicationCredentialMethod(msgspec.Struct, frozen=True):
    """The method `application_credential`: by id, or by name and user."""

    secret: str
    id: str | None = None
    name: str | None = None
    user: UserRef | None = None


class Identity(msgspec.Struct, frozen=True):
    """The methods that are to be used, all of them, and what each needs."""

    methods: list[str]
    password: UserMethod | None = None
    totp: UserMethod | None = None
    token: TokenMethod | None = None
    application_credential: ApplicationCredentialMethod | None = None


class TrustRef(msgspec.Struct, frozen=True):
    """A trust by id."""

    id: str


class SystemRef(msgspec.Struct, frozen=True):
    """The whole system."""

    all: bool


class Scope(msgspec.Struct, frozen=True):
    """Where the token is to be good; one of these."""

    project: ProjectRef | None = None
    domain: DomainRef | None = None
    system: SystemRef | None = None
    trust: TrustRef | None = msgspec.field(default=None, name="OS-TRUST:trust")
    unscoped: dict[str, Any] | None = None


class Auth(msgspec.Struct, frozen=True):
    """Who, and where; the scope `unscoped` may be the bare word."""

    identity: Identity
    scope: Scope | str | None = None


class TokenCreate(msgspec.Struct, frozen=True):
    """The body of a request for a token."""

    auth: Auth
