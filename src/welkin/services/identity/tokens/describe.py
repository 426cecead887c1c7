"""A token's meaning as its holders and the services read it."""

from __future__ import annotations

import msgspec

from welkin.core import times
from welkin.core.http import Call
from welkin.services.identity.catalog.document import Catalog
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.tokens.context import Context, Person
from welkin.services.identity.tokens.verifier import Known

BODIES_MAX = 8
"""How many descriptions of one token are kept: clients choose what they call the host."""
_encode = msgspec.json.Encoder().encode


async def body(call: Call, known: Known, *, with_catalog: bool) -> bytes:
    """Return the JSON that describes a token; made once for each host that clients use."""
    key = (call.origin, with_catalog)
    made = known.bodies.get(key)
    if made is None:
        description = describe(known.context)
        if with_catalog and known.context.claims.scope != "unscoped":
            context = known.context
            project_id = context.project.id if context.project is not None else None
            catalog = await call.get(Catalog).document(call.origin, context.user.row.id, project_id)
            description["catalog"] = catalog
        if len(known.bodies) >= BODIES_MAX:
            known.bodies.clear()
        made = known.bodies[key] = _encode({"token": description})
    return made


def describe(context: Context) -> dict[str, object]:
    """Return a token's description, without the catalog."""
    claims = context.claims
    token: dict[str, object] = {
        "methods": claims.methods,
        "user": _user(context.user),
        "audit_ids": claims.audit_ids,
        "expires_at": times.with_micros_z(claims.expires_at),
        "issued_at": times.with_micros_z(claims.issued_at),
    }
    if claims.scope == "unscoped":
        return token
    token["roles"] = [{"id": role.id, "name": role.name} for role in context.roles]
    if claims.scope == "system":
        token["system"] = {"all": True}
    if context.project is not None:
        project, domain = context.project, context.domain
        token["project"] = {"id": project.id, "name": project.name, "domain": _named(domain)}
        token["is_domain"] = project.is_domain
    elif context.domain is not None:
        token["domain"] = _named(context.domain)
    if context.trust is not None:
        token["OS-TRUST:trust"] = {
            "id": context.trust.id,
            "trustor_user": {"id": context.trust.trustor_user_id},
            "trustee_user": {"id": context.trust.trustee_user_id},
            "impersonation": context.trust.impersonation,
        }
    if context.application_credential is not None:
        token["application_credential"] = _application_credential(context)
    return token


def _application_credential(context: Context) -> dict[str, object]:
    row = context.application_credential
    assert row is not None
    found: dict[str, object] = {"id": row.id, "name": row.name, "restricted": not row.unrestricted}
    if context.access_rules is not None:
        found["access_rules"] = [
            {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}
            for rule in context.access_rules
        ]
    return found


def _user(person: Person) -> dict[str, object]:
    end = person.password_expires_at
    return {
        "id": person.row.id,
        "name": person.row.name,
        "domain": _named(person.domain),
        "password_expires_at": None if end is None else times.with_micros(end),
    }


def _named(domain: ProjectRow | None) -> dict[str, str]:
    return {} if domain is None else {"id": domain.id, "name": domain.name}
