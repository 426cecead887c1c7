"""Who may do what with networks."""

from __future__ import annotations

from welkin.services.network.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, SHARED, Rule, any_of

GET = Rule(
    "get_network", any_of(PROJECT_READER, "role:service", SHARED, "'True':%(router:external)s"), "Read a network."
)
CREATE = Rule("create_network", PROJECT_MEMBER, "Create a network.")
UPDATE = Rule("update_network", PROJECT_MEMBER, "Change a network.")
DELETE = Rule("delete_network", PROJECT_MEMBER, "Delete a network.")

CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "shared": (Rule("create_network:shared", ADMIN, "Create a network that everybody may use."), False),
    "router_external": (Rule("create_network:router:external", ADMIN, "Create an external network."), False),
    "is_default": (Rule("create_network:is_default", ADMIN, "Create the default external network."), False),
    "network_type": (Rule("create_network:provider:network_type", ADMIN, "Choose a network's type."), None),
    "physical_network": (
        Rule("create_network:provider:physical_network", ADMIN, "Choose the wire below a network."),
        None,
    ),
    "segmentation_id": (
        Rule("create_network:provider:segmentation_id", ADMIN, "Choose a network's identifier on the wire."),
        None,
    ),
    "port_security_enabled": (
        Rule("create_network:port_security_enabled", PROJECT_MEMBER, "Switch port security of a new network."),
        True,
    ),
}
UPDATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "shared": (Rule("update_network:shared", ADMIN, "Share a network with everybody, or no longer."), ...),
    "router_external": (Rule("update_network:router:external", ADMIN, "Make a network external, or internal."), ...),
    "is_default": (Rule("update_network:is_default", ADMIN, "Make an external network the default."), ...),
    "network_type": (Rule("update_network:provider:network_type", ADMIN, "Change a network's type."), ...),
    "physical_network": (
        Rule("update_network:provider:physical_network", ADMIN, "Change the wire below a network."),
        ...,
    ),
    "segmentation_id": (
        Rule("update_network:provider:segmentation_id", ADMIN, "Change a network's identifier on the wire."),
        ...,
    ),
    "port_security_enabled": (
        Rule("update_network:port_security_enabled", PROJECT_MEMBER, "Switch port security of a network."),
        ...,
    ),
}
HIDDEN = {
    "provider:network_type": Rule("get_network:provider:network_type", ADMIN, "See a network's type."),
    "provider:physical_network": Rule("get_network:provider:physical_network", ADMIN, "See the wire below a network."),
    "provider:segmentation_id": Rule(
        "get_network:provider:segmentation_id", ADMIN, "See a network's identifier on the wire."
    ),
}
