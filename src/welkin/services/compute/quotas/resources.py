"""Everything that compute has a quota for, in the order in which clients are told of it."""

from __future__ import annotations

import msgspec

from welkin.core import quota
from welkin.core.db import Reads
from welkin.core.quota import UNLIMITED, Resource
from welkin.services.compute.keypairs.tables import KEY_PAIRS
from welkin.services.compute.server_groups.tables import GROUPS, MEMBERS
from welkin.services.compute.servers.tables import CORES, INSTANCES, METADATA_ITEMS, RAM

OWN = (INSTANCES, CORES, RAM, METADATA_ITEMS, KEY_PAIRS, GROUPS, MEMBERS)
NETWORK = tuple(
    Resource("compute", name, UNLIMITED)
    for name in ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
)
"""What the network's own quotas limit today; old clients may still set these."""
FILES = (
    Resource("compute", "injected_files", 5, unified="server_injected_files"),
    Resource("compute", "injected_file_content_bytes", 10_240, unified="server_injected_file_content_bytes"),
    Resource("compute", "injected_file_path_bytes", 255, unified="server_injected_file_path_bytes"),
)
"""What limits the files that old clients may have put into a new server."""
ALL = (*OWN, *NETWORK, *FILES)
NETWORK_NAMES = frozenset(each.name for each in NETWORK)
FILE_NAMES = frozenset(each.name for each in FILES)
GROUP_NAMES = frozenset((GROUPS.name, MEMBERS.name))


class Limit(msgspec.Struct, frozen=True):
    """A limit that was set."""

    resource: str
    quota: int


def user_owner(project_id: str, user_id: str) -> str:
    """Return under which name the limits of one user in a project are kept."""
    return f"user:{project_id}/{user_id}"


def class_owner(name: str) -> str:
    """Return under which name the limits of a class are kept."""
    return f"class:{name}"


async def in_force(reads: Reads, project_id: str, user_id: str | None = None) -> dict[str, int]:
    """Return every limit of a project, or of one user in it."""
    found = await quota.limits(reads, project_id, ALL)
    return found | await of_user(reads, project_id, user_id) if user_id else found


async def of_user(reads: Reads, project_id: str, user_id: str) -> dict[str, int]:
    """Return the limits that were set for one user in a project; unified limits know none of these."""
    return {} if quota.are_unified(reads) else await set_for(reads, user_owner(project_id, user_id))


async def of_class(reads: Reads, name: str) -> dict[str, int]:
    """Return every limit of a class of projects; only the class `default` concerns any, and unified limits none."""
    if quota.are_unified(reads):
        return await quota.limits(reads, None, ALL)
    return {each.name: each.default for each in ALL} | await set_for(reads, class_owner(name))


async def set_for(reads: Reads, owner: str) -> dict[str, int]:
    """Return the limits that were set for a project, a user in it, or a class."""
    sql = "SELECT resource, quota FROM quotas WHERE service = 'compute' AND project_id = $1"
    return {limit.resource: limit.quota for limit in await reads.all(Limit, sql, owner)}


async def in_use(reads: Reads, project_id: str) -> dict[str, int]:
    """Return how much a project has of everything; of what is limited elsewhere, nothing."""
    return {each.name: await quota.used(reads, project_id, each) for each in ALL}
