"""How much is used, of a provider and by a project."""

from __future__ import annotations

import msgspec

from welkin.core.answers import Answer
from welkin.core.db import Reads
from welkin.core.http import Call, Routes
from welkin.core.listing import Select
from welkin.core.versions import refuse_fields
from welkin.services.placement import policy
from welkin.services.placement.allocations.shapes import UsageQuery
from welkin.services.placement.inventories import store as inventories
from welkin.services.placement.providers import store as providers
from welkin.services.placement.service import answer, service, versions

routes = Routes(service)
EVERY_TYPE = "all"
UNKNOWN = "unknown"


class Used(msgspec.Struct, frozen=True):
    """So much of one class, by consumers of one type."""

    type: str | None
    resource_class: str
    amount: int


class Counted(msgspec.Struct, frozen=True):
    """How many consumers of one type there are."""

    type: str | None
    count: int


@routes.get("/resource_providers/{provider_id}/usages", rule=policy.PROVIDER_USAGES)
async def show_provider_usages(call: Call, provider_id: str) -> Answer:
    """Return how much of each inventory of a provider is used."""
    provider = await providers.get(call.db, provider_id)
    rows = await inventories.of_provider(call.db, provider_id)
    usages = {name: row.used for name, row in rows.items()}
    return answer(call, {"resource_provider_generation": provider.generation, "usages": usages})


@routes.get("/usages", rule=policy.USAGES, late=True, since="1.38")
async def show_usages(call: Call, query: UsageQuery) -> Answer:
    """Return how much a project, or one user in it, uses, by type of consumer."""
    call.enforce(policy.USAGES, project_id=query.project_id)
    found: dict[str, dict[str, int]] = {}
    for row in await by_type(call.db, query.project_id, query.user_id):
        entry = found.setdefault(_word(query, row.type), {"consumer_count": 0})
        entry[row.resource_class] = entry.get(row.resource_class, 0) + row.amount
    for counted in await _counts(call.db, query):
        found[_word(query, counted.type)]["consumer_count"] += counted.count
    if query.consumer_type is not None:
        found = {name: entry for name, entry in found.items() if name == query.consumer_type}
    return answer(call, {"usages": found})


@routes.get("/usages", rule=policy.USAGES, late=True, since="1.9", until="1.37")
async def show_usages_in_sum(call: Call, query: UsageQuery) -> Answer:
    """Return how much a project, or one user in it, uses; before 1.38 consumers had no type."""
    call.enforce(policy.USAGES, project_id=query.project_id)
    found: dict[str, int] = {}
    for row in await by_type(call.db, query.project_id, query.user_id):
        found[row.resource_class] = found.get(row.resource_class, 0) + row.amount
    return answer(call, {"usages": found})


versions.query_before("1.38", show_usages_in_sum)(refuse_fields("consumer_type"))


async def by_type(reads: Reads, project_id: str, user_id: str | None) -> list[Used]:
    """Return what the consumers of a project, or of one user in it, use together."""
    select = _of(project_id, user_id)
    sql = (
        "SELECT c.type, a.resource_class, SUM(a.amount) FROM resource_consumers AS c "
        f"JOIN resource_allocations AS a ON a.consumer_id = c.id{select.clause()} GROUP BY c.type, a.resource_class"
    )
    rows = await reads.all(Used, sql, *select.values)
    return [Used(row.type, row.resource_class, int(row.amount)) for row in rows]


async def _counts(reads: Reads, query: UsageQuery) -> list[Counted]:
    select = _of(query.project_id, query.user_id)
    sql = f"SELECT c.type, COUNT(*) FROM resource_consumers AS c{select.clause()} GROUP BY c.type"
    return await reads.all(Counted, sql, *select.values)


def _of(project_id: str, user_id: str | None) -> Select:
    select = Select()
    select.where("c.project_id = ?", project_id)
    if user_id is not None:
        select.where("c.user_id = ?", user_id)
    return select


def _word(query: UsageQuery, type_: str | None) -> str:
    return EVERY_TYPE if query.consumer_type == EVERY_TYPE else type_ or UNKNOWN
