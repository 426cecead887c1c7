"""Requests that no honest client sends: each is right but for one place, where something senseless stands."""

from __future__ import annotations

import copy
import functools
import json
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_origin
from urllib.parse import quote

import httpx
import msgspec

from tests.rbac.bodies import smallest, value
from tests.rbac.world import Cloud
from welkin.core import openapi
from welkin.core.routing import Route
from welkin.core.versions import text

Json = Any
Place = tuple[str | int, ...]
BEYOND_FLOATS = '"beyond floats"'
TEXTS = (
    "",
    " ",
    "x",
    "x" * 300,
    "x" * 70_000,
    "-1",
    "0",
    "99999999999999999999",
    "9" * 5000,
    "\u00b2",
    "--5",
    "1e400",
    "NaN",
    "../../../../etc/passwd",
    "..",
    "%00",
    "a\r\nX-Injected: yes",
    "\t",
    "\x7f",
    "\ud800",
    "\U0001f4a5",
    "'; DROP TABLE servers; --",
    "%(project_id)s{0}$1",
    "(a+)+$",
    "[",
    "10.0.0.0/33",
    "0.0.0.0/0",
    "::/0",
    "fe80::1%eth0",
    "999.1.1.1",
    "aa:bb:cc:dd:ee:ff:00",
    "9999-99-99T99:99:99Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+23:59",
    "d2f3a9d0-0000-4000-8000-00000000aaaa",
    "http://[",
    "//",
)
NUMBERS = (
    0,
    1,
    -1,
    2**31,
    -(2**31) - 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    2**70,
    10**400,
    0.5,
    -1.5,
    1e308,
    float("nan"),
)
REST = (
    None,
    True,
    False,
    [],
    {},
    [None],
    [[]],
    {"": None},
    {"x": {"x": ["x"]}},
    ["x", "x"],
    [{}],
    [1],
    "beyond floats",
)
VALUES: tuple[Json, ...] = (*TEXTS, *NUMBERS, *REST)
IN_PATHS = (
    "..", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%ff%fe", "%", "%zz", "x" * 9000, "%F0%9F%92%A5", "-1",
    "99999999999999999999", "9" * 5000, "%C2%B2", "%0d%0aX-Injected:%20yes",
    "'", "%25s", "d2f3a9d0-0000-4000-8000-00000000aaaa", "*", "%20",
    "D2F3A9D0000040008000000000AAAA",
)  # fmt: skip
IN_QUERIES = tuple(quote(text, safe="", errors="surrogatepass") for text in TEXTS if len(text) < 9000)
IN_HEADERS = (
    b"", b"\xff\xfe", b"x" * 9000, b"compute", b"compute 2", b"compute 2.x", b"compute 99.99", b"compute -1.-1",
    b"compute 2." + b"9" * 5000, b"placement 1.\xc2\xb2", b"latest", b",,,", b"1e400", b"\t", b"gAAAAA", b"None",
    b"revision_number=\xb2", b"bytes=0-9999999999999999999999,-5",
)  # fmt: skip
NAMES = (
    "X-Auth-Token", "X-Subject-Token", "OpenStack-API-Version", "X-OpenStack-Nova-API-Version", "Content-Type",
    "Accept", "Range", "X-Forwarded-Proto", "X-Agent-Host", "X-Agent-Key", "If-Match", "X-Openstack-Request-Id",
    "Authorization", "Host", "X-Image-Meta-Store", "Accept-Language", "Content-Encoding", "Expect",
)  # fmt: skip
ASKED = (
    "limit",
    "marker",
    "sort_key",
    "sort_dir",
    "sort",
    "name",
    "status",
    "id",
    "changes-since",
    "fields",
    "tags",
    "x",
)
"""What lists take whose routes do not declare it."""


class Request(NamedTuple):
    """One request, and what is wrong with it."""

    method: str
    path: str
    body: bytes | Callable[[], bytes] | None
    headers: dict[str, str | bytes]
    said: str

    @property
    def content(self) -> bytes | None:
        """The body, which is made only for requests that are sent."""
        return self.body() if callable(self.body) else self.body


def requests(route: Route, cloud: Cloud, path: str) -> Iterator[Request]:
    """Yield every wrong request for a route; `path` is right."""
    right = smallest(route, cloud)
    content = right if isinstance(right, bytes) else None if right is None else encode(right)
    yield from paths(route, content)
    if route.method != "DELETE":
        yield from queries(route, path, content)
    if route.body is not None:
        yield from bodies(route, path, right)
    if route.method in ("GET", "HEAD"):
        yield from headers(route, path)


def paths(route: Route, content: bytes | None) -> Iterator[Request]:
    """Put something senseless in the place of each argument of the path, and in all of them."""
    names = [part for part in route.path.split("/") if part.startswith("{")]
    for bad in IN_PATHS if names else ():
        path = "/".join(bad if part in names else part for part in route.path.split("/"))
        yield Request(route.method, route.service.prefix + path, content, right_headers(route), f"path {bad[:30]}")


