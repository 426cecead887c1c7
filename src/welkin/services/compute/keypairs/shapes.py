"""What compute accepts and answers about key pairs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from welkin.core import times
from welkin.services.compute.keypairs.tables import KeypairRow
from welkin.services.compute.values import Limit

KeyName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^(?! )[_\-@. a-zA-Z0-9]+(?<! )\Z")]


class OldKeypair(Struct, kw_only=True, forbid_unknown_fields=True):
    """A key pair to import or, without a public key, to make."""

    name: KeyName
    type: Literal["ssh", "x509"] = "ssh"
    public_key: str | None = None
    user_id: str | None = None


class OldKeypairCreate(Struct, forbid_unknown_fields=True):
    """The body that imported or made a key pair before 2.92."""

    keypair: OldKeypair


class NewKeypair(OldKeypair, kw_only=True, forbid_unknown_fields=True):
    """A key pair to import."""

    public_key: str


class KeypairCreate(Struct, forbid_unknown_fields=True):
    """The body that imports a key pair."""

    keypair: NewKeypair


class UserQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose key pair is meant."""

    user_id: str | None = None


class KeypairQuery(UserQuery, kw_only=True, forbid_unknown_fields=True):
    """How key pairs are listed."""

    limit: Limit | None = None
    marker: str | None = None


def brief(row: KeypairRow) -> dict[str, Any]:
    """Return a key pair as lists have it."""
    return {"name": row.name, "public_key": row.public_key, "fingerprint": row.fingerprint, "type": row.type}


def full(row: KeypairRow) -> dict[str, Any]:
    """Return a key pair with everything."""
    return {
        **brief(row),
        "user_id": row.user_id,
        "id": row.number,
        "created_at": times.with_micros(int(row.created_at)),
        "updated_at": None,
        "deleted": False,
        "deleted_at": None,
    }
