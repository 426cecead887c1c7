"""Requests in, answers out, and the one place where a Problem becomes a response.  Plain ASGI."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_origin
from urllib.parse import parse_qsl, unquote

import msgspec

from welkin.core import operations, versions
from welkin.core.answers import Answer, File, Stream
from welkin.core.db import Database
from welkin.core.errors import (
    Gone,
    Invalid,
    MethodNotAllowed,
    NotFound,
    NotImplementedHere,
    Problem,
    TooLarge,
    Unauthorized,
)
from welkin.core.log import request_context
from welkin.core.metrics import requests
from welkin.core.policy import PUBLIC, AccessRule, Actor, Policy, Rule, within
from welkin.core.routing import Leaf, Route, Router, Routes, Service, select
from welkin.core.sockets import serve_socket
from welkin.core.world import World

__all__ = ["Answer", "App", "Call", "File", "Routes", "Service", "Stream", "Upload"]

BODY_BYTES_MAX = 1 << 20
"""A JSON body; larger data is uploaded as a stream."""
FILE_CHUNK_BYTES = 256 << 10
NOT_PASSED_ON = frozenset({b"content-length", b"openstack-api-version", b"x-openstack-nova-api-version"})
"""Headers that speak of one request alone."""
NOBODY = Actor()

Headers = dict[bytes, bytes]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Authenticate = Callable[[Headers], Awaitable[Actor | None]]
PartT = TypeVar("PartT")

log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class ClientLeft(Invalid):
    """The client closed its connection before its request was complete."""

    code = "http.client-left"


class Upload:
    """The body of a request, chunk by chunk, never whole in memory."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks.  Raises ClientLeft when the client goes away in the middle."""
        while True:
            event = await self._receive()
            if event["type"] == "http.disconnect":
                raise ClientLeft("The client left before its request was complete.")
            if event.get("body"):
                yield event["body"]
            if not event.get("more_body"):
                return


class Parts:
    """What the app shares with its handlers, found by type: options, hubs, drivers."""

    def __init__(self, *parts: object) -> None:
        self._parts: dict[type, object] = {}
        for part in parts:
            self.add(part)

    def add(self, part: object, kind: type | None = None) -> None:
        """Offer `part` under its own type, or under `kind`."""
        self._parts[kind or type(part)] = part

    def get(self, kind: type[PartT]) -> PartT:
        """Return the part of this type; it is a bug to ask for one that the app does not have."""
        return cast("PartT", self._parts[kind])


