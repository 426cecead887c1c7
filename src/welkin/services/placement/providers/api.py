"""Providers over HTTP."""

from __future__ import annotations

from msgspec import UNSET

from welkin.core.answers import Answer
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Select
from welkin.core.versions import refuse_fields
from welkin.services.placement import policy
from welkin.services.placement.names import store as names
from welkin.services.placement.providers import older, store
from welkin.services.placement.providers.filters import aggregates_of, resources_of, traits_of
from welkin.services.placement.providers.shapes import (
    ProviderCreate,
    ProviderQuery,
    ProviderUpdate,
    ProviderView,
    dashed,
)
from welkin.services.placement.service import answer, location, service, versions
from welkin.services.placement.tables import Provider

routes = Routes(service)
ALL = "/resource_providers"
ONE = "/resource_providers/{provider_id}"


@routes.get(ALL, rule=policy.PROVIDERS_LIST)
async def list_providers(call: Call, query: ProviderQuery) -> Answer:
    """List providers, filtered by name, tree, aggregates, traits and room."""
    select = await _select(call, query)
    rows = await call.db.all(Provider, f"{store.SELECT}{select.clause()} ORDER BY created_at, id", *select.values)
    modified = max((row.updated_at for row in rows), default=None)
    return answer(call, {"resource_providers": [ProviderView.of(row) for row in rows]}, modified)


@routes.post(ALL, rule=policy.PROVIDERS_CREATE, status=200, since="1.20")
async def create_provider(call: Call, body: ProviderCreate) -> Answer:
    """Create a provider and show it."""
    provider = await _create(call, body)
    headers = location(call, f"/resource_providers/{provider.id}")
    return answer(call, ProviderView.of(provider), provider.updated_at, headers=headers)


@routes.post(ALL, rule=policy.PROVIDERS_CREATE, until="1.19")
async def create_provider_silently(call: Call, body: ProviderCreate) -> Answer:
    """Create a provider; before 1.20 the answer had no body."""
    provider = await _create(call, body)
    return Answer(headers=location(call, f"/resource_providers/{provider.id}"))


@routes.get(ONE, rule=policy.PROVIDERS_SHOW)
async def show_provider(call: Call, provider_id: str) -> Answer:
    """Show a provider."""
    provider = await store.get(call.db, provider_id)
    return answer(call, ProviderView.of(provider), provider.updated_at)


@routes.put(ONE, rule=policy.PROVIDERS_UPDATE, since="1.37")
async def update_provider(call: Call, provider_id: str, body: ProviderUpdate) -> Answer:
    """Rename a provider, or move it in, out of or between trees."""
    return await _update(call, provider_id, body, may_move=True)


@routes.put(ONE, rule=policy.PROVIDERS_UPDATE, until="1.36")
async def update_provider_once(call: Call, provider_id: str, body: ProviderUpdate) -> Answer:
    """Rename a provider; before 1.37 a parent could be given only to one that had none."""
    return await _update(call, provider_id, body, may_move=False)


@routes.delete(ONE, rule=policy.PROVIDERS_DELETE)
async def delete_provider(call: Call, provider_id: str) -> None:
    """Delete a provider that nobody uses."""
    async with call.db.tx() as tx:
        await store.delete(tx, provider_id)


async def _create(call: Call, body: ProviderCreate) -> Provider:
    provider_id = dashed(body.uuid) if body.uuid else call.world.new_id()
    parent_id = dashed(body.parent_provider_uuid) if body.parent_provider_uuid is not None else None
    async with call.db.tx() as tx:
        return await store.create(tx, call.world, provider_id, body.name, parent_id)


