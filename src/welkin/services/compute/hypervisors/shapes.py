"""What compute accepts and answers about hypervisors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from welkin.services.compute.hypervisors.tables import NodeRow, Use
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.services.tables import ServiceRow
from welkin.services.compute.values import HostName, Limit, Yes


class HypervisorQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How hypervisors are listed."""

    limit: Limit | None = None
    marker: str | None = None
    hypervisor_hostname_pattern: HostName | None = None
    with_servers: Yes = False


class PageQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How hypervisors were listed before 2.53."""

    limit: Limit | None = None
    marker: str | None = None


class ShowQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether a hypervisor's servers are shown too."""

    with_servers: Yes = False


class Found(Struct, frozen=True, kw_only=True):
    """A hypervisor, its service, and where asked its servers."""

    node: NodeRow
    service: ServiceRow
    servers: Sequence[dict[str, str]] | None = None


def brief(found: Found, now: float) -> dict[str, Any]:
    """Return a hypervisor as the short list has it; the number is for versions before 2.53."""
    view: dict[str, Any] = {
        "id": found.node.id,
        "_number": found.node.number,
        "hypervisor_hostname": found.node.hostname,
        "state": "up" if found.service.is_up(now) else "down",
        "status": "disabled" if found.service.disabled else "enabled",
    }
    if found.servers is not None:
        view["servers"] = list(found.servers)
    return view


def full(found: Found, now: float, old: dict[str, Any]) -> dict[str, Any]:
    """Return a hypervisor with everything; `old` is for versions before 2.88."""
    node, service = found.node, found.service
    return {
        **brief(found, now),
        "hypervisor_type": node.type,
        "hypervisor_version": node.version,
        "host_ip": node.address,
        "service": {
            "id": service.id,
            "_number": service.number,
            "host": node.host,
            "disabled_reason": service.disabled_reason,
        },
        "uptime": node.uptime,
        "_old": {**old, "cpu_info": node.cpu_info},
    }


def amounts(node: NodeRow, use: Use, options: ComputeOptions) -> dict[str, Any]:
    """Return what a hypervisor has and what is used of it, as versions before 2.88 tell it."""
    ram_mib = use.ram_mib + options.reserved_ram_mib
    disk_gib = use.disk_gib + options.reserved_disk_gib
    return {
        "vcpus": node.vcpus,
        "memory_mb": node.ram_mib,
        "local_gb": node.disk_gib,
        "vcpus_used": use.vcpus,
        "memory_mb_used": ram_mib,
        "local_gb_used": disk_gib,
        "free_ram_mb": node.ram_mib - ram_mib,
        "free_disk_gb": node.disk_gib - disk_gib,
        "current_workload": use.busy,
        "running_vms": use.count,
        "disk_available_least": node.free_disk_gib,
    }
