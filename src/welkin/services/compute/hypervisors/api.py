"""Hypervisors over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from welkin.core.db import columns
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX, escape_like
from welkin.services.compute.hypervisors import policy
from welkin.services.compute.hypervisors.shapes import (
    Found,
    HypervisorQuery,
    PageQuery,
    ShowQuery,
    amounts,
    brief,
    full,
)
from welkin.services.compute.hypervisors.tables import NodeRow, Use, all_nodes, use_of_host, uses
from welkin.services.compute.links import next_links
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.service import service
from welkin.services.compute.services.tables import compute_service
from welkin.services.compute.values import is_number, is_uuid, yes

routes = Routes(service)
BASE = "/v2.1/os-hypervisors"


class HypervisorNotFound(NotFound):
    """There is no such hypervisor."""

    code = "compute.hypervisor-not-found"

    def __init__(self, id: str) -> None:
        super().__init__(f"Hypervisor with ID '{id}' could not be found.")


@routes.get(BASE, rule=policy.LIST, since="2.53")
async def list_hypervisors(call: Call, query: HypervisorQuery) -> dict[str, Any]:
    """List hypervisors in short."""
    found = await listed(call, query)
    views = [brief(each, call.world.now()) for each in found]
    return {"hypervisors": views, **page(call, query, "os-hypervisors", views)}


@routes.get(BASE, rule=policy.LIST, until="2.52")
async def list_numbered_hypervisors(call: Call, query: PageQuery) -> dict[str, Any]:
    """List hypervisors in short, with a marker that is a number."""
    found = await with_services(call, await numbered_page(call, query), servers=False)
    views = [brief(each, call.world.now()) for each in found]
    return {"hypervisors": views, **page(call, query, "os-hypervisors", views)}


@routes.get(BASE + "/detail", rule=policy.DETAIL, since="2.53")
async def list_hypervisors_detail(call: Call, query: HypervisorQuery) -> dict[str, Any]:
    """List hypervisors with everything."""
    views = await in_full(call, await listed(call, query))
    return {"hypervisors": views, **page(call, query, "os-hypervisors/detail", views)}


@routes.get(BASE + "/detail", rule=policy.DETAIL, until="2.52")
async def list_numbered_hypervisors_detail(call: Call, query: PageQuery) -> dict[str, Any]:
    """List hypervisors with everything, with a marker that is a number."""
    views = await in_full(call, await with_services(call, await numbered_page(call, query), servers=False))
    return {"hypervisors": views, **page(call, query, "os-hypervisors/detail", views)}


@routes.get(BASE + "/statistics", rule=policy.STATISTICS, until="2.87")
async def show_statistics(call: Call) -> dict[str, Any]:
    """Sum up the hypervisors that take servers."""
    used, options = await uses(call.db), call.get(ComputeOptions)
    found = [each for each in await with_services(call, await all_nodes(call.db)) if not each.service.disabled]
    lines = [amounts(each.node, used.get(each.node.host, Use()), options) for each in found]
    names = amounts(NOTHING, Use(), options)
    sums = {name: sum(line[name] or 0 for line in lines) for name in names}
    return {"hypervisor_statistics": {"count": len(found), **sums}}


@routes.get(BASE + "/{hypervisor_id}", rule=policy.SHOW, since="2.53")
async def show_hypervisor(call: Call, hypervisor_id: str, query: ShowQuery) -> dict[str, Any]:
    """Show a hypervisor."""
    check_id(hypervisor_id)
    found = await find(call, "id", hypervisor_id, servers=yes(query.with_servers))
    return {"hypervisor": (await in_full(call, [found]))[0]}


@routes.get(BASE + "/{hypervisor_id}", rule=policy.SHOW, until="2.52")
async def show_numbered_hypervisor(call: Call, hypervisor_id: str) -> dict[str, Any]:
    """Show a hypervisor by its number."""
    found = await find(call, "number", as_number(hypervisor_id))
    return {"hypervisor": (await in_full(call, [found]))[0]}


@routes.get(BASE + "/{hypervisor_id}/uptime", rule=policy.UPTIME, since="2.53", until="2.87")
async def show_uptime(call: Call, hypervisor_id: str) -> dict[str, Any]:
    """Show how long a hypervisor has been up."""
    check_id(hypervisor_id)
    return uptime_of(call, await find(call, "id", hypervisor_id))


@routes.get(BASE + "/{hypervisor_id}/uptime", rule=policy.UPTIME, until="2.52")
async def show_numbered_uptime(call: Call, hypervisor_id: str) -> dict[str, Any]:
    """Show how long a hypervisor has been up, by its number."""
    return uptime_of(call, await find(call, "number", as_number(hypervisor_id)))


@routes.get(BASE + "/{pattern}/search", rule=policy.SEARCH, until="2.52")
async def search_hypervisors(call: Call, pattern: str) -> dict[str, Any]:
    """Find hypervisors whose name contains a text."""
    found = await with_services(call, await matching(call, pattern), servers=False)
    return {"hypervisors": [brief(each, call.world.now()) for each in found]}


@routes.get(BASE + "/{pattern}/servers", rule=policy.SERVERS, until="2.52")
async def list_servers_of_hypervisors(call: Call, pattern: str) -> dict[str, Any]:
    """List the servers of hypervisors whose name contains a text."""
    found = await with_services(call, await matching(call, pattern), servers=True)
    return {"hypervisors": [brief(each, call.world.now()) for each in found]}


NOTHING = NodeRow(
    id="",
    number=0,
    host="",
    hostname="",
    type="",
    version=0,
    address="",
    architecture="",
    vcpus=0,
    ram_mib=0,
    disk_gib=0,
    free_disk_gib=0,
    cpu_info={},
    uptime=None,
    traits=[],
)


async def listed(call: Call, query: HypervisorQuery) -> list[Found]:
    """Return the page of hypervisors that the query asks for.  Raises Invalid, NotFound."""
    servers = yes(query.with_servers)
    if query.hypervisor_hostname_pattern is not None:
        if query.limit is not None or query.marker is not None:
            raise Invalid(
                "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
            )
        return await with_services(call, await matching(call, query.hypervisor_hostname_pattern), servers=servers)
    number = 0
    if query.marker is not None:
        number = await call.db.value("SELECT number FROM compute_nodes WHERE id = $1", query.marker) or 0
        check_marker(number, query.marker)
    return await with_services(call, await after(call, number, query.limit), servers=servers)


async def numbered_page(call: Call, query: PageQuery) -> list[NodeRow]:
    """Return the page of hypervisors behind a number.  Raises Invalid."""
    number = 0
    if query.marker is not None:
        number = int(query.marker) if is_number(query.marker) else 0
        known = await call.db.value("SELECT number FROM compute_nodes WHERE number = $1", number) or 0
        check_marker(known, query.marker)
    return await after(call, number, query.limit)


async def after(call: Call, number: int, limit: int | None) -> list[NodeRow]:
    """Return the hypervisors behind a number."""
    count = LIMIT_MAX if limit is None else min(limit, LIMIT_MAX)
    sql = f"SELECT {columns(NodeRow)} FROM compute_nodes WHERE number > $1 ORDER BY number LIMIT {count}"
    return await call.db.all(NodeRow, sql, number)


async def matching(call: Call, pattern: str) -> list[NodeRow]:
    """Return the hypervisors whose name contains a text.  Raises NotFound."""
    sql = f"SELECT {columns(NodeRow)} FROM compute_nodes WHERE hostname LIKE $1 ESCAPE '\\' ORDER BY number"
    found = await call.db.all(NodeRow, sql, f"%{escape_like(pattern)}%")
    if not found:
        raise NotFound(f"No hypervisor matching '{pattern}' could be found.")
    return found


async def find(call: Call, column: str, value: object, *, servers: bool = False) -> Found:
    """Return a hypervisor.  Raises HypervisorNotFound."""
    node = await call.db.one(NodeRow, f"SELECT {columns(NodeRow)} FROM compute_nodes WHERE {column} = $1", value)
    found = await with_services(call, [node] if node is not None else [], servers=servers)
    if not found:
        raise HypervisorNotFound(str(value))
    return found[0]


class _Name(Struct):
    name: str
    uuid: str


async def with_services(call: Call, nodes: Sequence[NodeRow], *, servers: bool = False) -> list[Found]:
    """Return hypervisors with their services and, where asked, their servers; one without a service is not told."""
    found = []
    for node in nodes:
        service_row = await compute_service(call.db, node.host)
        if service_row is None:
            continue
        names = None
        if servers:
            sql = "SELECT name, id FROM servers WHERE host = $1 AND NOT deleted ORDER BY created_at, id"
            rows = await call.db.all(_Name, sql, node.host)
            names = [{"name": row.name, "uuid": row.uuid} for row in rows]
        found.append(Found(node=node, service=service_row, servers=names))
    return found


async def in_full(call: Call, found: Sequence[Found]) -> list[dict[str, Any]]:
    """Return hypervisors with everything."""
    options, now = call.get(ComputeOptions), call.world.now()
    views = []
    for each in found:
        use = await use_of_host(call.db, each.node.host)
        views.append(full(each, now, amounts(each.node, use, options)))
    return views


def uptime_of(call: Call, found: Found) -> dict[str, Any]:
    """Return a hypervisor with its uptime.  Raises Invalid when it does not tell."""
    now = call.world.now()
    if found.node.uptime is None or not found.service.is_up(now):
        raise Invalid(f"Compute service of {found.node.host} is unavailable at this time.")
    return {"hypervisor": {**brief(found, now), "uptime": found.node.uptime}}


def page(
    call: Call, query: HypervisorQuery | PageQuery, collection: str, views: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Return the link to the next page, if there is one."""
    key = "id" if isinstance(query, HypervisorQuery) else "_number"
    following = next_links(call, collection, [str(view[key]) for view in views])
    return {"hypervisors_links": following} if following else {}


def check_id(id: str) -> None:
    """Demand an id.  Raises Invalid."""
    if not is_uuid(id):
        raise Invalid(f"Invalid uuid {id}")


def as_number(text: str) -> int:
    """Read the number of a hypervisor.  Raises HypervisorNotFound."""
    if not is_number(text):
        raise HypervisorNotFound(text)
    return int(text)


def check_marker(number: int, marker: str) -> None:
    """Demand that a marker was found.  Raises Invalid."""
    if not number:
        raise Invalid(f"marker [{marker}] not found")
