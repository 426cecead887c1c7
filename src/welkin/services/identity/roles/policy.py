"""Who may do what with roles."""

from __future__ import annotations

from welkin.core.policy import Rule

READ = "role:admin or (role:reader and system_scope:all)"
MANAGED = "('manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s)"
"""The roles that a domain's manager may give and take."""

GET = Rule("identity:get_role", f"{READ} or (role:manager and {MANAGED})", "Show a role.")
LIST = Rule("identity:list_roles", f"{READ} or (role:manager and not domain_id:None)", "List roles.")
CREATE = Rule("identity:create_role", "role:admin", "Create a role.")
UPDATE = Rule("identity:update_role", "role:admin", "Change a role.")
DELETE = Rule("identity:delete_role", "role:admin", "Delete a role.")
GET_OF_DOMAIN = Rule("identity:get_domain_role", READ, "Show a domain's own role.")
LIST_OF_DOMAIN = Rule("identity:list_domain_roles", READ, "List a domain's own roles.")
CREATE_OF_DOMAIN = Rule("identity:create_domain_role", "role:admin", "Create a domain's own role.")
UPDATE_OF_DOMAIN = Rule("identity:update_domain_role", "role:admin", "Change a domain's own role.")
DELETE_OF_DOMAIN = Rule("identity:delete_domain_role", "role:admin", "Delete a domain's own role.")

GET_IMPLIED = Rule("identity:get_implied_role", READ, "Show that a role implies another.")
LIST_IMPLIED = Rule("identity:list_implied_roles", READ, "List what a role implies.")
CREATE_IMPLIED = Rule("identity:create_implied_role", "role:admin", "Make a role imply another.")
DELETE_IMPLIED = Rule("identity:delete_implied_role", "role:admin", "Make a role imply another no more.")
CHECK_IMPLIED = Rule("identity:check_implied_role", READ, "Say whether a role implies another.")
LIST_INFERENCES = Rule("identity:list_role_inference_rules", READ, "List what every role implies.")
