"""Older spellings of compute's paths: with a project's id in them, and of the API before microversions."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

Scope = dict[str, Any]

OLDER = re.compile(
    r"(?P<prefix>/+[^/]+)/+(?P<version>v2|v2\.1)/+"
    r"(?:(?P<project>[0-9a-f-]+)/+(?=[^/]))?"
    r"(?P<rest>[^/].*)"
)
VERSION_HEADERS = (b"openstack-api-version", b"x-openstack-nova-api-version")


def respell(scope: Scope) -> Scope:
    """Return a request for `/v2.1/servers` from one for `/v2.1/{project_id}/servers`, or for `/v2/…`.

    The API before microversions knows none: whatever version a client asks for there is passed over.
    """
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    found = OLDER.fullmatch(raw.partition(b"?")[0].decode("latin-1"))
    if found is None or (found["version"] == "v2.1" and found["project"] is None):
        return scope
    path = f"{found['prefix']}/v2.1/{found['rest']}"
    spelled = {**scope, "raw_path": path.encode("latin-1"), "path": unquote(path)}
    if found["version"] == "v2":
        spelled["headers"] = [each for each in scope["headers"] if each[0].lower() not in VERSION_HEADERS]
    return spelled
