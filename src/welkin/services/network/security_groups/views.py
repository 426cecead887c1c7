"""Security groups, rules and address groups as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import listing
from welkin.core.db import Reads, columns
from welkin.core.listing import Listing, Select
from welkin.services.network import sharing
from welkin.services.network.collection import (
    Collection,
    View,
    null_filter,
    sorts,
    stamps,
    standard,
    standard_filters,
    tags_of,
)
from welkin.services.network.security_groups import policy, rules
from welkin.services.network.security_groups.errors import (
    AddressGroupNotFound,
    SecurityGroupDefaultRuleNotFound,
    SecurityGroupNotFound,
    SecurityGroupRuleNotFound,
)
from welkin.services.network.tables import AddressGroupRow, DefaultRuleRow, RuleRow, SecurityGroupRow


async def group_views(reads: Reads, rows: Sequence[SecurityGroupRow], project_id: str | None) -> list[View]:
    """Return security groups with their rules as the wire has them."""
    ids = [row.id for row in rows]
    members: dict[str, list[RuleRow]] = {id: [] for id in ids}
    if ids:
        marks = ", ".join(f"${index}" for index in range(1, len(ids) + 1))
        sql = (
            f"SELECT {columns(RuleRow)} FROM security_group_rules WHERE security_group_id IN ({marks}) "
            "ORDER BY created_at, id"
        )
        for rule in await reads.all(RuleRow, sql, *ids):
            members[rule.security_group_id].append(rule)
    shared = await sharing.shared_ids(reads, ids, project_id)
    tags = await tags_of(reads, "security_groups", rows)
    tags_of_rules = await tags_of(reads, "security_group_rules", [rule for each in members.values() for rule in each])
    return [
        standard(row)
        | {
            "stateful": row.stateful,
            "shared": row.id in shared,
            "security_group_rules": [rule_view(rule) | {"tags": tags_of_rules[rule.id]} for rule in members[row.id]],
            "tags": tags[row.id],
        }
        for row in rows
    ]


async def rule_views(reads: Reads, rows: Sequence[RuleRow], _project_id: str | None) -> list[View]:
    """Return rules as the wire has them."""
    tags = await tags_of(reads, "security_group_rules", rows)
    return [rule_view(row) | {"tags": tags[row.id]} for row in rows]


def rule_view(row: RuleRow) -> View:
    """Return a rule from its row."""
    return {
        "id": row.id,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "security_group_id": row.security_group_id,
        "description": row.description,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol,
        "port_range_min": row.port_range_min,
        "port_range_max": row.port_range_max,
        "remote_ip_prefix": row.remote_ip_prefix,
        "normalized_cidr": rules.normalized(row.remote_ip_prefix),
        "remote_group_id": row.remote_group_id,
        "remote_address_group_id": row.remote_address_group_id,
        **stamps(row),
    }


async def default_views(_reads: Reads, rows: Sequence[DefaultRuleRow], _project_id: str | None) -> list[View]:
    """Return default rules as the wire has them."""
    return [{name: getattr(row, name) for name in row.__struct_fields__} for row in rows]


async def address_views(reads: Reads, rows: Sequence[AddressGroupRow], project_id: str | None) -> list[View]:
    """Return address groups as the wire has them."""
    shared = await sharing.shared_ids(reads, [row.id for row in rows], project_id)
    tags = await tags_of(reads, "address_groups", rows)
    return [
        standard(row) | {"addresses": row.addresses, "shared": row.id in shared, "tags": tags[row.id]} for row in rows
    ]


def own_rules(select: Select, project_id: str) -> None:
    """Show a project its rules, and those of its security groups."""
    place = select.value(project_id)
    select.conditions.append(
        f"(project_id = {place} OR security_group_id IN (SELECT id FROM security_groups WHERE project_id = {place}))"
    )


SECURITY_GROUPS = Collection(
    singular="security_group",
    plural="security_groups",
    listing=Listing(
        table="security_groups",
        row=SecurityGroupRow,
        filters=standard_filters("security_groups")
        | {
            "stateful": listing.boolean("stateful"),
            "shared": sharing.shared_filter("security_groups.id"),
        },
        sorts=sorts("stateful"),
    ),
    get=policy.GET,
    views=group_views,
    scope=sharing.own_or_shared("security_groups"),
    not_found=SecurityGroupNotFound,
)

RULES = Collection(
    singular="security_group_rule",
    plural="security_group_rules",
    listing=Listing(
        table="security_group_rules",
        row=RuleRow,
        filters={
            name: apply
            for name, apply in standard_filters(
                "security_group_rules", "security_group_id", "direction", "ethertype"
            ).items()
            if name != "name"
        }
        | {name: null_filter(name) for name in ("protocol", "remote_ip_prefix", "remote_group_id")}
        | {
            "remote_address_group_id": null_filter("remote_address_group_id"),
            "port_range_min": listing.integer("port_range_min"),
            "port_range_max": listing.integer("port_range_max"),
        },
        sorts={
            name: column
            for name, column in sorts("security_group_id", "direction", "ethertype").items()
            if name != "name"
        }
        | {
            name: f"COALESCE({name}, '')"
            for name in ("protocol", "remote_ip_prefix", "remote_group_id", "remote_address_group_id")
        }
        | {name: f"COALESCE({name}, -1)" for name in ("port_range_min", "port_range_max")},
    ),
    get=policy.GET_RULE,
    views=rule_views,
    scope=own_rules,
    not_found=SecurityGroupRuleNotFound,
)

DEFAULT_RULES = Collection(
    singular="default_security_group_rule",
    plural="default_security_group_rules",
    listing=Listing(
        table="default_security_group_rules",
        row=DefaultRuleRow,
        filters={name: null_filter(name) for name in ("protocol", "remote_ip_prefix", "remote_group_id")}
        | {name: listing.equal(name) for name in ("id", "description", "direction", "ethertype")}
        | {name: listing.boolean(name) for name in ("used_in_default_sg", "used_in_non_default_sg")},
        sorts={name: name for name in ("id", "description", "direction", "ethertype")},
    ),
    get=policy.GET_DEFAULT,
    views=default_views,
    scope=lambda _select, _project_id: None,
    not_found=SecurityGroupDefaultRuleNotFound,
)

ADDRESS_GROUPS = Collection(
    singular="address_group",
    plural="address_groups",
    listing=Listing(
        table="address_groups",
        row=AddressGroupRow,
        filters=standard_filters("address_groups") | {"shared": sharing.shared_filter("address_groups.id")},
        sorts=sorts(),
    ),
    get=policy.GET_ADDRESSES,
    views=address_views,
    scope=sharing.own_or_shared("address_groups"),
    not_found=AddressGroupNotFound,
)
