"""Rows of roles, and the book of them all with what implies what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, columns
from welkin.services.identity.errors import NoSuch


class RoleRow(msgspec.Struct, frozen=True):
    """A role; a role that is not one domain's own has an empty domain_id."""

    id: str
    name: str
    domain_id: str
    description: str | None
    options: dict[str, Any]
    extra: dict[str, Any]


class Inference(msgspec.Struct, frozen=True):
    """Whoever has the prior role has the implied one too."""

    prior_id: str
    implied_id: str


class Book(msgspec.Struct, frozen=True):
    """Every role, and what each implies at first hand."""

    roles: Mapping[str, RoleRow]
    implied: Mapping[str, list[str]]

    def closure(self, role_ids: Iterable[str]) -> dict[str, str | None]:
        """Return `role_ids` and all that they imply, each with the role that it was first implied by."""
        found: dict[str, str | None] = {id: None for id in role_ids if id in self.roles}
        waiting = list(found)
        for prior in waiting:
            for implied in self.implied.get(prior, ()):
                if implied not in found and implied in self.roles:
                    found[implied] = prior
                    waiting.append(implied)
        return found

    def effective(self, role_ids: Iterable[str]) -> list[RoleRow]:
        """Return the roles that a token shows: with the implied ones, without those of single domains, by name."""
        found = [self.roles[id] for id in self.closure(role_ids) if not self.roles[id].domain_id]
        return sorted(found, key=lambda role: role.name)


COLUMNS = columns(RoleRow)


async def find(reads: Reads, role_id: str) -> RoleRow | None:
    """Return a role, or None."""
    return await reads.one(RoleRow, f"SELECT {COLUMNS} FROM identity_roles WHERE id = $1", role_id)


async def get(reads: Reads, role_id: str) -> RoleRow:
    """Return a role.  Raises NoSuch."""
    row = await find(reads, role_id)
    if row is None:
        raise NoSuch("role", role_id)
    return row


async def find_named(reads: Reads, name: str, domain_id: str = "") -> RoleRow | None:
    """Return the role with this name; of a domain when one is given."""
    sql = f"SELECT {COLUMNS} FROM identity_roles WHERE name = $1 AND domain_id = $2"
    return await reads.one(RoleRow, sql, name, domain_id)


async def book(reads: Reads) -> Book:
    """Return every role."""
    roles = await reads.all(RoleRow, f"SELECT {COLUMNS} FROM identity_roles")
    implied: dict[str, list[str]] = {}
    sql = f"SELECT {columns(Inference)} FROM identity_inferences ORDER BY prior_id, implied_id"
    for inference in await reads.all(Inference, sql):
        implied.setdefault(inference.prior_id, []).append(inference.implied_id)
    return Book({role.id: role for role in roles}, implied)


async def forget(tx: Transaction, role_id: str) -> None:
    """Delete a role, with its assignments and what it implies or is implied by."""
    await tx.delete("identity_roles", {"id": role_id})
    await tx.delete("identity_assignments", {"role_id": role_id})
    await tx.delete("identity_inferences", {"prior_id": role_id})
    await tx.delete("identity_inferences", {"implied_id": role_id})
