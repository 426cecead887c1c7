"""Tags over HTTP: the same seven calls for every kind of resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from welkin.core import tags
from welkin.core.db import Reads, Transaction
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.services.network.collection import Collection, View, bump, find
from welkin.services.network.errors import BadRequest, InvalidInput, TagNotFound
from welkin.services.network.floating_ips.views import FLOATING_IPS
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.policy import PROJECT_MEMBER, PROJECT_READER, SHARED, any_of
from welkin.services.network.ports.views import PORTS
from welkin.services.network.routers.views import ROUTERS
from welkin.services.network.security_groups.views import ADDRESS_GROUPS, RULES, SECURITY_GROUPS
from welkin.services.network.service import service
from welkin.services.network.subnet_pools.views import SUBNET_POOLS
from welkin.services.network.subnets.views import SUBNETS

TAGS_MAX = 50
TAG_LENGTH_MAX = 255
TAGGED: Mapping[str, Collection[Any]] = {
    each.plural: each
    for each in (
        NETWORKS,
        SUBNETS,
        PORTS,
        ROUTERS,
        FLOATING_IPS,
        SECURITY_GROUPS,
        RULES,
        SUBNET_POOLS,
        ADDRESS_GROUPS,
    )
}


class TagRules(msgspec.Struct, frozen=True):
    """Who may do what with the tags of one kind of resource."""

    get: Rule
    create: Rule
    update: Rule
    delete: Rule


def rules_for(plural: str) -> TagRules:
    """Return the rules of one kind of resource."""
    reader = any_of(PROJECT_READER, SHARED)
    return TagRules(
        Rule(f"get_{plural}_tags", reader, f"Read the tags of {plural}."),
        Rule(f"create_{plural}_tags", PROJECT_MEMBER, f"Add tags to {plural}."),
        Rule(f"update_{plural}_tags", PROJECT_MEMBER, f"Change the tags of {plural}."),
        Rule(f"delete_{plural}_tags", PROJECT_MEMBER, f"Remove tags from {plural}."),
    )


RULES_OF: Mapping[str, TagRules] = {plural: rules_for(plural) for plural in TAGGED}
GET = Rule("get_tags", PROJECT_READER, "Read the tags of a resource; decided by the rule of its kind.")
WRITE = Rule("update_tags", PROJECT_MEMBER, "Change the tags of a resource; decided by the rule of its kind.")

routes = Routes(service)


class TagsBody(msgspec.Struct, forbid_unknown_fields=True):
    """All the tags that a resource shall have, or more of them."""

    tags: list[Annotated[str, Meta(min_length=1, max_length=TAG_LENGTH_MAX)]]


async def _resource(call: Call, reads: Reads, plural: str, id: str, action: str) -> tuple[Collection[Any], Any]:
    """Return the collection and the row that a path names; enforce that the caller may."""
    known = TAGGED.get(plural.replace("-", "_"))
    if known is None:
        raise BadRequest("tags", f"{plural} cannot be tagged")
    row = await find(call, reads, known, id)
    rule = getattr(RULES_OF[known.plural], action)
    shared = action == "get"  # whoever finds something that is not theirs, may read it
    call.enforce(rule, project_id=row.project_id, shared=shared)
    return known, row


async def _changed(call: Call, tx: Transaction, collection: Collection[Any], row: Any) -> None:
    await bump(tx, collection.listing.table, row.id, call.world.now())


@routes.get("/v2.0/{resource_type}/{resource_id}/tags", rule=GET, late=True)
async def list_tags(call: Call, resource_type: str, resource_id: str) -> View:
    """List the tags of a resource."""
    collection, row = await _resource(call, call.db, resource_type, resource_id, "get")
    return {"tags": await tags.get(call.db, collection.tag_kind, row.id)}


@routes.get("/v2.0/{resource_type}/{resource_id}/tags/{tag}", rule=GET, late=True, status=204)
async def confirm_tag(call: Call, resource_type: str, resource_id: str, tag: str) -> None:
    """Say whether a resource has a tag: 204 or 404."""
    collection, row = await _resource(call, call.db, resource_type, resource_id, "get")
    if tag not in await tags.get(call.db, collection.tag_kind, row.id):
        raise TagNotFound(tag)


@routes.post("/v2.0/{resource_type}/{resource_id}/tags", rule=WRITE, late=True, status=200)
async def add_tags(call: Call, resource_type: str, resource_id: str, body: TagsBody) -> View:
    """Add tags to those that a resource has."""
    async with call.db.tx() as tx:
        collection, row = await _resource(call, tx, resource_type, resource_id, "create")
        merged = {*await tags.get(tx, collection.tag_kind, row.id), *checked(body.tags)}
        return await _put(call, tx, collection, row, sorted(merged))


@routes.put("/v2.0/{resource_type}/{resource_id}/tags", rule=WRITE, late=True)
async def replace_tags(call: Call, resource_type: str, resource_id: str, body: TagsBody) -> View:
    """Replace all tags of a resource."""
    async with call.db.tx() as tx:
        collection, row = await _resource(call, tx, resource_type, resource_id, "update")
        return await _put(call, tx, collection, row, checked(body.tags))


async def _put(call: Call, tx: Transaction, collection: Collection[Any], row: Any, wanted: list[str]) -> View:
    if len(wanted) > TAGS_MAX:
        raise BadRequest(collection.plural, f"The number of tags exceeds the maximum {TAGS_MAX}")
    await tags.put(tx, collection.tag_kind, row.id, wanted)
    await _changed(call, tx, collection, row)
    return {"tags": await tags.get(tx, collection.tag_kind, row.id)}


def checked(wanted: list[str]) -> list[str]:
    """Return tags that are named once each.  Raises InvalidInput."""
    if len(set(wanted)) < len(wanted):
        raise InvalidInput(f"Duplicate items in the list: '{', '.join(wanted)}'")
    return wanted


@routes.put("/v2.0/{resource_type}/{resource_id}/tags/{tag}", rule=WRITE, late=True, status=201)
async def add_tag(call: Call, resource_type: str, resource_id: str, tag: str) -> None:
    """Add a tag to a resource; one that it has is no error."""
    if len(tag) > TAG_LENGTH_MAX:
        raise InvalidInput(f"'{tag}' exceeds maximum length of {TAG_LENGTH_MAX}")
    async with call.db.tx() as tx:
        collection, row = await _resource(call, tx, resource_type, resource_id, "update")
        has = await tags.get(tx, collection.tag_kind, row.id)
        if tag not in has:
            await _put(call, tx, collection, row, [*has, tag])


@routes.delete("/v2.0/{resource_type}/{resource_id}/tags/{tag}", rule=WRITE, late=True)
async def remove_tag(call: Call, resource_type: str, resource_id: str, tag: str) -> None:
    """Remove a tag from a resource."""
    async with call.db.tx() as tx:
        collection, row = await _resource(call, tx, resource_type, resource_id, "delete")
        if not await tags.remove(tx, collection.tag_kind, row.id, tag):
            raise TagNotFound(tag)
        await _changed(call, tx, collection, row)


@routes.delete("/v2.0/{resource_type}/{resource_id}/tags", rule=WRITE, late=True)
async def remove_tags(call: Call, resource_type: str, resource_id: str) -> None:
    """Remove all tags from a resource."""
    async with call.db.tx() as tx:
        collection, row = await _resource(call, tx, resource_type, resource_id, "delete")
        await tags.clear(tx, collection.tag_kind, row.id)
        await _changed(call, tx, collection, row)
