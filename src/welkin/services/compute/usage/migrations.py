"""Moves of servers over HTTP."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from welkin.core import times
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select
from welkin.services.compute.links import links, next_links
from welkin.services.compute.service import service
from welkin.services.compute.usage import policy
from welkin.services.compute.usage.tables import MigrationRow
from welkin.services.compute.values import Limit

routes = Routes(service)
UNDER_WAY = ("queued", "preparing", "running", "post-migrating")
LISTING = Listing(
    table="server_migrations",
    row=MigrationRow,
    key="uuid",
    sorts={"created_at": "created_at", "id": "id"},
    default_sort=(("created_at", "desc"), ("id", "desc")),
)


class MigrationQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which moves are listed."""

    hidden: str | None = None
    host: str | None = None
    instance_uuid: str | None = None
    source_compute: str | None = None
    status: str | None = None
    migration_type: Literal["migration", "resize", "live-migration", "evacuation"] | None = None
    limit: Limit | None = None
    marker: str | None = None
    changes_since: str | None = field(name="changes-since", default=None)
    changes_before: str | None = field(name="changes-before", default=None)
    user_id: str | None = None
    project_id: str | None = None


@routes.get("/v2.1/os-migrations", rule=policy.MIGRATIONS)
async def list_migrations(call: Call, query: MigrationQuery) -> dict[str, Any]:
    """List moves of servers, newest first."""
    own = call.actor.project_id
    if query.project_id is None or query.project_id != own:
        call.enforce(policy.ALL_MIGRATIONS, project_id=own)
    hosts = call.allowed(policy.MIGRATION_HOSTS, project_id=own)
    page = await LISTING.page(call.db, wanted(query), (), query.limit, query.marker)
    found: dict[str, Any] = {"migrations": [view(call, row, hosts=hosts) for row in page.rows]}
    following = next_links(call, "os-migrations", [row.uuid for row in page.rows])
    return {**found, "migrations_links": following} if following else found


def wanted(query: MigrationQuery) -> Select:
    """Return what the query asks for.  Raises Invalid."""
    select = Select()
    for column, value in (
        ("server_id", query.instance_uuid),
        ("source_host", query.source_compute),
        ("status", query.status),
        ("type", query.migration_type),
        ("user_id", query.user_id),
        ("project_id", query.project_id),
    ):
        if value is not None:
            select.where(f"{column} = ?", value)
    if query.host is not None:
        select.where("(source_host = ? OR target_host = ?)", query.host, query.host)
    since = None if query.changes_since is None else times.parse(query.changes_since)
    before = None if query.changes_before is None else times.parse(query.changes_before)
    if since is not None:
        select.where("COALESCE(updated_at, created_at) >= ?", since)
    if before is not None:
        select.where("COALESCE(updated_at, created_at) <= ?", before)
    if since is not None and before is not None and before < since:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    return select


def view(call: Call, row: MigrationRow, *, hosts: bool) -> dict[str, Any]:
    """Return a move; without `hosts` it is not told between which."""
    found: dict[str, Any] = {
        "id": row.id,
        "uuid": row.uuid,
        "instance_uuid": row.server_id,
        "project_id": row.project_id,
        "user_id": row.user_id,
        "migration_type": row.type,
        "status": row.status,
        "source_compute": row.source_host if hosts else None,
        "source_node": row.source_host if hosts else None,
        "dest_compute": row.target_host if hosts else None,
        "dest_node": row.target_host if hosts else None,
        "dest_host": row.target_address if hosts else None,
        "old_instance_type_id": row.old_flavor,
        "new_instance_type_id": row.new_flavor,
        "created_at": times.with_micros(int(row.created_at)),
        "updated_at": None if row.updated_at is None else times.with_micros(int(row.updated_at)),
    }
    if row.type == "live-migration" and row.status in UNDER_WAY:
        found["links"] = links(call, f"servers/{row.server_id}/migrations", str(row.id))
    return found
