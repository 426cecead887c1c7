"""Projects over HTTP, with their hierarchy."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core import tags
from welkin.core.db import Reads, Transaction, UniqueViolation
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select, tagged
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.changes import changed
from welkin.services.identity.errors import Duplicate, Immutable, NoSuch, NotAllowed
from welkin.services.identity.limits import views as limits
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.projects import policy, rows, views
from welkin.services.identity.projects.removal import check_mutable, remove_domain
from welkin.services.identity.projects.rows import DEFAULT_DOMAIN_ID, TAGGED, ProjectRow
from welkin.services.identity.projects.shapes import ProjectBody, ProjectCreate, ProjectUpdate, merged
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.wire import (
    View,
    about,
    asked,
    changes,
    collection,
    flag,
    page,
    take,
    text_filters,
)

routes = Routes(discovery.service)

PROJECTS: Listing[ProjectRow] = Listing(
    table="identity_projects",
    row=ProjectRow,
    filters=text_filters("name", "domain_id", "parent_id")
    | {
        "enabled": flag("enabled"),
        "is_domain": flag("is_domain"),
        "tags": tagged(TAGGED, "identity_projects.id"),
        "tags-any": tagged(TAGGED, "identity_projects.id", every=False),
        "not-tags": tagged(TAGGED, "identity_projects.id", negative=True),
        "not-tags-any": tagged(TAGGED, "identity_projects.id", every=False, negative=True),
    },
    sorts={"id": "id", "name": "name"},
)


@routes.get("/v3/projects", rule=policy.LIST, late=True)
async def list_projects(call: Call) -> View:
    """List projects; domains only when `is_domain` asks for them."""
    domain_id = call.actor.domain_id
    call.enforce(policy.LIST, **({} if domain_id is None else {"target.domain_id": domain_id}))
    select = Select()
    if "is_domain" not in call.args:
        select.where("NOT is_domain")
    if domain_id is not None:
        select.where("domain_id = ?", domain_id)
    found = await page(call, PROJECTS, select, "project")
    return collection(call, "projects", await views.projects(call, found.rows), truncated=found.more)


@routes.post("/v3/projects", rule=policy.CREATE, late=True)
async def create_project(call: Call, body: ProjectBody) -> View:
    """Create a project, or a domain."""
    call.enforce(policy.CREATE, **about("project", body.project))
    asked_for, extra = take(ProjectCreate, body.project)
    async with call.db.tx() as tx:
        domain_id, parent_id = await _place(call, tx, asked_for)
        row = ProjectRow(
            id=call.world.new_hex(),
            name=asked_for.name.strip(),
            domain_id=domain_id,
            parent_id=parent_id,
            is_domain=asked_for.is_domain,
            description=asked_for.description or "",
            enabled=asked_for.enabled,
            options=merged({}, asked_for.options),
            extra=extra,
        )
        await insert(call, tx, row, asked_for.tags)
    return {"project": await views.project(call, row)}


@routes.get("/v3/projects/{project_id}", rule=policy.GET, late=True)
async def show_project(call: Call, project_id: str) -> View:
    """Show a project; with its parents or what is below it, as lists or as ids, when the query asks for them."""
    row = await load(call, project_id, policy.GET)
    view = await views.project(call, row)
    for kind in ("parents", "subtree"):
        as_list, as_ids = asked(call, f"{kind}_as_list"), asked(call, f"{kind}_as_ids")
        if as_list and as_ids:
            raise Invalid(f"Cannot use {kind}_as_list and {kind}_as_ids query params at the same time.")
        related = rows.parents(call.db, row) if kind == "parents" else rows.subtree(call.db, row.id)
        found = await related
        if as_list:
            view[kind] = await _only_mine(call, found)
        elif as_ids:
            view[kind] = _parent_ids(row, found) if kind == "parents" else _subtree_ids(row.id, found)
    return {"project": view}


@routes.patch("/v3/projects/{project_id}", rule=policy.UPDATE, late=True)
async def update_project(call: Call, project_id: str, body: ProjectBody) -> View:
    """Change a project."""
    row = await load(call, project_id, policy.UPDATE)
    wanted, extra = take(ProjectUpdate, body.project)
    if body.project.get("id", row.id) != row.id:
        raise Invalid("Cannot change project ID")
    async with call.db.tx() as tx:
        row = await update(call, tx, row, wanted, extra)
    return {"project": await views.project(call, row)}


@routes.delete("/v3/projects/{project_id}", rule=policy.DELETE, late=True)
async def delete_project(call: Call, project_id: str) -> None:
    """Delete a project that nothing is below of, or a disabled domain with all that is in it."""
    row = await load(call, project_id, policy.DELETE)
    if row.is_domain:
        await remove_domain(call, row)
        return
    check_mutable(row)
    async with call.db.tx() as tx:
        if await rows.children(tx, row.id):
            raise NotAllowed(
                f"Cannot delete the project {row.id} since it is not a leaf in the hierarchy; "
                "delete what is below it first."
            )
        await rows.forget(tx, row.id)
        await call.get(Tokens).revoke(tx, project_id=row.id)
        await changed(call, tx, "project", row.id, "deleted")


async def load(call: Call, project_id: str, rule: Rule) -> ProjectRow:
    """Return a project that the caller may use so.  Raises PolicyDenied, NoSuch."""
    row = await rows.find(call.db, project_id)
    facts = None
    if row is not None:
        facts = msgspec.structs.asdict(row) | {"domain_id": row.domain_id or None}
    call.enforce(rule, **about("project", facts))
    if row is None:
        raise NoSuch("project", project_id)
    return row


async def domain_for(call: Call, reads: Reads, domain_id: str | None) -> ProjectRow:
    """Return the domain for a new thing: the one named, else the token's, else the default.  Raises NoSuch."""
    return await rows.get_domain(reads, domain_id or call.actor.domain_id or DEFAULT_DOMAIN_ID)


