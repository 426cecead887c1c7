"""Who may see and set quotas and limits."""

from __future__ import annotations

from welkin.core.policy import ADMIN, EVERYBODY, PROJECT_READER, Rule

SHOW = Rule("os_compute_api:os-quota-sets:show", PROJECT_READER, "Show a project's quotas.")
DETAIL = Rule("os_compute_api:os-quota-sets:detail", PROJECT_READER, "Show a project's quotas and their use.")
DEFAULTS = Rule("os_compute_api:os-quota-sets:defaults", EVERYBODY, "Show the quotas that a project has by default.")
UPDATE = Rule("os_compute_api:os-quota-sets:update", ADMIN, "Set a project's quotas.")
DELETE = Rule("os_compute_api:os-quota-sets:delete", ADMIN, "Give a project the default quotas again.")
SHOW_CLASS = Rule("os_compute_api:os-quota-class-sets:show", ADMIN, "Show the quotas of a class of projects.")
UPDATE_CLASS = Rule("os_compute_api:os-quota-class-sets:update", ADMIN, "Set the quotas of a class of projects.")
LIMITS = Rule("os_compute_api:limits", EVERYBODY, "Show the limits of one's own project.")
OTHER_LIMITS = Rule("os_compute_api:limits:other_project", ADMIN, "Show the limits of another project.")
