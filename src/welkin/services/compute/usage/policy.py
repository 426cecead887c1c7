"""Who may see usage, moves and audits."""

from __future__ import annotations

from welkin.core.policy import ADMIN, PROJECT_MANAGER, PROJECT_READER, Rule

SHOW = Rule("os_compute_api:os-simple-tenant-usage:show", PROJECT_READER, "Show a project's usage.")
LIST = Rule("os_compute_api:os-simple-tenant-usage:list", ADMIN, "List every project's usage.")
MIGRATIONS = Rule("os_compute_api:os-migrations:index", PROJECT_MANAGER, "List the moves of the project's servers.")
ALL_MIGRATIONS = Rule("os_compute_api:os-migrations:index:all_projects", ADMIN, "List the moves of all servers.")
MIGRATION_HOSTS = Rule("os_compute_api:os-migrations:index:host", ADMIN, "See between which hosts servers move.")
LIST_AUDITS = Rule("os_compute_api:os-instance-usage-audit-log:list", ADMIN, "List audits of usage.")
SHOW_AUDITS = Rule("os_compute_api:os-instance-usage-audit-log:show", ADMIN, "List audits of usage before a time.")
