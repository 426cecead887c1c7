"""How long servers ran and what that amounts to.  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from welkin.core import times
from welkin.services.compute.servers.tables import FlavorCopy

HOUR_S = 3600.0


class Used(Struct, frozen=True):
    """A server that ran at some time; the fields are columns of servers."""

    id: str
    project_id: str
    name: str
    flavor: FlavorCopy
    vm_state: str
    launched_at: float
    terminated_at: float | None


class Period(Struct, frozen=True):
    """From when to when usage is told, in seconds since 1970."""

    start: float
    stop: float


def hours(server: Used, period: Period) -> float:
    """Return for how many hours of the period a server ran."""
    stop = period.stop if server.terminated_at is None else min(period.stop, server.terminated_at)
    return max(0.0, stop - max(server.launched_at, period.start)) / HOUR_S


def tell(server: Used, period: Period, now: float) -> dict[str, Any]:
    """Return the usage of one server."""
    flavor, end = server.flavor, server.terminated_at
    return {
        "hours": hours(server, period),
        "flavor": flavor.name,
        "instance_id": server.id,
        "name": server.name,
        "tenant_id": server.project_id,
        "memory_mb": flavor.ram_mib,
        "local_gb": flavor.disk_gib + flavor.ephemeral_gib,
        "vcpus": flavor.vcpus,
        "started_at": times.with_micros(server.launched_at),
        "ended_at": None if end is None else times.with_micros(end),
        "state": "terminated" if end is not None else server.vm_state,
        "uptime": int((now if end is None else end) - server.launched_at),
    }


def sum_up(usages: Sequence[dict[str, Any]], period: Period, *, detailed: bool) -> list[dict[str, Any]]:
    """Return the usage of each project, in the order in which they come."""
    found: dict[str, dict[str, Any]] = {}
    for usage in usages:
        project = found.setdefault(usage["tenant_id"], empty(usage["tenant_id"], period, detailed=detailed))
        for total, name in (("local_gb", "local_gb"), ("vcpus", "vcpus"), ("memory_mb", "memory_mb")):
            project[f"total_{total}_usage"] += usage[name] * usage["hours"]
        project["total_hours"] += usage["hours"]
        if detailed:
            project["server_usages"].append(usage)
    return list(found.values())


def empty(project_id: str, period: Period, *, detailed: bool) -> dict[str, Any]:
    """Return the usage of a project that has none yet."""
    summary: dict[str, Any] = {
        "tenant_id": project_id,
        "total_local_gb_usage": 0.0,
        "total_vcpus_usage": 0.0,
        "total_memory_mb_usage": 0.0,
        "total_hours": 0.0,
        "start": times.with_micros(period.start),
        "stop": times.with_micros(period.stop),
    }
    return {**summary, "server_usages": []} if detailed else summary
