"""What a token means now: looked up in the database, where somebody may have changed it since."""

from __future__ import annotations

from typing import Any

import msgspec

from welkin.core.db import Reads
from welkin.core.policy import AccessRule, Actor
from welkin.services.identity.application_credentials import rows as application_credentials
from welkin.services.identity.application_credentials.rows import ApplicationCredentialRow
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.roles.rows import Book, RoleRow
from welkin.services.identity.tokens.claims import Claims
from welkin.services.identity.trusts import rows as trusts
from welkin.services.identity.trusts.rows import TrustRow
from welkin.services.identity.users import rows as users
from welkin.services.identity.users.rows import UserRow


class Person(msgspec.Struct, frozen=True):
    """A user who may act, with their domain."""

    row: UserRow
    domain: ProjectRow
    password_expires_at: float | None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """A token's meaning."""

    claims: Claims
    user: Person
    actor: Actor
    roles: list[RoleRow] = []
    project: ProjectRow | None = None
    domain: ProjectRow | None = None
    """The project's domain, or the one that the token is scoped to."""
    application_credential: ApplicationCredentialRow | None = None
    access_rules: list[application_credentials.AccessRuleRow] | None = None
    trust: TrustRow | None = None


REVOKED = """
    SELECT 1 FROM identity_revocations WHERE issued_before >= $1
    AND (audit_id IS NULL OR audit_id = $2) AND (audit_chain_id IS NULL OR audit_chain_id = $3)
    AND (user_id IS NULL OR user_id = $4) AND (project_id IS NULL OR project_id = $5)
    AND (domain_id IS NULL OR domain_id = $6) AND (trust_id IS NULL OR trust_id = $7)
    AND (application_credential_id IS NULL OR application_credential_id = $8) LIMIT 1
"""


async def revoked(reads: Reads, claims: Claims) -> bool:
    """Return whether somebody revoked the token, alone or with others."""
    project_id = claims.scope_id if claims.scope == "project" else ""
    domain_id = claims.scope_id if claims.scope == "domain" else ""
    found = await reads.value(
        REVOKED,
        claims.issued_at,
        claims.audit_ids[0],
        claims.audit_ids[-1],
        claims.user_id,
        project_id,
        domain_id,
        claims.trust_id or "",
        claims.application_credential_id or "",
    )
    return found is not None


async def person(reads: Reads, user_id: str) -> Person | None:
    """Return a user who is enabled, in an enabled domain, or None."""
    row = await users.find(reads, user_id)
    if row is None or not row.enabled:
        return None
    domain = await projects.find_domain(reads, row.domain_id)
    if domain is None or not domain.enabled:
        return None
    password = await users.password(reads, user_id)
    return Person(row, domain, password.expires_at if password is not None else None)


async def resolve(reads: Reads, book: Book, claims: Claims) -> Context | None:
    """Return what a token means, or None when it means nothing any more."""
    user = await person(reads, claims.user_id)
    if user is None:
        return None
    parts: dict[str, Any] | None
    if claims.trust_id is not None:
        parts = await _by_trust(reads, book, claims)
    elif claims.application_credential_id is not None:
        parts = await _by_application_credential(reads, book, claims)
    else:
        parts = await _by_assignments(reads, book, claims)
    if parts is None:
        return None
    user = parts.pop("user", user)
    return Context(claims=claims, user=user, actor=_actor(claims, user, parts), **parts)


async def _by_assignments(reads: Reads, book: Book, claims: Claims) -> dict[str, Any] | None:
    if claims.scope == "unscoped":
        return {}
    parts: dict[str, Any] = {}
    if claims.scope == "system":
        role_ids = await assignments.on_target(reads, claims.user_id, "system", assignments.SYSTEM)
    elif claims.scope == "domain":
        domain = await projects.find_domain(reads, claims.scope_id)
        if domain is None or not domain.enabled:
            return None
        parts["domain"] = domain
        role_ids = await assignments.on_target(reads, claims.user_id, "domain", domain.id)
    else:
        found = await _place(reads, claims.scope_id)
        if found is None:
            return None
        parts |= found
        role_ids = await assignments.on_project(reads, claims.user_id, parts["project"])
    roles = book.effective(role_ids)
    return {**parts, "roles": roles} if roles else None


async def _place(reads: Reads, project_id: str | None) -> dict[str, ProjectRow] | None:
    """Return an enabled project, and its enabled domain."""
    project = await projects.find(reads, project_id)
    if project is None or not project.enabled:
        return None
    domain = await projects.find_domain(reads, project.domain_id or project.id)
    if domain is None or not domain.enabled:
        return None
    return {"project": project, "domain": domain}


async def _by_application_credential(reads: Reads, book: Book, claims: Claims) -> dict[str, Any] | None:
    row = await application_credentials.find(reads, claims.application_credential_id)
    if row is None or row.user_id != claims.user_id:
        return None
    parts: dict[str, Any] = {"application_credential": row}
    if row.rule_ids is not None:
        parts["access_rules"] = await application_credentials.rules(reads, row.rule_ids)
    if claims.scope == "unscoped":
        return parts
    found = await _place(reads, row.project_id)
    if found is None or claims.scope_id != row.project_id:
        return None
    now = {role.id for role in book.effective(await assignments.on_project(reads, row.user_id, found["project"]))}
    roles = [role for role in book.effective(row.role_ids) if role.id in now]
    return {**parts, **found, "roles": roles} if roles else None


async def _by_trust(reads: Reads, book: Book, claims: Claims) -> dict[str, Any] | None:
    trust = await trusts.find(reads, claims.trust_id)
    if trust is None or trust.trustee_user_id != claims.user_id:
        return None
    if trust.expires_at is not None and trust.expires_at <= claims.issued_at:
        return None
    trustor = await person(reads, trust.trustor_user_id)
    found = await _place(reads, trust.project_id)
    if trustor is None or found is None:
        return None
    origin = await trusts.original_trustor(reads, trust)
    now = {role.id for role in book.effective(await assignments.on_project(reads, origin, found["project"]))}
    roles = book.effective(trust.role_ids)
    if not roles or any(role.id not in now for role in roles):
        return None
    parts: dict[str, Any] = {**found, "roles": roles, "trust": trust}
    if trust.impersonation:
        parts["user"] = trustor
    return parts


def _actor(claims: Claims, user: Person, parts: dict[str, Any]) -> Actor:
    project: ProjectRow | None = parts.get("project")
    domain: ProjectRow | None = parts.get("domain")
    roles = frozenset(role.name.lower() for role in parts.get("roles", ()))
    rules = parts.get("access_rules")
    return Actor(
        user_id=user.row.id,
        user_name=user.row.name,
        user_domain_id=user.row.domain_id,
        project_id=project.id if project is not None else None,
        project_name=project.name if project is not None else None,
        project_domain_id=domain.id if project is not None and domain is not None else None,
        domain_id=domain.id if project is None and domain is not None else None,
        system=claims.scope == "system",
        roles=roles,
        is_admin="admin" in roles,
        access_rules=None if rules is None else tuple(AccessRule(r.service, r.method, r.path) for r in rules),
    )
