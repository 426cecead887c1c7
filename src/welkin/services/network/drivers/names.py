"""Carry guests' questions for names outside from a network's dnsmasq to the resolvers of this host.

dnsmasq lives in the network's namespace, from which there is no way out.  So it asks a socket of ours on its own
loopback, and we ask on its behalf from the host's namespace, where every resolver of the host can be reached, those
on the host's loopback too.  Nothing in a question or an answer is looked at: dnsmasq knows which belong together.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESOLVERS = Path("/etc/resolv.conf")
DNS_PORT = 53
QUESTIONS_MAX = 256  # under way at once; what is more is lost, as it may be on any network
MESSAGE_BYTES_MAX = 4096
ANSWER_TIMEOUT_S = 2.0
TRIED_MAX = 3  # resolvers


class NameRelay(asyncio.DatagramProtocol):
    """Serves one socket.  `servers` are addresses, or `address#port`; without any, the host's own are asked."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = tuple(servers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, bound: socket.socket) -> None:
        """Answer from now on."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=bound)

    async def close(self) -> None:
        """Stop, and forget the questions that are under way."""
        if self._transport is not None:
            self._transport.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Ask on behalf of who sent this."""
        if len(self._tasks) < QUESTIONS_MAX and len(data) <= MESSAGE_BYTES_MAX:
            task = asyncio.create_task(self._carry(data, addr))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, question: bytes, asker: Any) -> None:
        for server in (self._servers or resolvers())[:TRIED_MAX]:
            address, _, port = server.partition("#")
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    answer = await _ask(question, address, int(port or DNS_PORT))
            except (OSError, ValueError):  # a timeout is an OSError
                continue
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(answer, asker)
            return


class _Asked(asyncio.DatagramProtocol):
    """Waits for one answer."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _ask(question: bytes, address: str, port: int) -> bytes:
    """Ask from a port of its own, so that nobody can guess where an answer is awaited.  Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, asked = await loop.create_datagram_endpoint(_Asked, remote_addr=(address, port))
    try:
        transport.sendto(question)
        return await asked.answer
    finally:
        transport.close()


def resolvers(file: Path = RESOLVERS) -> tuple[str, ...]:
    """Return the resolvers that this host uses; it may be told of others at any time."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return ()
    return tuple(words[1] for line in lines if len(words := line.split()) >= 2 and words[0] == "nameserver")
