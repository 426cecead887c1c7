"""The server that guests ask for their metadata, over real sockets: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping

import pytest

from welkin.services.network.drivers import metadata
from welkin.services.network.drivers.metadata import MetadataServer


async def answer(
    network_id: str, source: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    """Say what was asked."""
    if path == "/broken":
        raise RuntimeError("this is what a bug looks like")
    text = f"{network_id} {source} {method} {path} {headers.get('x-name', '')} {body.decode()}"
    return 200, {"Content-Type": "text/x-test"}, text.encode()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of a server that speaks for one network."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = MetadataServer({"127.0.0.1": "the-network"}, answer)
    await server.start(listener)
    yield listener.getsockname()[1]
    await server.close()


async def say(port: int, request: bytes, source: str = "127.0.0.1") -> bytes:
    """Send bytes and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
    writer.write(request)
    writer.write_eof()
    async with asyncio.timeout(5):
        found = await reader.read()
    writer.close()
    await writer.wait_closed()
    return found


async def test_two_requests_on_one_connection(port: int) -> None:
    first = b"GET /latest HTTP/1.1\r\nHost: x\r\nX-Name:  one \r\n\r\n"
    second = b"POST /password HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc"
    found = await say(port, first + second)
    assert found.count(b"HTTP/1.1 200 OK\r\n") == 2
    assert b"the-network 127.0.0.1 GET /latest one " in found
    assert b"the-network 127.0.0.1 POST /password  abc" in found
    assert b"Content-Type: text/x-test\r\n" in found


async def test_an_old_client_is_left_after_one_answer(port: int) -> None:
    found = await say(port, b"GET / HTTP/1.0\r\n\r\nGET /again HTTP/1.0\r\n\r\n")
    assert found.count(b"HTTP/1.1 200") == 1
    assert b"Connection: close" in found


async def test_head_has_no_body(port: int) -> None:
    found = await say(port, b"HEAD / HTTP/1.0\r\n\r\n")
    head, _, body = found.partition(b"\r\n\r\n")
    assert b"Content-Length: " in head
    assert body == b""


async def test_a_bug_is_a_500_and_the_next_request_is_served(port: int) -> None:
    assert (await say(port, b"GET /broken HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 500 ")
    assert (await say(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/2.0\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (metadata.BODY_BYTES_MAX + 1), b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"GET /" + b"x" * (metadata.HEAD_BYTES_MAX * 2) + b" HTTP/1.1\r\n\r\n", b"431"),
    ],
)
async def test_what_is_too_much_or_not_http_is_refused(port: int, request_bytes: bytes, status: bytes) -> None:
    assert (await say(port, request_bytes)).startswith(b"HTTP/1.1 " + status)


async def test_a_guest_that_says_nothing_costs_nothing(port: int) -> None:
    assert await say(port, b"GET / HT") == b""
    assert await say(port, b"") == b""


async def test_one_guest_does_not_take_what_all_need(port: int) -> None:
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(metadata.CONNECTIONS_PER_GUEST_MAX)]
    try:
        for reader, writer in held:
            writer.write(b"GET /first HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(5):
                assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert (await say(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 429 ")
        assert (await say(port, b"GET / HTTP/1.0\r\n\r\n", "127.0.0.2")).startswith(b"HTTP/1.1 200 ")
    finally:
        for _, writer in held:
            writer.close()
            await writer.wait_closed()
    async with asyncio.timeout(5):
        while (await say(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 429 "):
            await asyncio.sleep(0.01)
