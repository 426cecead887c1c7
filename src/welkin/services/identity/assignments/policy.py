"""Who may give and take roles, and who may see them."""

from __future__ import annotations

from welkin.core.policy import Rule
from welkin.services.identity.roles.policy import MANAGED

SYSTEM_READER = "(role:reader and system_scope:all)"
READ = f"role:admin or {SYSTEM_READER}"
PAIRS = (
    ("user", "project.domain_id"),
    ("user", "domain.id"),
    ("group", "project.domain_id"),
    ("group", "domain.id"),
)


def within_domain(role: str) -> str:
    """Return a check that the caller has `role` on the domain of both the actor and the target."""
    parts = [
        f"(role:{role} and domain_id:%(target.{actor}.domain_id)s and domain_id:%(target.{target})s)"
        for actor, target in PAIRS
    ]
    return f"({' or '.join(parts)})"


OWN_ROLE = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
WRITE = f"role:admin or ({within_domain('admin')} and {OWN_ROLE}) or ({within_domain('manager')} and {MANAGED})"

CHECK = Rule(
    "identity:check_grant",
    f"role:admin or (({SYSTEM_READER} or {within_domain('reader')}) and {OWN_ROLE})",
    "Say whether a role is assigned.",
)
LIST = Rule(
    "identity:list_grants", f"role:admin or {SYSTEM_READER} or {within_domain('reader')}", "List assigned roles."
)
CREATE = Rule("identity:create_grant", WRITE, "Assign a role.")
REVOKE = Rule("identity:revoke_grant", WRITE, "Take an assigned role away.")

SYSTEM = {
    actor: {
        "list": Rule(f"identity:list_system_grants_for_{actor}", READ, f"List a {actor}'s roles on the system."),
        "check": Rule(f"identity:check_system_grant_for_{actor}", READ, f"Check a {actor}'s role on the system."),
        "create": Rule(f"identity:create_system_grant_for_{actor}", "role:admin", f"Give a {actor} a system role."),
        "revoke": Rule(f"identity:revoke_system_grant_for_{actor}", "role:admin", f"Take a {actor}'s system role."),
    }
    for actor in ("user", "group")
}

LIST_ASSIGNMENTS = Rule(
    "identity:list_role_assignments",
    f"role:admin or {SYSTEM_READER} or (role:reader and domain_id:%(target.domain_id)s)",
    "List assignments.",
)
LIST_FOR_TREE = Rule(
    "identity:list_role_assignments_for_tree",
    f"role:admin or {SYSTEM_READER} or (role:reader and domain_id:%(target.domain_id)s)",
    "List assignments on a project and everything below it.",
)
