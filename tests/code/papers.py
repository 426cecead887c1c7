"""What is written beside the code: docstrings of handlers, reasons of dependencies, and what a file must not name."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.code.budgets import Function
from tests.code.source import ROOT, Fault, Source

VERBS = {"get", "head", "post", "put", "patch", "delete", "action", "socket"}
# A registry or an index belongs to the configuration of whoever installs.
HOSTS = re.compile(
    r"pypi\.org|pythonhosted\.org|(?:deb|security|snapshot)\.debian\.org|docker\.(?:io|com)|ghcr\.io|quay\.io|"
    r"gcr\.io|pkg\.dev|npmjs\.(?:org|com)|crates\.io|proxy\.golang\.org|\b(?:registry|artifactory|nexus)\.[a-z]+\.|"
    r"--(?:extra-)?index-url"
)
# Folders that every machine has say nothing about this one; a checkout there is not looked for.
ORDINARY = {"/", "/root", "/home", "/srv", "/opt", "/tmp", "/usr/src", "/usr/local/src", "/var/tmp"}
REASON = re.compile(r'"\s*,?\s*#\s*\S+.*\s\S+')


def handler_docstring(source: Source) -> Iterator[Fault]:
    """Every route says in a sentence what it does; the documentation is made from it."""
    for node in ast.walk(source.tree):
        if not source.own or not isinstance(node, Function) or ast.get_docstring(node):
            continue
        if any(map(_is_route, node.decorator_list)):
            text = "this handler has no docstring; say what a caller gets"
            yield Fault("handler-docstring", f"{source.path}::{node.name}", text)


def module_docstring(source: Source) -> Iterator[Fault]:
    """Every shipped module starts with a sentence that says what it is for."""
    if source.own and source.text.strip() and not ast.get_docstring(source.tree):
        yield Fault("module-docstring", source.path, "the module does not say what it is for")


def unfinished(source: Source) -> Iterator[Fault]:
    """What is not there is not routed; nothing shipped pretends."""
    for node in ast.walk(source.tree):
        if source.own and isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield Fault("unfinished", source.path, f"line {node.lineno} is unfinished; finish it or leave it out")


def foreign_names(path: str, text: str, root: Path = ROOT) -> Iterator[Fault]:
    """No file names a path of the machine that it was written on, or the host of a registry."""
    telling = str(root.parent) not in ORDINARY
    machine = re.compile(rf"(?<![\w./}}]){re.escape(str(root.parent))}(?=/|\b)" if telling else r"(?!)")
    for number, line in enumerate(text.splitlines(), 1):
        if found := machine.search(line):
            yield Fault("machine-path", path, f"line {number} names {found[0]}, a path of this machine")
        if found := HOSTS.search(line):
            yield Fault("registry-host", path, f"line {number} names {found[0]}, an index of packages")


def dependency_reasons(text: str) -> Iterator[Fault]:
    """Each dependency in pyproject.toml has its reason on its own line."""
    project = tomllib.loads(text)["project"]
    extras = project.get("optional-dependencies", {}).values()
    lines = text.splitlines()
    for wanted in [*project.get("dependencies", []), *(each for extra in extras for each in extra)]:
        if not any(f'"{wanted}"' in line and REASON.search(line) for line in lines):
            yield Fault("dependency-reason", "pyproject.toml", f"{wanted} does not say why it is here")


def _is_route(decorator: ast.expr) -> bool:
    """Say whether a decorator is one such as `@routes.get("/v3/users", rule=...)`."""
    if not isinstance(decorator, ast.Call) or not isinstance(decorator.func, ast.Attribute) or not decorator.args:
        return False
    path = decorator.args[0]
    starts_path = isinstance(path, ast.Constant) and isinstance(path.value, str) and path.value.startswith("/")
    return decorator.func.attr in VERBS and (starts_path or not isinstance(path, ast.Constant))
