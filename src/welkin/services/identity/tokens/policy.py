"""Who may do what with tokens."""

from __future__ import annotations

from welkin.core.policy import EVERYBODY, Rule

SUBJECT = "user_id:%(target.token.user_id)s"

CHECK = Rule("identity:check_token", f"role:admin or (role:reader and system_scope:all) or {SUBJECT}", "Check a token.")
VALIDATE = Rule(
    "identity:validate_token",
    f"role:admin or (role:reader and system_scope:all) or role:service or {SUBJECT}",
    "Show what a token means.",
)
REVOKE = Rule("identity:revoke_token", f"role:admin or {SUBJECT}", "Revoke a token.")
CATALOG = Rule("identity:get_auth_catalog", EVERYBODY, "Show the catalog of one's token.")
PROJECTS = Rule("identity:get_auth_projects", EVERYBODY, "List the projects that one's token can be scoped to.")
DOMAINS = Rule("identity:get_auth_domains", EVERYBODY, "List the domains that one's token can be scoped to.")
SYSTEM = Rule("identity:get_auth_system", EVERYBODY, "List the systems that one's token can be scoped to.")
EC2 = Rule("identity:ec2tokens_validate", "role:admin or role:service", "Exchange a signed EC2 request for a token.")
S3 = Rule("identity:s3tokens_validate", "role:admin or role:service", "Exchange a signed S3 request for a token.")
EVENTS = Rule("identity:list_revoke_events", "role:admin or role:service", "List revocations.")
