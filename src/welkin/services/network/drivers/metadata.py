"""A small HTTP server for guests that ask for their metadata, with limits on everything they may send.

Guests speak HTTP/1.0 or 1.1 with short requests.  Who asks is known by the network and
the source address alone, which the guards of the network hold to the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from msgspec import Struct

log = logging.getLogger(__name__)

HEAD_BYTES_MAX = 16 << 10
BODY_BYTES_MAX = 64 << 10
REQUEST_TIMEOUT_S = 20.0
REFUSED_TIMEOUT_S = 1.0
CONNECTIONS_MAX = 256
CONNECTIONS_PER_GUEST_MAX = 8

Reply = tuple[int, Mapping[str, str], bytes]
Answer = Callable[[str, str, str, str, Mapping[str, str], bytes], Awaitable[Reply]]
"""(network id, source address, method, path, headers by lower-case name, body) -> (status, headers, body)"""


TOO_MANY: Reply = (HTTPStatus.TOO_MANY_REQUESTS, {}, b"429 Too Many Requests\n")


class Request(Struct, frozen=True):
    """What a guest asked."""

    method: str
    path: str
    version: str
    headers: dict[str, str]
    body: bytes

    @property
    def keeps(self) -> bool:
        """Whether the connection stays open for the next request."""
        connection = self.headers.get("connection", "").lower()
        return connection == "keep-alive" or (self.version == "HTTP/1.1" and connection != "close")


class Refused(Exception):
    """The request is not one that we take."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


class MetadataServer:
    """Serves the connections of one listening socket, for the networks that it stands for."""

    def __init__(self, networks: Mapping[str, str], answer: Answer) -> None:
        self._networks, self._answer = networks, answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._guests: Counter[tuple[str, str]] = Counter()  # connections by (own address, source)
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=HEAD_BYTES_MAX)

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        guest = _guest(writer)
        self._guests[guest] += 1
        try:
            if len(self._tasks) > CONNECTIONS_MAX or self._guests[guest] > CONNECTIONS_PER_GUEST_MAX:
                await _turn_away(reader, writer)
            else:
                while await self._one(reader, writer):
                    pass
        except (OSError, EOFError, TimeoutError, ValueError, Refused):
            return  # whoever asked has left, or says nothing that we understand
        finally:
            self._tasks.discard(task)
            self._guests -= Counter((guest,))
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether another may follow."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                request = await _read(reader)
        except Refused as error:
            await _write(writer, (error.status, {}, error.status.phrase.encode()), keeps=False, is_head=False)
            return False
        if request is None:
            return False
        reply = await self._reply(request, writer)
        await _write(writer, reply, keeps=request.keeps, is_head=request.method == "HEAD")
        return request.keeps

    async def _reply(self, request: Request, writer: asyncio.StreamWriter) -> Reply:
        own, source = _guest(writer)
        network = self._networks.get(own) or self._networks.get("")
        if network is None:
            return HTTPStatus.NOT_FOUND, {}, b"404 Not Found\n"
        try:
            return await self._answer(network, source, request.method, request.path, request.headers, request.body)
        except Exception:
            log.exception("Metadata for %s on network %s could not be answered.", source, network)
            return HTTPStatus.INTERNAL_SERVER_ERROR, {}, b"500 Internal Server Error\n"


def _guest(writer: asyncio.StreamWriter) -> tuple[str, str]:
    """Return our own address and the guest's: one guest for each, even where networks use the same addresses."""
    return writer.get_extra_info("sockname")[0], writer.get_extra_info("peername")[0]


async def _turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse what is too much; it is read first, or the refusal would be lost with it."""
    async with asyncio.timeout(REFUSED_TIMEOUT_S):
        await _read(reader)
    await _write(writer, TOO_MANY, keeps=False, is_head=False)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.LimitOverrunError:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise Refused(HTTPStatus.BAD_REQUEST)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise Refused(HTTPStatus.BAD_REQUEST)
        headers[name.strip().lower()] = value.strip()
    if "transfer-encoding" in headers:
        raise Refused(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not length.isdecimal():
        raise Refused(HTTPStatus.BAD_REQUEST)
    if int(length) > BODY_BYTES_MAX:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return Request(words[0], words[1], words[2], headers, await reader.readexactly(int(length)))


async def _write(writer: asyncio.StreamWriter, reply: Reply, *, keeps: bool, is_head: bool) -> None:
    status, headers, body = reply
    fields = {"Content-Type": "text/plain; charset=UTF-8", "Connection": "keep-alive" if keeps else "close"}
    fields |= {name: value for name, value in headers.items() if name.lower() != "content-length"}
    head = f"HTTP/1.1 {int(status)} {HTTPStatus(status).phrase}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head += f"Content-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode("latin-1") + (b"" if is_head else body))
    async with asyncio.timeout(REQUEST_TIMEOUT_S):
        await writer.drain()
