"""Who may do what with floating IPs and their port forwardings."""

from __future__ import annotations

from welkin.services.network.policy import (
    ADMIN,
    PARENT_OWNER_MEMBER,
    PARENT_OWNER_READER,
    PROJECT_MANAGER,
    PROJECT_MEMBER,
    PROJECT_READER,
    Rule,
    any_of,
)

GET = Rule("get_floatingip", PROJECT_READER, "Read a floating IP.")
CREATE = Rule("create_floatingip", PROJECT_MEMBER, "Create a floating IP.")
UPDATE = Rule("update_floatingip", PROJECT_MEMBER, "Associate a floating IP, or disassociate it.")
DELETE = Rule("delete_floatingip", PROJECT_MEMBER, "Delete a floating IP.")
GET_POOL = Rule("get_floatingip_pool", PROJECT_READER, "List where floating IPs come from.")

GET_FORWARDING = Rule("get_floatingip_port_forwarding", any_of(ADMIN, PARENT_OWNER_READER), "Read a port forwarding.")
CREATE_FORWARDING = Rule(
    "create_floatingip_port_forwarding", any_of(ADMIN, PARENT_OWNER_MEMBER), "Forward a port of a floating IP."
)
UPDATE_FORWARDING = Rule(
    "update_floatingip_port_forwarding", any_of(ADMIN, PARENT_OWNER_MEMBER), "Change a port forwarding."
)
DELETE_FORWARDING = Rule(
    "delete_floatingip_port_forwarding", any_of(ADMIN, PARENT_OWNER_MEMBER), "Delete a port forwarding."
)

CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "floating_ip_address": (
        Rule("create_floatingip:floating_ip_address", PROJECT_MANAGER, "Choose the address of a floating IP."),
        None,
    ),
}
