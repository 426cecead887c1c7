"""No wall clock, no chance and no sleep outside core/world.py, so that a simulation can replay everything."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.code.budgets import imported_names, resolve
from tests.code.source import Fault, Source

WORLD = "src/welkin/core/world.py"
# Whole modules that have nothing to offer to code that can be replayed.
MODULES = {"time", "random", "secrets"}
NAMES = {
    "asyncio.sleep",
    "datetime.date.today",
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "os.getrandom",
    "os.urandom",
    "threading.Timer",
    "uuid.uuid1",
    "uuid.uuid4",
}


def determinism(source: Source) -> Iterator[Fault]:
    """Time, ids, chance and sleep come from the World."""
    if not source.own or source.path == WORLD:
        return
    for line, name in _named(source.tree):
        if name in NAMES or name.split(".")[0] in MODULES:
            yield Fault("world", source.path, f"line {line} uses {name}; ask the World (core/world.py)")
    for line, loop in _loop_clocks(source.tree):
        yield Fault("world", source.path, f"line {line} reads {loop}.time(); ask the World (core/world.py)")


def _named(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, full name) of every import and of every name that an import gave."""
    known = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{each.name}") for each in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.lineno, resolve(node, known)


def _loop_clocks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield every reading of an event loop's own clock."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "time":
            owner = ast.unparse(node.func.value)
            if owner.removesuffix("()").endswith("loop"):
                yield node.lineno, owner
