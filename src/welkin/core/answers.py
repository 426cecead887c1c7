"""What a handler can answer beside a plain body: another status, headers, a stream, a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec


class Answer(msgspec.Struct, kw_only=True):
    """A body with its own status or headers.  `body` bytes go out as they are."""

    body: object = None
    status: int | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/json"


class Stream(msgspec.Struct, kw_only=True):
    """A body that is made while it is sent; `length` in bytes when it is known."""

    chunks: AsyncIterator[bytes]
    status: int | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/octet-stream"
    length: int | None = None


class File(msgspec.Struct, kw_only=True):
    """A file, or `length` bytes of it from `offset`."""

    path: Path
    offset: int = 0
    length: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    content_type: str = "application/octet-stream"
