"""Writing security groups and their rules, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import tags
from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import sharing, touching
from welkin.services.network.security_groups import rules
from welkin.services.network.security_groups.errors import (
    AddressGroupNotFound,
    DuplicateSecurityGroupRuleInPost,
    SecurityGroupInUse,
    SecurityGroupNotFound,
    SecurityGroupRuleExists,
)
from welkin.services.network.security_groups.shapes import GroupCreate, RuleCreate
from welkin.services.network.tables import DefaultRuleRow, RuleRow, SecurityGroupRow

DEFAULT = "default"
PARENT = "PARENT"
"""In a default rule: the group that starts with it."""
BY_ID = f"SELECT {columns(SecurityGroupRow)} FROM security_groups WHERE id = $1"


async def ensure_default(tx: Transaction, world: World, project_id: str) -> str:
    """Return the id of a project's default group, and make it where there is none."""
    sql = "SELECT id FROM security_groups WHERE project_id = $1 AND name = 'default'"
    found = await tx.value(sql, project_id)
    if found:
        return str(found)
    row = await create(tx, world, project_id, GroupCreate(name=DEFAULT, description="Default security group"))
    return row.id


async def create(tx: Transaction, world: World, project_id: str, body: GroupCreate) -> SecurityGroupRow:
    """Store a group with the rules that new groups start with; the caller has claimed its quota."""
    now = world.now()
    row = SecurityGroupRow(
        id=world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        stateful=body.stateful,
        revision_number=1,
        created_at=now,
        updated_at=now,
    )
    await tx.insert("security_groups", row)
    if body.tags:
        await tags.put(tx, "network.security_groups", row.id, body.tags)
    column = "used_in_default_sg" if body.name == DEFAULT else "used_in_non_default_sg"
    sql = f"SELECT {columns(DefaultRuleRow)} FROM default_security_group_rules WHERE {column} ORDER BY id"
    for each in await tx.all(DefaultRuleRow, sql):
        await tx.insert("security_group_rules", from_default(each, row, world.new_id()))
    return row


def from_default(default: DefaultRuleRow, group: SecurityGroupRow, id: str) -> RuleRow:
    """Return the rule that a new group gets from a default rule."""
    return RuleRow(
        id=id,
        project_id=group.project_id,
        description="",
        security_group_id=group.id,
        direction=default.direction,
        ethertype=default.ethertype,
        protocol=default.protocol,
        port_range_min=default.port_range_min,
        port_range_max=default.port_range_max,
        remote_ip_prefix=default.remote_ip_prefix,
        remote_group_id=group.id if default.remote_group_id == PARENT else default.remote_group_id,
        remote_address_group_id=default.remote_address_group_id,
        revision_number=1,
        created_at=group.created_at,
        updated_at=group.created_at,
    )


async def delete(tx: Transaction, row: SecurityGroupRow) -> None:
    """Delete a group, its rules, and the rules that name it as their remote.  Raises SecurityGroupInUse."""
    if await tx.value("SELECT 1 FROM port_security_groups WHERE security_group_id = $1 LIMIT 1", row.id):
        raise SecurityGroupInUse(row.id)
    await touching.members(tx, [row.id])
    doomed = "SELECT id FROM security_group_rules WHERE security_group_id = $1 OR remote_group_id = $1"
    for id in await tx.values(doomed, row.id):
        await tags.clear(tx, "network.security_group_rules", id)
    await tx.run("DELETE FROM security_group_rules WHERE security_group_id = $1 OR remote_group_id = $1", row.id)
    await tags.clear(tx, "network.security_groups", row.id)
    await sharing.forget(tx, row.id)
    await tx.delete("security_groups", {"id": row.id})


async def usable(reads: Reads, ids: Sequence[str], project_id: str, *, any_project: bool = False) -> list[str]:
    """Return `ids` without repetitions when the project may use these groups.  Raises SecurityGroupNotFound."""
    wanted = list(dict.fromkeys(ids))
    for id in wanted:
        row = await reads.one(SecurityGroupRow, BY_ID, id)
        if row is None or not (
            any_project or row.project_id == project_id or await sharing.may_use(reads, id, project_id)
        ):
            raise SecurityGroupNotFound(id)
    return wanted


async def by_names(reads: Reads, project_id: str, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of the groups of a project that have a name or an id of `names`."""
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        sql = "SELECT id FROM security_groups WHERE project_id = $1 AND (id = $2 OR name = $2) ORDER BY id"
        ids = await reads.values(sql, project_id, name)
        found[name] = [name] if name in ids else ids
    return found


async def check_remotes(reads: Reads, rule: RuleRow, *, any_project: bool) -> None:
    """Refuse a rule whose remote group or address group its project cannot use."""
    if rule.remote_group_id is not None:
        await usable(reads, [rule.remote_group_id], rule.project_id, any_project=any_project)
    if rule.remote_address_group_id is not None:
        owner = await reads.value("SELECT project_id FROM address_groups WHERE id = $1", rule.remote_address_group_id)
        if owner is None or not (
            any_project
            or owner == rule.project_id
            or await sharing.may_use(reads, rule.remote_address_group_id, rule.project_id)
        ):
            raise AddressGroupNotFound(rule.remote_address_group_id)


async def add_rules(
    tx: Transaction, world: World, group: SecurityGroupRow, project_id: str, wanted: Sequence[RuleCreate]
) -> list[RuleRow]:
    """Store rules of one group.  Raises SecurityGroupRuleExists for one that says what another says."""
    now = world.now()
    sql = f"SELECT {columns(RuleRow)} FROM security_group_rules WHERE security_group_id = $1"
    known = {rules.key(row): row.id for row in await tx.all(RuleRow, sql, group.id)}
    fresh: set[tuple[object, ...]] = set()
    rows = []
    for each in wanted:
        row = RuleRow(
            id=world.new_id(),
            project_id=project_id,
            description=each.description,
            security_group_id=group.id,
            revision_number=0,
            created_at=now,
            updated_at=now,
            **rules.checked(each),
        )
        key = rules.key(row)
        if key in fresh:
            raise DuplicateSecurityGroupRuleInPost
        if key in known:
            raise SecurityGroupRuleExists(known[key])
        fresh.add(key)
        rows.append(row)
    for row in rows:
        await tx.insert("security_group_rules", row)
    await touching.groups(tx, [group.id])
    return rows
