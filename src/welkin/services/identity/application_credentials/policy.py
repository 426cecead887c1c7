"""Who may do what with application credentials and their access rules."""

from __future__ import annotations

from welkin.core.policy import Rule

OWNER = "user_id:%(user_id)s"
OWN = "user_id:%(target.user.id)s"
READ = f"role:admin or (role:reader and system_scope:all) or {OWNER}"

GET = Rule("identity:get_application_credential", READ, "Show an application credential.")
LIST = Rule("identity:list_application_credentials", READ, "List a user's application credentials.")
CREATE = Rule("identity:create_application_credential", OWNER, "Create an application credential for oneself.")
DELETE = Rule("identity:delete_application_credential", f"role:admin or {OWNER}", "Delete an application credential.")

READ_RULES = f"(role:reader and system_scope:all) or {OWN}"
GET_RULE = Rule("identity:get_access_rule", READ_RULES, "Show an access rule.")
LIST_RULES = Rule("identity:list_access_rules", READ_RULES, "List a user's access rules.")
DELETE_RULE = Rule(
    "identity:delete_access_rule", f"(role:admin and system_scope:all) or {OWN}", "Delete an access rule."
)
