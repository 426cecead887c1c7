"""Tags of projects over HTTP."""

from __future__ import annotations

import msgspec

from welkin.core import tags
from welkin.core.answers import Answer
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.identity import discovery
from welkin.services.identity.changes import changed
from welkin.services.identity.projects import policy
from welkin.services.identity.projects.api import load
from welkin.services.identity.projects.rows import TAGGED
from welkin.services.identity.projects.shapes import TAGS_MAX, Tag, TagsBody
from welkin.services.identity.wire import View, link

routes = Routes(discovery.service)


@routes.get("/v3/projects/{project_id}/tags", rule=policy.LIST_TAGS, late=True)
async def list_tags(call: Call, project_id: str) -> View:
    """List a project's tags."""
    row = await load(call, project_id, policy.LIST_TAGS)
    return {"tags": await tags.get(call.db, TAGGED, row.id), "links": link(call, "projects", row.id, "tags")}


@routes.put("/v3/projects/{project_id}/tags", rule=policy.UPDATE_TAGS, late=True)
async def replace_tags(call: Call, project_id: str, body: TagsBody) -> View:
    """Make these the project's tags."""
    row = await load(call, project_id, policy.UPDATE_TAGS)
    if len(set(body.tags)) != len(body.tags):
        raise Invalid("The tags have to be unique.")
    async with call.db.tx() as tx:
        await tags.put(tx, TAGGED, row.id, body.tags)
        await changed(call, tx, "project", row.id)
    return {"tags": body.tags, "links": link(call, "projects", row.id, "tags")}


@routes.delete("/v3/projects/{project_id}/tags", rule=policy.DELETE_TAGS, late=True)
async def delete_tags(call: Call, project_id: str) -> None:
    """Remove all tags of a project."""
    row = await load(call, project_id, policy.DELETE_TAGS)
    async with call.db.tx() as tx:
        await tags.clear(tx, TAGGED, row.id)
        await changed(call, tx, "project", row.id)


@routes.get("/v3/projects/{project_id}/tags/{tag}", rule=policy.GET_TAG, late=True, status=204)
async def check_tag(call: Call, project_id: str, tag: str) -> None:
    """Say whether a project has a tag."""
    row = await load(call, project_id, policy.GET_TAG)
    if tag not in await tags.get(call.db, TAGGED, row.id):
        raise NotFound(f"Could not find project tag: {tag}.")


@routes.put("/v3/projects/{project_id}/tags/{tag}", rule=policy.CREATE_TAG, late=True)
async def add_tag(call: Call, project_id: str, tag: str) -> Answer:
    """Add a tag to a project."""
    row = await load(call, project_id, policy.CREATE_TAG)
    try:
        msgspec.convert(tag, Tag)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error
    async with call.db.tx() as tx:
        await tags.add(tx, TAGGED, row.id, tag)
        if len(await tags.get(tx, TAGGED, row.id)) > TAGS_MAX:
            raise Invalid(f"A project has at most {TAGS_MAX} tags.")
        await changed(call, tx, "project", row.id)
    return Answer(status=201, headers={"Location": link(call, "projects", row.id, "tags", tag)["self"]})


@routes.delete("/v3/projects/{project_id}/tags/{tag}", rule=policy.DELETE_TAG, late=True)
async def delete_tag(call: Call, project_id: str, tag: str) -> None:
    """Remove a tag from a project."""
    row = await load(call, project_id, policy.DELETE_TAG)
    async with call.db.tx() as tx:
        if not await tags.remove(tx, TAGGED, row.id, tag):
            raise NotFound(f"Could not find project tag: {tag}.")
        await changed(call, tx, "project", row.id)
