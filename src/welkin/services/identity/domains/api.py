"""Domains over HTTP."""

from __future__ import annotations

from welkin.core.http import Call, Routes
from welkin.core.listing import Listing, Select
from welkin.core.policy import Rule
from welkin.services.identity import discovery
from welkin.services.identity.errors import NoSuch
from welkin.services.identity.projects import policy, rows, views
from welkin.services.identity.projects.api import insert, update
from welkin.services.identity.projects.removal import remove_domain
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.projects.shapes import DomainBody, DomainCreate, DomainUpdate, merged
from welkin.services.identity.wire import View, about, collection, flag, page, take, text_filters

routes = Routes(discovery.service)

DOMAINS: Listing[ProjectRow] = Listing(
    table="identity_projects",
    row=ProjectRow,
    filters=text_filters("name", "id") | {"enabled": flag("enabled")},
    sorts={"id": "id", "name": "name"},
)


@routes.get("/v3/domains", rule=policy.LIST_DOMAINS, late=True)
async def list_domains(call: Call) -> View:
    """List domains; for somebody who acts in one domain, that one."""
    domain_id = call.actor.domain_id
    call.enforce(policy.LIST_DOMAINS, **({} if domain_id is None else {"target.domain.id": domain_id}))
    select = Select()
    select.where("is_domain")
    if domain_id is not None:
        select.where("id = ?", domain_id)
    found = await page(call, DOMAINS, select, "domain")
    return collection(call, "domains", await views.domains(call, found.rows), truncated=found.more)


@routes.post("/v3/domains", rule=policy.CREATE_DOMAIN)
async def create_domain(call: Call, body: DomainBody) -> View:
    """Create a domain."""
    wanted, extra = take(DomainCreate, body.domain)
    row = ProjectRow(
        id=wanted.explicit_domain_id or call.world.new_hex(),
        name=wanted.name.strip(),
        domain_id="",
        is_domain=True,
        description=wanted.description or "",
        enabled=wanted.enabled,
        options=merged({}, wanted.options),
        extra=extra,
    )
    async with call.db.tx() as tx:
        await insert(call, tx, row, wanted.tags)
    return {"domain": await views.domain(call, row)}


@routes.get("/v3/domains/{domain_id}", rule=policy.GET_DOMAIN, late=True)
async def show_domain(call: Call, domain_id: str) -> View:
    """Show a domain."""
    return {"domain": await views.domain(call, await _load(call, domain_id, policy.GET_DOMAIN))}


@routes.patch("/v3/domains/{domain_id}", rule=policy.UPDATE_DOMAIN, late=True)
async def update_domain(call: Call, domain_id: str, body: DomainBody) -> View:
    """Change a domain."""
    row = await _load(call, domain_id, policy.UPDATE_DOMAIN)
    wanted, extra = take(DomainUpdate, body.domain)
    async with call.db.tx() as tx:
        row = await update(call, tx, row, wanted, extra)
    return {"domain": await views.domain(call, row)}


@routes.delete("/v3/domains/{domain_id}", rule=policy.DELETE_DOMAIN, late=True)
async def delete_domain(call: Call, domain_id: str) -> None:
    """Delete a disabled domain, with every project, user, group and role in it."""
    row = await _load(call, domain_id, policy.DELETE_DOMAIN)
    await remove_domain(call, row)


async def _load(call: Call, domain_id: str, rule: Rule) -> ProjectRow:
    row = await rows.find_domain(call.db, domain_id)
    call.enforce(rule, **about("domain", row))
    if row is None:
        raise NoSuch("domain", domain_id)
    return row
