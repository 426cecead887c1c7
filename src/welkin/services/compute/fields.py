"""Kinds of values that bodies about servers share, as upstream's schemas have them."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from typing import Annotated, Literal

from msgspec import Meta

from welkin.core.errors import Invalid
from welkin.services.compute.values import MetadataKey, MetadataValue, Name, Uuid

__all__ = [
    "HOST_LABEL",
    "Boolean",
    "Count",
    "Description",
    "DiskConfig",
    "HostName",
    "Metadata",
    "Name",
    "NameOrNone",
    "Tag",
    "UserData",
    "Uuid",
    "address",
    "check_base64",
    "id_of",
    "truth",
]

HOST_LABEL = r"^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$"
"""One label of a host's name, of two characters or more."""

Boolean = (
    bool
    | Literal["True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes"]
    | Literal["False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no"]
)
"""A yes or a no, in any of the spellings that clients use."""
Count = Annotated[int, Meta(ge=1)] | Annotated[str, Meta(pattern=r"^0*[1-9][0-9]*\Z")]
Description = Annotated[str, Meta(max_length=255, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*\Z")] | None
DiskConfig = Literal["AUTO", "MANUAL"]
HostName = Annotated[str, Meta(min_length=1, max_length=255, pattern=r"^[a-zA-Z0-9-._]*\Z")]
Metadata = dict[MetadataKey, MetadataValue]
NameOrNone = Annotated[str, Meta(min_length=1, max_length=255)] | None
Tag = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^,/]*\Z")]
UserData = Annotated[str, Meta(max_length=65535, pattern=r"^[A-Za-z0-9+/\s]*={0,2}\s*\Z")]


def truth(value: bool | str | None) -> bool:  # noqa: FBT001
    """Return what a Boolean means."""
    return value if isinstance(value, bool) else str(value).lower() in ("true", "1", "on", "yes")


def check_base64(name: str, text: str) -> None:
    """Check that `text` is base64.  Raises Invalid."""
    try:
        base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Invalid(f"Invalid input for field/attribute {name}. Value: {text[:60]}. It is not base64.") from None


def address(name: str, text: str, version: int | None = None) -> str:
    """Return an IP address in its canonical form.  Raises Invalid."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        found = None
    if found is None or (version is not None and found.version != version):
        kind = f"ipv{version}" if version else "ip"
        raise Invalid(f"Invalid input for field/attribute {name}. Value: {text}. {text!r} is not a {kind!r} address")
    return str(found)


def id_of(reference: str) -> str:
    """Return the id at the end of a URL, or the id that it already is."""
    return reference.rstrip("/").rpartition("/")[2]
