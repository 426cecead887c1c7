"""Regions, services and endpoints over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction, UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, equal
from welkin.services.identity import discovery
from welkin.services.identity.catalog import policy, rows
from welkin.services.identity.catalog.document import PLACE, absolute
from welkin.services.identity.catalog.rows import EndpointRow, RegionRow, ServiceRow
from welkin.services.identity.catalog.shapes import (
    EndpointBody,
    EndpointCreate,
    EndpointUpdate,
    RegionBody,
    RegionCreate,
    RegionUpdate,
    ServiceBody,
    ServiceCreate,
    ServiceUpdate,
)
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, NoSuch, NotAllowed
from welkin.services.identity.wire import View, changes, collection, flag, link, page, take, text_filters

routes = Routes(discovery.service)

FACTS = {"tenant_id", "project_id", "user_id"}
"""What the places in an endpoint's url can name."""
REGIONS: Listing[RegionRow] = Listing(
    table="identity_regions",
    row=RegionRow,
    filters={"parent_region_id": equal("parent_region_id")},
    sorts={"id": "id"},
)
SERVICES: Listing[ServiceRow] = Listing(
    table="identity_services",
    row=ServiceRow,
    filters=text_filters("type", "name") | {"enabled": flag("enabled")},
    sorts={"id": "id", "type": "type"},
    default_sort=(("type", "asc"),),
)
ENDPOINTS: Listing[EndpointRow] = Listing(
    table="identity_endpoints",
    row=EndpointRow,
    filters={name: equal(name) for name in ("interface", "service_id", "region_id")} | {"enabled": flag("enabled")},
    sorts={"id": "id"},
)


