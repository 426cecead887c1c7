"""Who may do what with subnet pools, address scopes and the policies that share things."""

from __future__ import annotations

from welkin.services.network.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, SHARED, Rule, any_of

GET = Rule("get_subnetpool", any_of(PROJECT_READER, SHARED), "Read a subnet pool.")
CREATE = Rule("create_subnetpool", PROJECT_MEMBER, "Create a subnet pool.")
UPDATE = Rule("update_subnetpool", PROJECT_MEMBER, "Change a subnet pool.")
DELETE = Rule("delete_subnetpool", PROJECT_MEMBER, "Delete a subnet pool.")
ADD_PREFIXES = Rule("add_prefixes", PROJECT_MEMBER, "Add prefixes to a subnet pool.")
REMOVE_PREFIXES = Rule("remove_prefixes", PROJECT_MEMBER, "Remove prefixes from a subnet pool.")

CREATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "shared": (Rule("create_subnetpool:shared", ADMIN, "Create a subnet pool that everybody may use."), False),
    "is_default": (Rule("create_subnetpool:is_default", ADMIN, "Create the default subnet pool."), False),
}
UPDATE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "is_default": (Rule("update_subnetpool:is_default", ADMIN, "Make a subnet pool the default."), ...),
}

GET_SCOPE = Rule("get_address_scope", any_of(PROJECT_READER, SHARED), "Read an address scope.")
CREATE_SCOPE = Rule("create_address_scope", PROJECT_MEMBER, "Create an address scope.")
UPDATE_SCOPE = Rule("update_address_scope", PROJECT_MEMBER, "Change an address scope.")
DELETE_SCOPE = Rule("delete_address_scope", PROJECT_MEMBER, "Delete an address scope.")
CREATE_SCOPE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "shared": (Rule("create_address_scope:shared", ADMIN, "Create an address scope that everybody may use."), False),
}
UPDATE_SCOPE_ATTRIBUTES: dict[str, tuple[Rule, object]] = {
    "shared": (Rule("update_address_scope:shared", ADMIN, "Share an address scope with everybody."), ...),
}
