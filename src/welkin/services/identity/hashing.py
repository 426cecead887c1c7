"""Passwords: argon2id for new ones; the older hashes of a Keystone are verified and then replaced.

Hashing is meant to be slow, so it happens in threads, few at a time: the loop goes on
answering, and a flood of passwords waits instead of taking all memory.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LANES = 1
PASSWORD_BYTES_MAX = 4096
BCRYPT_BYTES_MAX = 72
"""Where bcrypt, and a Keystone with it, cuts a password off."""


class Hashing:
    """Hashes and verifies, at most `threads` at a time."""

    def __init__(self, threads: int, memory_kib: int, passes: int) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES)
        self._turns = asyncio.Semaphore(threads)
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Return the hash of a new password."""
        async with self._turns:
            return await asyncio.to_thread(self._argon2.hash, password)

    async def verify(self, hashed: str, password: str) -> bool:
        """Return whether `password` is the one that was hashed."""
        async with self._turns:
            return await asyncio.to_thread(self._verify, hashed, password)

    async def verify_nobody(self, password: str) -> None:
        """Take as long as for a user who exists, so that the time does not tell who does."""
        if not self._nobody:
            self._nobody = await self.hash("")
        await self.verify(self._nobody, password)

    def is_old(self, hashed: str) -> bool:
        """Return whether the password should be hashed anew, now that it is known."""
        try:
            return self._argon2.check_needs_rehash(hashed)
        except InvalidHashError:
            return True

    def _verify(self, hashed: str, password: str) -> bool:
        if len(password.encode()) > PASSWORD_BYTES_MAX:
            return False
        if hashed.startswith("$argon2"):
            return self._verify_argon2(hashed, password)
        try:
            if hashed.startswith(("$2a$", "$2b$", "$2y$")):
                return bcrypt.checkpw(password.encode()[:BCRYPT_BYTES_MAX], hashed.encode())
            if hashed.startswith("$scrypt$"):
                return _verify_scrypt(hashed, password)
            if hashed.startswith("$pbkdf2-sha512$"):
                return _verify_pbkdf2(hashed, password)
        except ValueError:  # a damaged hash matches nothing
            return False
        return False

    def _verify_argon2(self, hashed: str, password: str) -> bool:
        try:
            return self._argon2.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False


def _verify_scrypt(hashed: str, password: str) -> bool:
    """Verify `$scrypt$ln=16,r=8,p=1$salt$digest`."""
    _, _, settings, salt, digest = hashed.split("$")
    costs = {name: int(value) for name, _, value in (part.partition("=") for part in settings.split(","))}
    passes, blocks, wanted = 1 << costs["ln"], costs["r"], _decode(digest)
    memory = 128 * blocks * (passes + costs["p"] + 2)
    found = hashlib.scrypt(
        password.encode(), salt=_decode(salt), n=passes, r=blocks, p=costs["p"], maxmem=memory, dklen=len(wanted)
    )
    return hmac.compare_digest(found, wanted)


def _verify_pbkdf2(hashed: str, password: str) -> bool:
    """Verify `$pbkdf2-sha512$25000$salt$digest`."""
    _, _, rounds, salt, digest = hashed.split("$")
    wanted = _decode(digest)
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), _decode(salt), int(rounds), len(wanted))
    return hmac.compare_digest(found, wanted)


def _decode(text: str) -> bytes:
    """Decode base 64 as password hashes write it: `.` for `+`, no padding."""
    return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))
