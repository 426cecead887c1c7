"""Everything that is not deterministic, in one object, so that a simulation can replace it."""

from __future__ import annotations

import asyncio
import os
import random
import time


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
        digits = self.new_hex()  # put together by hand: each request has an id, and uuid.UUID takes five times as long
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def new_hex(self) -> str:
        """Return a new id of 32 hexadecimal digits, as identity writes them."""
        digits = os.urandom(16).hex()
        return f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) & 3]}{digits[17:]}"  # version 4 of RFC 9562

    def secret(self, size: int) -> bytes:
        """Return `size` bytes that nobody can guess."""
        return os.urandom(size)

    async def sleep(self, seconds: float) -> None:
        """Wait, and let others work meanwhile."""
        await asyncio.sleep(seconds)
