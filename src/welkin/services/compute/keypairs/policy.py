"""Who may do what with key pairs."""

from __future__ import annotations

from welkin.core.policy import Rule

OWNER = "(role:admin) or user_id:%(user_id)s"

INDEX = Rule("os_compute_api:os-keypairs:index", OWNER, "List a user's key pairs.")
CREATE = Rule("os_compute_api:os-keypairs:create", OWNER, "Import or make a key pair for a user.")
SHOW = Rule("os_compute_api:os-keypairs:show", OWNER, "Show a user's key pair.")
DELETE = Rule("os_compute_api:os-keypairs:delete", OWNER, "Delete a user's key pair.")
