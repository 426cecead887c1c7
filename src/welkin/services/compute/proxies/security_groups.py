"""Security groups as clients before 2.36 know them: rules for what comes in, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from welkin.core.errors import Conflict, Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX
from welkin.services.compute.proxies import policy
from welkin.services.compute.proxies.asking import LAST_VERSION, NETWORK, ask, path_of
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.servers import policy as servers_policy
from welkin.services.compute.servers.transitions import visible
from welkin.services.compute.service import service
from welkin.services.compute.values import Limit, NoQuery, Uuid, is_uuid

routes = Routes(service)
GROUPS = "/v2.1/os-security-groups"
RULES = "/v2.1/os-security-group-rules"
ALL_PORTS = (1, 65535)
Text = Annotated[str, Meta(max_length=255)]
Group = Mapping[str, Any]


class GroupText(Struct):
    """What a security group is called and what it is for."""

    name: Text
    description: Text


class GroupBody(Struct):
    """The body that makes or changes a security group."""

    security_group: GroupText


class NewRule(Struct):
    """A rule for what comes in."""

    parent_group_id: Uuid
    group_id: Uuid | None = None
    ip_protocol: str | int | None = None
    from_port: int | str | None = None
    to_port: int | str | None = None
    cidr: str | None = None


class RuleBody(Struct):
    """The body that adds a rule."""

    security_group_rule: NewRule


class GroupQuery(Struct, kw_only=True):
    """How security groups are listed."""

    limit: Limit | None = None
    offset: Limit = 0
    all_tenants: str | None = None
    """Every project's, whatever the value, for administrators; others may say it too, and get their own."""


@routes.get(GROUPS, rule=policy.LIST_GROUPS, until=LAST_VERSION)
async def list_groups(call: Call, query: GroupQuery) -> dict[str, Any]:
    """List the project's security groups, or for an administrator those of all projects."""
    groups = await groups_of(call, everyone=query.all_tenants is not None and call.actor.is_admin)
    names = {group["id"]: group for group in groups}
    last = query.offset + min(query.limit or LIMIT_MAX, LIMIT_MAX)
    views = [view(group, names) for group in groups[query.offset : last]]
    return {"security_groups": sorted(views, key=lambda group: (group["tenant_id"], group["name"]))}


@routes.post(GROUPS, rule=policy.CREATE_GROUP, status=200, until=LAST_VERSION)
async def create_group(call: Call, body: GroupBody) -> dict[str, Any]:
    """Make a security group."""
    wanted = {"security_group": {"name": body.security_group.name, "description": body.security_group.description}}
    made = await change(call, "POST", path_of(NETWORK, "security-groups"), wanted)
    return {"security_group": view(made["security_group"], {})}


@routes.get(GROUPS + "/{group_id}", rule=policy.SHOW_GROUP, until=LAST_VERSION)
async def show_group(call: Call, group_id: str) -> dict[str, Any]:
    """Show a security group."""
    group = await find(call, group_id)
    names = {each["id"]: each for each in await groups_of(call)}
    return {"security_group": view(group, names)}


@routes.put(GROUPS + "/{group_id}", rule=policy.UPDATE_GROUP, until=LAST_VERSION)
async def update_group(call: Call, group_id: str, body: GroupBody) -> dict[str, Any]:
    """Rename or describe a security group."""
    await find(call, group_id)
    wanted = {"security_group": {"name": body.security_group.name, "description": body.security_group.description}}
    changed = await change(call, "PUT", path_of(NETWORK, "security-groups", group_id), wanted)
    return {"security_group": view(changed["security_group"], {})}


@routes.delete(GROUPS + "/{group_id}", rule=policy.DELETE_GROUP, status=202, until=LAST_VERSION)
async def delete_group(call: Call, group_id: str) -> None:
    """Delete a security group."""
    await find(call, group_id)
    await change(call, "DELETE", path_of(NETWORK, "security-groups", group_id), None)


@routes.post(RULES, rule=policy.CREATE_RULE, status=200, until=LAST_VERSION)
async def create_rule(call: Call, body: RuleBody) -> dict[str, Any]:
    """Add a rule to a security group."""
    new = body.security_group_rule
    await find(call, new.parent_group_id)
    sources = {} if new.group_id is None else {new.group_id: await find(call, new.group_id)}
    made = await change(call, "POST", path_of(NETWORK, "security-group-rules"), {"security_group_rule": wanted(new)})
    return {"security_group_rule": rule_view(made["security_group_rule"], sources)}