async def insert(call: Call, tx: Transaction, row: ProjectRow, its_tags: list[str]) -> None:
    """Store a new project or domain.  Raises Duplicate."""
    try:
        await tx.insert("identity_projects", row)
    except UniqueViolation:
        raise Duplicate("project", f"the name {row.name} is already used in its domain") from None
    await tags.put(tx, TAGGED, row.id, its_tags)
    await changed(call, tx, "domain" if row.is_domain else "project", row.id, "created")


async def update(
    call: Call, tx: Transaction, row: ProjectRow, wanted: msgspec.Struct, extra: dict[str, Any]
) -> ProjectRow:
    """Store changes of a project or a domain and return it.  Raises Duplicate, Immutable, Invalid, NotAllowed."""
    given = changes(wanted)
    new_tags = given.pop("tags", None)
    if "options" in given:
        given["options"] = merged(row.options, given["options"])
    if row.options.get("immutable") and given.get("options", row.options).get("immutable"):
        raise Immutable("domain" if row.is_domain else "project", row.id)
    given = {name: value for name, value in given.items() if value is not None or name == "description"}
    if "description" in given:
        given["description"] = given["description"] or ""
    if "name" in given:
        given["name"] = given["name"].strip()
    await _check_changes(tx, row, given)
    fresh = msgspec.structs.replace(row, **given, extra=row.extra | extra)
    try:
        await tx.update("identity_projects", {"id": row.id}, msgspec.structs.asdict(fresh))
    except UniqueViolation:
        raise Duplicate("project", f"the name {fresh.name} is already used in its domain") from None
    if new_tags is not None:
        await tags.put(tx, TAGGED, row.id, new_tags)
    if row.enabled and not fresh.enabled:
        await call.get(Tokens).revoke(tx, **{"domain_id" if row.is_domain else "project_id": row.id})
    await changed(call, tx, "domain" if row.is_domain else "project", row.id)
    return fresh


async def _place(call: Call, tx: Transaction, wanted: ProjectCreate) -> tuple[str, str | None]:
    """Return the domain and the parent of a new project.  Raises Invalid, NotAllowed."""
    if wanted.is_domain:
        if wanted.parent_id or wanted.domain_id:
            raise Invalid("only root projects are allowed to act as domains.")
        return "", None
    try:
        parent = await rows.get(tx, wanted.parent_id) if wanted.parent_id else None
        above = None if parent is None else parent.domain_id or parent.id
        domain = await domain_for(call, tx, wanted.domain_id or above)
    except NoSuch as error:
        raise Invalid(str(error)) from error
    if above not in (None, domain.id):
        raise Invalid(f"The parent is in the domain {above}, so the project cannot be in the domain {domain.id}.")
    chain = [domain]
    if parent is not None and not parent.is_domain:
        chain += [parent, *await rows.parents(tx, parent)]
    for row in chain:
        if not row.enabled:
            raise Invalid(f"cannot create a project in a branch containing a disabled project: {row.id}")
    if len(chain) > call.get(IdentityOptions).project_depth_max:
        raise NotAllowed(f"Max hierarchy depth reached for {wanted.parent_id} branch.")
    return domain.id, parent.id if parent is not None else domain.id


async def _check_changes(tx: Transaction, row: ProjectRow, given: dict[str, Any]) -> None:
    """Raise Invalid or NotAllowed for what cannot be changed."""
    if given.pop("domain_id", row.domain_id) != row.domain_id:
        raise Invalid("Cannot change Domain ID")
    if given.pop("parent_id", row.parent_id) != row.parent_id:
        raise NotAllowed("Update of `parent_id` is not allowed.")
    if given.pop("is_domain", row.is_domain) != row.is_domain:
        raise Invalid("Update of `is_domain` is not allowed.")
    enabled = given.get("enabled", row.enabled)
    if row.is_domain or enabled == row.enabled:
        return
    if enabled and not all(above.enabled for above in await rows.parents(tx, row)):
        raise NotAllowed(f"Cannot enable project {row.id} since it has disabled parents")
    if not enabled and any(below.enabled for below in await rows.subtree(tx, row.id)):
        raise NotAllowed(f"Cannot disable project {row.id} since its subtree contains enabled projects.")


async def _only_mine(call: Call, found: list[ProjectRow]) -> list[View]:
    """Return those projects on which the caller has a role, each as a body of its own."""
    mine = {row.id for row in await assignments.projects_of(call.db, call.actor.user_id)}
    shown = await views.projects(call, [row for row in found if row.id in mine])
    if asked(call, "include_limits"):
        for view in shown:
            view["limits"] = await limits.of_owner(call, str(view["id"]))
    return [{"project": view} for view in shown]


def _parent_ids(row: ProjectRow, parents: list[ProjectRow]) -> View | None:
    """Return `{parent: {grandparent: {domain: None}}}`."""
    ids = [above.id for above in parents] + ([row.domain_id] if row.domain_id else [])
    tree: View | None = None
    for id in reversed(ids):
        tree = {id: tree}
    return tree


def _subtree_ids(root_id: str, below: list[ProjectRow]) -> View | None:
    """Return `{child: {grandchild: None}}`."""
    under: dict[str | None, list[str]] = {}
    for row in below:
        under.setdefault(row.parent_id, []).append(row.id)

    def tree(id: str) -> View | None:
        return {child: tree(child) for child in under[id]} if id in under else None

    return tree(root_id)
