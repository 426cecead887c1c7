"""Assignments as they take effect.

Groups become their users, inherited roles reach what is below, and roles bring the roles
that they imply.
"""

from __future__ import annotations

import msgspec

from welkin.core.db import Reads, columns
from welkin.core.listing import Select
from welkin.services.identity.assignments.rows import AssignmentRow
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.roles.rows import Book
from welkin.services.identity.users import rows as users


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which assignments to list."""

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool = False
    effective: bool = False


class Source(msgspec.Struct, frozen=True):
    """The assignment that something follows from."""

    row: AssignmentRow

    def path(self) -> str:
        """Return where the assignment is."""
        row = self.row
        target = "/system" if row.target_kind == "system" else f"/{row.target_kind}s/{row.target_id}"
        path = f"{target}/{row.actor_kind}s/{row.actor_id}/roles/{row.role_id}"
        return f"/OS-INHERIT{path}/inherited_to_projects" if row.inherited else path


class Effective(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list."""

    actor_kind: str
    actor_id: str
    target_kind: str
    target_id: str
    role_id: str
    inherited: bool
    source: Source
    group_id: str | None = None
    """The group by which a user has it."""
    prior_role_id: str | None = None
    """The role that implies this one."""


async def find(reads: Reads, wanted: Wanted, *, subtree: bool) -> list[Effective]:
    """Return the assignments that are wanted; with `subtree` also those on what is below the project."""
    places = await _places(reads, wanted, subtree=subtree)
    if not wanted.effective:
        return [_as_made(row) for row in await _stored(reads, wanted, places)]
    return await _Expansion(reads, wanted, places, await roles.book(reads)).run()


async def _places(reads: Reads, wanted: Wanted, *, subtree: bool) -> list[str] | None:
    """Return the ids of the targets that are wanted, or None for all."""
    if wanted.project_id is not None:
        below = await projects.subtree(reads, wanted.project_id) if subtree else []
        return [wanted.project_id, *(row.id for row in below)]
    if wanted.domain_id is not None:
        return [wanted.domain_id]
    return ["system"] if wanted.system else None


async def _stored(reads: Reads, wanted: Wanted, places: list[str] | None) -> list[AssignmentRow]:
    select = Select()
    if places is not None:
        select.any_of("target_id", places)
        kind = "project" if wanted.project_id is not None else "domain" if wanted.domain_id is not None else "system"
        select.where("target_kind = ?", kind)
    for kind, id in (("user", wanted.user_id), ("group", wanted.group_id)):
        if id is not None:
            select.where("actor_kind = ? AND actor_id = ?", kind, id)
    if wanted.role_id is not None:
        select.where("role_id = ?", wanted.role_id)
    if wanted.inherited:
        select.where("inherited")
    return await _rows(reads, select)


async def _rows(reads: Reads, select: Select) -> list[AssignmentRow]:
    sql = (
        f"SELECT {columns(AssignmentRow)} FROM identity_assignments{select.clause()} "
        "ORDER BY target_kind, target_id, actor_kind, actor_id, role_id, inherited"
    )
    return await reads.all(AssignmentRow, sql, *select.values)


def _as_made(row: AssignmentRow) -> Effective:
    return Effective(**msgspec.structs.asdict(row), source=Source(row))


class _Expansion:
    """Works out what follows from the stored assignments."""

    def __init__(self, reads: Reads, wanted: Wanted, places: list[str] | None, book: Book) -> None:
        self._reads, self._wanted, self._places, self._book = reads, wanted, places, book
        self._members: dict[str, list[str]] = {}
        self._below: dict[str, list[str]] = {}

    async def run(self) -> list[Effective]:
        """Return every line that is wanted, once."""
        found: dict[tuple[str, ...], Effective] = {}
        for row in await self._candidates():
            for line in await self._lines(row):
                key = (line.actor_id, line.target_kind, line.target_id, line.role_id, line.source.path())
                found.setdefault(key, line)
        return list(found.values())

    async def _candidates(self) -> list[AssignmentRow]:
        """Return the stored assignments from which something that is wanted may follow."""
        select = Select()
        user_id = self._wanted.user_id
        if user_id is not None:
            mine = [user_id, *await users.groups_of(self._reads, user_id)]
            select.any_of("actor_id", mine)
        if self._places is not None:
            above = set(self._places)
            for id in self._places:
                row = await projects.find(self._reads, id)
                if row is not None:
                    above |= {row.domain_id, *(parent.id for parent in await projects.parents(self._reads, row))}
            select.any_of("target_id", sorted(above))
        if self._wanted.inherited:
            select.where("inherited")
        return await _rows(self._reads, select)

    async def _lines(self, row: AssignmentRow) -> list[Effective]:
        people = [row.actor_id] if row.actor_kind == "user" else await self._users(row.actor_id)
        if self._wanted.user_id is not None:
            people = [id for id in people if id == self._wanted.user_id]
        return [
            Effective(
                actor_kind="user",
                actor_id=user_id,
                target_kind="project" if row.inherited else row.target_kind,
                target_id=target_id,
                role_id=role_id,
                inherited=False,
                source=Source(row),
                group_id=row.actor_id if row.actor_kind == "group" else None,
                prior_role_id=prior_id,
            )
            for target_id in await self._targets(row)
            for user_id in people
            for role_id, prior_id in self._book.closure([row.role_id]).items()
            if self._is_wanted(role_id)
        ]

    def _is_wanted(self, role_id: str) -> bool:
        """Domain-specific roles only carry others; they are not seen where roles take effect."""
        wanted = self._wanted.role_id
        return not self._book.roles[role_id].domain_id and wanted in (None, role_id)

    async def _targets(self, row: AssignmentRow) -> list[str]:
        targets = [row.target_id]
        if row.inherited:
            targets = await self._projects_below(row)
        if self._wanted.domain_id is not None and row.target_kind != "domain":
            return []
        if self._wanted.project_id is not None and not row.inherited and row.target_kind != "project":
            return []
        return targets if self._places is None else [id for id in targets if id in self._places]

    async def _users(self, group_id: str) -> list[str]:
        if group_id not in self._members:
            sql = "SELECT user_id FROM identity_members WHERE group_id = $1 ORDER BY user_id"
            self._members[group_id] = await self._reads.values(sql, group_id)
        return self._members[group_id]

    async def _projects_below(self, row: AssignmentRow) -> list[str]:
        id = row.target_id
        if id not in self._below:
            if row.target_kind == "domain":
                sql = "SELECT id FROM identity_projects WHERE domain_id = $1 ORDER BY id"
                self._below[id] = await self._reads.values(sql, id)
            else:
                self._below[id] = [below.id for below in await projects.subtree(self._reads, id)]
        return self._below[id]
