"""Methods of authentication: from what a client sends to who it is.

Every failure reads the same to the client, and takes as long, except where the client
has proved to know the password.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Awaitable, Callable

import msgspec

from welkin.core.db import Database
from welkin.core.errors import NotFound
from welkin.core.world import World
from welkin.services.identity import changes
from welkin.services.identity.application_credentials import rows as application_credentials
from welkin.services.identity.application_credentials.rows import ApplicationCredentialRow
from welkin.services.identity.credentials.vault import Vault
from welkin.services.identity.errors import AccountLocked, Missing, NotAllowed, NotAuthenticated, PasswordExpired
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.tokens.shapes import (
    ApplicationCredentialMethod,
    DomainRef,
    Identity,
    TokenMethod,
    UserMethod,
    UserRef,
)
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.users import rows as users
from welkin.services.identity.users.rows import DAY_S, PasswordRow, UserRow

TOTP_STEP_S = 30
TOTP_DIGITS = 6


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody proved to be, and what limits follow from how they did."""

    user_id: str
    methods: tuple[str, ...]
    expires_at: float | None = None
    chain: str | None = None
    """The audit id of the first token in the chain, when the proof was a token."""
    application_credential: ApplicationCredentialRow | None = None


class Prover:
    """Checks what clients send."""

    def __init__(
        self, database: Database, world: World, options: IdentityOptions, hashing: Hashing, tokens: Tokens, vault: Vault
    ) -> None:
        self.db, self.world, self.options = database, world, options
        self.hashing, self.tokens, self.vault = hashing, tokens, vault

    async def prove(self, identity: Identity) -> Proof:
        """Check every method that is named; they must agree on who it is.  Raises NotAuthenticated."""
        checks: dict[str, Callable[[], Awaitable[Proof]] | None] = {
            "password": _with(self.by_password, identity.password),
            "totp": _with(self.by_totp, identity.totp),
            "token": _with(self.by_token, identity.token),
            "application_credential": _with(self.by_application_credential, identity.application_credential),
        }
        methods = list(dict.fromkeys(identity.methods))
        if not methods:
            raise Missing("methods", "identity")
        for method in methods:
            if method not in checks:
                raise NotAuthenticated("Attempted to authenticate with an unsupported method.")
            if checks[method] is None:
                raise Missing(method, "identity")
        proofs = [await check() for method in methods if (check := checks[method]) is not None]
        proof = _joined(proofs)
        await self._check_rules(proof)
        return proof

    async def by_password(self, method: UserMethod) -> Proof:
        """Check a user's password."""
        password = method.user.password
        if password is None:
            raise Missing("password", "user")
        user = await self.find_user(method.user)
        if user is None:
            await self.hashing.verify_nobody(password)
            raise NotAuthenticated
        await self.check_password(user, password)
        return Proof(user_id=user.id, methods=("password",))

    async def check_password(self, user: UserRow, password: str) -> PasswordRow:
        """Return the row of the password when it is right.  Raises NotAuthenticated, PasswordExpired, AccountLocked."""
        self._check_locked(user)
        row = await users.password(self.db, user.id)
        if row is None:
            await self.hashing.verify_nobody(password)
            raise NotAuthenticated
        if not await self.hashing.verify(row.hash, password):
            await self._count_failure(user)
            raise NotAuthenticated
        if user.failures:
            await self._forget_failures(user)
        if not user.enabled or self._inactive(user):
            raise NotAuthenticated
        if row.expires_at is not None and row.expires_at <= self.world.now():
            raise PasswordExpired(user.id)
        if self.hashing.is_old(row.hash):
            await self._hash_anew(row, password)
        return row

    async def by_totp(self, method: UserMethod) -> Proof:
        """Check a passcode of one of the user's devices, which may be one step late."""
        passcode = method.user.passcode
        if passcode is None:
            raise Missing("passcode", "user")
        user = await self.find_user(method.user)
        if user is None or not user.enabled:
            raise NotAuthenticated
        step = int(self.world.now()) // TOTP_STEP_S
        for secret in await self.vault.blobs(self.db, user.id, "totp"):
            if any(hmac.compare_digest(totp(secret, step - late), passcode) for late in (0, 1)):
                return Proof(user_id=user.id, methods=("totp",))
        raise NotAuthenticated

    async def by_token(self, method: TokenMethod) -> Proof:
        """Take a token for another scope; it lives no longer than the first.  Raises NotFound for a bad one."""
        known = await self.tokens.look_up(method.id)
        if known is None:
            raise NotFound("Could not find token.")
        claims = known.context.claims
        if claims.trust_id is not None:
            raise NotAllowed("A token of a trust cannot be exchanged for another.")
        return Proof(
            user_id=claims.user_id,
            methods=("token", *claims.methods),
            expires_at=claims.expires_at,
            chain=claims.audit_ids[-1],
            application_credential=known.context.application_credential,
        )

    async def by_application_credential(self, method: ApplicationCredentialMethod) -> Proof:
        """Check an application credential's secret."""
        row = await self._find_application_credential(method)
        if row is None:
            await self.hashing.verify_nobody(method.secret)
            raise NotAuthenticated
        if not await self.hashing.verify(row.secret_hash, method.secret):
            raise NotAuthenticated
        if row.expires_at is not None and row.expires_at <= self.world.now():
            raise NotAuthenticated
        return Proof(
            user_id=row.user_id,
            methods=("application_credential",),
            expires_at=row.expires_at,
            application_credential=row,
        )

    async def find_user(self, ref: UserRef) -> UserRow | None:
        """Return the user that a client names, if they are in an enabled domain.  Raises Missing."""
        if ref.id is not None:
            user = await users.find(self.db, ref.id)
        elif ref.name is not None:
            if ref.domain is None:
                raise Missing("domain", "user")
            domain_id = await self.find_domain_id(ref.domain)
            user = None if domain_id is None else await users.find_named(self.db, ref.name, domain_id)
        else:
            raise Missing("id or name", "user")
        if user is None:
            return None
        domain = await projects.find_domain(self.db, user.domain_id)
        return user if domain is not None and domain.enabled else None

    async def find_domain_id(self, ref: DomainRef) -> str | None:
        """Return the id of the enabled domain that a client names.  Raises Missing."""
        if ref.id is not None:
            row = await projects.find_domain(self.db, ref.id)
        elif ref.name is not None:
            row = await projects.find_domain_named(self.db, ref.name)
        else:
            raise Missing("id or name", "domain")
        return row.id if row is not None and row.enabled else None

    async def _find_application_credential(
        self, method: ApplicationCredentialMethod
    ) -> ApplicationCredentialRow | None:
        if method.id is not None:
            return await application_credentials.find(self.db, method.id)
        if method.name is None:
            raise Missing("name or ID", "application credential")
        if method.user is None:
            raise Missing("user", "application credential")
        user = await self.find_user(method.user)
        return None if user is None else await application_credentials.find_named(self.db, user.id, method.name)

    async def _check_rules(self, proof: Proof) -> None:
        """Raise NotAuthenticated unless one of the user's multi-factor rules is satisfied."""
        user = await users.find(self.db, proof.user_id)
        if user is None:
            raise NotAuthenticated
        rules = user.options.get("multi_factor_auth_rules") or []
        if not rules or user.options.get("multi_factor_auth_enabled", True) is False:
            return
        if not any(rule and set(rule) <= set(proof.methods) for rule in rules):
            raise NotAuthenticated

    def _check_locked(self, user: UserRow) -> None:
        options = self.options
        if not options.lockout_failures or user.options.get("ignore_lockout_failure_attempts"):
            return
        if user.failures < options.lockout_failures or user.failed_at is None:
            return
        if not options.lockout_s or self.world.now() < user.failed_at + options.lockout_s:
            raise AccountLocked(user.id)

    def _inactive(self, user: UserRow) -> bool:
        days = self.options.inactive_days_max
        if not days or user.options.get("ignore_user_inactivity"):
            return False
        return self.world.now() - (user.last_active_at or user.created_at) > days * DAY_S

    async def _count_failure(self, user: UserRow) -> None:
        if self.options.lockout_failures:
            sql = "UPDATE identity_users SET failures = failures + 1, failed_at = $2 WHERE id = $1"
            async with self.db.tx() as tx:
                await tx.run(sql, user.id, self.world.now())

    async def _forget_failures(self, user: UserRow) -> None:
        async with self.db.tx() as tx:
            await tx.update("identity_users", {"id": user.id}, {"failures": 0, "failed_at": None})

    async def _hash_anew(self, row: PasswordRow, password: str) -> None:
        hashed = await self.hashing.hash(password)
        async with self.db.tx() as tx:
            await tx.update("identity_passwords", {"id": row.id, "hash": row.hash}, {"hash": hashed})
            await changes.advance(tx)


