"""Import contracts that import-linter does not bring: who may import whom, by the shape of a module's name.

They read the direct imports only.  What a module imports at second hand is the business of the layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

SERVICES = "welkin.services."


class DirectContract(Contract):
    """Every direct import that `trespasses` yields breaks the contract."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        found = sorted(set(self.trespasses(graph)))
        return ContractCheck(kept=not found, metadata={"trespasses": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["trespasses"]:
            output.print_error(f"{importer} imports {imported}; {self.advice(imported)}")

    def trespasses(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        raise AssertionError("a contract says what breaks it")

    def advice(self, imported: str) -> str:
        raise AssertionError("a contract says what to do instead")


class RoomsContract(DirectContract):
    """Rooms may import from another room only its `public` module."""

    type_name = "rooms"

    def trespasses(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        for importer, imported in direct_imports(graph):
            between_rooms = importer.startswith(SERVICES) and imported.startswith(SERVICES)
            if between_rooms and room(imported) != room(importer) and imported != door(imported):
                yield importer, imported

    def advice(self, imported: str) -> str:
        return f"use {door(imported)}"


class ConfinedContract(DirectContract):
    """Third-party `packages` are imported only by the modules that match `only_in`, and by what lies in them."""

    type_name = "confined"
    packages = fields.ListField(subfield=fields.StringField())
    only_in = fields.ListField(subfield=fields.StringField())

    def trespasses(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        inside = [pattern for home in self.only_in for pattern in (home, f"{home}.**")]
        for importer, imported in direct_imports(graph):
            if imported.split(".")[0] in self.packages and not matches(importer, inside):
                yield importer, imported

    def advice(self, imported: str) -> str:
        return f"only {', '.join(self.only_in)} may"


class KeptOutContract(DirectContract):
    """The modules that match `modules` import nothing that matches `forbidden`."""

    type_name = "kept_out"
    modules = fields.ListField(subfield=fields.StringField())
    forbidden = fields.ListField(subfield=fields.StringField())

    def trespasses(self, graph: ImportGraph) -> Iterator[tuple[str, str]]:
        for importer, imported in direct_imports(graph):
            if matches(importer, self.modules) and matches(imported, self.forbidden):
                yield importer, imported

    def advice(self, imported: str) -> str:
        return "that belongs to another module of the room"


def direct_imports(graph: ImportGraph) -> Iterator[tuple[str, str]]:
    """Yield (importer, imported) for every import statement in the graph."""
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            yield importer, imported


def matches(module: str, patterns: Iterable[str]) -> bool:
    """Say whether one of the patterns fits: `*` stands for part of a name, `**` for any number of names."""
    return any(_fits(module.split("."), pattern.split(".")) for pattern in patterns)


def _fits(names: list[str], parts: list[str]) -> bool:
    if not parts:
        return not names
    if parts[0] == "**":
        return _fits(names, parts[1:]) or (bool(names) and _fits(names[1:], parts))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _fits(names[1:], parts[1:])


def room(module: str) -> str:
    """Return the room of a module: `compute` for `welkin.services.compute.servers.api`."""
    return re.sub(r"\..*", "", module.removeprefix(SERVICES))


def door(module: str) -> str:
    """Return the one module of that module's room which other rooms may import."""
    return f"{SERVICES}{room(module)}.public"