async def _update(call: Call, provider_id: str, body: ProviderUpdate, *, may_move: bool) -> Answer:
    async with call.db.tx() as tx:
        provider = await store.get(tx, provider_id)
        if body.parent_provider_uuid is not UNSET:
            given = body.parent_provider_uuid
            parent_id = dashed(given) if isinstance(given, str) else None
            if not may_move and provider.parent_id is not None and parent_id != provider.parent_id:
                word = "un-parenting" if parent_id is None else "re-parenting"
                raise Invalid(
                    f"Unable to save resource provider {provider_id}: Object action update failed because: "
                    f"{word} a provider is not currently allowed."
                )
            await store.move(tx, provider, parent_id)
        await store.rename(tx, call.world, provider, body.name)
        provider = await store.get(tx, provider_id)
    return answer(call, ProviderView.of(provider), provider.updated_at)


async def _select(call: Call, query: ProviderQuery) -> Select:
    select = Select()
    if query.name is not None:
        select.where("name = ?", query.name)
    if query.uuid is not None:
        select.where("id = ?", dashed(query.uuid))
    if query.in_tree is not None:
        select.where("root_id = (SELECT root_id FROM resource_providers WHERE id = ?)", dashed(query.in_tree))
    await _select_traits(call, query, select)
    _select_aggregates(query, select)
    if query.resources is not None:
        await select_room(call, select, resources_of(query.resources))
    return select


async def _select_traits(call: Call, query: ProviderQuery, select: Select) -> None:
    traits = traits_of(query.required)
    try:
        await names.check_traits(call.db, traits.names)
    except Invalid as unknown:
        raise Invalid(f'Invalid trait(s) in "required" parameter: {unknown}') from None
    inner = "id {} (SELECT provider_id FROM resource_provider_traits WHERE trait IN ({}))"
    for any_of in traits.required:
        select.where(inner.format("IN", ", ".join("?" * len(any_of))), *any_of)
    if traits.forbidden:
        select.where(inner.format("NOT IN", ", ".join("?" * len(traits.forbidden))), *traits.forbidden)


def _select_aggregates(query: ProviderQuery, select: Select) -> None:
    aggregates = aggregates_of(query.member_of)
    inner = "id {} (SELECT provider_id FROM resource_provider_aggregates WHERE aggregate IN ({}))"
    for any_of in aggregates.required:
        select.where(inner.format("IN", ", ".join("?" * len(any_of))), *any_of)
    if aggregates.forbidden:
        select.where(inner.format("NOT IN", ", ".join("?" * len(aggregates.forbidden))), *aggregates.forbidden)


async def select_room(call: Call, select: Select, wanted: dict[str, int]) -> None:
    """Demand that a provider has room for every amount by itself."""
    await names.check_classes(call.db, wanted)
    for resource_class, amount in wanted.items():
        select.where(
            "id IN (SELECT provider_id FROM resource_inventories WHERE resource_class = ? AND used + ? <= capacity "
            "AND min_unit <= ? AND max_unit >= ? AND ? % step_size = 0)",
            resource_class,
            *(amount,) * 4,
        )


versions.request_before("1.14", create_provider_silently, update_provider_once)(refuse_fields("parent_provider_uuid"))
versions.query_before("1.39", list_providers)(older.last_required_alone)
versions.query_before("1.32", list_providers)(older.refuse_forbidden_aggregates)
versions.query_before("1.24", list_providers)(older.refuse_repeated_aggregates)
versions.query_before("1.22", list_providers)(older.refuse_forbidden_traits)
versions.query_before("1.18", list_providers)(older.refuse_argument("required"))
versions.query_before("1.14", list_providers)(older.refuse_argument("in_tree"))
versions.query_before("1.4", list_providers)(older.refuse_argument("resources"))
versions.query_before("1.3", list_providers)(older.refuse_argument("member_of"))

VIEWS = (list_providers, create_provider, show_provider, update_provider, update_provider_once)
versions.answer_before("1.14", *VIEWS)(older.without_tree)
versions.answer_before("1.11", *VIEWS)(older.without_link("allocations"))
versions.answer_before("1.6", *VIEWS)(older.without_link("traits"))
versions.answer_before("1.1", *VIEWS)(older.without_link("aggregates"))
