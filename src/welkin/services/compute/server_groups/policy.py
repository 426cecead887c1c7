"""Who may do what with server groups."""

from __future__ import annotations

from welkin.core.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, Rule

CREATE = Rule("os_compute_api:os-server-groups:create", PROJECT_MEMBER, "Create a server group.")
DELETE = Rule("os_compute_api:os-server-groups:delete", PROJECT_MEMBER, "Delete a server group.")
INDEX = Rule("os_compute_api:os-server-groups:index", PROJECT_READER, "List the project's server groups.")
INDEX_ALL = Rule("os_compute_api:os-server-groups:index:all_projects", ADMIN, "List every project's server groups.")
SHOW = Rule("os_compute_api:os-server-groups:show", PROJECT_READER, "Show a server group.")
