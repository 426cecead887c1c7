"""Regular expressions of strangers find what Python's find, and never take long."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from welkin.core.errors import Invalid
from welkin.core.patterns import Pattern

PARTS = st.sampled_from(["a", "b", ".", "^", "$", "[ab]", "[^a]", r"\d", r"\W", "1", "(a|b)", "(a|)", "(?:ab)", "|"])
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,3}", "{2,}", "*?", "??"])
EXPRESSIONS = st.lists(st.tuples(PARTS, REPEATS), max_size=6).map(lambda parts: "".join(map("".join, parts)))


@given(EXPRESSIONS, st.text("ab1 ", max_size=8))
def test_it_finds_what_python_finds(expression: str, text: str) -> None:
    try:
        wanted = re.search(expression, text) is not None
    except re.error:
        with pytest.raises(Invalid):
            Pattern(expression)
        return
    assert Pattern(expression).search(text) == wanted


@pytest.mark.parametrize(
    "expression",
    ["(a+)+$", "(a|a)*b$", ".*.*.*.*.*.*x", "a?" * 50 + "a" * 50 + "b", "(a|b)*a(a|b){100}x", "(x+x+)+y", "((a*)*)*b"],
)
def test_no_expression_takes_long(expression: str) -> None:
    started = time.process_time()
    assert not Pattern(expression).search("a" * 255 + "!")
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    "expression",
    ["(", "[", "*", r"(a)\1", "(?=a)", "(?i)a", r"\bx", "a{1,5000}", "(a{99}){99}", "a" * 256, "(" * 120, "(?i:a)"],
)
def test_what_is_none_or_too_much_is_refused(expression: str) -> None:
    with pytest.raises(Invalid):
        Pattern(expression)