class Call:
    """One request on its way through a handler."""

    __slots__ = ("_app", "_scope", "actor", "enforced", "headers", "request_id", "route", "version")

    def __init__(self, app: App, scope: Scope, headers: Headers, request_id: str) -> None:
        self._app, self._scope, self.headers, self.request_id = app, scope, headers, request_id
        self.actor = NOBODY
        self.route: Route | None = None
        self.version = 0
        self.enforced = False

    @property
    def db(self) -> Database:
        """The database."""
        return self._app.database

    @property
    def world(self) -> World:
        """Clock, ids and dice."""
        return self._app.world

    @property
    def policy(self) -> Policy:
        """The rules in force."""
        return self._app.policy

    @property
    def method(self) -> str:
        """The HTTP method."""
        return str(self._scope["method"])

    @property
    def path(self) -> str:
        """The decoded path, prefix included."""
        return str(self._scope["path"])

    @property
    def args(self) -> dict[str, list[str]]:
        """The query string: every value of every name, in order."""
        return arguments(self._scope["query_string"])

    @property
    def subprotocols(self) -> list[str]:
        """What a WebSocket's client offers to speak."""
        return list(self._scope.get("subprotocols") or ())

    @property
    def origin(self) -> str:
        """The scheme, host and port that the client used, such as `http://cloud:8774`."""
        host = self.headers.get(b"host", b"localhost").decode("latin-1")
        return f"{self._app.scheme(self.headers, self._scope)}://{host}"

    @property
    def base_url(self) -> str:
        """The origin and the service's prefix, such as `http://cloud/compute`."""
        return self.origin + (self.route.service.prefix if self.route is not None else "")

    @property
    def client_address(self) -> str:
        """The address that the request came from."""
        return str((self._scope.get("client") or ("",))[0])

    def get(self, kind: type[PartT]) -> PartT:
        """Return the app's shared part of this type."""
        return self._app.parts.get(kind)

    def allowed(self, rule: Rule, **target: object) -> bool:
        """Return whether the caller may do what `rule` names to `target`."""
        return self.policy.allows(rule, self.actor, target)

    def enforce(self, rule: Rule, **target: object) -> None:
        """Raise PolicyDenied unless the caller may."""
        self.enforced = True
        self.policy.enforce(rule, self.actor, target)

    async def ask(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """Make a request to another service of this cloud in the caller's name; return its status and its body.

        path    with the service's prefix, and with a query where one is needed, such as `/network/v2.0/ports?limit=1`.
        """
        return await self._app.ask(self, method, path, body, content_type)


class App:
    """The ASGI application: every room's routes on one port."""

    def __init__(self, routes: Iterable[Routes], database: Database, world: World, policy: Policy) -> None:
        offered = list(routes)
        self.database, self.world, self.policy = database, world, policy
        self.parts = Parts(world, policy)
        self.parts.add(database, Database)
        self.trust_forwarded = False
        """Whether X-Forwarded-Proto comes from a proxy of ours."""
        self.router = Router(route for each in offered for route in each.routes)
        self._services = {each.service.prefix.strip("/"): each.service for each in offered}
        self.authenticators: list[Authenticate] = []
        """Asked in turn who the caller is; the first that knows is believed."""
        self._websockets = {path: handler for each in offered for path, handler in each.sockets.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await serve_socket(self._websockets, self._socket_call(scope), receive, send)

    async def ask(self, call: Call, method: str, path: str, body: object, content_type: str) -> tuple[int, Any]:
        """Serve a request that one of our own handlers makes for its caller."""
        raw_path, _, query = path.partition("?")
        kept = {name: value for name, value in call.headers.items() if name not in NOT_PASSED_ON}
        kept[b"content-type"] = content_type.encode()
        spelled = {"path": unquote(raw_path), "raw_path": raw_path.encode(), "query_string": query.encode()}
        scope = {**call._scope, **spelled, "method": method, "headers": list(kept.items())}
        events: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"" if body is None else _encode(body)}

        async def send(event: dict[str, Any]) -> None:
            events.append(event)

        await self._serve(scope, receive, send)
        raw = b"".join(event.get("body", b"") for event in events)
        return int(events[0]["status"]), msgspec.json.decode(raw) if raw else None

    def _socket_call(self, scope: Scope) -> Call:
        headers: Headers = dict(scope["headers"])
        return Call(self, scope, headers, self._request_id(headers))

    def scheme(self, headers: Headers, scope: Scope) -> str:
        """Return the scheme that the client used."""
        if self.trust_forwarded and b"x-forwarded-proto" in headers:
            return headers[b"x-forwarded-proto"].decode("latin-1")
        return str(scope.get("scheme", "http"))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = self.world.monotonic()
        service = self._service_of(scope["path"])
        if service is not None and service.respell is not None:
            scope = service.respell(scope)
        headers: Headers = dict(scope["headers"])
        call = Call(self, scope, headers, self._request_id(headers))
        context = request_context.set(call.request_id)
        try:
            answer, status = await self._answer(call, receive)
        except Problem as problem:
            answer, status = self._refusal(call, problem)
        except Exception:
            log.exception("A handler failed: %s %s", scope["method"], scope["path"])
            answer, status = self._refusal(call, Problem("An unexpected error prevented the server from answering."))
        finally:
            request_context.reset(context)
        try:
            await self._send(call, answer, status, receive, send)
        finally:
            requests.record(call.route, status, self.world.monotonic() - started)

    async def _answer(self, call: Call, receive: Receive) -> tuple[object, int]:
        leaf, values = self._find(call)
        service = next(leaf.services())
        if service.versions is not None:
            call.version = service.versions.negotiate(call.headers)
        route, raw = await self._choose(call, leaf, receive)
        call.route = route
        given: dict[str, Any] = dict(zip(self.router.arguments(route), values, strict=True))
        await self._authorize(call, route)
        if route.uploads:
            given["upload"] = Upload(receive)
        elif route.body is not None:
            given["body"] = decode_body(route, raw if raw is not None else await read_body(receive), call.version)
        if route.query is not None:
            given["query"] = decode_query(route, call.args, call.version)
        answer = await route.handler(call, **given)
        if route.late and not call.enforced:
            raise AssertionError(f"{route.method} {route.path} enforced no rule")
        return self._carried(call, answer), self._status(route, answer, call.version)

    def _carried(self, call: Call, answer: object) -> object:
        """Return an answer with its body in JSON, at the version that was asked for; that too may refuse."""
        if answer is None or isinstance(answer, Stream | File | bytes):
            return answer
        if not isinstance(answer, Answer):
            return self._encode(call, answer)
        if answer.body is None or isinstance(answer.body, bytes):
            return answer
        return msgspec.structs.replace(answer, body=self._encode(call, answer.body))

    def _find(self, call: Call) -> tuple[Leaf, list[str]]:
        path: bytes = call._scope.get("raw_path") or call._scope["path"].encode()
        path = path.partition(b"?")[0]
        if b"%00" in path or b"\x00" in path:
            raise Invalid("A path cannot contain a null character.")
        try:
            leaf, values = self.router.find(path)
        except NotFound:
            self._say_whether_upstream_has_it(call)
            raise
        if leaf.exact and path.endswith(b"/"):
            raise NotFound("The resource could not be found.")
        return leaf, values

    def _say_whether_upstream_has_it(self, call: Call, action: str | None = None) -> None:
        """Raise what tells a call that upstream serves at this version, or served once, from one that it never had."""
        first, _, rest = call.path.strip("/").partition("/")
        service = self._services.get(first)
        found = None if service is None else operations.find(service.type, call.method, "/" + rest, action)
        if service is None or found is None:
            return
        what = f"{call.method} /{rest}" if action is None else f"The action {action} of /{rest}"
        if found.gone:
            raise Gone(f"{what} has left the {service.type} API.")
        if not found.has(0 if service.versions is None else service.versions.negotiate(call.headers)):
            raise NotFound("The resource could not be found.")
        raise NotImplementedHere(f"{what} is part of the {service.type} API, and Welkin does not have it yet.")

    async def _choose(self, call: Call, leaf: Leaf, receive: Receive) -> tuple[Route, bytes | None]:
        try:
            found = leaf.candidates(call.method)
        except MethodNotAllowed:
            self._say_whether_upstream_has_it(call)
            if leaf.exact:
                raise NotFound("The resource could not be found.") from None
            raise
        raw = None
        if call.method == "POST" and leaf.actions:
            raw = await read_body(receive)
            name = next(iter(action_of(raw)))
            found = leaf.actions.get(name, [])
            if not found:
                self._say_whether_upstream_has_it(call, name)
                raise Invalid(f"There is no such action: {name}.")
        route = select(found, call.version) if call.version else (found[0] if found else None)
        if route is None:
            raise NotFound("The resource could not be found.")
        return route, raw

    async def _authorize(self, call: Call, route: Route) -> None:
        actor = await self._who(call.headers)
        if actor is not None:
            call.actor = actor
        if route.rule is PUBLIC:
            return
        if actor is None:
            raise Unauthorized
        if actor.access_rules is not None:
            check_access_rules(actor.access_rules, call)
        if not route.late:
            target = {"project_id": actor.project_id, "user_id": actor.user_id, "domain_id": actor.domain_id}
            self.policy.enforce(route.rule, actor, target)

    async def _who(self, headers: Headers) -> Actor | None:
        for authenticate in self.authenticators:
            actor = await authenticate(headers)
            if actor is not None:
                return actor
        return None

    def _status(self, route: Route, answer: object, version: int) -> int:
        status = answer.status if isinstance(answer, Answer | Stream | File) else None
        if status is not None:
            return status
        changes = route.service.versions
        if changes is None:
            return route.status
        return int(versions.apply(changes.down("status", route.handler, version), route.status))

    def _refusal(self, call: Call, problem: Problem) -> tuple[Answer, int]:
        service = call.route.service if call.route is not None else self._service_of(call.path)
        envelope = service.envelope if service is not None else plain_envelope
        headers = dict(problem.headers())
        if problem.status == 401:
            headers.setdefault("WWW-Authenticate", f'Keystone uri="{call.origin}/identity"')
        body = envelope(problem, call.request_id)
        if service is not None and service.versions is not None and call.version:
            body = versions.apply(service.versions.down("answer", envelope, call.version), body)
        return Answer(body=_encode(body), headers=headers), problem.status

    def _service_of(self, path: str) -> Service | None:
        return self._services.get(path.strip("/").partition("/")[0])

    async def _send(self, call: Call, answer: object, status: int, receive: Receive, send: Send) -> None:
        headers = self._common_headers(call)
        if isinstance(answer, Stream | File):
            start = {"type": "http.response.start", "status": status, "headers": headers}
            await send_large(answer, start, receive, send, bodyless=call.method == "HEAD")
            return
        body, content_type = b"", "application/json"
        if isinstance(answer, Answer):
            headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
            content_type, answer = answer.content_type, answer.body
        if answer is not None:
            assert isinstance(answer, bytes)
            body = answer
            headers.append((b"content-type", content_type.encode()))
        if status != 204:
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if call.method == "HEAD" or status == 204 else body})

    def _encode(self, call: Call, answer: object) -> bytes:
        route = call.route
        if route is not None and route.service.versions is not None:
            chain = route.service.versions.down("answer", route.handler, call.version)
            if chain and isinstance(answer, msgspec.Struct | dict):
                # A shape that tells older versions more than the newest says so itself.
                older = getattr(answer, "for_older_versions", None)
                answer = versions.apply(chain, msgspec.to_builtins(answer) if older is None else older())
        return b"" if answer is None else _encode(answer)

    def _common_headers(self, call: Call) -> list[tuple[bytes, bytes]]:
        request_id = call.request_id.encode()
        headers = [(b"x-openstack-request-id", request_id)]
        service = call.route.service if call.route is not None else self._service_of(call.path)
        if service is not None:
            if service.request_id_header:
                headers.append((service.request_id_header.encode(), request_id))
            if service.versions is not None and call.version:
                headers += service.versions.headers(call.version)
        return headers

    def _request_id(self, headers: Headers) -> str:
        return "req-" + self.world.new_id()


