"""Passwords that are made for servers' administrators."""

from __future__ import annotations

from welkin.core.world import World

SYMBOLS = "23456789", "ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnopqrstuvwxyz"
"""Kinds of characters, without those that look alike."""
LENGTH = 12


def generate(world: World) -> str:
    """Return a new password with each kind of character in it."""
    every = "".join(SYMBOLS)
    # A byte is at most 255, so the first few characters are a little likelier: 12 of them are 68 bits all the same.
    drawn = world.secret(LENGTH * 2)
    characters = [group[drawn[index] % len(group)] for index, group in enumerate(SYMBOLS)]
    characters += [every[byte % len(every)] for byte in drawn[len(SYMBOLS) : LENGTH]]
    order = sorted(range(LENGTH), key=lambda index: (drawn[LENGTH + index], index))
    return "".join(characters[index] for index in order)
