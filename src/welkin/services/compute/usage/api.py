"""Usage of projects over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from welkin.core.db import columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX, Select
from welkin.services.compute.links import next_links
from welkin.services.compute.service import service
from welkin.services.compute.usage import policy
from welkin.services.compute.usage.tally import Period, Used, sum_up, tell
from welkin.services.compute.values import Limit

routes = Routes(service)
BASE = "os-simple-tenant-usage"
INSTANT_S = 0.000_001
"""How long the period is when a client names neither end."""
FORMS = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S.%f")


class UsageQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which usage is told."""

    start: str = ""
    end: str = ""
    limit: Limit | None = None
    marker: str | None = None


class AllUsageQuery(UsageQuery, kw_only=True, forbid_unknown_fields=True):
    """Which usage is told of every project."""

    detailed: str = "0"


@routes.get(f"/v2.1/{BASE}", rule=policy.LIST)
async def list_usages(call: Call, query: AllUsageQuery) -> dict[str, Any]:
    """Tell the usage of every project."""
    period = period_of(query, call.world.now())
    usages = await find(call, query, period, None)
    found = {"tenant_usages": sum_up(usages, period, detailed=query.detailed == "1")}
    following = next_links(call, BASE, [usage["instance_id"] for usage in usages])
    return {**found, "tenant_usages_links": following} if following else found


@routes.get(f"/v2.1/{BASE}/{{project_id}}", rule=policy.SHOW, late=True)
async def show_usage(call: Call, project_id: str, query: UsageQuery) -> dict[str, Any]:
    """Tell the usage of one project, server by server."""
    call.enforce(policy.SHOW, project_id=project_id)
    period = period_of(query, call.world.now())
    usages = await find(call, query, period, project_id)
    sums = sum_up(usages, period, detailed=True)
    found: dict[str, Any] = {"tenant_usage": sums[0] if sums else {}}
    following = next_links(call, f"{BASE}/{project_id}", [usage["instance_id"] for usage in usages])
    return {**found, "tenant_usage_links": following} if following else found


def period_of(query: UsageQuery, now: float) -> Period:
    """Read from when to when; nothing is told of the future.  Raises Invalid."""
    start, stop = moment(query.start, now - INSTANT_S), moment(query.end, now)
    if start >= stop:
        raise Invalid("Invalid start time. The start time cannot occur after the end time.")
    return Period(start, min(stop, now))


def moment(text: str, now: float) -> float:
    """Read a time; none is now.  Raises Invalid."""
    if not text:
        return now
    for form in FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    raise Invalid(f"Invalid datetime string: Datetime is in invalid format: {text}")


async def find(call: Call, query: UsageQuery, period: Period, project_id: str | None) -> Sequence[dict[str, Any]]:
    """Return the usage of each server that ran in the period, by project and id.  Raises Invalid."""
    select = Select()
    select.where("launched_at IS NOT NULL AND launched_at < ?", period.stop)
    select.where("(terminated_at IS NULL OR terminated_at > ?)", period.start)
    if project_id is not None:
        select.where("project_id = ?", project_id)
    if query.marker is not None:
        owner = await call.db.value("SELECT project_id FROM servers WHERE id = $1", query.marker)
        if owner is None:
            raise Invalid(f"Marker {query.marker} could not be found.")
        select.where("(project_id > ? OR (project_id = ? AND id > ?))", owner, owner, query.marker)
    count = LIMIT_MAX if query.limit is None else min(query.limit, LIMIT_MAX)
    sql = f"SELECT {columns(Used)} FROM servers{select.clause()} ORDER BY project_id, id LIMIT {count}"
    rows = await call.db.all(Used, sql, *select.values)
    now = call.world.now()
    return [tell(row, period, now) for row in rows]