def check_access_rules(rules: Iterable[AccessRule], call: Call) -> None:
    """Raise Unauthorized unless a token that is restricted to some requests may make this one."""
    service = call.route.service if call.route is not None else None
    if service is None or not within(rules, service.type, call.method, call.path.removeprefix(service.prefix)):
        raise Unauthorized


def plain_envelope(problem: Problem, _request_id: str) -> object:
    """Return a refusal where no service is concerned."""
    return {"error": {"code": problem.status, "title": type(problem).__name__, "message": str(problem)}}


def action_of(raw: bytes) -> dict[str, msgspec.Raw]:
    """Return a body that names an action: its one key, and the value.  Raises Invalid."""
    try:
        body = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"The body is not a JSON object: {error}") from error
    if len(body) != 1:
        raise Invalid("The body must have one key: the action.")
    return body


def decode_body(route: Route, raw: bytes, version: int) -> Any:
    """Decode and check a request's body as its route says; of an action, the value under its key.  Raises Invalid."""
    chain = route.service.versions.up("request", route.handler, version) if route.service.versions else ()
    try:
        if route.action is not None:
            raw = bytes(action_of(raw)[route.action])
        if not chain:
            return decoder(route).decode(raw)
        found = msgspec.json.decode(raw)
        if isinstance(found, dict) or route.action is not None:
            found = versions.apply(chain, found)
        return msgspec.convert(found, route.body, strict=not route.service.lenient)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # Here and nowhere wider: elsewhere it would be our own bug.
        raise Invalid(str(error)) from error


