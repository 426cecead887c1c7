"""Audits of usage over HTTP: how many hosts reported their servers for the last complete month."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.service import service
from welkin.services.compute.services.tables import COMPUTE, all_services
from welkin.services.compute.usage import policy
from welkin.services.compute.values import NoQuery

routes = Routes(service)
BASE = "/v2.1/os-instance_usage_audit_log"


class Count(Struct, frozen=True):
    """How many servers of a host ran in the period."""

    host: str
    count: int


@routes.get(BASE, rule=policy.LIST_AUDITS)
async def list_audits(call: Call, query: NoQuery) -> dict[str, Any]:
    """Tell of the audit of the last complete month."""
    return {"instance_usage_audit_logs": await audit(call, datetime.fromtimestamp(call.world.now(), UTC))}


@routes.get(BASE + "/{before}", rule=policy.SHOW_AUDITS)
async def show_audits(call: Call, before: str, query: NoQuery) -> dict[str, Any]:
    """Tell of the audit of the last month that was complete at some time."""
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in before else "%Y-%m-%d %H:%M:%S"
    try:
        moment = datetime.strptime(before, form).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(f"Invalid timestamp for date {before}") from None
    return {"instance_usage_audit_log": await audit(call, moment)}


async def audit(call: Call, moment: datetime) -> dict[str, Any]:
    """Return how many servers each host had in the last month that was complete at `moment`.

    Servers are counted when somebody asks, so every host has always reported, and none in error.
    """
    end = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = end.replace(year=end.year - (end.month == 1), month=12 if end.month == 1 else end.month - 1)
    sql = (
        "SELECT host, COUNT(*) AS count FROM servers WHERE host IS NOT NULL AND launched_at < $1 "
        "AND (terminated_at IS NULL OR terminated_at > $2) GROUP BY host"
    )
    rows = await call.db.all(Count, sql, end.timestamp(), begin.timestamp())
    counts = {row.host: row.count for row in rows}
    hosts = [row.host for row in await all_services(call.db) if row.kind == COMPUTE]
    return {
        "period_beginning": f"{begin:%Y-%m-%d %H:%M:%S}",
        "period_ending": f"{end:%Y-%m-%d %H:%M:%S}",
        "num_hosts": len(hosts),
        "num_hosts_done": len(hosts),
        "num_hosts_running": 0,
        "num_hosts_not_run": 0,
        "hosts_not_run": [],
        "total_instances": sum(counts.get(host, 0) for host in hosts),
        "total_errors": 0,
        "overall_status": "ALL hosts done. 0 errors.",
        "log": {
            host: {"state": "DONE", "instances": counts.get(host, 0), "errors": 0, "message": ""} for host in hosts
        },
    }
