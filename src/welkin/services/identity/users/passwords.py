"""New passwords: what they must be, and how they are stored."""

from __future__ import annotations

import re

from welkin.core.db import Transaction
from welkin.core.http import Call
from welkin.services.identity.errors import WrongPassword
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.users import rows
from welkin.services.identity.users.rows import DAY_S, PasswordRow, UserRow


async def prepare(call: Call, user: UserRow, password: str, *, self_service: bool = False) -> PasswordRow:
    """Return a password to store, checked and hashed; do this before the transaction.  Raises WrongPassword."""
    options = call.get(IdentityOptions)
    if options.password_regex and not re.search(options.password_regex, password):
        detail = options.password_regex_description or f"it must match {options.password_regex}"
        raise WrongPassword(f"The password does not match the requirements: {detail}")
    if self_service:
        await _check_change(call, user, password)
    now = call.world.now()
    return PasswordRow(
        id=call.world.new_hex(),
        user_id=user.id,
        hash=await call.get(Hashing).hash(password),
        created_at=now,
        expires_at=_expiry(options, user, now, self_service=self_service),
        self_service=self_service,
    )


async def store(call: Call, tx: Transaction, password: PasswordRow) -> None:
    """Make a prepared password the one in force, and forget those that the history need not hold."""
    await tx.insert("identity_passwords", password)
    kept = max(1, call.get(IdentityOptions).password_history)
    for old in (await rows.passwords(tx, password.user_id))[kept:]:
        await tx.delete("identity_passwords", {"id": old.id})
    await tx.update("identity_users", {"id": password.user_id}, {"failures": 0, "failed_at": None})


def _expiry(options: IdentityOptions, user: UserRow, now: float, *, self_service: bool) -> float | None:
    first_use = options.password_change_at_first_use and not self_service
    if first_use and not user.options.get("ignore_change_password_upon_first_use"):
        return now
    if options.password_life_days and not user.options.get("ignore_password_expiry"):
        return now + options.password_life_days * DAY_S
    return None


async def _check_change(call: Call, user: UserRow, password: str) -> None:
    """Raise WrongPassword for a change that its user may not make now, or a password that was used before."""
    options = call.get(IdentityOptions)
    if user.options.get("lock_password"):
        raise WrongPassword("the password of this account is locked; ask an administrator to set it")
    found = await rows.passwords(call.db, user.id)
    days = options.password_age_days_min
    if days and found and found[0].self_service and call.world.now() < found[0].created_at + days * DAY_S:
        raise WrongPassword(f"a password must be used for {days} day(s) before it can be changed")
    for old in found[: options.password_history]:
        if await call.get(Hashing).verify(old.hash, password):
            raise WrongPassword(f"a password cannot be one of the last {options.password_history}")