def queries(route: Route, path: str, content: bytes | None) -> Iterator[Request]:
    """Put something senseless in each argument of the query."""
    if route.query is None and route.method != "GET":
        return
    declared = route.query is not None and get_origin(route.query) is not dict
    names = [field.encode_name for field in msgspec.structs.fields(route.query)] if declared else list(ASKED)
    for name in names:
        for bad in IN_QUERIES:
            where = f"{path}?{quote(name)}={bad}"
            yield Request(route.method, where, content, right_headers(route), f"query {name}={bad[:30]}")
    for tail in ("?%ff=1", "?=", "?&&&", "?" + "a=1&" * 600, "?%00", "?a=%00"):
        yield Request(route.method, path + tail, content, right_headers(route), f"query {tail[:30]}")


def headers(route: Route, path: str) -> Iterator[Request]:
    """Put something senseless in each header."""
    for name in NAMES:
        for bad in IN_HEADERS:
            sent = {**right_headers(route), name: bad}
            yield Request(route.method, path, None, sent, f"header {name}: {bad[:30]!r}")


def bodies(route: Route, path: str, right: Json) -> Iterator[Request]:
    """Put something senseless in each place of the body that its schema names, and break the body as a whole."""
    shapes, named = openapi.schemas({route: route.body})
    schema = openapi.action_schema(route.action, shapes[route]) if route.action is not None else shapes[route]
    for place in places(schema, right, named):
        for bad in VALUES:
            said = f"body {'.'.join(map(str, place))} = {str(bad)[:30]!r}"
            yield Request(route.method, path, functools.partial(wrong, right, place, bad), right_headers(route), said)
    deep = b"[" * 5000 + b"]" * 5000
    raw = encode(right)
    cut = raw[:-1]
    broken = (b"", b"{", b"\xff\xfe", b'{"x":"\xff"}', b"{}{}", b"null", b"[]", b"{}", b'""', b'{"x": NaN}')
    spoilt = (
        cut,
        raw + b"x",
        cut + b',"x":1}',
        cut + b"," + raw[1:],
        raw.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + raw,
    )
    for content in (*broken, *spoilt, deep, b'{"x":' * 5000):
        yield Request(route.method, path, content, right_headers(route), f"content {content[:30]!r}")


def places(schema: Json, right: Json, named: dict[str, Json], depth: int = 0) -> Iterator[Place]:
    """Yield the places in a body that its schema knows, and one that it does not know."""
    if depth > 6:
        return
    if "$ref" in schema:
        yield from places(named[schema["$ref"].rpartition("/")[2]], right, named, depth)
    elif "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from places(each, right, named, depth + 1)
    elif "properties" in schema:
        for name, inner in schema["properties"].items():
            yield (name,)
            below = right.get(name) if isinstance(right, dict) else None
            rest = value(inner, named) if below is None else below
            yield from ((name, *place) for place in places(inner, rest, named, depth + 1))
    elif "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
        yield ("x" * 300,)
        yield ("x",)
        yield from (("x", *place) for place in places(schema["additionalProperties"], None, named, depth + 1))
    elif "items" in schema and isinstance(schema["items"], dict):
        yield (0,)
        yield from ((0, *place) for place in places(schema["items"], None, named, depth + 1))


def put(body: Json, place: Place, bad: Json) -> Json:
    """Return a copy of a body with something else at a place, which is made where it is not there."""
    if not place:
        return bad
    first, *rest = place
    if isinstance(first, int):
        inner = list(body) if isinstance(body, list) else []
        return [put(inner[0] if inner else None, tuple(rest), bad), *inner[1:]]
    made = copy.deepcopy(body) if isinstance(body, dict) else {}
    made[first] = put(made.get(first), tuple(rest), bad)
    return made


def wrong(right: Json, place: Place, bad: Json) -> bytes:
    """Return the JSON of a body with something else at a place."""
    return encode(put(right, place, bad))


def encode(body: Json) -> bytes:
    """Return JSON, and what only looks like it."""
    return json.dumps(body).replace(BEYOND_FLOATS, "1e400").encode()


def right_headers(route: Route) -> dict[str, str | bytes]:
    """Return what a client sends along."""
    found: dict[str, str | bytes] = {"Content-Type": "application/json"}
    if (route.method, route.path) == ("PATCH", "/v2/images/{image_id}"):
        found["Content-Type"] = "application/openstack-images-v2.1-json-patch"
    versions = route.service.versions
    if versions is not None:
        found["OpenStack-API-Version"] = f"{versions.service} {text(min(route.until, versions.maximum))}"
    return found


def some(route: Route, cloud: Cloud, path: str, dice: random.Random, count: int) -> list[Request]:
    """Return a few of the wrong requests for a route."""
    found = list(requests(route, cloud, path))
    return dice.sample(found, min(count, len(found)))


async def send(client: httpx.AsyncClient, request: Request) -> httpx.Response | None:
    """Send a request; None where this client cannot even say it."""
    try:
        return await client.request(request.method, request.path, content=request.content, headers=request.headers)
    except (httpx.InvalidURL, httpx.LocalProtocolError, UnicodeError):
        return None
