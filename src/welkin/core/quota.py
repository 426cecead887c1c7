"""Quota: what a project may have, counted from the records inside the caller's transaction.

There is no counter that could drift.  A room says how each of its resources is counted;
limits are the defaults, over them those of the configuration, over them a project's own.
Where a cloud keeps its limits in one place for all services (`unified`), they come from
there instead, for the resources that have a name there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from welkin.core.db import Database, Reads, Transaction
from welkin.core.errors import OverQuota

UNLIMITED = -1

QUOTAS = """
    CREATE TABLE quotas (
        service    TEXT NOT NULL,
        project_id TEXT NOT NULL,
        resource   TEXT NOT NULL,
        quota      BIGINT NOT NULL,
        PRIMARY KEY (service, project_id, resource)
    );
"""
CLASS_DEFAULT = "class:default"
"""Instead of a project: the limits that an operator set for every project."""


class Resource(msgspec.Struct, frozen=True):
    """Something that a project may have only so much of.

    `count` is SQL with the project as `$1`; empty for a limit that is checked without counting.
    """

    service: str
    name: str
    default: int
    count: str = ""
    unified: str = ""
    """Its name among unified limits; empty for one that these leave alone."""
    unregistered: int = UNLIMITED
    """The unified limit in force while nobody has registered one."""


class Claim(msgspec.Struct, frozen=True):
    """So much more of a resource."""

    resource: Resource
    amount: int


class Excess(msgspec.Struct, frozen=True):
    """A limit that a claim would pass."""

    resource: str
    quota: int
    used: int
    asked: int


class QuotaExceeded(OverQuota):
    """The claim does not fit; `excesses` says by how much."""

    code = "quota.exceeded"

    def __init__(self, excesses: Sequence[Excess]) -> None:
        self.excesses = tuple(excesses)
        names = ", ".join(each.resource for each in excesses)
        asked = ", ".join(str(each.asked) for each in excesses)
        used = ", ".join(str(each.used) for each in excesses)
        limits = ", ".join(str(each.quota) for each in excesses)
        super().__init__(f"Quota exceeded for {names}: Requested {asked}, but already used {used} of {limits} {names}")


class UnifiedLimits(Protocol):
    """Where the limits of all services are kept, for a cloud that wants it so."""

    async def __call__(
        self, reads: Reads, project_id: str | None, service: str, names: Sequence[str]
    ) -> Mapping[str, int]:
        """Return the limits that are registered or a project's own, by name; without a project, the former."""


def unify(database: Database, source: UnifiedLimits) -> None:
    """Take limits from `source` instead of from the quotas that each service keeps."""
    database.shared[UnifiedLimits] = source


def are_unified(reads: Reads) -> bool:
    """Return whether limits come from one place for all services."""
    return UnifiedLimits in reads.shared


async def limits(reads: Reads, project_id: str | None, resources: Sequence[Resource]) -> dict[str, int]:
    """Return the limit in force for each resource, by name; without a project, that of a project with none of its own.

    Whatever is unified does not look at quotas.
    """
    service, found = resources[0].service, {resource.name: resource.default for resource in resources}
    sql = "SELECT resource, quota FROM quotas WHERE service = $1 AND project_id = $2"
    for owner in (CLASS_DEFAULT, *(() if project_id is None else (project_id,))):
        for limit in await reads.all(_Limit, sql, service, owner):
            if limit.resource in found:
                found[limit.resource] = limit.quota
    source: UnifiedLimits | None = reads.shared.get(UnifiedLimits)
    named = {resource.unified: resource for resource in resources if resource.unified}
    if source is None or not named:
        return found
    kept = await source(reads, project_id, service, list(named))
    return found | {each.name: kept.get(name, each.unregistered) for name, each in named.items()}


async def used(reads: Reads, project_id: str, resource: Resource) -> int:
    """Return how much of a resource a project has."""
    return int(await reads.value(resource.count, project_id) or 0) if resource.count else 0


async def claim(
    tx: Transaction,
    project_id: str,
    claims: Sequence[Claim],
    refuse: Callable[[Sequence[Excess]], Exception] = QuotaExceeded,
) -> None:
    """Check that the claims fit; what is then inserted in the same transaction is the use.

    Raises what `refuse` makes of the limits that would be passed.
    """
    claims = [each for each in claims if each.amount > 0]
    if not claims:
        return
    await tx.lock(f"quota:{project_id}")
    in_force = await limits(tx, project_id, [each.resource for each in claims])
    excesses = []
    for each in claims:
        quota = in_force[each.resource.name]
        if quota == UNLIMITED:
            continue
        have = await used(tx, project_id, each.resource)
        if have + each.amount > quota:
            excesses.append(Excess(each.resource.name, quota, have, each.amount))
    if excesses:
        raise refuse(excesses)


async def put(tx: Transaction, service: str, project_id: str, wanted: Mapping[str, int]) -> None:
    """Set limits of a project, or with CLASS_DEFAULT those of every project."""
    sql = (
        "INSERT INTO quotas (service, project_id, resource, quota) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (service, project_id, resource) DO UPDATE SET quota = excluded.quota"
    )
    for resource, quota in wanted.items():
        await tx.run(sql, service, project_id, resource, quota)


async def reset(tx: Transaction, service: str, project_id: str) -> None:
    """Give a project the defaults again."""
    await tx.delete("quotas", {"service": service, "project_id": project_id})


class _Limit(msgspec.Struct):
    resource: str
    quota: int
