"""What compute accepts and answers about server groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from welkin.services.compute.server_groups.tables import GroupRow
from welkin.services.compute.values import Limit, Name, Whole

PolicyName = Literal["affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity"]


class Rules(Struct, kw_only=True, forbid_unknown_fields=True):
    """How a policy is applied."""

    max_server_per_host: Whole | None = None


class NewGroup(Struct, kw_only=True, forbid_unknown_fields=True):
    """A server group to make."""

    name: Name
    policy: PolicyName
    rules: Rules | None = None


class GroupCreate(Struct, forbid_unknown_fields=True):
    """The body that makes a server group."""

    server_group: NewGroup


class GroupQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """How server groups are listed."""

    all_projects: str | None = None
    limit: Limit | None = None
    offset: Limit = 0


def view(row: GroupRow, members: Sequence[str]) -> dict[str, Any]:
    """Return a server group."""
    return {
        "id": row.id,
        "name": row.name,
        "policy": row.policy,
        "rules": row.rules,
        "members": list(members),
        "project_id": row.project_id,
        "user_id": row.user_id,
    }
