"""Who may do what with services, and with hosts as the oldest versions have them."""

from __future__ import annotations

from welkin.core.policy import ADMIN, Rule

LIST = Rule("os_compute_api:os-services:list", ADMIN, "List services.")
UPDATE = Rule("os_compute_api:os-services:update", ADMIN, "Enable, disable or force down a service.")
DELETE = Rule("os_compute_api:os-services:delete", ADMIN, "Delete a service.")
LIST_HOSTS = Rule("os_compute_api:os-hosts:list", ADMIN, "List hosts.")
SHOW_HOST = Rule("os_compute_api:os-hosts:show", ADMIN, "Show what a host has, and who uses it.")
UPDATE_HOST = Rule("os_compute_api:os-hosts:update", ADMIN, "Enable, disable or maintain a host.")
REBOOT_HOST = Rule("os_compute_api:os-hosts:reboot", ADMIN, "Reboot a host.")
SHUTDOWN_HOST = Rule("os_compute_api:os-hosts:shutdown", ADMIN, "Shut a host down.")
START_HOST = Rule("os_compute_api:os-hosts:start", ADMIN, "Start a host.")
