"""What the cloud offers, as the pages list it: its routes and its rules."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

import welkin.services
from welkin.app import all_routes
from welkin.core.policy import Rule
from welkin.core.routing import Route


def routes() -> list[Route]:
    """Return every route, in the order in which the app mounts them."""
    return [route for offered in all_routes() for route in offered.routes]


def rules() -> list[Rule]:
    """Return every rule once, by name: those of routes, and those that only handlers enforce."""
    found = {rule.name: rule for rule in _rules_of_rooms()}
    found.update((route.rule.name, route.rule) for route in routes())
    return [rule for _name, rule in sorted(found.items())]


def _rules_of_rooms() -> Iterator[Rule]:
    """Yield the rules that the rooms' `policy` modules define."""
    for module in pkgutil.walk_packages(welkin.services.__path__, "welkin.services."):
        if module.name.endswith(".policy"):
            for value in vars(importlib.import_module(module.name)).values():
                yield from _within(value)


def _within(value: object) -> Iterator[Rule]:
    """Yield the rules in a rule, a tuple or a mapping: those of single attributes stand in tables."""
    if isinstance(value, Rule):
        yield value
    elif isinstance(value, tuple):
        yield from (each for each in value if isinstance(each, Rule))
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _within(each)
