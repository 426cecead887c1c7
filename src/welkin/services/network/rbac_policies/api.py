"""RBAC policies over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from welkin.core import listing
from welkin.core.db import Reads, Transaction
from welkin.core.http import Call, Routes
from welkin.core.listing import Listing
from welkin.services.network import limits, sharing
from welkin.services.network.collection import (
    Collection,
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    find,
    own,
)
from welkin.services.network.errors import DuplicateRbacPolicy, InvalidInput, RbacPolicyInUse, RbacPolicyNotFound
from welkin.services.network.networks import policy as network_policy
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.policy import ADMIN, PROJECT_MEMBER, PROJECT_READER, Rule, any_of
from welkin.services.network.security_groups.views import ADDRESS_GROUPS, SECURITY_GROUPS
from welkin.services.network.service import service
from welkin.services.network.subnet_pools.views import ADDRESS_SCOPES, SUBNET_POOLS
from welkin.services.network.tables import RbacRow
from welkin.services.network.values import Id, Text, owner, several

NOT_EVERYBODY = any_of(ADMIN, "not '*':%(target_project)s")
GET = Rule("get_rbac_policy", PROJECT_READER, "Read what is shared with whom.")
CREATE = Rule("create_rbac_policy", PROJECT_MEMBER, "Share something with a project.")
CREATE_TARGET = Rule("create_rbac_policy:target_project", NOT_EVERYBODY, "Choose whom to share with.")
UPDATE = Rule("update_rbac_policy", PROJECT_MEMBER, "Change whom something is shared with.")
UPDATE_TARGET = Rule("update_rbac_policy:target_project", NOT_EVERYBODY, "Change whom to share with.")
DELETE = Rule("delete_rbac_policy", PROJECT_MEMBER, "Share something no longer.")

MAKE_EXTERNAL = network_policy.UPDATE_ATTRIBUTES["router_external"][0]

OBJECTS: Mapping[str, Collection[Any]] = {
    "network": NETWORKS,
    "subnetpool": SUBNET_POOLS,
    "address_scope": ADDRESS_SCOPES,
    "address_group": ADDRESS_GROUPS,
    "security_group": SECURITY_GROUPS,
}

routes = Routes(service)


class RbacCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to share, how, and with whom."""

    object_type: Text
    object_id: Id
    action: Text
    target_tenant: Text | UnsetType = UNSET
    target_project: Text | UnsetType = UNSET
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET


class RbacUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """With whom to share instead."""

    target_tenant: Text | UnsetType = UNSET
    target_project: Text | UnsetType = UNSET


class RbacCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One policy to create, or several."""

    rbac_policy: RbacCreate | UnsetType = UNSET
    rbac_policies: list[RbacCreate] | UnsetType = UNSET


class RbacUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a policy."""

    rbac_policy: RbacUpdate


async def views(_reads: Reads, rows: Sequence[RbacRow], _project_id: str | None) -> list[View]:
    """Return policies as the wire has them."""
    return [
        {
            "id": row.id,
            "tenant_id": row.project_id,
            "project_id": row.project_id,
            "object_type": row.object_type,
            "object_id": row.object_id,
            "action": row.action,
            "target_tenant": row.target_project,
            "target_project": row.target_project,
        }
        for row in rows
    ]


NAMES = ("id", "project_id", "object_type", "object_id", "action", "target_project")
COLUMNS = {name: name for name in NAMES} | {"tenant_id": "project_id", "target_tenant": "target_project"}

RBAC_POLICIES = Collection(
    singular="rbac_policy",
    plural="rbac_policies",
    listing=Listing(
        table="rbac_policies",
        row=RbacRow,
        filters={name: listing.equal(column) for name, column in COLUMNS.items()},
        sorts=COLUMNS,
    ),
    get=GET,
    views=views,
    scope=own(),
    not_found=RbacPolicyNotFound,
)


@routes.get("/v2.0/rbac-policies", rule=GET, late=True)
async def list_rbac_policies(call: Call) -> View:
    """List what the caller shares."""
    return await answer_list(call, RBAC_POLICIES)


@routes.get("/v2.0/rbac-policies/{rbac_policy_id}", rule=GET, late=True)
async def show_rbac_policy(call: Call, rbac_policy_id: str) -> View:
    """Show a policy."""
    return await answer_show(call, RBAC_POLICIES, rbac_policy_id)


def target_of(body: RbacCreate | RbacUpdate) -> str:
    """Return the project to share with.  Raises InvalidInput."""
    for value in (body.target_project, body.target_tenant):
        if isinstance(value, str):
            return value
    raise InvalidInput("target_tenant is required")


