"""Hosts as they were before 2.43: services by host, and who uses what of one."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from welkin.core.errors import Invalid, NotImplementedHere
from welkin.core.http import Call, Routes
from welkin.services.compute.aggregates.public_zones import zones_of_hosts
from welkin.services.compute.hypervisors.tables import node_of, use_of_host
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.service import service
from welkin.services.compute.services import policy
from welkin.services.compute.services.api import zone_of
from welkin.services.compute.services.errors import HostUnmapped
from welkin.services.compute.services.tables import all_services, compute_service

routes = Routes(service)
Switch = Literal["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]


class HostUpdate(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a host was switched."""

    status: Switch | None = None
    maintenance_mode: Switch | None = None


class HostQuery(Struct, kw_only=True):
    """Which hosts are listed."""

    zone: str = ""


@routes.get("/v2.1/os-hosts", rule=policy.LIST_HOSTS, until="2.42")
async def list_hosts(call: Call, query: HostQuery) -> dict[str, Any]:
    """List the services that are enabled, by host."""
    zones = await zones_of_hosts(call.db, call.get(ComputeOptions).zone)
    found = []
    for row in await all_services(call.db):
        zone = zone_of(row, zones, call)
        if not row.disabled and query.zone in ("", zone):
            found.append({"host_name": row.host, "service": row.kind.removeprefix("nova-"), "zone": zone})
    return {"hosts": found}


@routes.get("/v2.1/os-hosts/{host}", rule=policy.SHOW_HOST, until="2.42")
async def show_host(call: Call, host: str) -> dict[str, Any]:
    """Show what a host has, what is used of it, and by which projects."""
    node = await node_of(call.db, host)
    if node is None:
        raise HostUnmapped(host)
    use = await use_of_host(call.db, host)
    options = call.get(ComputeOptions)
    now = (use.vcpus, use.ram_mib + options.reserved_ram_mib, use.disk_gib + options.reserved_disk_gib)
    lines = [
        resource(host, "(total)", (node.vcpus, node.ram_mib, node.disk_gib)),
        resource(host, "(used_now)", now),
        resource(host, "(used_max)", (use.vcpus, use.ram_mib, use.disk_gib)),
    ]
    lines += [resource(host, project, amounts) for project, amounts in use.projects.items()]
    return {"host": lines}


@routes.put("/v2.1/os-hosts/{host}", rule=policy.UPDATE_HOST, until="2.42")
async def update_host(call: Call, host: str, body: HostUpdate) -> None:
    """Refuse to switch a host in this way; its service is what can be switched."""
    if body.status is None and body.maintenance_mode is None:
        raise Invalid("Invalid input for field/attribute body. 'status' or 'maintenance_mode' is a required property")
    await refuse(call, host)


@routes.get("/v2.1/os-hosts/{host}/reboot", rule=policy.REBOOT_HOST, until="2.42")
async def reboot_host(call: Call, host: str) -> None:
    """Refuse to reboot a host: its machine is not ours to switch."""
    await refuse(call, host)


@routes.get("/v2.1/os-hosts/{host}/shutdown", rule=policy.SHUTDOWN_HOST, until="2.42")
async def shut_host_down(call: Call, host: str) -> None:
    """Refuse to shut a host down: its machine is not ours to switch."""
    await refuse(call, host)


@routes.get("/v2.1/os-hosts/{host}/startup", rule=policy.START_HOST, until="2.42")
async def start_host(call: Call, host: str) -> None:
    """Refuse to start a host: its machine is not ours to switch."""
    await refuse(call, host)


async def refuse(call: Call, host: str) -> None:
    """Say that the hypervisor cannot do this.  Raises HostUnmapped, NotImplementedHere."""
    if await compute_service(call.db, host) is None:
        raise HostUnmapped(host)
    raise NotImplementedHere("The requested functionality is not supported.")


def resource(host: str, project: str, amounts: tuple[int, int, int]) -> dict[str, Any]:
    """Return one line of a host's account: processors, MiB of memory, GiB of disk."""
    cpu, memory_mb, disk_gb = amounts
    return {"resource": {"host": host, "project": project, "cpu": cpu, "memory_mb": memory_mb, "disk_gb": disk_gb}}
