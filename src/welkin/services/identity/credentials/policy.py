"""Who may do what with credentials."""

from __future__ import annotations

from welkin.core.policy import Rule

OWN = "user_id:%(target.credential.user_id)s"
READ = f"role:admin or (role:reader and system_scope:all) or {OWN}"
WRITE = f"role:admin or {OWN}"
WRITE_EC2 = f"role:admin or (role:member and {OWN})"

GET = Rule("identity:get_credential", READ, "Show a credential.")
LIST = Rule("identity:list_credentials", READ, "List credentials.")
CREATE = Rule("identity:create_credential", WRITE, "Create a credential.")
UPDATE = Rule("identity:update_credential", WRITE, "Change a credential.")
DELETE = Rule("identity:delete_credential", WRITE, "Delete a credential.")

EC2_GET = Rule("identity:ec2_get_credential", READ, "Show an EC2 key.")
EC2_LIST = Rule(
    "identity:ec2_list_credentials",
    "role:admin or (role:reader and system_scope:all) or user_id:%(user_id)s",
    "List a user's EC2 keys.",
)
EC2_CREATE = Rule("identity:ec2_create_credential", WRITE_EC2, "Create an EC2 key.")
EC2_DELETE = Rule("identity:ec2_delete_credential", WRITE_EC2, "Delete an EC2 key.")
