"""Who answers guests that ask for their metadata."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

Reply = tuple[int, Mapping[str, str], bytes]
"""Status, headers, body."""
Answer = Callable[[str, str, str, str, Mapping[str, str], bytes], Awaitable[Reply]]
"""(network id, source address, method, path, headers by lower-case name, body) -> reply"""


class MetadataAnswerer:
    """Who answers guests that ask for their metadata: a part of the host that the room of servers adds."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
