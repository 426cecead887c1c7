"""Consoles that wait for their host's agent to dial back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from welkin.core.errors import Unauthorized
from welkin.core.sockets import Socket
from welkin.core.world import World


class Session:
    """One console: `dialled` becomes the agent's socket, which is kept until the session is over."""

    def __init__(self, id: str, host: str) -> None:
        self.id, self.host = id, host
        self.dialled: asyncio.Future[Socket] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()

    async def carry(self, socket: Socket) -> None:
        """Hand over the agent's socket, and keep it open until the session is over."""
        if not self.dialled.done():
            self.dialled.set_result(socket)
        await self.over.wait()


class Sessions:
    """The consoles of this process."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    @asynccontextmanager
    async def opened(self, world: World, host: str) -> AsyncIterator[Session]:
        """Yield a new session, for which the agent of `host` may dial back."""
        session = Session(world.secret(16).hex(), host)
        self._sessions[session.id] = session
        try:
            yield session
        finally:
            del self._sessions[session.id]
            session.over.set()

    def find(self, id: str, host: str) -> Session:
        """Return the session that an agent dials back for.  Raises Unauthorized."""
        session = self._sessions.get(id)
        if session is None or session.host != host:
            raise Unauthorized("No console waits for this.")
        return session
