"""Usage, moves and audits as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import OTHER, PROJECT, Compute, fault, fits
from welkin.core import times

PATH = "/os-simple-tenant-usage"
DAY = {"start": "2026-01-01T00:00:00", "end": "2026-01-02T00:00:00"}
START = times.parse("2026-01-01T00:00:00Z")
AUDITS = "/os-instance_usage_audit_log"


async def servers(compute: Compute) -> None:
    await compute.server("a", launched_at=START - 3600, terminated_at=START + 7200, deleted=True)
    await compute.server("b", launched_at=START + 3600)
    await compute.server("c", launched_at=START + 3600, project_id=OTHER)
    await compute.server("later", launched_at=START + 99 * 86400)
    await compute.server("never")


@pytest.mark.parametrize("version", ["2.1", "2.40", "2.104"])
async def test_usage_fits_the_schemas_of_its_time(compute: Compute, version: str) -> None:
    await servers(compute)
    module = "tenant_usages"
    one = fits(await compute("GET", f"{PATH}/{PROJECT}", version=version, **DAY), version, module, "get_tenant_usage")
    usage = one["tenant_usage"]
    assert usage["total_hours"] == 2 + 23
    assert usage["total_memory_mb_usage"] == 512 * 25
    assert [each["instance_id"] for each in usage["server_usages"]] == ["a", "b"]
    assert [each["state"] for each in usage["server_usages"]] == ["terminated", "active"]
    assert usage["server_usages"][0]["uptime"] == 10800
    every = fits(await compute("GET", PATH, version=version, detailed=1, **DAY), version, module, "list_tenant_usage")
    assert [each["total_hours"] for each in every["tenant_usages"]] == [25, 23]
    brief = fits(await compute("GET", PATH, version=version, **DAY), version, module, "list_tenant_usage")
    assert "server_usages" not in brief["tenant_usages"][0]
    assert await compute.get(f"{PATH}/none", version=version, **DAY) == {"tenant_usage": {}}


async def test_pages_of_usage(compute: Compute) -> None:
    await servers(compute)
    first = await compute.get(PATH, limit=2, **DAY)
    assert "marker=b" in first["tenant_usages_links"][0]["href"]
    rest = await compute.get(PATH, limit=2, marker="b", **DAY)
    assert [each["tenant_id"] for each in rest["tenant_usages"]] == [OTHER]
    assert "tenant_usages_links" not in rest
    one = await compute.get(f"{PATH}/{PROJECT}", limit=1, marker="a", **DAY)
    assert len(one["tenant_usage"]["server_usages"]) == 1
    assert f"{PATH}/{PROJECT}?" in one["tenant_usage_links"][0]["href"]
    assert "tenant_usages_links" not in await compute.get(PATH, version="2.39", limit=1, **DAY)
    for wrong in ({"marker": "none"}, {"limit": -1}, {"start": "soon"}, {"new": 1}, {"start": DAY["end"]}):
        assert (await compute("GET", PATH, **{**DAY, **wrong})).status_code == 400, wrong
    fault(await compute("GET", PATH, end=DAY["end"]), 400, "badRequest")
    assert (await compute("GET", PATH)).status_code == 200


async def a_move(compute: Compute, id: int, **more: Any) -> None:
    row = {"id": id, "uuid": f"u{id}", "server_id": "s", "project_id": PROJECT, "user_id": "mike", "type": "resize"}
    where = {"source_host": "h1", "target_host": "h2", "target_address": "10.0.0.2", "status": "done"}
    async with compute.db.tx() as tx:
        await tx.insert("server_migrations", {**row, **where, "created_at": 1000.0 + id, **more})


@pytest.mark.parametrize("version", ["2.1", "2.23", "2.59", "2.80", "2.104"])
async def test_moves_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    await a_move(compute, 1)
    await a_move(compute, 2, type="live-migration", status="running", updated_at=5000.0)
    listed = fits(await compute("GET", "/os-migrations", version=version), version, "migrations", "list_migrations")
    assert [each["id"] for each in listed["migrations"]] == [2, 1]
    assert ("links" in listed["migrations"][0]) == (version != "2.1")


async def test_moves_are_filtered(compute: Compute) -> None:
    for id in (1, 2, 3):
        await a_move(compute, id, source_host=f"h{id}", updated_at=2000.0 * id)
    path = "/os-migrations"
    for query, found in (
        ({"host": "h2"}, [3, 2, 1]),
        ({"source_compute": "h3"}, [3]),
        ({"status": "error"}, []),
        ({"migration_type": "resize", "instance_uuid": "s"}, [3, 2, 1]),
        ({"changes-since": "1970-01-01T01:00:00Z"}, [3, 2]),
        ({"changes-before": "1970-01-01T01:00:00Z"}, [1]),
        ({"limit": 1}, [3]),
        ({"limit": 1, "marker": "u3"}, [2]),
        ({"project_id": PROJECT, "user_id": "mike"}, [3, 2, 1]),
    ):
        assert [each["id"] for each in (await compute.get(path, **query))["migrations"]] == found, query
    assert "marker=u3" in (await compute.get(path, limit=1))["migrations_links"][0]["href"]
    for wrong in (
        {"marker": "none"},
        {"changes-since": "soon"},
        {"changes-since": "1970-01-02T00:00:00Z", "changes-before": "1970-01-01T00:00:00Z"},
        {"new": 1},
    ):
        assert (await compute("GET", path, **wrong)).status_code == 400, wrong
    assert (await compute("GET", path, version="2.79", user_id="u")).status_code == 400
    assert (await compute("GET", path, version="2.65", **{"changes-before": "1970-01-02T00:00:00Z"})).status_code == 400
    assert len((await compute.get(path, version="2.58", limit=1, new=1))["migrations"]) == 3


async def test_a_manager_sees_moves_and_not_the_hosts(compute: Compute) -> None:
    await a_move(compute, 1)
    path = "/os-migrations"
    assert (await compute("GET", path, who="manager")).status_code == 403
    found = (await compute.get(path, who="manager", project_id=PROJECT))["migrations"]
    assert (found[0]["source_compute"], found[0]["dest_host"]) == (None, None)
    assert (await compute("GET", path, who="manager", project_id=OTHER)).status_code == 403


@pytest.mark.parametrize("version", ["2.1", "2.104"])
async def test_audits(compute: Compute, version: str) -> None:
    await compute.host("h1")
    await compute.server("s", host="h1", launched_at=START)
    listed = await compute("GET", AUDITS, version=version)
    fits(listed, version, "instance_usage_audit_logs", "list_instance_usage_audit_log")
    before = await compute("GET", f"{AUDITS}/2026-02-03 00:00:00", version=version)
    told = fits(before, version, "instance_usage_audit_logs", "get_instance_usage_audit_log")
    log = told["instance_usage_audit_log"]
    assert (log["period_beginning"], log["total_instances"]) == ("2026-01-01 00:00:00", 1)
    assert (await compute("GET", f"{AUDITS}/2026-01-03 00:00:00.5")).json()["instance_usage_audit_log"][
        "num_hosts"
    ] == 1
    assert (await compute("GET", f"{AUDITS}/soon")).status_code == 400


async def test_who_may(compute: Compute) -> None:
    for path in (PATH, f"{PATH}/{PROJECT}", "/os-migrations", AUDITS, f"{AUDITS}/2026-01-03 00:00:00"):
        await compute.refused("GET", path, 403)
    assert (await compute("GET", f"{PATH}/{PROJECT}", who="reader", start="2026-01-01T00:00:00")).status_code == 200
