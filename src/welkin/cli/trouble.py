"""What a command has to say when it cannot go on."""

from __future__ import annotations


class Trouble(Exception):
    """Something that the user has to know about; the sentence says what to do."""
