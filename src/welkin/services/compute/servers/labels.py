"""Metadata and tags of servers."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from welkin.core import tags
from welkin.core.answers import Answer
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.compute.fields import Metadata, Tag
from welkin.services.compute.servers import policy, source, states, transitions
from welkin.services.compute.servers.creation import check_metadata
from welkin.services.compute.servers.tables import KIND
from welkin.services.compute.service import service
from welkin.services.compute.values import NoQuery

routes = Routes(service)
META = "/v2.1/servers/{server_id}/metadata"
TAGS = "/v2.1/servers/{server_id}/tags"
TAGS_MAX = 50


class MetadataBody(Struct, forbid_unknown_fields=True):
    """Several items of metadata."""

    metadata: Metadata


class MetaBody(Struct, forbid_unknown_fields=True):
    """One item of metadata."""

    meta: Annotated[Metadata, Meta(min_length=1, max_length=1)]


class TagsBody(Struct, forbid_unknown_fields=True):
    """Every tag of a server."""

    tags: Annotated[list[Tag], Meta(max_length=TAGS_MAX)]


@routes.get(META, rule=policy.METADATA_LIST, late=True)
async def list_metadata(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """List a server's metadata."""
    server = await transitions.visible(call, call.db, server_id, policy.METADATA_LIST)
    return {"metadata": server.metadata}


@routes.post(META, rule=policy.METADATA_CREATE, late=True, status=200)
async def add_metadata(call: Call, server_id: str, body: MetadataBody) -> dict[str, Any]:
    """Add to a server's metadata; items that are there are replaced."""
    return {"metadata": await write_metadata(call, server_id, policy.METADATA_CREATE, body.metadata, keep=True)}


@routes.put(META, rule=policy.METADATA_UPDATE_ALL, late=True)
async def replace_metadata(call: Call, server_id: str, body: MetadataBody) -> dict[str, Any]:
    """Replace a server's metadata."""
    return {"metadata": await write_metadata(call, server_id, policy.METADATA_UPDATE_ALL, body.metadata, keep=False)}


@routes.get(META + "/{key}", rule=policy.METADATA_SHOW, late=True)
async def show_metadata(call: Call, server_id: str, key: str, query: NoQuery) -> dict[str, Any]:
    """Show an item of a server's metadata."""
    server = await transitions.visible(call, call.db, server_id, policy.METADATA_SHOW)
    if key not in server.metadata:
        raise NotFound("Metadata item was not found")
    return {"meta": {key: server.metadata[key]}}


@routes.put(META + "/{key}", rule=policy.METADATA_UPDATE, late=True)
async def put_metadata(call: Call, server_id: str, key: str, body: MetaBody) -> dict[str, Any]:
    """Set an item of a server's metadata."""
    if key not in body.meta:
        await transitions.visible(call, call.db, server_id, policy.METADATA_UPDATE)
        raise Invalid("Request body and URI mismatch")
    await write_metadata(call, server_id, policy.METADATA_UPDATE, body.meta, keep=True)
    return {"meta": body.meta}


@routes.delete(META + "/{key}", rule=policy.METADATA_DELETE, late=True)
async def delete_metadata(call: Call, server_id: str, key: str) -> None:
    """Delete an item of a server's metadata."""
    async with call.db.tx() as tx:
        server = await transitions.visible(call, tx, server_id, policy.METADATA_DELETE)
        if key not in server.metadata:
            raise NotFound("Metadata item was not found")
        transitions.check(call, server, msgspec.structs.replace(states.METADATA, verb="delete metadata"))
        left = {name: value for name, value in server.metadata.items() if name != key}
        await transitions.put(tx, call.world, server, {"metadata": left})
        await source.refresh(tx, server)


async def write_metadata(call: Call, server_id: str, rule: Any, items: dict[str, str], *, keep: bool) -> dict[str, str]:
    """Write a server's metadata and return all of it; `keep` what is not named."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, rule, states.METADATA)
        wanted = {**server.metadata, **items} if keep else items
        await check_metadata(tx, wanted, server.project_id)
        await transitions.put(tx, call.world, server, {"metadata": wanted})
        await source.refresh(tx, server)
    return wanted


@routes.get(TAGS, rule=policy.TAGS_LIST, late=True, since="2.26")
async def list_tags(call: Call, server_id: str) -> dict[str, Any]:
    """List a server's tags."""
    await transitions.visible(call, call.db, server_id, policy.TAGS_LIST)
    return {"tags": await tags.get(call.db, KIND, server_id)}


@routes.put(TAGS, rule=policy.TAGS_UPDATE_ALL, late=True, since="2.26")
async def replace_tags(call: Call, server_id: str, body: TagsBody) -> dict[str, Any]:
    """Replace a server's tags."""
    async with call.db.tx() as tx:
        await transitions.locked(call, tx, server_id, policy.TAGS_UPDATE_ALL, states.TAGS)
        await tags.put(tx, KIND, server_id, body.tags)
        return {"tags": await tags.get(tx, KIND, server_id)}


@routes.delete(TAGS, rule=policy.TAGS_DELETE_ALL, late=True, since="2.26")
async def delete_tags(call: Call, server_id: str) -> None:
    """Remove every tag of a server."""
    async with call.db.tx() as tx:
        operation = msgspec.structs.replace(states.TAGS, verb="delete tags")
        await transitions.locked(call, tx, server_id, policy.TAGS_DELETE_ALL, operation)
        await tags.clear(tx, KIND, server_id)


@routes.get(TAGS + "/{tag}", rule=policy.TAGS_SHOW, late=True, since="2.26", status=204)
async def show_tag(call: Call, server_id: str, tag: str) -> None:
    """Say whether a server has a tag."""
    await transitions.visible(call, call.db, server_id, policy.TAGS_SHOW)
    if tag not in await tags.get(call.db, KIND, server_id):
        raise NotFound(f"Server {server_id} has no tag '{tag}'")


@routes.put(TAGS + "/{tag}", rule=policy.TAGS_UPDATE, late=True, since="2.26")
async def put_tag(call: Call, server_id: str, tag: str) -> Answer:
    """Add a tag to a server."""
    async with call.db.tx() as tx:
        operation = msgspec.structs.replace(states.TAGS, verb="update tag")
        await transitions.locked(call, tx, server_id, policy.TAGS_UPDATE, operation)
        try:
            msgspec.convert(tag, Tag)
        except msgspec.ValidationError as error:
            raise Invalid(
                f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' and ','. "
                f"Validation error message: {error}"
            ) from error
        have = await tags.get(tx, KIND, server_id)
        if tag in have:
            return Answer(status=204)
        if len(have) >= TAGS_MAX:
            raise Invalid(f"The number of tags exceeded the per-server limit {TAGS_MAX}")
        await tags.add(tx, KIND, server_id, tag)
    location = f"{call.base_url}/v2.1/servers/{server_id}/tags/{quote(tag)}"
    return Answer(status=201, headers={"Location": location})


@routes.delete(TAGS + "/{tag}", rule=policy.TAGS_DELETE, late=True, since="2.26")
async def delete_tag(call: Call, server_id: str, tag: str) -> None:
    """Remove a tag from a server."""
    async with call.db.tx() as tx:
        operation = msgspec.structs.replace(states.TAGS, verb="delete tag")
        await transitions.locked(call, tx, server_id, policy.TAGS_DELETE, operation)
        if not await tags.remove(tx, KIND, server_id, tag):
            raise NotFound(f"Server {server_id} has no tag '{tag}'")
