"""Who may do what with aggregates and availability zones."""

from __future__ import annotations

from welkin.core.policy import ADMIN, EVERYBODY, Rule

INDEX = Rule("os_compute_api:os-aggregates:index", ADMIN, "List aggregates.")
CREATE = Rule("os_compute_api:os-aggregates:create", ADMIN, "Create an aggregate.")
SHOW = Rule("os_compute_api:os-aggregates:show", ADMIN, "Show an aggregate.")
UPDATE = Rule("os_compute_api:os-aggregates:update", ADMIN, "Rename an aggregate, or set its availability zone.")
DELETE = Rule("os_compute_api:os-aggregates:delete", ADMIN, "Delete an aggregate.")
ADD_HOST = Rule("os_compute_api:os-aggregates:add_host", ADMIN, "Put a host into an aggregate.")
REMOVE_HOST = Rule("os_compute_api:os-aggregates:remove_host", ADMIN, "Take a host out of an aggregate.")
SET_METADATA = Rule("os_compute_api:os-aggregates:set_metadata", ADMIN, "Change an aggregate's metadata.")
CACHE_IMAGES = Rule("compute:aggregates:images", ADMIN, "Have an aggregate's hosts fetch images.")
LIST_ZONES = Rule("os_compute_api:os-availability-zone:list", EVERYBODY, "List availability zones.")
DETAIL_ZONES = Rule("os_compute_api:os-availability-zone:detail", ADMIN, "List availability zones with their hosts.")
