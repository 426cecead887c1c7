"""Who may make the calls that other services answer.  Their own rules hold too."""

from __future__ import annotations

from welkin.core.policy import EVERYBODY, PROJECT_MEMBER, PROJECT_READER, Rule

PREFIX = "os_compute_api:"
LIST_GROUPS = Rule(PREFIX + "os-security-groups:get", PROJECT_READER, "List security groups.")
SHOW_GROUP = Rule(PREFIX + "os-security-groups:show", PROJECT_READER, "Show a security group.")
CREATE_GROUP = Rule(PREFIX + "os-security-groups:create", PROJECT_MEMBER, "Create a security group.")
UPDATE_GROUP = Rule(PREFIX + "os-security-groups:update", PROJECT_MEMBER, "Rename or describe a security group.")
DELETE_GROUP = Rule(PREFIX + "os-security-groups:delete", PROJECT_MEMBER, "Delete a security group.")
CREATE_RULE = Rule(PREFIX + "os-security-groups:rule:create", PROJECT_MEMBER, "Add a rule to a security group.")
DELETE_RULE = Rule(PREFIX + "os-security-groups:rule:delete", PROJECT_MEMBER, "Delete a security group's rule.")
LIST_FLOATING = Rule(PREFIX + "os-floating-ips:list", PROJECT_READER, "List floating IPs.")
SHOW_FLOATING = Rule(PREFIX + "os-floating-ips:show", PROJECT_READER, "Show a floating IP.")
CREATE_FLOATING = Rule(PREFIX + "os-floating-ips:create", PROJECT_MEMBER, "Create a floating IP.")
DELETE_FLOATING = Rule(PREFIX + "os-floating-ips:delete", PROJECT_MEMBER, "Delete a floating IP.")
ADD_FLOATING = Rule(PREFIX + "os-floating-ips:add", PROJECT_MEMBER, "Let a floating IP lead to a server.")
REMOVE_FLOATING = Rule(PREFIX + "os-floating-ips:remove", PROJECT_MEMBER, "Let a floating IP lead nowhere.")
LIST_POOLS = Rule(PREFIX + "os-floating-ip-pools", EVERYBODY, "List the networks that floating IPs come from.")
LIST_NETWORKS = Rule(PREFIX + "os-networks:list", PROJECT_READER, "List networks.")
SHOW_NETWORK = Rule(PREFIX + "os-networks:show", PROJECT_READER, "Show a network.")
LIST_OWN_NETWORKS = Rule(PREFIX + "os-tenant-networks:list", PROJECT_READER, "List the project's networks.")
SHOW_OWN_NETWORK = Rule(PREFIX + "os-tenant-networks:show", PROJECT_READER, "Show a network of the project.")
IMAGES = Rule(PREFIX + "images", EVERYBODY, "List, show and delete images as the image service allows.")
