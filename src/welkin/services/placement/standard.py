"""The names that every OpenStack cloud knows: standard traits and resource classes, and the pattern of custom ones.

The data is `standard.json` beside this file, taken from the os-traits and os-resource-classes packages.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import msgspec

DATA = Path(__file__).with_name("standard.json")
NAME_LENGTH_MAX = 255
NAME = re.compile(r"[A-Z0-9_]+\Z")
CUSTOM = re.compile(r"CUSTOM_[A-Z0-9_]+\Z")
SHARES = "MISC_SHARES_VIA_AGGREGATE"
"""The trait of a provider that serves every provider of its aggregates."""


class Names(msgspec.Struct, frozen=True):
    """The standard names; classes are in upstream's order, which shows in lists."""

    resource_classes: tuple[str, ...]
    traits: frozenset[str]


@functools.cache
def names() -> Names:
    """Return the standard names, read at the first use."""
    return msgspec.json.decode(DATA.read_bytes(), type=Names)


def is_custom(name: str) -> bool:
    """Return whether `name` may be created by a client."""
    return len(name) <= NAME_LENGTH_MAX and CUSTOM.match(name) is not None
