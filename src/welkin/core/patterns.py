"""Regular expressions of strangers: matched in a time that grows with the text alone, whatever the expression.

Python's own matcher tries every way in turn, and for some short expressions there are more ways than anybody can
wait for.  Here all ways are followed at once, as sets of places in the expression, and what a set leads to is
remembered.  Only what needs one way to be told from another is missing: back references and looking around.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from re import _constants as kinds  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from welkin.core.errors import Invalid

LENGTH_MAX = 255
REPEATS_MAX = 255
"""As in PostgreSQL, which matches by itself."""
PLACES_MAX = 500
REMEMBERED_MAX = 5_000
FLAGS = re.UNICODE.value
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    kinds.CATEGORY_DIGIT: str.isdecimal,
    kinds.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdecimal(),
    kinds.CATEGORY_SPACE: str.isspace,
    kinds.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    kinds.CATEGORY_WORD: lambda letter: letter.isalnum() or letter == "_",
    kinds.CATEGORY_NOT_WORD: lambda letter: not (letter.isalnum() or letter == "_"),
}
BEGINS = (kinds.AT_BEGINNING, kinds.AT_BEGINNING_STRING)
ENDS = (kinds.AT_END, kinds.AT_END_STRING)

Takes = Callable[[str], bool]
Places = frozenset[int]


class Pattern:
    """A regular expression, searched for anywhere in a text.  Raises Invalid for what is none, or too large."""

    def __init__(self, text: str) -> None:
        self._takes: list[Takes | None] = []
        self._next: list[list[int]] = []
        self._at: dict[int, Any] = {}
        """Places that may be passed only at the beginning, or only at the end."""
        self._found = self._place(None, [])
        self._start = self._build(parse(text), self._found)
        self._known: dict[Places, dict[str, Places]] = {}

    def search(self, text: str) -> bool:
        """Return whether some part of `text` matches."""
        places = self._reached([self._start], begins=True)
        for letter in text:
            if self._found in places:
                return True
            known = self._known.setdefault(places, {})
            if letter not in known:
                if len(self._known) > REMEMBERED_MAX:
                    self._known = {}
                known[letter] = self._after(places, letter)
            places = known[letter]
        return self._found in self._reached(places, begins=not text, ends=True)

    def _after(self, places: Places, letter: str) -> Places:
        moved = [self._next[each][0] for each in places if (takes := self._takes[each]) is not None and takes(letter)]
        return self._reached([*moved, self._start])

    def _reached(self, places: Iterable[int], *, begins: bool = False, ends: bool = False) -> Places:
        """Return these places and all that lie behind them before the next letter."""
        found: set[int] = set()
        ahead = list(places)
        while ahead:
            place = ahead.pop()
            if place in found:
                continue
            found.add(place)
            at = self._at.get(place)
            if self._takes[place] is None and (at is None or (begins if at in BEGINS else ends)):
                ahead += self._next[place]
        return frozenset(found)

    def _place(self, takes: Takes | None, following: list[int]) -> int:
        if len(self._takes) >= PLACES_MAX:
            raise Invalid("The regular expression is too large.")
        self._takes.append(takes)
        self._next.append(following)
        return len(self._takes) - 1

    def _build(self, nodes: Iterable[tuple[Any, Any]], following: int) -> int:
        """Return the place from which `nodes` lead to `following`."""
        for kind, given in reversed(list(nodes)):
            following = self._build_one(kind, given, following)
        return following

    def _build_one(self, kind: Any, given: Any, following: int) -> int:
        if kind is kinds.SUBPATTERN and not given[1] and not given[2]:
            return self._build(given[3], following)
        if kind is kinds.BRANCH:
            return self._place(None, [self._build(each, following) for each in given[1]])
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT):
            least, most, nodes = given
            return self._repeat(least, most, nodes, following)
        if kind is kinds.AT and given in (*BEGINS, *ENDS):
            place = self._place(None, [following])
            self._at[place] = given
            return place
        return self._place(taker(kind, given), [following])

    def _repeat(self, least: int, most: int, nodes: Any, following: int) -> int:
        if max(least, 0 if most is kinds.MAXREPEAT else most) > REPEATS_MAX:
            raise Invalid("The regular expression repeats too often.")
        first = following
        if most is kinds.MAXREPEAT:
            first = self._place(None, [following])
            self._next[first].append(self._build(nodes, first))
        else:
            for _ in range(most - least):
                first = self._place(None, [self._build(nodes, first), following])
        for _ in range(least):
            first = self._build(nodes, first)
        return first


@functools.lru_cache(maxsize=64)
def pattern(text: str) -> Pattern:
    """Return the machine for an expression."""
    return Pattern(text)


def parse(text: str) -> Any:
    """Return the parts of an expression.  Raises Invalid."""
    if len(text) > LENGTH_MAX:
        raise Invalid(f"A regular expression may have at most {LENGTH_MAX} characters.")
    try:
        found = parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise Invalid(f"{text!r} is not a regular expression: {error}.") from None
    if found.state.flags & ~FLAGS:
        raise Invalid("A regular expression cannot have flags here.")
    return found


def taker(kind: Any, given: Any) -> Takes:
    """Return what says whether a place takes a letter.  Raises Invalid."""
    if kind is kinds.LITERAL:
        return chr(given).__eq__
    if kind is kinds.NOT_LITERAL:
        return chr(given).__ne__
    if kind is kinds.ANY:
        return "\n".__ne__
    if kind is kinds.RANGE:
        return lambda letter: given[0] <= ord(letter) <= given[1]
    if kind is kinds.CATEGORY:
        return CATEGORIES[given]
    if kind is kinds.IN:
        negated = given[0][0] is kinds.NEGATE
        takers = [taker(*each) for each in given[negated:]]
        return lambda letter: any(takes(letter) for takes in takers) != negated
    raise Invalid("A regular expression cannot look around, or refer to its own groups, here.")
