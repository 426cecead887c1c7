"""WebSockets, for consoles: binary frames both ways, after the handler has let the client in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from welkin.core.errors import Problem

if TYPE_CHECKING:
    from welkin.core.http import Call

POLICY_VIOLATION = 1008

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class SocketClosed(Exception):
    """The other end has left."""


class Socket:
    """One WebSocket."""

    def __init__(self, subprotocols: list[str], receive: Receive, send: Send) -> None:
        self.subprotocols = subprotocols
        """What the client offers to speak."""
        self._receive, self._send = receive, send
        self.accepted = False

    async def accept(self) -> None:
        """Let the client in; binary frames are preferred where it offers them."""
        await self._receive()  # websocket.connect
        subprotocol = "binary" if "binary" in self.subprotocols else None
        await self._send({"type": "websocket.accept", "subprotocol": subprotocol})
        self.accepted = True

    async def receive(self) -> bytes:
        """Return the next message.  Raises SocketClosed."""
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise SocketClosed
        return event.get("bytes") or (event.get("text") or "").encode()

    async def send(self, data: bytes) -> None:
        """Send one binary message."""
        await self._send({"type": "websocket.send", "bytes": data})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye."""
        await self._send({"type": "websocket.close", "code": code, "reason": reason})


async def serve_socket(handlers: Mapping[str, Any], call: Call, receive: Receive, send: Send) -> None:
    """Hand a WebSocket to the handler of its path; whoever is refused learns why."""
    socket = Socket(list(call.subprotocols), receive, send)
    handler = handlers.get(call.path)
    try:
        if handler is None:
            await socket.close(POLICY_VIOLATION, "There is nothing here.")
            return
        await handler(call, socket)
    except (SocketClosed, asyncio.CancelledError):  # the client leaves, or the server stops
        return
    except Problem as problem:
        await socket.close(POLICY_VIOLATION, str(problem)[:120])
