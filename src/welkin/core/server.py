"""The HTTP server: uvicorn on uvloop, which Welkin configures and otherwise leaves alone."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from welkin.core.config import HttpOptions

KEEP_ALIVE_S = 75
BACKLOG = 2048
GRACE_S = 2


class Server:
    """Serves one ASGI app on sockets that are bound before anything starts."""

    def __init__(self, app: Any, options: HttpOptions) -> None:
        config = uvicorn.Config(
            app,
            http=Together,
            ws="websockets-sansio",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=64 << 10,
            ws_max_size=64 << 20,
            # Documents for hosts and pictures of consoles: to compress them costs more than to make them.
            ws_per_message_deflate=False,
            ssl_certfile=options.certificate or None,
            ssl_keyfile=options.certificate_key or None,
        )
        self._server = _Quiet(config)

    async def serve(self, sockets: Sequence[socket.socket]) -> None:
        """Serve until `stop`."""
        await self._server.serve(sockets=list(sockets))

    async def started(self) -> None:
        """Wait until requests are answered."""
        await self._server.ready.wait()

    def stop(self) -> None:
        """Finish what is under way, then stop."""
        self._server.should_exit = True


class Together(HttpToolsProtocol):
    """HTTP whose answers leave in one piece: head and body by themselves are two packets, and wake a client twice."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to serve a connection."""
        super().connection_made(cast("asyncio.Transport", Joined(transport, self.loop)))


class Joined:
    """A transport that sends at once what is written before the loop goes on."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send `data` with what else is written now."""
        if not self._pieces:
            self._loop.call_soon(self.flush)
        self._pieces.append(data)

    def flush(self) -> None:
        """Send what was written."""
        if self._pieces:
            self._transport.write(b"".join(self._pieces))
            self._pieces.clear()

    def close(self) -> None:
        """Send what was written, then close."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Quiet(uvicorn.Server):
    """Signals are the process's business, not the server's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets=sockets)
        self.ready.set()

    def install_signal_handlers(self) -> None:
        """Install none."""

    def capture_signals(self) -> Any:
        """Capture none."""
        return contextlib.nullcontext()


def bind(address: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # asyncio sends small writes at once (TCP_NODELAY) only where a socket names its protocol; else each answer on a
    # kept connection waits 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(BACKLOG)
    listener.settimeout(0)
    return listener
