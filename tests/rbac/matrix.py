"""The table of rights: for each route, who gets past its rule."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from tests.rbac.personas import ALLOWED, DENIED, NOBODY, OWN_ONLY, OWNER, PERSONAS, PROJECT, thing
from welkin.core.policy import PUBLIC, Actor, Policy
from welkin.core.routing import Route, Routes

FILE = Path(__file__).with_name("matrix.csv")
COLUMNS = ("service", "method", "path", "action", "rule", *PERSONAS, NOBODY)
Row = tuple[str, ...]


def table(rooms: Iterable[Routes]) -> list[Row]:
    """Return the rows of every route, sorted; versions of one route that have one rule share a row."""
    return sorted({row(route) for routes in rooms for route in routes.routes})


def row(route: Route) -> Row:
    """Return one route's row."""
    nobody = ALLOWED if route.rule is PUBLIC else DENIED
    return (*key(route), route.rule.name, *(right(route, actor) for actor in PERSONAS.values()), nobody)


def key(route: Route) -> Row:
    """Return what a row begins with: service, method, path, action."""
    return route.service.type or "welkin", route.method, route.path, route.action or ""


def right(route: Route, actor: Actor) -> str:
    """Return whether an actor may do this to a private thing of the first project.

    `own`: not to that one, but the rule lets the actor do the same within the actor's own project.  It is told
    apart only where the path names no such thing, or where the rule is asked before anything is loaded: there the
    handler must find nothing of another project's.
    """
    if allows(route, actor, PROJECT, OWNER):
        return ALLOWED
    asks_for_own = not route.late or "{" not in route.path
    if asks_for_own and allows(route, actor, str(actor.project_id), actor.user_id):
        return OWN_ONLY
    return DENIED


def allows(route: Route, actor: Actor, project_id: str, user_id: str) -> bool:
    """Return whether the default rule allows it to somebody's thing."""
    return Policy().allows(route.rule, actor, thing(project_id, user_id))


def text(rows: Iterable[Row]) -> str:
    """Return the file of a table."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return file.getvalue()


def read() -> list[Row]:
    """Return the table in the file."""
    with FILE.open(newline="") as file:
        rows = [tuple(line) for line in csv.reader(file)]
    assert rows[0] == COLUMNS
    return rows[1:]