def totp(secret: str, step: int) -> str:
    """Return the passcode of a time step.

    secret  base 32, as authenticators take it.
    Source  RFC 6238 with SHA-1 and 30 s.
    """
    try:
        key = base64.b32decode(secret.strip().upper() + "=" * (-len(secret.strip()) % 8))
    except binascii.Error:
        return ""
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 0xF
    (number,) = struct.unpack(">I", digest[offset : offset + 4])
    return str((number & 0x7FFFFFFF) % 10**TOTP_DIGITS).zfill(TOTP_DIGITS)


def _with(
    check: Callable[[msgspec.Struct], Awaitable[Proof]] | Callable[..., Awaitable[Proof]], given: object
) -> Callable[[], Awaitable[Proof]] | None:
    return None if given is None else lambda: check(given)  # type: ignore[arg-type]


def _joined(proofs: list[Proof]) -> Proof:
    """Return one proof with the methods of all and the narrowest limits.  Raises NotAuthenticated."""
    if len({proof.user_id for proof in proofs}) != 1:
        raise NotAuthenticated
    ends = [proof.expires_at for proof in proofs if proof.expires_at is not None]
    credentials = [proof.application_credential for proof in proofs if proof.application_credential is not None]
    if len({row.id for row in credentials}) > 1:
        raise NotAuthenticated
    return Proof(
        user_id=proofs[0].user_id,
        methods=tuple(dict.fromkeys(method for proof in proofs for method in proof.methods)),
        expires_at=min(ends, default=None),
        chain=next((proof.chain for proof in proofs if proof.chain is not None), None),
        application_credential=credentials[0] if credentials else None,
    )
