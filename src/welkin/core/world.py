"""Everything that is not deterministic, in one object, so that a simulation can replace it."""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid


class World:
    """The real clock, the real dice.  Nothing else in Welkin reads a clock or draws a number."""

    def __init__(self) -> None:
        self.random = random.Random()

    def now(self) -> float:
        """Return the time in seconds since 1970, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start that never jump back."""
        return time.monotonic()

    def new_id(self) -> str:
        """Return a new id with dashes, as most services write them."""
        return str(uuid.uuid4())

    def new_hex(self) -> str:
        """Return a new id of 32 hexadecimal digits, as identity writes them."""
        return uuid.uuid4().hex

    def secret(self, size: int) -> bytes:
        """Return `size` bytes that nobody can guess."""
        return os.urandom(size)

    async def sleep(self, seconds: float) -> None:
        """Wait, and let others work meanwhile."""
        await asyncio.sleep(seconds)
