"""Who may do what with projects, their tags, and domains."""

from __future__ import annotations

from welkin.core.policy import Rule

OF_DOMAIN = "domain_id:%(target.project.domain_id)s and not None:%(target.project.domain_id)s"
READ = (
    f"role:admin or (role:reader and system_scope:all) or (role:reader and {OF_DOMAIN}) "
    "or project_id:%(target.project.id)s"
)
WRITE = f"role:admin or (role:manager and {OF_DOMAIN})"

GET = Rule("identity:get_project", READ, "Show a project.")
LIST = Rule(
    "identity:list_projects",
    "role:admin or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain_id)s)",
    "List projects.",
)
CREATE = Rule("identity:create_project", WRITE, "Create a project.")
UPDATE = Rule("identity:update_project", WRITE, "Change a project.")
DELETE = Rule("identity:delete_project", WRITE, "Delete a project.")

LIST_TAGS = Rule("identity:list_project_tags", READ, "List a project's tags.")
GET_TAG = Rule("identity:get_project_tag", READ, "Say whether a project has a tag.")
UPDATE_TAGS = Rule("identity:update_project_tags", WRITE, "Replace a project's tags.")
CREATE_TAG = Rule("identity:create_project_tag", WRITE, "Add a tag to a project.")
DELETE_TAGS = Rule("identity:delete_project_tags", WRITE, "Remove all of a project's tags.")
DELETE_TAG = Rule("identity:delete_project_tag", WRITE, "Remove a tag from a project.")

GET_DOMAIN = Rule(
    "identity:get_domain",
    "role:admin or (role:reader and system_scope:all) or token.domain.id:%(target.domain.id)s "
    "or token.project.domain.id:%(target.domain.id)s",
    "Show a domain.",
)
LIST_DOMAINS = Rule(
    "identity:list_domains",
    "role:admin or (role:reader and system_scope:all) or (role:reader and domain_id:%(target.domain.id)s)",
    "List domains.",
)
CREATE_DOMAIN = Rule("identity:create_domain", "role:admin", "Create a domain.")
UPDATE_DOMAIN = Rule("identity:update_domain", "role:admin", "Change a domain.")
DELETE_DOMAIN = Rule("identity:delete_domain", "role:admin", "Delete a domain.")