@functools.cache
def decoder(route: Route) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a route's bodies."""
    return msgspec.json.Decoder(route.body, strict=not route.service.lenient)


def decode_query(route: Route, args: Mapping[str, list[str]], version: int) -> Any:
    """Decode the query string into the route's shape; a list field takes every value.  Raises Invalid.

    A route whose `query` is a dict has names that no Struct can list, and gets every value of every name.
    """
    chain = route.service.versions.up("query", route.handler, version) if route.service.versions else ()
    args = versions.apply(chain, dict(args))
    if get_origin(route.query) is dict:
        return args
    lists = list_fields(route.query)
    flat: dict[str, Any] = {name: values if name in lists else values[-1] for name, values in args.items()}
    try:
        return msgspec.convert(flat, route.query, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"In the query: {error}") from error


@functools.cache
def list_fields(query: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names of the fields that take every value of a repeated argument."""
    fields = msgspec.structs.fields(query)
    return frozenset(field.encode_name for field in fields if "list[" in str(field.type))


def arguments(query_string: bytes) -> dict[str, list[str]]:
    """Return every value of every argument, in order.  Raises Invalid."""
    if not query_string:
        return {}
    if b"%00" in query_string:
        raise Invalid("A query cannot contain a null character.")
    found: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(
            query_string.decode(), keep_blank_values=True, errors="strict", max_num_fields=500
        ):
            found.setdefault(name, []).append(value)
    except ValueError as error:
        raise Invalid(f"The query string cannot be read: {error}") from error
    return found


async def read_body(receive: Receive, limit_bytes: int = BODY_BYTES_MAX) -> bytes:
    """Read a whole body of at most `limit_bytes`.  Raises TooLarge, ClientLeft."""
    event = await receive()
    if not event.get("more_body") and event["type"] != "http.disconnect":
        return checked(event.get("body", b""), limit_bytes)
    parts, size = [], 0
    while True:
        if event["type"] == "http.disconnect":
            raise ClientLeft("The client left before its request was complete.")
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        if size > limit_bytes:
            raise TooLarge(f"A body may have at most {limit_bytes} bytes.")
        if not event.get("more_body"):
            return checked(b"".join(parts), limit_bytes)
        event = await receive()


def checked(body: bytes, limit_bytes: int) -> bytes:
    """Return `body`.  Raises TooLarge, or Invalid for characters that no database takes."""
    if len(body) > limit_bytes:
        raise TooLarge(f"A body may have at most {limit_bytes} bytes.")
    if b"\\u0000" in body:
        raise Invalid("A body cannot contain a null character.")
    return body


async def send_large(
    answer: Stream | File, start: dict[str, Any], receive: Receive, send: Send, *, bodyless: bool
) -> None:
    """Send a stream or a file after the `start` event, whose headers are completed; stop when the client leaves."""
    headers = start["headers"]
    headers += [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    headers.append((b"content-type", answer.content_type.encode()))
    length = answer.length
    if isinstance(answer, File) and length is None:
        length = answer.path.stat().st_size - answer.offset
    if length is not None:
        headers.append((b"content-length", b"%d" % length))
    await send(start)
    if bodyless:
        await send({"type": "http.response.body", "body": b""})
        return
    chunks = file_chunks(answer.path, answer.offset, length or 0) if isinstance(answer, File) else answer.chunks
    leaving = asyncio.create_task(until_disconnect(receive))
    sending = asyncio.create_task(send_chunks(chunks, send))
    try:
        await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (leaving, sending):
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
    if sending.done() and not sending.cancelled():
        sending.result()


async def send_chunks(chunks: AsyncIterator[bytes], send: Send) -> None:
    """Send every chunk, then the end."""
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def until_disconnect(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def file_chunks(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    """Yield `length` bytes of a file from `offset`, read in a thread so that a slow disk stops nobody."""
    with path.open("rb") as file:
        file.seek(offset)
        while length > 0:
            chunk = await asyncio.to_thread(file.read, min(FILE_CHUNK_BYTES, length))
            if not chunk:
                return
            length -= len(chunk)
            yield chunk
