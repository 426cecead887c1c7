"""Extra specs of flavors over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.flavors import policy
from welkin.services.compute.flavors.errors import ExtraSpecNotFound
from welkin.services.compute.flavors.shapes import Specs, SpecsCreate, SpecValue
from welkin.services.compute.flavors.tables import get_flavor
from welkin.services.compute.flavors.vocabulary import check_specs
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)
ALL = "/v2.1/flavors/{flavor_id}/os-extra_specs"
ONE = ALL + "/{key}"


@routes.get(ALL, rule=policy.SPECS)
async def list_specs(call: Call, flavor_id: str, query: NoQuery) -> dict[str, Any]:
    """List the extra specs of a flavor."""
    return {"extra_specs": (await get_flavor(call.db, flavor_id, call.actor)).extra_specs}


@routes.post(ALL, rule=policy.CREATE_SPECS, status=200, since="2.86")
async def create_specs(call: Call, flavor_id: str, body: SpecsCreate) -> dict[str, Any]:
    """Add extra specs to a flavor; those of known namespaces must make sense."""
    check_specs(as_text(body.extra_specs))
    await put_specs(call, flavor_id, body.extra_specs)
    return {"extra_specs": body.extra_specs}


@routes.post(ALL, rule=policy.CREATE_SPECS, status=200, until="2.85")
async def create_any_specs(call: Call, flavor_id: str, body: SpecsCreate) -> dict[str, Any]:
    """Add extra specs to a flavor, whatever they say."""
    await put_specs(call, flavor_id, body.extra_specs)
    return {"extra_specs": body.extra_specs}


@routes.get(ONE, rule=policy.SHOW_SPEC)
async def show_spec(call: Call, flavor_id: str, key: str, query: NoQuery) -> dict[str, str]:
    """Show one extra spec of a flavor."""
    specs = (await get_flavor(call.db, flavor_id, call.actor)).extra_specs
    if key not in specs:
        raise ExtraSpecNotFound(flavor_id, key)
    return {key: specs[key]}


@routes.put(ONE, rule=policy.UPDATE_SPEC, since="2.86")
async def update_spec(call: Call, flavor_id: str, key: str, body: Specs) -> Specs:
    """Change one extra spec of a flavor, or add it; one of a known namespace must make sense."""
    only(body, key)
    check_specs(as_text(body))
    await put_specs(call, flavor_id, body)
    return body


@routes.put(ONE, rule=policy.UPDATE_SPEC, until="2.85")
async def update_any_spec(call: Call, flavor_id: str, key: str, body: Specs) -> Specs:
    """Change one extra spec of a flavor, or add it, whatever it says."""
    only(body, key)
    await put_specs(call, flavor_id, body)
    return body


@routes.delete(ONE, rule=policy.DELETE_SPEC, status=200)
async def delete_spec(call: Call, flavor_id: str, key: str) -> None:
    """Delete one extra spec of a flavor."""
    async with call.db.tx() as tx:
        specs = dict((await get_flavor(tx, flavor_id, call.actor)).extra_specs)
        if specs.pop(key, None) is None:
            raise ExtraSpecNotFound(flavor_id, key)
        await tx.update("flavors", {"id": flavor_id}, {"extra_specs": specs, "updated_at": call.world.now()})


def only(specs: Mapping[str, SpecValue], key: str) -> None:
    """Demand that the body is about the key in the path, and nothing else.  Raises Invalid."""
    if len(specs) != 1:
        raise Invalid(f"Invalid input for field/attribute body. {len(specs)} properties where there must be one")
    if key not in specs:
        raise Invalid("Request body and URI mismatch")


def as_text(specs: Mapping[str, SpecValue]) -> dict[str, str]:
    """Return extra specs as they are kept: every value a text.  Raises Invalid."""
    texts = {key: str(value) for key, value in specs.items()}
    for text in texts.values():
        if len(text) > 255:
            raise Invalid(f"extra_specs value has {len(text)} characters, more than 255.")
    return texts


async def put_specs(call: Call, flavor_id: str, specs: Mapping[str, SpecValue]) -> None:
    """Add extra specs to those that the flavor has."""
    async with call.db.tx() as tx:
        row = await get_flavor(tx, flavor_id, call.actor)
        merged = row.extra_specs | as_text(specs)
        await tx.update("flavors", {"id": flavor_id}, {"extra_specs": merged, "updated_at": call.world.now()})
