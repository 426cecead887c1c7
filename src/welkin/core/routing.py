"""Routes: which handler answers which method and path, for whom, and since which version."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, get_type_hints
from urllib.parse import unquote_to_bytes

import msgspec

from welkin.core.errors import Invalid, MethodNotAllowed, NotFound, Problem
from welkin.core.policy import PUBLIC, Rule
from welkin.core.versions import Versions, number

Handler = Callable[..., Awaitable[Any]]
Envelope = Callable[[Problem, str], object]


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenStack service as clients see it."""

    type: str
    prefix: str
    """The path under which it is served on the common port, such as `/compute`."""
    envelope: Envelope
    """Turns a refusal and a request id into the body that this service's clients expect."""
    versions: Versions | None = None
    request_id_header: str | None = None
    """A second header for the request id, such as `x-compute-request-id`."""
    respell: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Carries an ASGI scope whose path is written in an older way to the one that routes are registered for."""
    lenient: bool = False
    """Whether a body may write a number or a yes or no as text, as this service's clients do."""
    exact: bool = False
    """Whether a slash at a path's end, or a method that a path does not have, is a 404, as in upstream's service."""


class Route(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One method of one path, or one action of it."""

    service: Service
    method: str
    path: str
    rule: Rule
    handler: Handler
    status: int
    action: str | None
    """For a body with a single key that names what to do: that key."""
    late: bool
    """Whether the handler itself enforces the rule, on what it has loaded."""
    since: int
    until: int
    body: Any
    query: Any
    uploads: bool


class Routes:
    """What one room, or one resource of it, offers over HTTP."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.routes: list[Route] = []
        self.sockets: dict[str, Handler] = {}

    def get(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a GET; HEAD comes with it.  Options: status, late, since, until."""
        return self._add("GET", path, rule, options)

    def head(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a HEAD that differs from the GET of the same path."""
        return self._add("HEAD", path, rule, options)

    def post(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a POST; the status is 201 unless said otherwise."""
        return self._add("POST", path, rule, {"status": 201, **options})

    def put(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a PUT."""
        return self._add("PUT", path, rule, options)

    def patch(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a PATCH."""
        return self._add("PATCH", path, rule, options)

    def delete(self, path: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a DELETE; the status is 204 unless said otherwise."""
        return self._add("DELETE", path, rule, {"status": 204, **options})

    def action(self, path: str, name: str, *, rule: Rule, **options: Any) -> Callable[[Handler], Handler]:
        """Register a POST whose body is `{name: value}`; the status is 202 unless said otherwise."""
        return self._add("POST", path, rule, {"status": 202, **options, "action": name})

    def websocket(self, path: str) -> Callable[[Handler], Handler]:
        """Register a WebSocket; the handler gets the call and a Socket, and checks its own token."""

        def register(handler: Handler) -> Handler:
            self.sockets[self.service.prefix + path] = handler
            return handler

        return register

    def _add(self, method: str, path: str, rule: Rule, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            hints = get_type_hints(handler)
            self.routes.append(
                Route(
                    service=self.service,
                    method=method,
                    path=path,
                    rule=rule,
                    handler=handler,
                    status=options.get("status", 200),
                    action=options.get("action"),
                    late=options.get("late", False),
                    since=number(options["since"]) if "since" in options else 0,
                    until=number(options["until"]) if "until" in options else 1 << 30,
                    body=hints.get("body"),
                    query=hints.get("query"),
                    uploads="upload" in inspect.signature(handler).parameters,
                )
            )
            return handler

        return register


REMEMBERED_MAX = 4096
"""How many paths are remembered with what they lead to: clients ask for the same ones again and again."""


class Leaf:
    """Everything that is served at one path."""

    def __init__(self) -> None:
        self.methods: dict[str, list[Route]] = {}
        self.actions: dict[str, list[Route]] = {}

    def add(self, route: Route) -> None:
        """Serve `route` here."""
        if route.action is not None:
            self.actions.setdefault(route.action, []).append(route)
            self.methods.setdefault("POST", [])
        else:
            self.methods.setdefault(route.method, []).append(route)

    def candidates(self, method: str) -> list[Route]:
        """Return the routes of a method; a HEAD is answered by the GET.  Raises MethodNotAllowed."""
        found = self.methods.get(method)
        if found is None and method == "HEAD":
            found = self.methods.get("GET")
        if found is None:
            raise MethodNotAllowed(f"The method {method} is not allowed here.", frozenset(self.methods))
        return found

    @property
    def exact(self) -> bool:
        """Whether only this very path and its own methods are known; a document for everybody is more easily found."""
        routes = next(filter(None, (*self.methods.values(), *self.actions.values())))
        return routes[0].service.exact and routes[0].rule is not PUBLIC

    def services(self) -> Iterator[Service]:
        """Return the services that routes here belong to; there is one."""
        for routes in (*self.methods.values(), *self.actions.values()):
            for route in routes:
                yield route.service


class Node:
    """One segment of the paths below a common beginning."""

    __slots__ = ("argument", "child", "children", "leaf")

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.child: Node | None = None
        """What follows a segment that is an argument."""
        self.argument = ""
        self.leaf: Leaf | None = None


class Router:
    """Finds the leaf of a path in time that grows with its length, not with the number of routes."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = Node()
        self.routes = tuple(routes)
        self._arguments: dict[int, tuple[str, ...]] = {}
        self._found: dict[bytes, tuple[Leaf, list[str]]] = {}
        for route in self.routes:
            self._insert(route)

    def find(self, path: bytes) -> tuple[Leaf, list[str]]:
        """Return the leaf at `path` and the path's arguments in order.  Raises NotFound."""
        known = self._found.get(path)
        if known is not None:
            return known
        values: list[str] = []
        leaf = _descend(self._root, split(path), 0, values)
        if leaf is None:
            raise NotFound("The resource could not be found.")
        if len(self._found) >= REMEMBERED_MAX:
            self._found.clear()
        self._found[path] = leaf, values
        return leaf, values

    def arguments(self, route: Route) -> tuple[str, ...]:
        """Return the names of the arguments in the route's path, in order."""
        return self._arguments[id(route)]

    def _insert(self, route: Route) -> None:
        node, names = self._root, []
        for part in (route.service.prefix + route.path).strip("/").split("/"):
            if part.startswith("{"):
                names.append(part[1:-1])
                if node.child is None:
                    node.child = Node()
                node = node.child
            elif part:
                node = node.children.setdefault(part, Node())
        if node.leaf is None:
            node.leaf = Leaf()
        node.leaf.add(route)
        self._arguments[id(route)] = tuple(names)


def select(routes: list[Route], version: int) -> Route | None:
    """Return the route that serves `version`."""
    for route in routes:
        if route.since <= version <= route.until:
            return route
    return None


def split(path: bytes) -> list[str]:
    """Return the decoded segments of a raw path; empty ones do not count.  Raises Invalid."""
    try:
        return [unquote_to_bytes(part).decode() if b"%" in part else part.decode() for part in path.split(b"/") if part]
    except UnicodeDecodeError:
        raise Invalid("The path is not UTF-8.") from None


def _descend(node: Node, segments: list[str], index: int, values: list[str]) -> Leaf | None:
    if index == len(segments):
        return node.leaf
    segment = segments[index]
    child = node.children.get(segment)
    if child is not None:
        leaf = _descend(child, segments, index + 1, values)
        if leaf is not None:
            return leaf
    if node.child is None:
        return None
    values.append(segment)
    leaf = _descend(node.child, segments, index + 1, values)
    if leaf is None:
        values.pop()
    return leaf
