"""What a project may have of each resource, and how that is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from welkin.core import quota
from welkin.core.db import Transaction
from welkin.core.quota import UNLIMITED, Claim, Resource
from welkin.services.network.collection import over_quota

SERVICE = "network"


def _resource(name: str, default: int, table: str) -> Resource:
    return Resource(SERVICE, name, default, f"SELECT COUNT(*) FROM {table} WHERE project_id = $1")


NETWORK = _resource("network", 100, "networks")
SUBNET = _resource("subnet", 100, "subnets")
PORT = _resource("port", 500, "ports")
ROUTER = _resource("router", 10, "routers")
FLOATING_IP = _resource("floatingip", 50, "floating_ips")
SECURITY_GROUP = _resource("security_group", 10, "security_groups")
SECURITY_GROUP_RULE = _resource("security_group_rule", 100, "security_group_rules")
SUBNET_POOL = _resource("subnetpool", UNLIMITED, "subnet_pools")
RBAC_POLICY = _resource("rbac_policy", 10, "rbac_policies")
ADDRESS_GROUP = _resource("address_group", UNLIMITED, "address_groups")

RESOURCES = (
    NETWORK, SUBNET, SUBNET_POOL, PORT, ROUTER, FLOATING_IP, RBAC_POLICY, SECURITY_GROUP, SECURITY_GROUP_RULE,
    ADDRESS_GROUP,
)  # fmt: skip


async def claim(tx: Transaction, resource: Resource, projects: Iterable[str]) -> None:
    """Check that each project may have one more for each time that it is named.  Raises OverQuota."""
    for project_id, amount in sorted(Counter(projects).items()):
        await quota.claim(tx, project_id, [Claim(resource, amount)], over_quota)
