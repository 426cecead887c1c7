"""Where the APIs listen."""

from __future__ import annotations

import socket

from welkin.core.server import bind


def test_small_answers_leave_at_once() -> None:
    """asyncio switches TCP_NODELAY on only for sockets that name their protocol; listeners hand theirs on."""
    with bind("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
