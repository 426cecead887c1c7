"""Who may do what with users."""

from __future__ import annotations

from welkin.core.policy import PUBLIC, Rule

SYSTEM_READER = "(role:reader and system_scope:all)"
WRITE = "role:admin or (role:manager and token.domain.id:%(target.user.domain_id)s)"

GET = Rule(
    "identity:get_user",
    f"role:admin or {SYSTEM_READER} or (role:reader and token.domain.id:%(target.user.domain_id)s) "
    "or user_id:%(target.user.id)s",
    "Show a user.",
)
LIST = Rule(
    "identity:list_users",
    f"role:admin or {SYSTEM_READER} or (role:reader and domain_id:%(target.domain_id)s)",
    "List users.",
)
CREATE = Rule("identity:create_user", WRITE, "Create a user.")
UPDATE = Rule("identity:update_user", WRITE, "Change a user.")
DELETE = Rule("identity:delete_user", WRITE, "Delete a user.")
CHANGE_PASSWORD = PUBLIC
"""Whoever knows the old password may set a new one."""
LIST_PROJECTS = Rule(
    "identity:list_user_projects",
    f"role:admin or {SYSTEM_READER} or (role:reader and domain_id:%(target.user.domain_id)s) "
    "or user_id:%(target.user.id)s",
    "List the projects on which a user has a role.",
)
LIST_GROUPS = Rule(
    "identity:list_groups_for_user",
    f"role:admin or {SYSTEM_READER} or (role:reader and domain_id:%(target.user.domain_id)s) or user_id:%(user_id)s",
    "List the groups that a user is in.",
)