@routes.get("/v3/regions", rule=policy.LIST_REGIONS)
async def list_regions(call: Call) -> View:
    """List regions."""
    found = await page(call, REGIONS, Select(), "region")
    return collection(call, "regions", [_region(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/regions", rule=policy.CREATE_REGION)
async def create_region(call: Call, body: RegionBody) -> View:
    """Create a region."""
    return await _create_region(call, body, body.region.get("id"))


@routes.put("/v3/regions/{region_id}", rule=policy.CREATE_REGION, status=201)
async def create_region_with_id(call: Call, region_id: str, body: RegionBody) -> View:
    """Create a region with this id."""
    if body.region.get("id") not in (None, region_id):
        raise Invalid("Conflicting region IDs specified.")
    return await _create_region(call, body, region_id)


@routes.get("/v3/regions/{region_id}", rule=policy.GET_REGION)
async def show_region(call: Call, region_id: str) -> View:
    """Show a region."""
    return {"region": _region(call, await rows.get_region(call.db, region_id))}


@routes.patch("/v3/regions/{region_id}", rule=policy.UPDATE_REGION)
async def update_region(call: Call, region_id: str, body: RegionBody) -> View:
    """Change a region."""
    row = await rows.get_region(call.db, region_id)
    wanted, extra = take(RegionUpdate, body.region)
    given = changes(wanted)
    if "description" in given:
        given["description"] = given["description"] or ""
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    async with call.db.tx() as tx:
        await _check_parents(tx, fresh)
        await tx.update("identity_regions", {"id": row.id}, msgspec.structs.asdict(fresh))
        await changed(call, tx, "region", row.id)
    return {"region": _region(call, fresh)}


@routes.delete("/v3/regions/{region_id}", rule=policy.DELETE_REGION)
async def delete_region(call: Call, region_id: str) -> None:
    """Delete a region, and those in it, when no endpoint is in any of them."""
    row = await rows.get_region(call.db, region_id)
    async with call.db.tx() as tx:
        gone = await _within(tx, row.id)
        for each in gone:
            if await tx.value("SELECT 1 FROM identity_endpoints WHERE region_id = $1 LIMIT 1", each):
                raise NotAllowed(
                    f"Unable to delete region {row.id} because it or its child regions have associated endpoints."
                )
        for each in gone:
            await tx.delete("identity_regions", {"id": each})
        await changed(call, tx, "region", row.id, "deleted")


@routes.get("/v3/services", rule=policy.LIST_SERVICES)
async def list_services(call: Call) -> View:
    """List services."""
    found = await page(call, SERVICES, Select(), "service")
    return collection(call, "services", [_service(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/services", rule=policy.CREATE_SERVICE)
async def create_service(call: Call, body: ServiceBody) -> View:
    """Create a service."""
    wanted, extra = take(ServiceCreate, body.service)
    row = ServiceRow(id=call.world.new_hex(), **msgspec.structs.asdict(wanted), extra=extra)
    async with call.db.tx() as tx:
        await tx.insert("identity_services", row)
        await changed(call, tx, "service", row.id, "created")
    return {"service": _service(call, row)}


@routes.get("/v3/services/{service_id}", rule=policy.GET_SERVICE)
async def show_service(call: Call, service_id: str) -> View:
    """Show a service."""
    return {"service": _service(call, await rows.get_service(call.db, service_id))}


@routes.patch("/v3/services/{service_id}", rule=policy.UPDATE_SERVICE)
async def update_service(call: Call, service_id: str, body: ServiceBody) -> View:
    """Change a service."""
    row = await rows.get_service(call.db, service_id)
    wanted, extra = take(ServiceUpdate, body.service)
    fresh = msgspec.structs.replace(row, **changes(wanted), extra=row.extra | extra)
    async with call.db.tx() as tx:
        await tx.update("identity_services", {"id": row.id}, msgspec.structs.asdict(fresh))
        await changed(call, tx, "service", row.id)
    return {"service": _service(call, fresh)}


@routes.delete("/v3/services/{service_id}", rule=policy.DELETE_SERVICE)
async def delete_service(call: Call, service_id: str) -> None:
    """Delete a service with its endpoints."""
    row = await rows.get_service(call.db, service_id)
    async with call.db.tx() as tx:
        await tx.delete("identity_endpoints", {"service_id": row.id})
        await tx.delete("identity_services", {"id": row.id})
        await changed(call, tx, "service", row.id, "deleted")


@routes.get("/v3/endpoints", rule=policy.LIST_ENDPOINTS)
async def list_endpoints(call: Call) -> View:
    """List endpoints; those of this cloud at the host that the client used."""
    found = await page(call, ENDPOINTS, Select(), "endpoint")
    return collection(call, "endpoints", [_endpoint(call, row) for row in found.rows], truncated=found.more)


@routes.post("/v3/endpoints", rule=policy.CREATE_ENDPOINT)
async def create_endpoint(call: Call, body: EndpointBody) -> View:
    """Create an endpoint, and its region when there is none of this id."""
    wanted, extra = take(EndpointCreate, body.endpoint)
    row = EndpointRow(
        id=call.world.new_hex(),
        service_id=wanted.service_id,
        region_id=wanted.region_id or wanted.region,
        interface=wanted.interface,
        url=wanted.url,
        enabled=wanted.enabled,
        extra=extra,
    )
    async with call.db.tx() as tx:
        await _check_endpoint(tx, row)
        await tx.insert("identity_endpoints", row)
        await changed(call, tx, "endpoint", row.id, "created")
    return {"endpoint": _endpoint(call, row)}


@routes.get("/v3/endpoints/{endpoint_id}", rule=policy.GET_ENDPOINT)
async def show_endpoint(call: Call, endpoint_id: str) -> View:
    """Show an endpoint."""
    return {"endpoint": _endpoint(call, await rows.get_endpoint(call.db, endpoint_id))}


@routes.patch("/v3/endpoints/{endpoint_id}", rule=policy.UPDATE_ENDPOINT)
async def update_endpoint(call: Call, endpoint_id: str, body: EndpointBody) -> View:
    """Change an endpoint."""
    row = await rows.get_endpoint(call.db, endpoint_id)
    wanted, extra = take(EndpointUpdate, body.endpoint)
    given = changes(wanted)
    older = given.pop("region", None)
    if older is not None:
        given.setdefault("region_id", older)
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    async with call.db.tx() as tx:
        await _check_endpoint(tx, fresh)
        await tx.update("identity_endpoints", {"id": row.id}, msgspec.structs.asdict(fresh))
        await changed(call, tx, "endpoint", row.id)
    return {"endpoint": _endpoint(call, fresh)}


@routes.delete("/v3/endpoints/{endpoint_id}", rule=policy.DELETE_ENDPOINT)
async def delete_endpoint(call: Call, endpoint_id: str) -> None:
    """Delete an endpoint."""
    row = await rows.get_endpoint(call.db, endpoint_id)
    async with call.db.tx() as tx:
        await tx.delete("identity_endpoints", {"id": row.id})
        await changed(call, tx, "endpoint", row.id, "deleted")


async def _create_region(call: Call, body: RegionBody, id: Any) -> View:
    wanted, extra = take(RegionCreate, {**body.region, "id": id})
    row = RegionRow(
        id=wanted.id or call.world.new_hex(),
        description=wanted.description or "",
        parent_region_id=wanted.parent_region_id,
        extra=extra,
    )
    async with call.db.tx() as tx:
        await _check_parents(tx, row)
        try:
            await tx.insert("identity_regions", row)
        except UniqueViolation:
            raise Duplicate("region", f"Duplicate ID, {row.id}.") from None
        await changed(call, tx, "region", row.id, "created")
    return {"region": _region(call, row)}


async def _check_parents(reads: Reads, row: RegionRow) -> None:
    """Raise NoSuch for a parent that is not there, and Invalid for a region within itself."""
    parent_id = row.parent_region_id
    while parent_id is not None:
        if parent_id == row.id:
            raise Invalid(
                f"The specified parent region {row.parent_region_id} would create a circular region hierarchy."
            )
        parent_id = (await rows.get_region(reads, parent_id)).parent_region_id


async def _within(reads: Reads, region_id: str) -> list[str]:
    """Return the ids of a region and of all regions in it."""
    found = [region_id]
    for each in found:
        found += await reads.values("SELECT id FROM identity_regions WHERE parent_region_id = $1", each)
    return found


async def _check_endpoint(tx: Transaction, row: EndpointRow) -> None:
    """Make sure that the region is there.  Raises Invalid for a service that is not, and for a senseless url."""
    try:
        await rows.get_service(tx, row.service_id)
    except NoSuch as error:
        raise Invalid(str(error)) from error
    rest = PLACE.sub("", row.url)
    if not set(PLACE.findall(row.url)) <= FACTS or "$(" in rest or "%(" in rest:
        raise Invalid(f"Cannot create an endpoint with an invalid URL: {row.url}.")
    if row.region_id and not await tx.value("SELECT 1 FROM identity_regions WHERE id = $1", row.region_id):
        await tx.insert("identity_regions", RegionRow(row.region_id, "", None, {}))


def _region(call: Call, row: RegionRow) -> View:
    return {
        **row.extra,
        "id": row.id,
        "description": row.description,
        "parent_region_id": row.parent_region_id,
        "links": link(call, "regions", row.id),
    }


def _service(call: Call, row: ServiceRow) -> View:
    view: View = {
        **row.extra,
        "id": row.id,
        "type": row.type,
        "enabled": row.enabled,
        "links": link(call, "services", row.id),
    }
    if row.name is not None:
        view["name"] = row.name
    if row.description is not None:
        view["description"] = row.description
    return view


def _endpoint(call: Call, row: EndpointRow) -> View:
    return {
        **row.extra,
        "id": row.id,
        "service_id": row.service_id,
        "region_id": row.region_id,
        "region": row.region_id,
        "interface": row.interface,
        "url": absolute(call.origin, row.url),
        "enabled": row.enabled,
        "links": link(call, "endpoints", row.id),
    }
