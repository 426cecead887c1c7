"""Links from an answer to the thing itself, and to the next page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from welkin.core.http import Call
from welkin.core.listing import LIMIT_MAX, limit_of

VERSION_PATH = "/v2.1"


def links(call: Call, collection: str, id: str) -> list[dict[str, str]]:
    """Return where a thing can be had: with the API's version, and for bookmarks without it."""
    path = f"/{collection}/{quote(id)}"
    return [
        {"rel": "self", "href": call.base_url + VERSION_PATH + path},
        {"rel": "bookmark", "href": call.base_url + path},
    ]


def next_links(call: Call, collection: str, ids: Sequence[str]) -> list[dict[str, str]]:
    """Return the link to the page behind `ids`, or nothing when this page is not full."""
    asked = limit_of(call.args)
    full = LIMIT_MAX if asked is None else min(asked, LIMIT_MAX)
    if not full or len(ids) < full:
        return []
    args = {**{name: values for name, values in call.args.items() if name != "marker"}, "marker": [ids[-1]]}
    query = urlencode(args, doseq=True)
    return [{"rel": "next", "href": f"{call.base_url}{VERSION_PATH}/{collection}?{query}"}]
