"""Allocations, usages and the reshaper over HTTP."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from welkin.core.answers import Answer
from welkin.core.db import columns
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.versions import refuse_fields
from welkin.services.placement import policy
from welkin.services.placement.allocations import store
from welkin.services.placement.allocations.shapes import Allocations, CheckedAllocations, ProviderId, Reshape
from welkin.services.placement.allocations.store import Wanted
from welkin.services.placement.errors import UnknownProvider
from welkin.services.placement.inventories import store as inventories
from welkin.services.placement.providers import store as providers
from welkin.services.placement.service import answer, service, versions
from welkin.services.placement.tables import AllocationRow

routes = Routes(service)
CONSUMER = "/allocations/{consumer_id}"
UNKNOWN = "unknown"
"""The type of a consumer from before types."""
NOBODY = "00000000-0000-0000-0000-000000000000"
"""The project and user of a consumer from before these were asked for."""
Many = Annotated[dict[ProviderId, CheckedAllocations], Meta(min_length=1)]
ManyUnchecked = Annotated[dict[ProviderId, Allocations], Meta(min_length=1)]


@routes.get(CONSUMER, rule=policy.ALLOCATIONS_LIST)
async def list_for_consumer(call: Call, consumer_id: str) -> Answer:
    """Return what a consumer uses; nothing for one that is not known."""
    consumer = await store.consumer(call.db, consumer_id)
    rows = await store.of_consumer(call.db, consumer_id)
    if consumer is None or not rows:
        return answer(call, {"allocations": {}})
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.provider_id not in found:
            provider = await providers.get(call.db, row.provider_id)
            found[row.provider_id] = {"resources": {}, "generation": provider.generation}
        found[row.provider_id]["resources"][row.resource_class] = row.amount
    body = {
        "allocations": found,
        "project_id": consumer.project_id,
        "user_id": consumer.user_id,
        "consumer_generation": consumer.generation,
        "consumer_type": consumer.type or UNKNOWN,
    }
    return answer(call, body, max(row.created_at for row in rows))


@routes.put(CONSUMER, rule=policy.ALLOCATIONS_UPDATE, status=204, since="1.28")
async def set_for_consumer(call: Call, consumer_id: str, body: CheckedAllocations) -> None:
    """Make these what a consumer uses."""
    async with call.db.tx() as tx:
        await store.replace(tx, call.world, [_wanted(_consumer_id(consumer_id), body)])


@routes.put(CONSUMER, rule=policy.ALLOCATIONS_UPDATE, status=204, until="1.27")
async def set_for_consumer_blindly(call: Call, consumer_id: str, body: Allocations) -> None:
    """Make these what a consumer uses; before 1.28 no generation was looked at, and something had to be used."""
    if not body.allocations:
        raise Invalid("JSON does not validate: {} does not have enough properties (allocations)")
    async with call.db.tx() as tx:
        await store.replace(tx, call.world, [_wanted(_consumer_id(consumer_id), body)])


@routes.delete(CONSUMER, rule=policy.ALLOCATIONS_DELETE)
async def delete_for_consumer(call: Call, consumer_id: str) -> None:
    """Free everything that a consumer uses."""
    async with call.db.tx() as tx:
        if not await store.delete(tx, consumer_id):
            raise NotFound(f"No allocations for consumer '{consumer_id}'")


@routes.post("/allocations", rule=policy.ALLOCATIONS_MANAGE, status=204, since="1.28")
async def set_many(call: Call, body: Many) -> None:
    """Make these what several consumers use, together or not at all."""
    async with call.db.tx() as tx:
        await store.replace(tx, call.world, [_wanted(id, wanted) for id, wanted in body.items()])


@routes.post("/allocations", rule=policy.ALLOCATIONS_MANAGE, status=204, since="1.13", until="1.27")
async def set_many_blindly(call: Call, body: ManyUnchecked) -> None:
    """Make these what several consumers use; before 1.28 no generation was looked at."""
    async with call.db.tx() as tx:
        await store.replace(tx, call.world, [_wanted(id, wanted) for id, wanted in body.items()])


@routes.post("/reshaper", rule=policy.RESHAPE, status=204, since="1.30")
async def reshape(call: Call, body: Reshape) -> None:
    """Move inventories between providers, and what is allocated from them, at once."""
    async with call.db.tx() as tx:
        found = {}
        for provider_id, wanted in body.inventories.items():
            if await providers.find(tx, provider_id) is None:
                raise UnknownProvider(provider_id)
            found[provider_id] = await providers.checked(tx, provider_id, wanted.resource_provider_generation)
            await inventories.write(tx, call.world, provider_id, wanted.inventories)
            if wanted.inventories:
                # Both halves of the change count, as upstream counts them.
                await providers.bump(tx, call.world, found[provider_id])
        await store.replace(tx, call.world, [_wanted(id, wanted) for id, wanted in body.allocations.items()])
        for provider_id, wanted in body.inventories.items():
            await inventories.remove_others(tx, provider_id, wanted.inventories)
            await providers.bump(tx, call.world, await providers.get(tx, provider_id))


@routes.get("/resource_providers/{provider_id}/allocations", rule=policy.PROVIDER_ALLOCATIONS_LIST)
async def list_for_provider(call: Call, provider_id: str) -> Answer:
    """Return what is allocated from a provider, by consumer."""
    provider = await providers.get(call.db, provider_id)
    sql = f"SELECT {columns(AllocationRow)} FROM resource_allocations WHERE provider_id = $1 ORDER BY consumer_id"
    rows = await call.db.all(AllocationRow, sql, provider_id)
    generations = await call.db.all(
        Generation,
        "SELECT DISTINCT c.id, c.generation FROM resource_consumers AS c "
        "JOIN resource_allocations AS a ON a.consumer_id = c.id WHERE a.provider_id = $1",
        provider_id,
    )
    found: dict[str, dict[str, Any]] = {
        each.id: {"resources": {}, "consumer_generation": each.generation} for each in generations
    }
    for row in rows:
        found[row.consumer_id]["resources"][row.resource_class] = row.amount
    body = {"allocations": found, "resource_provider_generation": provider.generation}
    return answer(call, body, max((row.created_at for row in rows), default=None))


class Generation(msgspec.Struct, frozen=True):
    """A consumer's generation."""

    id: str
    generation: int


