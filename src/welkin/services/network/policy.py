"""The check strings that the rules of every resource are made of, as neutron's defaults are."""

from __future__ import annotations

from welkin.core.policy import ADMIN, PROJECT_MANAGER, PROJECT_MEMBER, PROJECT_READER, Rule

ADMIN_OR_SERVICE = "role:admin or role:service"
NETWORK_OWNER_MEMBER = "(role:member and project_id:%(network:project_id)s)"
NETWORK_OWNER_READER = "(role:reader and project_id:%(network:project_id)s)"
GROUP_OWNER_MEMBER = "(role:member and project_id:%(security_group:project_id)s)"
PARENT_OWNER_MEMBER = "(role:member and project_id:%(ext_parent:project_id)s)"
PARENT_OWNER_READER = "(role:reader and project_id:%(ext_parent:project_id)s)"
SHARED = "'True':%(shared)s"
READER = "role:reader"

__all__ = [
    "ADMIN",
    "ADMIN_OR_SERVICE",
    "GROUP_OWNER_MEMBER",
    "NETWORK_OWNER_MEMBER",
    "NETWORK_OWNER_READER",
    "PARENT_OWNER_MEMBER",
    "PARENT_OWNER_READER",
    "PROJECT_MANAGER",
    "PROJECT_MEMBER",
    "PROJECT_READER",
    "READER",
    "SHARED",
    "Rule",
    "any_of",
]


def any_of(*checks: str) -> str:
    """Return a check that holds where any of `checks` does."""
    return " or ".join(f"({check})" for check in checks)
