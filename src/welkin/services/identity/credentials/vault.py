"""Keeps credentials' blobs encrypted, and finds EC2 keys by their public half."""

from __future__ import annotations

import hashlib

from welkin.core.db import Reads, Transaction
from welkin.core.errors import Invalid
from welkin.services.identity.credentials import rows
from welkin.services.identity.credentials.rows import CredentialRow
from welkin.services.identity.tokens.keys import KeyRing


class Vault:
    """Encrypts with keys of its own, which are not those of tokens."""

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys

    def seal(self, blob: str) -> str:
        """Return `blob` as it is stored."""
        return self.keys.encrypt(blob.encode())

    def open(self, sealed: str) -> str:
        """Return a stored blob in clear.  Raises Invalid when its key is gone."""
        found = self.keys.decrypt(sealed)
        if found is None:
            raise Invalid("Credential could not be decrypted. Please contact the administrator.")
        return found.decode()

    async def blobs(self, reads: Reads, user_id: str, kind: str) -> list[str]:
        """Return a user's blobs of one type, in clear."""
        sql = "SELECT blob FROM identity_credentials WHERE user_id = $1 AND type = $2 ORDER BY id"
        return [self.open(sealed) for sealed in await reads.values(sql, user_id, kind)]

    async def seal_anew(self, tx: Transaction) -> int:
        """Encrypt every blob with the primary key, so that old keys can be dropped; return how many there were."""
        found = await tx.all(CredentialRow, f"SELECT {rows.COLUMNS} FROM identity_credentials")
        for row in found:
            await tx.update("identity_credentials", {"id": row.id}, {"blob": self.seal(self.open(row.blob))})
        return len(found)


def ec2_id(access: str) -> str:
    """Return the id of the credential whose EC2 access key is `access`."""
    return hashlib.sha256(access.encode()).hexdigest()
