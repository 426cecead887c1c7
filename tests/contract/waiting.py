"""Waiting for something to become true, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PAUSE_S = 0.2
ResultT = TypeVar("ResultT")


def until(look: Callable[[], ResultT], what: str, within_s: float = 60) -> ResultT:
    """Look until what is seen is true, and return it."""
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(PAUSE_S)
    return seen