@routes.delete(RULES + "/{rule_id}", rule=policy.DELETE_RULE, status=202, until=LAST_VERSION)
async def delete_rule(call: Call, rule_id: str) -> None:
    """Delete a rule of a security group."""
    check_id(rule_id)
    await change(call, "DELETE", path_of(NETWORK, "security-group-rules", rule_id), None)


@routes.get("/v2.1/servers/{server_id}/os-security-groups", rule=servers_policy.SECURITY_GROUPS_LIST, late=True)
async def list_groups_of_server(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """List the security groups of a server's ports."""
    await visible(call, call.db, server_id, servers_policy.SECURITY_GROUPS_LIST)
    ports = (await ask(call, "GET", path_of(NETWORK, "ports", device_id=server_id)))["ports"]
    ids = sorted({id for port in ports for id in port["security_groups"]})
    groups = [await find(call, id) for id in ids]
    names = {each["id"]: each for each in [*await groups_of(call), *groups]}
    views = [view(group, names) for group in groups]
    return {"security_groups": sorted(views, key=lambda group: (group["tenant_id"], group["name"]))}


passed_over_before("2.102", list_groups_of_server)


async def groups_of(call: Call, *, everyone: bool = False) -> list[Group]:
    """Return the project's security groups as network has them, or all that the caller sees."""
    whose = {} if everyone else {"project_id": call.actor.project_id or ""}
    answer = await ask(call, "GET", path_of(NETWORK, "security-groups", **whose))
    groups: list[Group] = answer["security_groups"]
    return groups


async def find(call: Call, group_id: str) -> Group:
    """Return a security group as network has it.  Raises NotFound, Invalid."""
    check_id(group_id)
    found: Group = (await ask(call, "GET", path_of(NETWORK, "security-groups", group_id)))["security_group"]
    return found


async def change(call: Call, method: str, path: str, body: object) -> Any:
    """Have network change something; what conflicts there was never more than a bad request here."""
    try:
        return await ask(call, method, path, body)
    except Conflict as conflict:
        raise Invalid(str(conflict)) from conflict


def check_id(id: str) -> None:
    """Demand an id.  Raises Invalid."""
    if not is_uuid(id):
        raise Invalid(f"Security group id {id} should be uuid")


def wanted(new: NewRule) -> dict[str, Any]:
    """Return a rule as network takes it.  Raises Invalid."""
    if new.group_id is None and (new.ip_protocol is None or new.from_port is None or new.to_port is None):
        raise Invalid("Not enough parameters to build a valid rule.")
    cidr = None if new.group_id is not None else new.cidr or "0.0.0.0/0"
    protocol = None if new.ip_protocol is None else str(new.ip_protocol).lower()
    low, high = port(new.from_port), port(new.to_port)
    return {
        "security_group_id": new.parent_group_id,
        "direction": "ingress",
        "ethertype": "IPv6" if cidr is not None and ":" in cidr else "IPv4",
        "protocol": protocol,
        "port_range_min": low,
        "port_range_max": high,
        "remote_ip_prefix": cidr,
        "remote_group_id": new.group_id,
    }


def port(value: int | str | None) -> int | None:
    """Read a port, or a type or code of ICMP; -1 stands for all.  Raises Invalid."""
    try:
        number = None if value is None else int(value)
    except ValueError:
        raise Invalid(f"Invalid port range {value}. Valid values are integers.") from None
    return None if number == -1 else number


def view(group: Group, groups: Mapping[str, Group]) -> dict[str, Any]:
    """Return a security group; `groups` are those that its rules may name."""
    rules: Sequence[Group] = group.get("security_group_rules", ())
    return {
        "id": group["id"],
        "name": group["name"],
        "description": group["description"],
        "tenant_id": group["project_id"],
        "rules": [rule_view(rule, groups) for rule in rules if rule["direction"] == "ingress"],
    }


def rule_view(rule: Group, groups: Mapping[str, Group]) -> dict[str, Any]:
    """Return a rule; a remote group that is not among `groups` has no name."""
    low, high = rule["port_range_min"], rule["port_range_max"]
    if rule["protocol"] and low is None and high is None:
        low, high = ALL_PORTS if rule["protocol"] in ("tcp", "udp") else (-1, -1)
    everywhere = "::/0" if rule["ethertype"] == "IPv6" else "0.0.0.0/0"
    source = groups.get(rule["remote_group_id"] or "")
    return {
        "id": rule["id"],
        "parent_group_id": rule["security_group_id"],
        "ip_protocol": rule["protocol"],
        "from_port": low,
        "to_port": high,
        "group": {} if source is None else {"name": source["name"], "tenant_id": source["project_id"]},
        "ip_range": {} if rule["remote_group_id"] else {"cidr": rule["remote_ip_prefix"] or everywhere},
    }
