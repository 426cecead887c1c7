"""What is inside a token: who proved what, when, and which scope they chose.  Never a role or a right."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from welkin.services.identity.tokens.keys import KeyRing

ScopeKind = Literal["unscoped", "project", "domain", "system"]
FORMAT = 1
TOKEN_LENGTH_MAX = 4096
WRITTEN = re.compile(r"[A-Za-z0-9_-]+=*")
"""How a token is written; a lax decoder would take the same one in many spellings."""


class Claims(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The contents of a token.  Fields may only be added at the end."""

    format: int = FORMAT
    user_id: str
    methods: tuple[str, ...]
    scope: ScopeKind
    scope_id: str
    issued_at: float
    expires_at: float
    audit_ids: tuple[str, ...]
    """The token's own, and that of the first token in the chain from which it was made."""
    application_credential_id: str | None = None
    trust_id: str | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Claims).decode


def seal(claims: Claims, keys: KeyRing) -> str:
    """Return a token."""
    return keys.encrypt(_encode(claims))


def unseal(token: str, keys: KeyRing) -> Claims | None:
    """Return what a token says, or None for anything that is not a token of ours."""
    if len(token) > TOKEN_LENGTH_MAX or not WRITTEN.fullmatch(token):
        return None
    data = keys.decrypt(token)
    if data is None:
        return None
    try:
        return _decode(data)
    except msgspec.MsgspecError:
        return None
