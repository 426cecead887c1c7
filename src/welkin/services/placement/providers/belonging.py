"""A provider's aggregates and traits over HTTP."""

from __future__ import annotations

from welkin.core.answers import Answer
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.placement import policy
from welkin.services.placement.names import store as names
from welkin.services.placement.providers import store
from welkin.services.placement.providers.shapes import Aggregates, Traits, dashed
from welkin.services.placement.service import answer, service, versions

routes = Routes(service)
AGGREGATES = "/resource_providers/{provider_id}/aggregates"
TRAITS = "/resource_providers/{provider_id}/traits"


@routes.get(AGGREGATES, rule=policy.AGGREGATES_LIST, since="1.1")
async def list_aggregates(call: Call, provider_id: str) -> Answer:
    """Return the aggregates of a provider."""
    provider = await store.get(call.db, provider_id)
    found = await store.aggregates(call.db, provider_id)
    return answer(call, Aggregates(aggregates=found, resource_provider_generation=provider.generation))


@routes.put(AGGREGATES, rule=policy.AGGREGATES_UPDATE, since="1.19")
async def set_aggregates(call: Call, provider_id: str, body: Aggregates) -> Answer:
    """Make these the aggregates of a provider."""
    _check_aggregates(body.aggregates)
    async with call.db.tx() as tx:
        provider = await store.checked(tx, provider_id, body.resource_provider_generation)
        await store.set_aggregates(tx, provider_id, body.aggregates)
        provider = await store.bump(tx, call.world, provider)
    return answer(call, Aggregates(aggregates=body.aggregates, resource_provider_generation=provider.generation))


@routes.put(AGGREGATES, rule=policy.AGGREGATES_UPDATE, since="1.1", until="1.18")
async def set_aggregates_blindly(call: Call, provider_id: str, body: list[str]) -> Answer:
    """Make these the aggregates of a provider; before 1.19 no generation was looked at."""
    _check_aggregates(body)
    async with call.db.tx() as tx:
        await store.get(tx, provider_id)
        await store.set_aggregates(tx, provider_id, body)
    return answer(call, {"aggregates": body})


@routes.get(TRAITS, rule=policy.PROVIDER_TRAITS_LIST, since="1.6")
async def list_provider_traits(call: Call, provider_id: str) -> Answer:
    """Return the traits of a provider."""
    provider = await store.get(call.db, provider_id)
    found = await store.traits(call.db, provider_id)
    return answer(call, Traits(traits=found, resource_provider_generation=provider.generation))


@routes.put(TRAITS, rule=policy.PROVIDER_TRAITS_UPDATE, since="1.6")
async def set_provider_traits(call: Call, provider_id: str, body: Traits) -> Answer:
    """Make these the traits of a provider."""
    async with call.db.tx() as tx:
        provider = await store.checked(tx, provider_id, body.resource_provider_generation)
        missing = await names.unknown(tx, "trait", body.traits)
        if missing:
            raise Invalid(f"No such trait {', '.join(missing)}")
        if await store.set_traits(tx, provider_id, body.traits):
            provider = await store.bump(tx, call.world, provider)
        found = await store.traits(tx, provider_id)
    return answer(call, Traits(traits=found, resource_provider_generation=provider.generation))


@routes.delete(TRAITS, rule=policy.PROVIDER_TRAITS_DELETE, since="1.6")
async def delete_provider_traits(call: Call, provider_id: str) -> None:
    """Take every trait from a provider."""
    async with call.db.tx() as tx:
        provider = await store.get(tx, provider_id)
        if await store.set_traits(tx, provider_id, ()):
            await store.bump(tx, call.world, provider)


@versions.answer_before("1.19", list_aggregates)
def without_generation(body: dict[str, object]) -> dict[str, object]:
    """The generation came with 1.19."""
    del body["resource_provider_generation"]
    return body


def _check_aggregates(aggregates: list[str]) -> None:
    for aggregate in aggregates:
        dashed(aggregate, "aggregate")
    if len(set(aggregates)) != len(aggregates):
        raise Invalid(f"JSON does not validate: {aggregates} has non-unique elements")
