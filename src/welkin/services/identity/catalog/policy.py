"""Who may do what with the catalog."""

from __future__ import annotations

from welkin.core.policy import EVERYBODY, Rule

READ = "role:admin or (role:reader and system_scope:all)"

GET_REGION = Rule("identity:get_region", EVERYBODY, "Show a region.")
LIST_REGIONS = Rule("identity:list_regions", EVERYBODY, "List regions.")
CREATE_REGION = Rule("identity:create_region", "role:admin", "Create a region.")
UPDATE_REGION = Rule("identity:update_region", "role:admin", "Change a region.")
DELETE_REGION = Rule("identity:delete_region", "role:admin", "Delete a region.")

GET_SERVICE = Rule("identity:get_service", READ, "Show a service.")
LIST_SERVICES = Rule("identity:list_services", READ, "List services.")
CREATE_SERVICE = Rule("identity:create_service", "role:admin", "Create a service.")
UPDATE_SERVICE = Rule("identity:update_service", "role:admin", "Change a service.")
DELETE_SERVICE = Rule("identity:delete_service", "role:admin", "Delete a service.")

GET_ENDPOINT = Rule("identity:get_endpoint", READ, "Show an endpoint.")
LIST_ENDPOINTS = Rule("identity:list_endpoints", READ, "List endpoints.")
CREATE_ENDPOINT = Rule("identity:create_endpoint", "role:admin", "Create an endpoint.")
UPDATE_ENDPOINT = Rule("identity:update_endpoint", "role:admin", "Change an endpoint.")
DELETE_ENDPOINT = Rule("identity:delete_endpoint", "role:admin", "Delete an endpoint.")
