"""The table of rights is complete and true, and some rights are never given."""

from __future__ import annotations

import re

from tests.rbac import matrix
from tests.rbac.personas import DENIED, OWNER, PROJECT, thing
from welkin.app import all_routes
from welkin.core.routing import Route

AGAIN = "run `python -m tests.rbac` and review the diff of tests/rbac/matrix.csv"
KEY = 4
READER, NOBODY = (matrix.COLUMNS.index(name) for name in ("reader", "nobody"))
ONES_OWN = frozenset(
    {
        "identity:create_credential",
        "identity:create_trust",
        "identity:revoke_token",
        "os_compute_api:os-keypairs:create",
    }
)
"""What everybody may write, for it is theirs alone."""
ANSWERED = frozenset({"public", "os_compute_api:gone", "os_compute_api:images", "get_images"})
"""What asks for another proof, says that it is no more, or asks the image service, whose rules say no."""


def routes() -> list[Route]:
    """Return every route."""
    return [route for room in all_routes() for route in room.routes]


def test_every_route_has_a_row() -> None:
    """A route without a row is one whose rights nobody has looked at."""
    missing = {matrix.key(route) for route in routes()} - {row[:KEY] for row in matrix.read()}
    assert not missing, AGAIN


def test_every_row_has_a_route() -> None:
    """A row without a route speaks of what is no more."""
    stale = {row[:KEY] for row in matrix.read()} - {matrix.key(route) for route in routes()}
    assert not stale, AGAIN


def test_the_table_says_what_the_rules_say() -> None:
    """The file is what the check strings give."""
    assert matrix.FILE.read_text() == matrix.text(matrix.table(all_routes())), AGAIN


def test_the_target_knows_every_word() -> None:
    """A word that the table does not know would always say no there, whatever it says in a cloud."""
    words = {word for route in routes() for word in re.findall(r"%\(([^)]*)\)s", route.rule.check)}
    assert words <= set(thing(PROJECT, OWNER))


def test_readers_write_nothing() -> None:
    """Whoever only reads changes nothing of a project's."""
    writes = [row for row in matrix.read() if row[1] not in ("GET", "HEAD") and row[READER] != DENIED]
    wrong = [row for row in writes if row[KEY] not in ONES_OWN | ANSWERED]
    assert not wrong


def test_only_readers_of_the_public_are_nobody() -> None:
    """Without a token one reads pages about the cloud, and writes only to prove who one is."""
    writes = {row[2] for row in matrix.read() if row[1] not in ("GET", "HEAD") and row[NOBODY] != DENIED}
    assert writes == {"/v3/auth/tokens", "/v3/users/{user_id}/password"}
