"""Who may do what with security groups, their rules, and address groups."""

from __future__ import annotations

from welkin.services.network.policy import (
    ADMIN,
    GROUP_OWNER_MEMBER,
    PROJECT_MEMBER,
    PROJECT_READER,
    READER,
    SHARED,
    Rule,
    any_of,
)

GET = Rule("get_security_group", any_of(PROJECT_READER, SHARED), "Read a security group.")
CREATE = Rule("create_security_group", PROJECT_MEMBER, "Create a security group.")
UPDATE = Rule("update_security_group", PROJECT_MEMBER, "Change a security group.")
DELETE = Rule("delete_security_group", PROJECT_MEMBER, "Delete a security group.")

GET_RULE = Rule("get_security_group_rule", PROJECT_READER, "Read a rule of a security group.")
CREATE_RULE = Rule("create_security_group_rule", any_of(ADMIN, GROUP_OWNER_MEMBER), "Add a rule to a security group.")
DELETE_RULE = Rule("delete_security_group_rule", any_of(ADMIN, GROUP_OWNER_MEMBER), "Delete a rule.")

GET_DEFAULT = Rule("get_default_security_group_rule", READER, "Read the rules that new security groups start with.")
CREATE_DEFAULT = Rule("create_default_security_group_rule", ADMIN, "Add a rule that new security groups start with.")
DELETE_DEFAULT = Rule("delete_default_security_group_rule", ADMIN, "Delete a rule that new security groups start with.")

GET_ADDRESSES = Rule("get_address_group", any_of(PROJECT_READER, SHARED), "Read an address group.")
CREATE_ADDRESSES = Rule("create_address_group", PROJECT_MEMBER, "Create an address group.")
UPDATE_ADDRESSES = Rule("update_address_group", PROJECT_MEMBER, "Change an address group.")
DELETE_ADDRESSES = Rule("delete_address_group", PROJECT_MEMBER, "Delete an address group.")
ADD_ADDRESSES = Rule("add_addresses", PROJECT_MEMBER, "Add addresses to an address group.")
REMOVE_ADDRESSES = Rule("remove_addresses", PROJECT_MEMBER, "Remove addresses from an address group.")
