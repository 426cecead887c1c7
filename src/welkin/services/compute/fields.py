"""Kinds of values that bodies about servers share, as upstream's schemas have them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

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
