"""Who may do what with limits."""

from __future__ import annotations

from welkin.core.policy import EVERYBODY, Rule

MODEL = Rule("identity:get_limit_model", EVERYBODY, "Show how limits are enforced.")
GET = Rule(
    "identity:get_limit",
    "role:admin or (role:reader and system_scope:all) "
    "or domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s "
    "or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)",
    "Show a limit.",
)
LIST = Rule("identity:list_limits", EVERYBODY, "List the limits that concern the caller.")
CREATE = Rule("identity:create_limits", "role:admin", "Create limits.")
UPDATE = Rule("identity:update_limit", "role:admin", "Change a limit.")
DELETE = Rule("identity:delete_limit", "role:admin", "Delete a limit.")

GET_REGISTERED = Rule("identity:get_registered_limit", EVERYBODY, "Show a registered limit.")
LIST_REGISTERED = Rule("identity:list_registered_limits", EVERYBODY, "List registered limits.")
CREATE_REGISTERED = Rule("identity:create_registered_limits", "role:admin", "Register limits.")
UPDATE_REGISTERED = Rule("identity:update_registered_limit", "role:admin", "Change a registered limit.")
DELETE_REGISTERED = Rule("identity:delete_registered_limit", "role:admin", "Delete a registered limit.")
