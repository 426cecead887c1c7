"""What an operator can choose about identity."""

from __future__ import annotations

import msgspec


class IdentityOptions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long tokens live, and what passwords must be."""

    token_life_s: int = 3600
    """How long a token is good for."""
    expired_grace_s: int = 172_800
    """How long after its end a service may still use a token that it was given before."""
    keys_kept: int = 3
    """How many token keys are kept by a rotation; the oldest still reads tokens, so keep life / interval + 2."""
    hash_threads: int = 2
    """How many passwords are hashed at once; each takes `hash_memory_kib` and, by default, about 20 ms."""
    hash_memory_kib: int = 19_456
    """How much memory hashing a password takes; tests that make many users choose the least, 8."""
    hash_passes: int = 2
    """How often hashing a password goes through that memory."""
    password_regex: str = ""
    """What a new password must match; empty takes any."""
    password_regex_description: str = ""
    """What a user is told about the pattern."""
    password_history: int = 0
    """How many of a user's last passwords, the present one included, the user cannot choose again; 0 allows any."""
    password_life_days: int = 0
    """After how many days a password must be changed; 0 for never."""
    password_age_days_min: int = 0
    """How many days a password must be used before its user may change it."""
    password_change_at_first_use: bool = False
    """Whether a password that an administrator set must be changed before it is used."""
    lockout_failures: int = 0
    """After how many failures in a row an account is locked; 0 for never."""
    lockout_s: int = 1800
    """How long an account stays locked; 0 until an administrator sets a new password."""
    inactive_days_max: int = 0
    """After how many days without a token an account is disabled; 0 for never."""
    project_depth_max: int = 5
    """How deep projects nest; the domain does not count."""
    application_credentials_max: int = -1
    """How many application credentials a user may have; -1 for any number."""
    credentials_max: int = -1
    """How many credentials a user may have; -1 for any number."""
