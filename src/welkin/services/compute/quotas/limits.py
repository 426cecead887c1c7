"""Limits over HTTP: quotas and their use under other names."""

from __future__ import annotations

from typing import Any

from welkin.core.http import Call, Routes
from welkin.services.compute.quotas import policy
from welkin.services.compute.quotas.resources import in_force, in_use
from welkin.services.compute.quotas.shapes import LimitsQuery
from welkin.services.compute.service import service

routes = Routes(service)

MAXIMA = {
    "maxTotalInstances": "instances",
    "maxTotalCores": "cores",
    "maxTotalRAMSize": "ram",
    "maxServerMeta": "metadata_items",
    "maxTotalKeypairs": "key_pairs",
    "maxServerGroups": "server_groups",
    "maxServerGroupMembers": "server_group_members",
}
OLDER_MAXIMA = {
    "maxImageMeta": "metadata_items",
    "maxPersonality": "injected_files",
    "maxPersonalitySize": "injected_file_content_bytes",
    "maxSecurityGroups": "security_groups",
    "maxSecurityGroupRules": "security_group_rules",
    "maxTotalFloatingIps": "floating_ips",
}
USED = {
    "totalInstancesUsed": "instances",
    "totalCoresUsed": "cores",
    "totalRAMUsed": "ram",
    "totalServerGroupsUsed": "server_groups",
}
OLDER_USED = {"totalFloatingIpsUsed": "floating_ips", "totalSecurityGroupsUsed": "security_groups"}


@routes.get("/v2.1/limits", rule=policy.LIMITS)
async def show_limits(call: Call, query: LimitsQuery) -> dict[str, Any]:
    """Show what a project may have and what it has."""
    project_id = call.actor.project_id or ""
    if query.tenant_id is not None:
        call.enforce(policy.OTHER_LIMITS, project_id=project_id)
        project_id = query.tenant_id
    limits, used = await in_force(call.db, project_id), await in_use(call.db, project_id)
    absolute: dict[str, Any] = {name: limits[resource] for name, resource in MAXIMA.items()}
    absolute |= {name: used[resource] for name, resource in USED.items()}
    older = {name: limits[resource] for name, resource in OLDER_MAXIMA.items()}
    older |= {name: used[resource] for name, resource in OLDER_USED.items()}
    return {"limits": {"rate": [], "absolute": {**absolute, "_old": older}}}