@routes.post("/v2.0/rbac-policies", rule=CREATE, late=True)
async def create_rbac_policy(call: Call, body: RbacCreateBody) -> View:
    """Share something of the caller's with a project, or with everybody."""
    wanted, one = several(body.rbac_policy, body.rbac_policies, "rbac_policy")
    rows = []
    async with call.db.tx() as tx:
        for each in wanted:
            project_id = owner(each.project_id, each.tenant_id, call.actor.project_id)
            call.enforce(CREATE, project_id=project_id)
            call.enforce(CREATE_TARGET, project_id=project_id, target_project=target_of(each))
            await limits.claim(tx, limits.RBAC_POLICY, [project_id])
            rows.append(await _create(call, tx, project_id, each))
        return await answer_created(call, tx, RBAC_POLICIES, rows, one=one)


async def _create(call: Call, tx: Transaction, project_id: str, body: RbacCreate) -> RbacRow:
    actions = sharing.ACTIONS.get(body.object_type)
    if actions is None:
        raise InvalidInput(f"'{body.object_type}' is not a valid RBAC object type")
    if body.action not in actions:
        raise InvalidInput(f"Invalid action '{body.action}' for object type '{body.object_type}'")
    shared = await find(call, tx, OBJECTS[body.object_type], body.object_id)
    call.enforce(CREATE, project_id=shared.project_id)
    if body.action == sharing.EXTERNAL:  # it becomes the wire outside, where it could pretend to be anybody
        call.enforce(MAKE_EXTERNAL, project_id=shared.project_id)
    row = RbacRow(
        id=call.world.new_id(),
        project_id=project_id,
        object_type=body.object_type,
        object_id=shared.id,
        action=body.action,
        target_project=target_of(body),
    )
    await _check_unique(tx, row)
    await tx.insert("rbac_policies", row)
    if row.action == sharing.EXTERNAL:
        await tx.update("networks", {"id": shared.id}, {"external": True})
    return row


async def _check_unique(tx: Transaction, row: RbacRow) -> None:
    sql = "SELECT 1 FROM rbac_policies WHERE object_id = $1 AND action = $2 AND target_project = $3"
    if await tx.value(sql, row.object_id, row.action, row.target_project):
        raise DuplicateRbacPolicy


@routes.put("/v2.0/rbac-policies/{rbac_policy_id}", rule=UPDATE, late=True)
async def update_rbac_policy(call: Call, rbac_policy_id: str, body: RbacUpdateBody) -> View:
    """Share with another project instead."""
    async with call.db.tx() as tx:
        row = await find(call, tx, RBAC_POLICIES, rbac_policy_id)
        call.enforce(UPDATE, project_id=row.project_id)
        target = target_of(body.rbac_policy)
        call.enforce(UPDATE_TARGET, project_id=row.project_id, target_project=target)
        if target != row.target_project:
            await check_unused(tx, row)
            row.target_project = target
            await _check_unique(tx, row)
            await tx.update("rbac_policies", {"id": row.id}, {"target_project": target})
        return await answer_one(call, tx, RBAC_POLICIES, row)


@routes.delete("/v2.0/rbac-policies/{rbac_policy_id}", rule=DELETE, late=True)
async def delete_rbac_policy(call: Call, rbac_policy_id: str) -> None:
    """Share something no longer, unless somebody uses it who could not without."""
    async with call.db.tx() as tx:
        row = await find(call, tx, RBAC_POLICIES, rbac_policy_id)
        call.enforce(DELETE, project_id=row.project_id)
        await check_unused(tx, row)
        await tx.delete("rbac_policies", {"id": row.id})


USERS: Mapping[str, str] = {
    "network": "SELECT project_id FROM ports WHERE network_id = $1 AND device_owner NOT LIKE 'network:%'",
    "subnetpool": "SELECT project_id FROM subnets WHERE subnetpool_id = $1",
    "address_scope": "SELECT project_id FROM subnet_pools WHERE address_scope_id = $1",
    "address_group": "SELECT project_id FROM security_group_rules WHERE remote_address_group_id = $1",
    "security_group": (
        "SELECT p.project_id FROM ports AS p JOIN port_security_groups AS g ON g.port_id = p.id "
        "WHERE g.security_group_id = $1"
    ),
}
GATEWAYS = "SELECT project_id FROM routers WHERE gateway_network_id = $1"
"""Who uses what is shared, by the kind of object."""


async def check_unused(tx: Transaction, row: RbacRow) -> None:
    """Refuse to withdraw what somebody uses by this policy alone.  Raises RbacPolicyInUse."""
    sql = GATEWAYS if row.action == sharing.EXTERNAL else USERS[row.object_type]
    users = set(await tx.values(sql, row.object_id)) - {"", await _owner(tx, row)}
    others = set(
        await tx.values(
            "SELECT target_project FROM rbac_policies WHERE object_id = $1 AND action = $2 AND id <> $3",
            row.object_id,
            row.action,
            row.id,
        )
    )
    concerned = users if row.target_project == sharing.EVERYBODY else users & {row.target_project}
    if concerned and sharing.EVERYBODY not in others and not concerned <= others:
        raise RbacPolicyInUse(row.object_id)


async def _owner(tx: Transaction, row: RbacRow) -> str:
    table = OBJECTS[row.object_type].listing.table
    return str(await tx.value(f"SELECT project_id FROM {table} WHERE id = $1", row.object_id) or "")
