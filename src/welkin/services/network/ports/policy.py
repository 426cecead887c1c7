"""Who may do what with ports."""

from __future__ import annotations

from welkin.services.network.policy import (
    ADMIN_OR_SERVICE,
    NETWORK_OWNER_MEMBER,
    NETWORK_OWNER_READER,
    PROJECT_MEMBER,
    PROJECT_READER,
    SHARED,
    Rule,
    any_of,
)

NOT_NETWORK_DEVICE = "not 'True':%(network_device)s"
OWNER = any_of(ADMIN_OR_SERVICE, NETWORK_OWNER_MEMBER)
CHANGE_MAC = any_of(ADMIN_OR_SERVICE, "role:manager and project_id:%(network:project_id)s")
OWNER_OR_SHARED = any_of(ADMIN_OR_SERVICE, NETWORK_OWNER_MEMBER, "role:member and " + SHARED)

GET = Rule("get_port", any_of(PROJECT_READER, "role:service", NETWORK_OWNER_READER), "Read a port.")
CREATE = Rule("create_port", OWNER_OR_SHARED, "Create a port on a network.")
UPDATE = Rule("update_port", any_of(PROJECT_MEMBER, "role:service"), "Change a port.")
DELETE = Rule("delete_port", any_of(PROJECT_MEMBER, "role:service", NETWORK_OWNER_MEMBER), "Delete a port.")

DEVICE_OWNER = any_of(NOT_NETWORK_DEVICE, ADMIN_OR_SERVICE, NETWORK_OWNER_MEMBER)
CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "device_owner": (Rule("create_port:device_owner", DEVICE_OWNER, "Say what kind of device a new port is for."), ""),
    "mac_address": (Rule("create_port:mac_address", OWNER, "Choose the MAC address of a new port."), None),
    "fixed_ips": (Rule("create_port:fixed_ips", OWNER_OR_SHARED, "Choose where a new port has addresses."), None),
    "fixed_ips:ip_address": (
        Rule("create_port:fixed_ips:ip_address", OWNER, "Choose the addresses of a new port."),
        None,
    ),
    "port_security_enabled": (
        Rule("create_port:port_security_enabled", OWNER, "Switch port security of a new port."),
        None,
    ),
    "host_id": (Rule("create_port:binding:host_id", ADMIN_OR_SERVICE, "Bind a new port to a host."), ""),
    "profile": (Rule("create_port:binding:profile", ADMIN_OR_SERVICE, "Set a new port's binding profile."), {}),
    "vnic_type": (
        Rule("create_port:binding:vnic_type", any_of(PROJECT_MEMBER, "role:service"), "Choose a kind of card."),
        "normal",
    ),
    "allowed_address_pairs": (
        Rule("create_port:allowed_address_pairs", OWNER, "Let a port use more addresses."),
        [],
    ),
}
UPDATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "device_owner": (Rule("update_port:device_owner", DEVICE_OWNER, "Change what kind of device a port is for."), ...),
    "mac_address": (Rule("update_port:mac_address", CHANGE_MAC, "Change a port's MAC address."), ...),
    "fixed_ips": (Rule("update_port:fixed_ips", OWNER, "Change a port's addresses."), ...),
    "fixed_ips:ip_address": (Rule("update_port:fixed_ips:ip_address", OWNER, "Choose a port's addresses."), ...),
    "port_security_enabled": (
        Rule("update_port:port_security_enabled", OWNER, "Switch a port's security."),
        ...,
    ),
    "host_id": (Rule("update_port:binding:host_id", ADMIN_OR_SERVICE, "Bind a port to a host."), ...),
    "profile": (Rule("update_port:binding:profile", ADMIN_OR_SERVICE, "Change a port's binding profile."), ...),
    "vnic_type": (
        Rule("update_port:binding:vnic_type", any_of(PROJECT_MEMBER, "role:service"), "Change a kind of card."),
        ...,
    ),
    "allowed_address_pairs": (
        Rule("update_port:allowed_address_pairs", OWNER, "Let a port use more addresses."),
        ...,
    ),
}
HIDDEN = {
    "binding:vif_type": Rule("get_port:binding:vif_type", ADMIN_OR_SERVICE, "See how a port is plugged."),
    "binding:vif_details": Rule("get_port:binding:vif_details", ADMIN_OR_SERVICE, "See the details of a plug."),
    "binding:host_id": Rule("get_port:binding:host_id", ADMIN_OR_SERVICE, "See where a port is plugged."),
    "binding:profile": Rule("get_port:binding:profile", ADMIN_OR_SERVICE, "See a port's binding profile."),
}
