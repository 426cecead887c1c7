"""Flavors over HTTP."""

from __future__ import annotations

from typing import Any

from welkin.core.db import UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, truth, whole
from welkin.services.compute import values
from welkin.services.compute.flavors import policy
from welkin.services.compute.flavors.errors import FlavorExists
from welkin.services.compute.flavors.shapes import (
    FlavorCreate,
    FlavorQuery,
    FlavorUpdate,
    NewFlavor,
    OldFlavorCreate,
    brief,
    full,
)
from welkin.services.compute.flavors.tables import MAY_SEE, FlavorRow, get_flavor
from welkin.services.compute.links import next_links
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)

FACTOR_MAX = 3.40282e38
LISTING = Listing(
    table="flavors",
    row=FlavorRow,
    sorts={
        "created_at": "created_at",
        "description": "COALESCE(description, '')",
        "disabled": "id",
        "ephemeral_gb": "ephemeral_gib",
        "flavorid": "id",
        "id": "created_at",
        "is_public": "is_public",
        "memory_mb": "ram_mib",
        "name": "name",
        "root_gb": "disk_gib",
        "_rxtx_factor": "rxtx_factor",
        "swap": "swap_mib",
        "updated_at": "updated_at",
        "vcpu_weight": "id",
        "vcpus": "vcpus",
    },
)


@routes.get("/v2.1/flavors", rule=policy.SEE)
async def list_flavors(call: Call, query: FlavorQuery) -> dict[str, Any]:
    """List the flavors that one may take, in short."""
    rows = await find_flavors(call, query)
    return {"flavors": [brief(call, row) for row in rows], **page(call, "flavors", rows)}


@routes.get("/v2.1/flavors/detail", rule=policy.SEE)
async def list_flavors_detail(call: Call, query: FlavorQuery) -> dict[str, Any]:
    """List the flavors that one may take, with everything."""
    rows = await find_flavors(call, query)
    specs = may_see_specs(call)
    return {"flavors": [full(call, row, specs=specs) for row in rows], **page(call, "flavors/detail", rows)}


@routes.get("/v2.1/flavors/{flavor_id}", rule=policy.SEE)
async def show_flavor(call: Call, flavor_id: str, query: NoQuery) -> dict[str, Any]:
    """Show a flavor."""
    row = await get_flavor(call.db, flavor_id, call.actor)
    return {"flavor": full(call, row, specs=may_see_specs(call))}


@routes.post("/v2.1/flavors", rule=policy.CREATE, status=200, since="2.102")
async def create_flavor(call: Call, body: FlavorCreate) -> dict[str, Any]:
    """Make a flavor."""
    return await make_flavor(call, body.flavor, 1.0)


@routes.post("/v2.1/flavors", rule=policy.CREATE, status=200, until="2.101")
async def create_old_flavor(call: Call, body: OldFlavorCreate) -> dict[str, Any]:
    """Make a flavor that may have a factor for its network, which nothing heeds."""
    factor = float(body.flavor.rxtx_factor)
    if not 0 < factor <= FACTOR_MAX:
        raise Invalid(f"'rxtx_factor' argument must be a float between 0 and {FACTOR_MAX:g}")
    return await make_flavor(call, body.flavor, factor)


@routes.put("/v2.1/flavors/{flavor_id}", rule=policy.UPDATE, since="2.55")
async def update_flavor(call: Call, flavor_id: str, body: FlavorUpdate) -> dict[str, Any]:
    """Change a flavor's description."""
    async with call.db.tx() as tx:
        row = await get_flavor(tx, flavor_id, call.actor)
        row.description = body.flavor.description
        await tx.update("flavors", {"id": flavor_id}, {"description": row.description, "updated_at": call.world.now()})
    return {"flavor": full(call, row, specs=may_see_specs(call))}


@routes.delete("/v2.1/flavors/{flavor_id}", rule=policy.DELETE, status=202)
async def delete_flavor(call: Call, flavor_id: str) -> None:
    """Delete a flavor; servers that have it keep their copy."""
    async with call.db.tx() as tx:
        await get_flavor(tx, flavor_id, call.actor)
        await tx.delete("flavor_access", {"flavor_id": flavor_id})
        await tx.delete("flavors", {"id": flavor_id})


async def find_flavors(call: Call, query: FlavorQuery) -> list[FlavorRow]:
    """Return the page of flavors that the query asks for."""
    select = Select()
    public = which_public(query.is_public) if call.actor.is_admin else True
    if public:
        select.where(MAY_SEE, call.actor.project_id)
    elif public is False:
        select.any_of("is_public", [False])
    for name, column, text in (("minRam", "ram_mib", query.min_ram), ("minDisk", "disk_gib", query.min_disk)):
        if text is not None:
            select.where(f"{column} >= ?", least(name, text))
    if query.name is not None:
        select.where("name = ?", query.name)
    sort = ((query.sort_key, query.sort_dir),)
    page = await LISTING.page(call.db, select, sort, query.limit, query.marker)
    return page.rows


def which_public(text: str | None) -> bool | None:
    """Read an administrator's wish: public ones, private ones, or with None both.  Raises Invalid."""
    if text is None:
        return True
    if text.lower() == "none":
        return None
    try:
        return truth(text)
    except Invalid:
        raise Invalid(f"Invalid is_public filter [{text}]") from None


def least(name: str, text: str) -> int:
    """Read a lower bound.  Raises Invalid."""
    try:
        return whole(text)
    except Invalid:
        raise Invalid(f"Invalid {name} filter [{text}]") from None


def page(call: Call, collection: str, rows: list[FlavorRow]) -> dict[str, Any]:
    """Return the links to the next page, if there is one."""
    following = next_links(call, collection, [row.id for row in rows])
    return {"flavors_links": following} if following else {}


def may_see_specs(call: Call) -> bool:
    """Return whether answers show extra specs to the caller."""
    return call.allowed(policy.SPECS, project_id=call.actor.project_id)


async def make_flavor(call: Call, new: NewFlavor, factor: float) -> dict[str, Any]:
    """Write a flavor down.  Raises Invalid, FlavorExists."""
    now = call.world.now()
    row = FlavorRow(
        id=call.world.new_id() if new.id is None else str(new.id),
        name=new.name,
        vcpus=values.whole(new.vcpus, "vcpus", 1),
        ram_mib=values.whole(new.ram, "ram", 1),
        disk_gib=values.whole(new.disk, "disk", 0),
        ephemeral_gib=values.whole(new.ephemeral, "OS-FLV-EXT-DATA:ephemeral", 0),
        swap_mib=values.whole(new.swap, "swap", 0),
        rxtx_factor=factor,
        is_public=values.yes(new.is_public),
        description=new.description,
        extra_specs={},
        created_at=now,
        updated_at=now,
    )
    try:
        async with call.db.tx() as tx:
            if await tx.value("SELECT 1 FROM flavors WHERE name = $1", row.name):
                raise FlavorExists("name", row.name)
            await tx.insert("flavors", row)
    except UniqueViolation:
        raise FlavorExists("ID", row.id) from None
    return {"flavor": full(call, row, specs=may_see_specs(call))}