def _consumer_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise Invalid(f"Malformed consumer_uuid: {text}") from None


def _wanted(consumer_id: str, body: Allocations) -> Wanted:
    amounts = {provider_id: each.resources for provider_id, each in body.allocations.items()}
    if not isinstance(body, CheckedAllocations):
        return Wanted(consumer_id=consumer_id, amounts=amounts, project_id=body.project_id, user_id=body.user_id)
    generation = body.consumer_generation
    return Wanted(
        consumer_id=consumer_id,
        amounts=amounts,
        project_id=body.project_id,
        user_id=body.user_id,
        type=body.consumer_type,
        # No consumer's generation is negative, and -1 has a meaning of our own.
        generation=-2 if generation is not None and generation < 0 else generation,
    )


versions.request_before("1.34", set_for_consumer)(refuse_fields("mappings"))


@versions.request_before("1.34", set_many)
def refuse_mappings(body: Any) -> Any:
    """Mappings came with 1.34."""
    for each in body.values() if isinstance(body, dict) else ():
        if isinstance(each, dict):
            refuse_fields("mappings")(each)
    return body


@versions.request_before("1.34", reshape)
def refuse_mappings_in_reshape(body: Any) -> Any:
    """Mappings came with 1.34."""
    refuse_mappings(body.get("allocations") if isinstance(body, dict) else body)
    return body


@versions.request_before("1.38", set_for_consumer)
def without_type(body: Any) -> Any:
    """Types came with 1.38; a consumer from before keeps the one that it has."""
    if not isinstance(body, dict):
        return body
    refuse_fields("consumer_type")(body)
    return body | {"consumer_type": None}


@versions.request_before("1.38", set_many)
def without_types(body: Any) -> Any:
    """Types came with 1.38."""
    return {id: without_type(each) for id, each in body.items()} if isinstance(body, dict) else body


@versions.request_before("1.38", reshape)
def without_types_in_reshape(body: Any) -> Any:
    """Types came with 1.38."""
    if not isinstance(body, dict):
        return body
    return body | {"allocations": without_types(body.get("allocations"))}


@versions.request_before("1.12", set_for_consumer_blindly)
def from_list(body: Any) -> Any:
    """Before 1.12 allocations were a list."""
    listed = msgspec.convert(body, Listed)
    by_provider: dict[str, Any] = {}
    for each in listed.allocations:
        by_provider[each.resource_provider["uuid"]] = {"resources": each.resources}
    return {**body, "allocations": by_provider}


@versions.request_before("1.8", set_for_consumer_blindly)
def without_owner(body: Any) -> Any:
    """Before 1.8 nobody said whose a consumer is."""
    if not isinstance(body, dict):
        return body
    refuse_fields("project_id", "user_id")(body)
    return body | {"project_id": NOBODY, "user_id": NOBODY}


class ListedResources(msgspec.Struct, forbid_unknown_fields=True):
    """What is used of one provider, as it was written before 1.12."""

    resource_provider: Annotated[dict[str, str], Meta(min_length=1, max_length=1)]
    resources: dict[str, int]

    def __post_init__(self) -> None:
        if "uuid" not in self.resource_provider:
            raise ValueError("JSON does not validate: 'uuid' is a required property")


class Listed(msgspec.Struct):
    """The allocations of a consumer, as they were written before 1.12."""

    allocations: Annotated[list[ListedResources], Meta(min_length=1)]


@versions.answer_before("1.38", list_for_consumer)
def hide_type(body: dict[str, Any]) -> dict[str, Any]:
    """Types came with 1.38."""
    body.pop("consumer_type", None)
    return body


@versions.answer_before("1.28", list_for_consumer)
def hide_generation(body: dict[str, Any]) -> dict[str, Any]:
    """Consumers' generations came with 1.28."""
    body.pop("consumer_generation", None)
    return body


@versions.answer_before("1.12", list_for_consumer)
def hide_owner(body: dict[str, Any]) -> dict[str, Any]:
    """Owners came with 1.12."""
    body.pop("project_id", None)
    body.pop("user_id", None)
    return body


@versions.answer_before("1.28", list_for_provider)
def hide_generations(body: dict[str, Any]) -> dict[str, Any]:
    """Consumers' generations came with 1.28."""
    allocations: Mapping[str, dict[str, Any]] = body["allocations"]
    for each in allocations.values():
        del each["consumer_generation"]
    return body
