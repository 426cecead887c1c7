"""Microversions as changes of bodies at the edge: a handler knows only the newest version.

For each version in which a request or an answer changed, a room registers a pure
function that carries a body over that one step: a request up to the newer shape, an
answer down to the older one.  The steps between a client's version and the newest are
composed once for each handler and version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from welkin.core.errors import Invalid, NotAcceptable

Body = Any
Change = Callable[[Body], Body]
Handler = Callable[..., Any]
Chain = tuple[Change, ...]

EVERY = "0.0"
"""Instead of a version: a change that is made at each of them."""


class UnservedVersion(NotAcceptable):
    """The client asks for a version outside of the served range."""

    code = "version.not-served"


def number(version: str) -> int:
    """Return a version as a number that orders like it: `2.104` is 20104.  Raises Invalid."""
    major, dot, minor = version.partition(".")
    if not dot or not major.isdigit() or not minor.isdigit() or len(version) > 9:
        raise Invalid(f"{version!r} is not a version; write it as 2.1.")
    return int(major) * 10_000 + int(minor)


def text(version: int) -> str:
    """Return a version as clients write it."""
    return f"{version // 10_000}.{version % 10_000}"


class Versions:
    """The microversions of one service, and what changed with each."""

    def __init__(self, service: str, minimum: str, maximum: str, legacy_header: str | None = None) -> None:
        """`service` is the word in the OpenStack-API-Version header; `legacy_header` an older header's name."""
        self.service, self.minimum, self.maximum = service, number(minimum), number(maximum)
        self.legacy_header = legacy_header
        self._changes: dict[tuple[str, Handler], list[tuple[int, Change]]] = defaultdict(list)
        self._chains: dict[tuple[str, Handler, int], Chain] = {}

    def request_before(self, version: str, *handlers: Handler) -> Callable[[Change], Change]:
        """Register a change of request bodies from before `version` to its shape."""
        return self._register("request", version, handlers)

    def query_before(self, version: str, *handlers: Handler) -> Callable[[Change], Change]:
        """Register a change of query arguments, a dict of lists, from before `version` to its shape."""
        return self._register("query", version, handlers)

    def answer_before(self, version: str, *handlers: Handler) -> Callable[[Change], Change]:
        """Register a change of answers from the shape of `version` to the one before it."""
        return self._register("answer", version, handlers)

    def answer_last(self, *handlers: Handler) -> Callable[[Change], Change]:
        """Register a change of answers at every version, after all others: it takes out what only those needed."""
        return self._register("answer", EVERY, handlers)

    def status_before(self, version: str, status: int, *handlers: Handler) -> None:
        """Say that a success was answered with `status` before `version`."""
        self._register("status", version, handlers)(lambda _status: status)

    def up(self, kind: str, handler: Handler, version: int) -> Chain:
        """Return the steps that carry a request or a query from `version` to the newest, oldest first."""
        return self._chain(kind, handler, version)

    def down(self, kind: str, handler: Handler, version: int) -> Chain:
        """Return the steps that carry an answer or a status from the newest to `version`, newest first."""
        return self._chain(kind, handler, version)

    def negotiate(self, headers: dict[bytes, bytes]) -> int:
        """Return the version that a request asks for; the oldest when it names none."""
        asked = self._asked(headers)
        if asked is None:
            return self.minimum
        if asked == "latest":
            return self.maximum
        version = number(asked)
        if not self.minimum <= version <= self.maximum:
            raise UnservedVersion(
                f"Version {asked} is not supported by the API. "
                f"Minimum is {text(self.minimum)} and maximum is {text(self.maximum)}."
            )
        return version

    def headers(self, version: int) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell the client which version answered."""
        spoken = text(version).encode()
        found = [(b"openstack-api-version", self.service.encode() + b" " + spoken)]
        vary = b"OpenStack-API-Version"
        if self.legacy_header:
            found.append((self.legacy_header.lower().encode(), spoken))
            vary += b", " + self.legacy_header.encode()
        return [*found, (b"vary", vary)]

    def _asked(self, headers: dict[bytes, bytes]) -> str | None:
        common = headers.get(b"openstack-api-version")
        if common:
            for part in common.decode("latin-1").split(","):
                service, _, version = part.strip().partition(" ")
                if service.lower() == self.service:
                    return version.strip().lower()
        if self.legacy_header:
            legacy = headers.get(self.legacy_header.lower().encode())
            if legacy:
                return legacy.decode("latin-1").strip().lower()
        return None

    def _register(self, kind: str, version: str, handlers: tuple[Handler, ...]) -> Callable[[Change], Change]:
        def register(change: Change) -> Change:
            for handler in handlers:
                self._changes[kind, handler].append((number(version), change))
            return change

        return register

    def _chain(self, kind: str, handler: Handler, version: int) -> Chain:
        key = (kind, handler, version)
        chain = self._chains.get(key)
        if chain is None:
            steps = [step for step in self._changes.get((kind, handler), ()) if step[0] > version or not step[0]]
            steps.sort(key=lambda step: step[0], reverse=kind in ("answer", "status"))
            chain = self._chains[key] = tuple(change for _, change in steps)
        return chain


def apply(chain: Chain, body: Body) -> Body:
    """Carry `body` through every step."""
    for change in chain:
        body = change(body)
    return body


def refuse_fields(*names: str, within: str | None = None) -> Change:
    """Return a change that refuses fields which the older version did not know."""

    def change(body: Body) -> Body:
        inner = body.get(within) if within else body
        for name in names:
            if isinstance(inner, dict) and name in inner:
                raise Invalid(f"Additional properties are not allowed ({name!r} was unexpected)")
        return body

    return change
