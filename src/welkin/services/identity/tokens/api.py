"""Tokens over HTTP: get one, check one, give one back, and see what one is good for."""

from __future__ import annotations

from welkin.core.answers import Answer
from welkin.core.http import Call, Routes
from welkin.core.policy import PUBLIC, Rule
from welkin.services.identity import discovery
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.catalog.document import Catalog
from welkin.services.identity.errors import NoSuch, NotAllowed
from welkin.services.identity.projects import views
from welkin.services.identity.tokens import describe, policy
from welkin.services.identity.tokens.issue import Issuer
from welkin.services.identity.tokens.shapes import TokenCreate
from welkin.services.identity.tokens.verifier import Known, Tokens
from welkin.services.identity.wire import View, asked, collection, link

routes = Routes(discovery.service)


@routes.post("/v3/auth/tokens", rule=PUBLIC)
async def create_token(call: Call, body: TokenCreate) -> Answer:
    """Return a new token in X-Subject-Token, and what it means."""
    token, known = await call.get(Issuer).issue(body.auth)
    return await _answer(call, token, known)


@routes.get("/v3/auth/tokens", rule=policy.VALIDATE, late=True)
async def show_token(call: Call) -> Answer:
    """Return what the token in X-Subject-Token means."""
    token, known = await _subject(call, policy.CHECK if call.method == "HEAD" else policy.VALIDATE)
    return await _answer(call, token, known)


@routes.delete("/v3/auth/tokens", rule=policy.REVOKE, late=True)
async def revoke_token(call: Call) -> None:
    """Make the token in X-Subject-Token worthless."""
    _, known = await _subject(call, policy.REVOKE)
    async with call.db.tx() as tx:
        await call.get(Tokens).revoke(tx, audit_id=known.context.claims.audit_ids[0])


@routes.get("/v3/auth/catalog", rule=policy.CATALOG)
async def show_catalog(call: Call) -> View:
    """Return the catalog of the caller's token."""
    actor = call.actor
    if actor.project_id is None:
        raise NotAllowed("A project-scoped token is required to produce a service catalog.")
    document = await call.get(Catalog).document(call.origin, actor.user_id, actor.project_id)
    return {"catalog": document, "links": link(call, "auth", "catalog")}


@routes.get("/v3/auth/projects", rule=policy.PROJECTS)
async def list_my_projects(call: Call) -> View:
    """List the projects that the caller could have a token for."""
    rows = [row for row in await assignments.projects_of(call.db, call.actor.user_id) if row.enabled]
    return collection(call, "projects", await views.projects(call, rows))


@routes.get("/v3/auth/domains", rule=policy.DOMAINS)
async def list_my_domains(call: Call) -> View:
    """List the domains that the caller could have a token for."""
    rows = [row for row in await assignments.domains_of(call.db, call.actor.user_id) if row.enabled]
    return collection(call, "domains", await views.domains(call, rows))


@routes.get("/v3/auth/system", rule=policy.SYSTEM)
async def list_my_systems(call: Call) -> View:
    """Say whether the caller could have a token for the whole system."""
    found = await assignments.on_target(call.db, call.actor.user_id, "system", assignments.SYSTEM)
    return {"system": [{"all": True}] if found else [], "links": link(call, "auth", "system")}


async def _subject(call: Call, rule: Rule) -> tuple[str, Known]:
    """Return the token that a request is about, if the caller may know of it.  Raises NoSuch."""
    tokens = call.get(Tokens)
    token = call.headers.get(b"x-subject-token", b"").decode("latin-1")
    grace_s = tokens.options.expired_grace_s if asked(call, "allow_expired") else 0.0
    known = await tokens.look_up(token, grace_s) if token else None
    if known is None:
        raise NoSuch("token", token)
    call.enforce(rule, **{"target.token.user_id": known.context.user.row.id})
    return token, known


async def _answer(call: Call, token: str, known: Known) -> Answer:
    body = await describe.body(call, known, with_catalog="nocatalog" not in call.args)
    return Answer(body=body, headers={"X-Subject-Token": token, "Vary": "X-Auth-Token"})
