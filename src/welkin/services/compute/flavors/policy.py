"""Who may do what with flavors."""

from __future__ import annotations

from welkin.core.policy import ADMIN, EVERYBODY, PROJECT_READER, Rule

SEE = Rule("os_compute_api:flavors", EVERYBODY, "List and show flavors that one may take.")
CREATE = Rule("os_compute_api:os-flavor-manage:create", ADMIN, "Create a flavor.")
UPDATE = Rule("os_compute_api:os-flavor-manage:update", ADMIN, "Change a flavor's description.")
DELETE = Rule("os_compute_api:os-flavor-manage:delete", ADMIN, "Delete a flavor.")
ACCESS = Rule("os_compute_api:os-flavor-access", ADMIN, "List the projects that have access to a flavor.")
ADD_ACCESS = Rule("os_compute_api:os-flavor-access:add_tenant_access", ADMIN, "Give a project access to a flavor.")
REMOVE_ACCESS = Rule(
    "os_compute_api:os-flavor-access:remove_tenant_access", ADMIN, "Take a project's access to a flavor away."
)
SPECS = Rule("os_compute_api:os-flavor-extra-specs:index", PROJECT_READER, "See the extra specs of a flavor.")
SHOW_SPEC = Rule("os_compute_api:os-flavor-extra-specs:show", PROJECT_READER, "See one extra spec of a flavor.")
CREATE_SPECS = Rule("os_compute_api:os-flavor-extra-specs:create", ADMIN, "Add extra specs to a flavor.")
UPDATE_SPEC = Rule("os_compute_api:os-flavor-extra-specs:update", ADMIN, "Change an extra spec of a flavor.")
DELETE_SPEC = Rule("os_compute_api:os-flavor-extra-specs:delete", ADMIN, "Delete an extra spec of a flavor.")
