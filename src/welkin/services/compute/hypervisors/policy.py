"""Who may see what of hypervisors."""

from __future__ import annotations

from welkin.core.policy import ADMIN, Rule

LIST = Rule("os_compute_api:os-hypervisors:list", ADMIN, "List hypervisors.")
DETAIL = Rule("os_compute_api:os-hypervisors:list-detail", ADMIN, "List hypervisors with everything.")
STATISTICS = Rule("os_compute_api:os-hypervisors:statistics", ADMIN, "Sum up all hypervisors.")
SHOW = Rule("os_compute_api:os-hypervisors:show", ADMIN, "Show a hypervisor.")
UPTIME = Rule("os_compute_api:os-hypervisors:uptime", ADMIN, "Show how long a hypervisor has been up.")
SEARCH = Rule("os_compute_api:os-hypervisors:search", ADMIN, "Find hypervisors by name.")
SERVERS = Rule("os_compute_api:os-hypervisors:servers", ADMIN, "List the servers of hypervisors found by name.")
