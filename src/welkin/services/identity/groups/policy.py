"""Who may do what with groups."""

from __future__ import annotations

from welkin.core.policy import Rule

SYSTEM_READER = "(role:reader and system_scope:all)"
OF_GROUP = "domain_id:%(target.group.domain_id)s"
OF_BOTH = f"{OF_GROUP} and domain_id:%(target.user.domain_id)s"
READ = f"role:admin or {SYSTEM_READER} or (role:reader and {OF_GROUP})"
WRITE = f"role:admin or (role:manager and {OF_GROUP})"
WRITE_MEMBERS = f"role:admin or (role:manager and {OF_BOTH})"

GET = Rule("identity:get_group", READ, "Show a group.")
LIST = Rule("identity:list_groups", READ, "List groups.")
CREATE = Rule("identity:create_group", WRITE, "Create a group.")
UPDATE = Rule("identity:update_group", WRITE, "Change a group.")
DELETE = Rule("identity:delete_group", WRITE, "Delete a group.")
LIST_USERS = Rule("identity:list_users_in_group", READ, "List the users in a group.")
CHECK_USER = Rule(
    "identity:check_user_in_group",
    f"role:admin or {SYSTEM_READER} or (role:reader and {OF_BOTH})",
    "Say whether a user is in a group.",
)
ADD_USER = Rule("identity:add_user_to_group", WRITE_MEMBERS, "Add a user to a group.")
REMOVE_USER = Rule("identity:remove_user_from_group", WRITE_MEMBERS, "Remove a user from a group.")
