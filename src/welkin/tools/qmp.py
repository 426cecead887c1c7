"""QEMU's control protocol, one connection to one guest: commands, events, descriptors."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from qemu.qmp import EventListener, ExecuteError, QMPClient, QMPError, Runstate

ANSWER_TIMEOUT_S = 20.0

logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # it logs each broken connection, which we report ourselves


class QmpFailed(Exception):
    """QEMU refused a command, or does not answer."""


class Qmp:
    """A connected monitor.  Use as `async with Qmp(path) as qmp`, or `connect` and `close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._client = QMPClient()
        self._channel: socket.socket | None = None  # the same connection, for descriptors

    async def connect(self, timeout_s: float = ANSWER_TIMEOUT_S) -> Self:
        """Connect and agree on the protocol.  A monitor serves one client at a time; others wait here."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(self._path))
            self._channel = connection.dup()
            connection.settimeout(0)
            await asyncio.wait_for(self._client.connect(connection), timeout_s)
        except (OSError, QMPError, TimeoutError) as error:
            connection.close()
            await self.close()
            raise QmpFailed(f"The monitor {self._path} cannot be reached: {str(error) or 'no answer'}") from error
        return self

    async def close(self) -> None:
        """Close the connection; the guest runs on."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        try:
            await asyncio.wait_for(self._client.disconnect(), ANSWER_TIMEOUT_S)
        except (QMPError, EOFError, OSError, TimeoutError):
            return  # It was broken already; closed is closed.

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def execute(
        self, command: str, arguments: Mapping[str, Any] | None = None, *, timeout_s: float = ANSWER_TIMEOUT_S
    ) -> Any:
        """Run a command and return its answer.  Raises QmpFailed with QEMU's own sentence."""
        try:
            return await asyncio.wait_for(self._client.execute(command, dict(arguments or {})), timeout_s)
        except ExecuteError as error:
            raise QmpFailed(f"{command}: {error}") from error
        except (QMPError, OSError, EOFError, TimeoutError) as error:
            raise QmpFailed(f"{command}: no answer from {self._path} ({type(error).__name__})") from error

    async def execute_if_possible(self, command: str, arguments: Mapping[str, Any]) -> None:
        """Run a command that cleans up; that there is nothing to clean is no failure."""
        with suppress(QmpFailed):
            await self.execute(command, arguments)

    def watch(self, changed: Callable[[], None]) -> asyncio.Task[None]:
        """Call `changed` whenever the guest's state changes and once when the connection ends."""
        return asyncio.create_task(self._watch(changed))

    async def _watch(self, changed: Callable[[], None]) -> None:
        with self._client.listener(("SHUTDOWN", "STOP", "RESUME", "GUEST_PANICKED", "BLOCK_IO_ERROR")) as listener:
            while True:
                event = asyncio.create_task(listener.get())
                ended = asyncio.create_task(self._client.runstate_changed())
                try:
                    await asyncio.wait((event, ended), return_when=asyncio.FIRST_COMPLETED)
                    has_ended = ended.done()
                finally:
                    event.cancel()
                    ended.cancel()
                    await asyncio.gather(event, ended, return_exceptions=True)
                changed()
                if has_ended:
                    return

    @property
    def is_connected(self) -> bool:
        """Say whether the connection still stands."""
        return self._client.runstate is Runstate.RUNNING

    @asynccontextmanager
    async def expecting(
        self, name: str, wanted: Callable[[Mapping[str, Any]], bool], timeout_s: float
    ) -> AsyncIterator[None]:
        """Wait, after the body has run, for an event whose data are `wanted`.

        The listener is there before the body runs, so an event cannot come too early.
        """

        def matches(event: Mapping[str, Any]) -> bool:
            return wanted(event.get("data", {}))

        listener = EventListener(name, matches)
        with self._client.listen(listener):
            yield
            try:
                await asyncio.wait_for(listener.get(), timeout_s)
            except TimeoutError as error:
                raise QmpFailed(f"QEMU did not report {name} within {timeout_s:g} s.") from error

    async def pass_fd(self, name: str, fd: int) -> None:
        """Give QEMU an open descriptor under a name; it keeps a copy of its own."""
        if self._channel is None:
            raise QmpFailed("The monitor is not connected.")
        socket.send_fds(self._channel, [b" "], [fd])
        await self.execute("getfd", {"fdname": name})
