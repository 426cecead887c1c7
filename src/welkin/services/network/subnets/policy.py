"""Who may do what with subnets."""

from __future__ import annotations

from welkin.services.network.policy import (
    ADMIN,
    NETWORK_OWNER_MEMBER,
    NETWORK_OWNER_READER,
    PROJECT_MEMBER,
    PROJECT_READER,
    SHARED,
    Rule,
    any_of,
)

GET = Rule("get_subnet", any_of(PROJECT_READER, "role:service", SHARED, NETWORK_OWNER_READER), "Read a subnet.")
CREATE = Rule("create_subnet", any_of(ADMIN, NETWORK_OWNER_MEMBER), "Create a subnet.")
OWN = Rule("create_subnet:project_id", PROJECT_MEMBER, "Create a subnet that belongs to a certain project.")
UPDATE = Rule("update_subnet", any_of(PROJECT_MEMBER, NETWORK_OWNER_MEMBER), "Change a subnet.")
DELETE = Rule("delete_subnet", any_of(PROJECT_MEMBER, NETWORK_OWNER_MEMBER), "Delete a subnet.")

CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "service_types": (Rule("create_subnet:service_types", ADMIN, "Reserve a new subnet for kinds of devices."), []),
}
UPDATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "service_types": (Rule("update_subnet:service_types", ADMIN, "Reserve a subnet for kinds of devices."), ...),
}
