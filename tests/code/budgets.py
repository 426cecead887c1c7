"""Budgets: how large a file, a function, a protocol or a family tree may get before it must be cut."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator

from tests.code.source import Fault, Source

FILE_LINES = 800
FUNCTION_LINES = 60
PARAMETERS = 6
PROTOCOL_METHODS = 12
ANCESTORS = 2
CORE_LINES = 5_000
NAMELESS = re.compile(r"(^|/)(utils?|helpers?|misc)(\.py|/)")
SUPPRESSED = re.compile(r"#\s*noqa:.*\b(C901|PLR0913|PLR0915)\b|#\s*noqa(?!:)|#\s*ruff:\s*noqa")
Function = ast.FunctionDef | ast.AsyncFunctionDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def file_size(source: Source) -> Iterator[Fault]:
    """A file is read in one sitting."""
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield Fault("file-size", source.path, f"{lines} lines, at most {FILE_LINES}")


def file_name(source: Source) -> Iterator[Fault]:
    """A file is named for what is in it."""
    if NAMELESS.search(source.path):
        yield Fault("file-name", source.path, "the name says nothing; name it for what it holds")


def function_length(source: Source) -> Iterator[Fault]:
    """A function fits on a screen."""
    for name, function in functions(source.tree):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES:
            yield Fault("function-length", f"{source.path}::{name}", f"{lines} lines, at most {FUNCTION_LINES}")


def parameters(source: Source) -> Iterator[Fault]:
    """A function takes few things; many things that belong together are a Struct."""
    if not source.own:
        return
    for name, function in functions(source.tree):
        taken = function.args
        names = [each.arg for each in (*taken.posonlyargs, *taken.args, *taken.kwonlyargs)]
        count = len(names) - (names[:1] in (["self"], ["cls"])) + bool(taken.vararg) + bool(taken.kwarg)
        if count > PARAMETERS:
            yield Fault("parameters", f"{source.path}::{name}", f"{count} parameters, at most {PARAMETERS}")


def protocol_size(source: Source) -> Iterator[Fault]:
    """A driver is asked for few things."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and is_protocol(node):
            methods = sum(isinstance(each, Function) for each in node.body)
            if methods > PROTOCOL_METHODS:
                text = f"{methods} methods, at most {PROTOCOL_METHODS}"
                yield Fault("protocol-size", f"{source.path}::{node.name}", text)


def suppression(source: Source) -> Iterator[Fault]:
    """The linter's own budgets (complexity, statements, arguments) are not switched off in passing."""
    if source.path.startswith("tests/code/"):
        return
    for number, line in enumerate(source.text.splitlines(), 1):
        if SUPPRESSED.search(line):
            yield Fault("suppression", source.path, f"line {number} switches a budget off: {line.strip()}")


def inheritance(sources: Iterable[Source]) -> Iterator[Fault]:
    """No class has more than two ancestors of our own in a row, two own parents, or a mixin."""
    parents = {name: (place, bases) for source in sources if source.own for name, place, bases in classes(source)}

    def depth(name: str, seen: frozenset[str] = frozenset()) -> int:
        own = [base for base in parents[name][1] if base in parents and base not in seen]
        return 1 + max((depth(base, seen | {name}) for base in own), default=-1)

    for name, (place, bases) in parents.items():
        if name.endswith("Mixin") or any(base.endswith("Mixin") for base in bases):
            yield Fault("mixin", place, "no mixins; hold the part and call it")
        if sum(base in parents for base in bases) > 1 and "typing.Protocol" not in bases:
            yield Fault("mixin", place, "two parents of our own; hold one and call it")
        if depth(name) > ANCESTORS:
            yield Fault("inheritance", place, f"{depth(name)} ancestors, at most {ANCESTORS}")


def core_size(sources: Iterable[Source]) -> Iterator[Fault]:
    """The core stays small enough to be known by heart."""
    lines = sum(source.text.count("\n") for source in sources if source.path.startswith("src/welkin/core/"))
    if lines > CORE_LINES:
        yield Fault("core-size", "src/welkin/core", f"{lines} lines, at most {CORE_LINES}")


def functions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, Function]]:
    """Yield every function with its name as Class.method or outer.inner."""
    for node in ast.iter_child_nodes(tree):
        inner = above
        if isinstance(node, DEFINITIONS):
            inner = f"{above}.{node.name}" if above else node.name
            if isinstance(node, Function):
                yield inner, node
        yield from functions(node, inner)


def classes(source: Source) -> Iterator[tuple[str, str, list[str]]]:
    """Yield (full name, place, full names of the bases) for every class at the top of a module."""
    known = imported_names(source.tree)
    known |= {node.name: f"{source.module}.{node.name}" for node in source.tree.body if isinstance(node, ast.ClassDef)}
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef):
            bases = [resolve(base, known) for base in node.bases]
            yield f"{source.module}.{node.name}", f"{source.path}::{node.name}", bases


def imported_names(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name stands for, wherever in the file it is imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.split(".")[0]
                names[each.asname or top] = each.name if each.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def resolve(node: ast.expr, known: dict[str, str]) -> str:
    """Return the full dotted name of an expression such as `errors.Conflict`, or "" if it is no name."""
    if isinstance(node, ast.Subscript):
        return resolve(node.value, known)
    if isinstance(node, ast.Attribute):
        return f"{resolve(node.value, known)}.{node.attr}"
    return known.get(node.id, "") if isinstance(node, ast.Name) else ""


def is_protocol(node: ast.ClassDef) -> bool:
    """Say whether the class says what others must be able to do."""
    return any(resolve(base, {"Protocol": "Protocol"}).endswith("Protocol") for base in node.bases)
