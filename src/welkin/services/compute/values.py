"""Kinds of values that many bodies and queries of compute share, and how they are read."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from welkin.core.errors import Invalid

INTEGER_MAX = 0x7FFFFFFF
"""The largest number that upstream keeps."""

NAME_PATTERN = (
    r"^(?!\s)[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\uf8ff\uffff-\U0010ffff]*"
    r"(?<!\s)\Z"
)
"""Printable characters, and no space at either end."""

Name = Annotated[str, Meta(min_length=1, max_length=255, pattern=NAME_PATTERN)]
AnyName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"\S")]
"""A name that may have spaces around it, as clients of the oldest API send it."""
ZoneName = Annotated[str, Meta(min_length=1, max_length=255, pattern=NAME_PATTERN.replace(r"[^", r"[^:"))]
ProjectId = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-]*\Z")]
HostName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-._]*\Z")]
MetadataKey = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-_:. ]{1,255}\Z")]
MetadataValue = Annotated[str, Meta(max_length=255)]
Uuid = Annotated[
    str, Meta(pattern=r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\Z")
]

DIGITS_MAX = 18
"""What has no more digits is a number that every database holds."""

Whole = int | Annotated[str, Meta(pattern=r"^-?[0-9]+\Z", max_length=255)]
"""A whole number, which may be written as text."""
Yes = (
    bool
    | Literal["True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"]
    | Literal["False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"]
)
"""A yes or a no, which may be written as text."""
Limit = Annotated[int, Meta(ge=0)]


class NoQuery(msgspec.Struct, forbid_unknown_fields=True):
    """The query of a route that takes no arguments."""


def whole(value: Whole, name: str, low: int, high: int = INTEGER_MAX) -> int:
    """Read a whole number within bounds.  Raises Invalid."""
    number = int(value)
    if not low <= number <= high:
        side, bound = ("less than the minimum", low) if number < low else ("greater than the maximum", high)
        raise Invalid(f"Invalid input for field/attribute {name}. Value: {value}. {number} is {side} of {bound}")
    return number


def yes(value: Yes) -> bool:
    """Read a yes or a no."""
    return value if isinstance(value, bool) else value.lower() in ("true", "1", "on", "yes")


def is_number(text: str) -> bool:
    """Return whether a text is the number of something that may be there."""
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX


def is_uuid(text: str) -> bool:
    """Return whether a text is an id, with or without dashes."""
    digits = text.replace("-", "")
    return len(digits) == 32 and all(digit in "0123456789abcdefABCDEF" for digit in digits)
