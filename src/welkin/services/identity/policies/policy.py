"""Who may do what with policy blobs."""

from __future__ import annotations

from welkin.core.policy import Rule

READ = "role:admin or (role:reader and system_scope:all)"

GET = Rule("identity:get_policy", READ, "Show a policy blob.")
LIST = Rule("identity:list_policies", READ, "List policy blobs.")
CREATE = Rule("identity:create_policy", "role:admin", "Create a policy blob.")
UPDATE = Rule("identity:update_policy", "role:admin", "Change a policy blob.")
DELETE = Rule("identity:delete_policy", "role:admin", "Delete a policy blob.")
