"""Traits and resource classes over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from welkin.core.answers import Answer
from welkin.core.db import Reads
from welkin.core.errors import Conflict, Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.placement import policy, standard
from welkin.services.placement.names import store
from welkin.services.placement.service import answer, location, service

routes = Routes(service)
CLASS = "/resource_classes/{name}"
TRAIT = "/traits/{name}"


class ClassName(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The name of a custom resource class."""

    name: Annotated[str, Meta(pattern="^CUSTOM_[A-Z0-9_]+$", max_length=255)]


class TraitQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which traits to list."""

    name: str | None = None
    associated: str | None = None


@routes.get("/resource_classes", rule=policy.CLASSES_LIST, since="1.2")
async def list_classes(call: Call) -> Answer:
    """List every resource class."""
    custom = await store.custom(call.db, "class")
    found = [*standard.names().resource_classes, *(each.name for each in custom)]
    modified = max((each.created_at for each in custom), default=None)
    return answer(call, {"resource_classes": [_class(name) for name in found]}, modified)


@routes.post("/resource_classes", rule=policy.CLASSES_CREATE, since="1.2")
async def create_class(call: Call, body: ClassName) -> Answer:
    """Create a custom resource class."""
    async with call.db.tx() as tx:
        if not await store.create(tx, call.world, "class", body.name):
            raise Conflict(f"Conflicting resource class already exists: {body.name}")
    return Answer(headers=location(call, f"/resource_classes/{body.name}"))


@routes.get(CLASS, rule=policy.CLASSES_SHOW, since="1.2")
async def show_class(call: Call, name: str) -> Answer:
    """Show a resource class."""
    created_at = await _class_created_at(call.db, name)
    return answer(call, _class(name), created_at or None)


@routes.put(CLASS, rule=policy.CLASSES_UPDATE, since="1.7")
async def ensure_class(call: Call, name: str) -> Answer:
    """Create a custom resource class, or say that it is there."""
    if not standard.is_custom(name):
        raise Invalid(f"JSON does not validate: {name!r} does not match '^CUSTOM_[A-Z0-9_]+$'")
    async with call.db.tx() as tx:
        new = await store.create(tx, call.world, "class", name)
    return Answer(status=201 if new else 204, headers=location(call, f"/resource_classes/{name}"))


@routes.put(CLASS, rule=policy.CLASSES_UPDATE, since="1.2", until="1.6")
async def rename_class(call: Call, name: str, body: ClassName) -> Answer:
    """Rename a custom resource class, as was possible before 1.7."""
    async with call.db.tx() as tx:
        await _class_created_at(tx, name)
        if store.is_standard("class", name):
            raise Invalid(f"Cannot update standard resource class {name}")
        if body.name != name:
            if await store.created_at(tx, "class", body.name) is not None:
                raise Conflict(f"Resource class already exists: {body.name}")
            await tx.update("resource_names", {"kind": "class", "name": name}, {"name": body.name})
            for table in ("resource_inventories", "resource_allocations"):
                await tx.update(table, {"resource_class": name}, {"resource_class": body.name})
    return answer(call, _class(body.name))


@routes.delete(CLASS, rule=policy.CLASSES_DELETE, since="1.2")
async def delete_class(call: Call, name: str) -> None:
    """Delete a custom resource class that no inventory uses."""
    async with call.db.tx() as tx:
        await _class_created_at(tx, name)
        if store.is_standard("class", name):
            raise Invalid(f"Error in delete resource class: Cannot delete standard resource class {name}.")
        if await tx.value("SELECT 1 FROM resource_inventories WHERE resource_class = $1 LIMIT 1", name):
            raise Conflict(
                f"Error in delete resource class: Cannot delete resource class {name}. Class is in use in inventory."
            )
        await tx.delete("resource_names", {"kind": "class", "name": name})


@routes.get("/traits", rule=policy.TRAITS_LIST, since="1.6")
async def list_traits(call: Call, query: TraitQuery) -> Answer:
    """List traits, by name or beginning, and whether a provider has them."""
    custom = await store.custom(call.db, "trait")
    found = [*sorted(standard.names().traits), *(each.name for each in custom)]
    if query.name is not None:
        found = _matching(found, query.name)
    if query.associated is not None:
        wanted = _truth(query.associated)
        used = set(await call.db.values("SELECT DISTINCT trait FROM resource_provider_traits"))
        found = [name for name in found if (name in used) is wanted]
    modified = max((each.created_at for each in custom if each.name in found), default=None)
    return answer(call, {"traits": found}, modified)


@routes.get(TRAIT, rule=policy.TRAITS_SHOW, since="1.6", status=204)
async def show_trait(call: Call, name: str) -> Answer:
    """Say that a trait exists."""
    created_at = await _trait_created_at(call.db, name)
    return answer(call, None, created_at or None)


@routes.put(TRAIT, rule=policy.TRAITS_UPDATE, since="1.6")
async def ensure_trait(call: Call, name: str) -> Answer:
    """Create a custom trait, or say that it is there."""
    if not standard.is_custom(name):
        raise Invalid(
            "The trait is invalid. A valid trait must be no longer than 255 characters, start with the prefix "
            '"CUSTOM_" and use following characters: "A"-"Z", "0"-"9" and "_"'
        )
    async with call.db.tx() as tx:
        new = await store.create(tx, call.world, "trait", name)
        created_at = await store.created_at(tx, "trait", name)
    return answer(call, None, created_at, status=201 if new else 204, headers=location(call, f"/traits/{name}"))


@routes.delete(TRAIT, rule=policy.TRAITS_DELETE, since="1.6")
async def delete_trait(call: Call, name: str) -> None:
    """Delete a custom trait that no provider has."""
    async with call.db.tx() as tx:
        await _trait_created_at(tx, name)
        if store.is_standard("trait", name):
            raise Invalid(f"Cannot delete standard trait {name}.")
        if await tx.value("SELECT 1 FROM resource_provider_traits WHERE trait = $1 LIMIT 1", name):
            raise Conflict(f"The trait {name} is in use by a resource provider.")
        await tx.delete("resource_names", {"kind": "trait", "name": name})


def _class(name: str) -> dict[str, Any]:
    href = f"{service.prefix}/resource_classes/{name}"
    return {"name": name, "links": [{"rel": "self", "href": href}]}


async def _class_created_at(reads: Reads, name: str) -> float:
    found = await store.created_at(reads, "class", name)
    if found is None:
        raise NotFound(f"No such resource class {name}.")
    return found


async def _trait_created_at(reads: Reads, name: str) -> float:
    found = await store.created_at(reads, "trait", name)
    if found is None:
        raise NotFound(f"No such trait(s): {name}.")
    return found


def _matching(names: list[str], expression: str) -> list[str]:
    operator, colon, value = expression.partition(":")
    if not colon:
        raise Invalid(
            "Badly formatted name parameter. Expected name query string parameter in form: "
            f'?name=[in|startswith]:[name1,name2|prefix]. Got: "{expression}"'
        )
    if operator == "in":
        wanted = set(value.split(","))
        return [name for name in names if name in wanted]
    if operator == "startswith":
        return [name for name in names if name.startswith(value)]
    return names


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Invalid('The query parameter "associated" only accepts "true" or "false"')
    return text.lower() == "true"
