"""Verifies tokens for every room, and remembers for a while what they mean."""

from __future__ import annotations

import msgspec

from welkin.core.db import Database, Transaction
from welkin.core.http import Headers
from welkin.core.policy import Actor
from welkin.core.world import World
from welkin.services.identity import changes
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.roles.rows import Book
from welkin.services.identity.tokens import context
from welkin.services.identity.tokens.claims import Claims, unseal
from welkin.services.identity.tokens.context import Context
from welkin.services.identity.tokens.keys import KeyRing

REMEMBER_S = 30.0
REMEMBERED_MAX = 10_000
SERVICE_ROLE = "service"


class Known(msgspec.Struct):
    """A token that was looked up."""

    context: Context
    epoch: int
    until: float
    bodies: dict[tuple[str, bool], bytes]
    """The token's description as it was sent, by the client's origin and whether it has the catalog."""


class Tokens:
    """What every room asks: whose token is this?"""

    def __init__(self, database: Database, world: World, options: IdentityOptions, keys: KeyRing) -> None:
        self._database, self._world, self.options, self.keys = database, world, options, keys
        self._known: dict[str, Known] = {}
        self._book: tuple[int, Book] | None = None

    async def authenticate(self, headers: Headers) -> Actor | None:
        """Return the caller, or None.  A service may go on with a user's token that has just expired."""
        raw = headers.get(b"x-auth-token")
        if raw is None:
            return None
        grace_s = 0.0
        service = headers.get(b"x-service-token")
        if service is not None:
            known = await self.look_up(service.decode("latin-1"))
            if known is not None and SERVICE_ROLE in known.context.actor.roles:
                grace_s = self.options.expired_grace_s
        found = await self.look_up(raw.decode("latin-1"), grace_s)
        return None if found is None else found.context.actor

    async def look_up(self, token: str, grace_s: float = 0.0) -> Known | None:
        """Return what a token means now, or None.

        grace_s  for how long after its end a token is still accepted.
        """
        epoch = await changes.epoch(self._database)
        now = self._world.now()
        known = self._known.get(token)
        if known is None or known.epoch != epoch or known.until <= now:
            claims = unseal(token, self.keys)
            if claims is None or now >= claims.expires_at + grace_s:
                return None
            found = await self.resolve(claims, epoch)
            if found is None:
                self._known.pop(token, None)
                return None
            known = self.remember(token, found, epoch)
        return known if now < known.context.claims.expires_at + grace_s else None

    async def resolve(self, claims: Claims, epoch: int) -> Context | None:
        """Return what claims mean at this epoch, or None when nothing any more."""
        if await context.revoked(self._database, claims):
            return None
        return await context.resolve(self._database, await self.book(epoch), claims)

    def remember(self, token: str, found: Context, epoch: int) -> Known:
        """Keep what a token means, so that the next request need not look it up."""
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        actor = msgspec.structs.replace(found.actor, token=token)
        found = msgspec.structs.replace(found, actor=actor)
        known = self._known[token] = Known(found, epoch, self._world.now() + REMEMBER_S, {})
        return known

    async def book(self, epoch: int) -> Book:
        """Return every role as of this epoch."""
        if self._book is None or self._book[0] != epoch:
            self._book = (epoch, await roles.book(self._database))
        return self._book[1]

    async def revoke(self, tx: Transaction, **match: str | None) -> None:
        """Revoke every token issued until now that matches, for as long as such a token could be used."""
        life_s = self.options.token_life_s + self.options.expired_grace_s
        await changes.revoke(tx, self._world, life_s, **match)
