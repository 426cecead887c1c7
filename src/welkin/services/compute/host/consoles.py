"""Consoles on a host: the end of a log, and the bytes of a guest's Unix socket, carried to the API."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from welkin.core.agent import WebSocketLink, websocket_link
from welkin.core.cloud import ControlPlane
from welkin.core.errors import NotFound
from welkin.core.sockets import SocketClosed

READ_BYTES = 64 << 10
PATH = "/agent/v1/consoles?session="

SocketOf = Callable[[str, str], Awaitable[str]]
"""From a server's id and a protocol to the path of a socket; empty if there is none."""


class Consoles:
    """Answers the API's questions about consoles."""

    def __init__(self, control: ControlPlane, socket_of: SocketOf) -> None:
        self._control, self._socket_of = control, socket_of
        self._carrying: set[asyncio.Task[None]] = set()

    async def open(self, question: Any) -> bool:
        """Connect to a guest's console and dial back to the API, which waits for it.  Raises NotFound."""
        path = await self._socket_of(str(question["server_id"]), str(question["protocol"]))
        if not path:
            raise NotFound("The server has no such console.")
        reader, writer = await asyncio.open_unix_connection(path)
        task = asyncio.create_task(self._carry(str(question["session"]), reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        return True

    async def _carry(self, session: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        control = self._control
        with contextlib.suppress(OSError, SocketClosed):
            async with websocket_link(control.url, control.host, control.key, PATH + session) as link:
                await carry(link, reader, writer)
        writer.close()


async def carry(link: WebSocketLink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes both ways until one side leaves."""
    ways = [asyncio.create_task(_up(link, reader)), asyncio.create_task(_down(link, writer))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError, SocketClosed):
                await way


async def _up(link: WebSocketLink, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(READ_BYTES):
        await link.send(data)


async def _down(link: WebSocketLink, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(await link.receive())
        await writer.drain()
