"""Who may do what with trusts."""

from __future__ import annotations

from welkin.core.policy import Rule

READ = "role:admin or (role:reader and system_scope:all)"
TRUSTOR = "user_id:%(target.trust.trustor_user_id)s"
TRUSTEE = "user_id:%(target.trust.trustee_user_id)s"
EITHER = f"{READ} or {TRUSTOR} or {TRUSTEE}"

CREATE = Rule("identity:create_trust", TRUSTOR, "Create a trust.")
LIST = Rule("identity:list_trusts", READ, "List trusts.")
LIST_FOR_TRUSTOR = Rule("identity:list_trusts_for_trustor", f"{READ} or {TRUSTOR}", "List what a user lends.")
LIST_FOR_TRUSTEE = Rule("identity:list_trusts_for_trustee", f"{READ} or {TRUSTEE}", "List what a user is lent.")
GET = Rule("identity:get_trust", EITHER, "Show a trust.")
DELETE = Rule("identity:delete_trust", f"role:admin or {TRUSTOR}", "Delete a trust.")
LIST_ROLES = Rule("identity:list_roles_for_trust", EITHER, "List the roles of a trust.")
GET_ROLE = Rule("identity:get_role_for_trust", EITHER, "Show a role of a trust.")
