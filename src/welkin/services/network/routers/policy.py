"""Who may do what with routers."""

from __future__ import annotations

from welkin.services.network.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, Rule

GET = Rule("get_router", PROJECT_READER, "Read a router.")
CREATE = Rule("create_router", PROJECT_MEMBER, "Create a router.")
UPDATE = Rule("update_router", PROJECT_MEMBER, "Change a router.")
DELETE = Rule("delete_router", PROJECT_MEMBER, "Delete a router.")
ADD_INTERFACE = Rule("add_router_interface", PROJECT_MEMBER, "Connect a router to a subnet.")
REMOVE_INTERFACE = Rule("remove_router_interface", PROJECT_MEMBER, "Disconnect a router from a subnet.")
ADD_ROUTES = Rule("add_extraroutes", PROJECT_MEMBER, "Add routes to a router.")
REMOVE_ROUTES = Rule("remove_extraroutes", PROJECT_MEMBER, "Remove routes from a router.")

CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "distributed": (Rule("create_router:distributed", ADMIN, "Create a distributed router."), None),
    "ha": (Rule("create_router:ha", ADMIN, "Create a highly available router."), None),
    "external_gateway_info": (
        Rule("create_router:external_gateway_info", PROJECT_MEMBER, "Create a router with a gateway."),
        None,
    ),
    "enable_snat": (
        Rule("create_router:external_gateway_info:enable_snat", ADMIN, "Switch SNAT of a new router."),
        None,
    ),
    "external_fixed_ips": (
        Rule("create_router:external_gateway_info:external_fixed_ips", ADMIN, "Choose a new router's outer addresses."),
        None,
    ),
}
UPDATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "distributed": (Rule("update_router:distributed", ADMIN, "Make a router distributed."), ...),
    "ha": (Rule("update_router:ha", ADMIN, "Make a router highly available."), ...),
    "external_gateway_info": (
        Rule("update_router:external_gateway_info", PROJECT_MEMBER, "Change a router's gateway."),
        ...,
    ),
    "enable_snat": (
        Rule("update_router:external_gateway_info:enable_snat", ADMIN, "Switch a router's SNAT."),
        None,
    ),
    "external_fixed_ips": (
        Rule("update_router:external_gateway_info:external_fixed_ips", ADMIN, "Choose a router's outer addresses."),
        None,
    ),
}
HIDDEN = {
    "distributed": Rule("get_router:distributed", ADMIN, "See whether a router is distributed."),
    "ha": Rule("get_router:ha", ADMIN, "See whether a router is highly available."),
}
