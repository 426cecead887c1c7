"""Agents, availability zones, service providers, pools of floating IPs, and how full networks are, over HTTP."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from welkin.core import listing
from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.core.listing import Select
from welkin.services.network.agents.views import all_agents, filtered
from welkin.services.network.collection import View, check_filters, find, sees_all
from welkin.services.network.errors import AgentNotFound, NetworkNotFound
from welkin.services.network.floating_ips import policy as floating_policy
from welkin.services.network.networks.views import NETWORKS, ZONE
from welkin.services.network.policy import ADMIN, ADMIN_OR_SERVICE, READER, Rule
from welkin.services.network.routers.views import ROUTERS
from welkin.services.network.service import service
from welkin.services.network.subnets import ranges
from welkin.services.network.tables import NetworkRow, RouterRow, SubnetRow
from welkin.services.network.values import Text, given

GET = Rule("get_agent", ADMIN, "Read what serves networks on each host.")
UPDATE = Rule("update_agent", ADMIN, "Describe an agent, or switch it off.")
GET_ROUTERS = Rule("get_l3-routers", ADMIN, "List the routers of a host.")
GET_L3 = Rule("get_l3-agents", ADMIN, "Tell where a router forwards.")
GET_NETWORKS = Rule("get_dhcp-networks", ADMIN, "List the networks of a host.")
GET_DHCP = Rule("get_dhcp-agents", ADMIN, "Tell where a network has its DHCP servers.")
GET_ZONES = Rule("get_availability_zone", READER, "List availability zones.")
GET_PROVIDERS = Rule("get_service_provider", READER, "List who provides which service.")
GET_AVAILABILITY = Rule("get_network_ip_availability", ADMIN_OR_SERVICE, "Read how full networks are.")

routes = Routes(service)


class AgentUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of an agent to change."""

    admin_state_up: bool | UnsetType = UNSET
    description: Text | UnsetType | None = UNSET


class AgentUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of an agent."""

    agent: AgentUpdate


@routes.get("/v2.0/agents", rule=GET, late=True)
async def list_agents(call: Call) -> View:
    """List what serves networks on each host."""
    agents = await all_agents(call.db, call.world.now()) if readable(call, GET) else []
    return {"agents": filtered(agents, call.args)}


def readable(call: Call, rule: Rule) -> bool:
    """Return whether the caller may read what a list is of; for everybody else the list is empty, as upstream's is."""
    call.enforced = True
    return call.allowed(rule)


async def _agent(call: Call, agent_id: str) -> View:
    for each in await all_agents(call.db, call.world.now()):
        if each["id"] == agent_id:
            return each
    raise AgentNotFound(agent_id)


@routes.get("/v2.0/agents/{agent_id}", rule=GET)
async def show_agent(call: Call, agent_id: str) -> View:
    """Show an agent."""
    fields = {"fields": call.args.get("fields", [])}
    return {"agent": filtered([await _agent(call, agent_id)], fields)[0]}


@routes.put("/v2.0/agents/{agent_id}", rule=UPDATE)
async def update_agent(call: Call, agent_id: str, body: AgentUpdateBody) -> View:
    """Describe an agent, or mark it as switched off."""
    found = await _agent(call, agent_id)
    found.update(given(body.agent))
    async with call.db.tx() as tx:
        await tx.delete("network_agents", {"id": agent_id})
        row = {"id": agent_id, "admin_state_up": found["admin_state_up"], "description": found["description"] or ""}
        await tx.insert("network_agents", row)
    return {"agent": found}


@routes.get("/v2.0/agents/{agent_id}/l3-routers", rule=GET_ROUTERS)
async def list_routers_of_agent(call: Call, agent_id: str) -> View:
    """List the routers that forward on an agent's host."""
    host = (await _agent(call, agent_id))["host"]
    sql = f"SELECT {columns(RouterRow)} FROM routers WHERE host = $1 ORDER BY id"
    return {"routers": await ROUTERS.views(call.db, await call.db.all(RouterRow, sql, host), None)}


@routes.get("/v2.0/routers/{router_id}/l3-agents", rule=GET_L3)
async def list_agents_of_router(call: Call, router_id: str) -> View:
    """List the agents on the host where a router forwards."""
    row = await find(call, call.db, ROUTERS, router_id)
    agents = await all_agents(call.db, call.world.now())
    return {"agents": [each for each in agents if each["host"] == row.host and each["agent_type"] == "L3 agent"]}


@routes.get("/v2.0/agents/{agent_id}/dhcp-networks", rule=GET_NETWORKS)
async def list_networks_of_agent(call: Call, agent_id: str) -> View:
    """List the networks that have ports on an agent's host."""
    host = (await _agent(call, agent_id))["host"]
    sql = (
        f"SELECT {columns(NetworkRow)} FROM networks WHERE id IN (SELECT network_id FROM ports WHERE host = $1) "
        "ORDER BY id"
    )
    return {"networks": await NETWORKS.views(call.db, await call.db.all(NetworkRow, sql, host), None)}


@routes.get("/v2.0/networks/{network_id}/dhcp-agents", rule=GET_DHCP)
async def list_agents_of_network(call: Call, network_id: str) -> View:
    """List the agents on the hosts where a network has ports."""
    row = await find(call, call.db, NETWORKS, network_id)
    hosts = await call.db.values("SELECT DISTINCT host FROM ports WHERE network_id = $1 AND host <> ''", row.id)
    agents = await all_agents(call.db, call.world.now())
    return {"agents": [each for each in agents if each["host"] in hosts and each["agent_type"] == "DHCP agent"]}


@routes.get("/v2.0/availability_zones", rule=GET_ZONES)
async def list_zones(call: Call) -> View:
    """List the zones that hosts are in."""
    zones: list[View] = []
    if await call.db.value("SELECT 1 FROM hosts LIMIT 1"):
        zones = [{"name": ZONE, "resource": each, "state": "available"} for each in ("network", "router")]
    return {"availability_zones": filtered(zones, call.args)}


@routes.get("/v2.0/service-providers", rule=GET_PROVIDERS)
async def list_providers(call: Call) -> View:
    """List who provides which service: the routers of this package."""
    provider: View = {"service_type": "L3_ROUTER_NAT", "name": "single_node", "default": True}
    return {"service_providers": filtered([provider], call.args)}


@routes.get("/v2.0/floatingip_pools", rule=floating_policy.GET_POOL, late=True)
async def list_floating_ip_pools(call: Call) -> View:
    """List the subnets that floating IPs come from."""
    call.enforce(floating_policy.GET_POOL, project_id=call.actor.project_id)
    select = Select()
    if not sees_all(call, NETWORKS.get):
        NETWORKS.scope(select, call.actor.project_id or "")
    select.where("external")
    sql = f"SELECT {columns(NetworkRow)} FROM networks{select.clause()} ORDER BY created_at, id"
    pools = []
    for network in await call.db.all(NetworkRow, sql, *select.values):
        for subnet in await _subnets(call.db, [network.id]):
            if subnet.ip_version == 4:
                pools.append(
                    {
                        "cidr": subnet.cidr,
                        "subnet_id": subnet.id,
                        "subnet_name": subnet.name,
                        "network_id": network.id,
                        "network_name": network.name,
                        "tenant_id": network.project_id,
                        "project_id": network.project_id,
                    }
                )
    return {"floatingip_pools": filtered(pools, call.args)}


class Used(msgspec.Struct):
    """How many addresses of a subnet are taken."""

    subnet_id: str
    count: int


async def _subnets(reads: Reads, network_ids: Sequence[str]) -> list[SubnetRow]:
    if not network_ids:
        return []
    marks = ", ".join(f"${index}" for index in range(1, len(network_ids) + 1))
    sql = f"SELECT {columns(SubnetRow)} FROM subnets WHERE network_id IN ({marks}) ORDER BY created_at, id"
    return await reads.all(SubnetRow, sql, *network_ids)


async def availability(reads: Reads, rows: Sequence[NetworkRow], version: int | None) -> list[View]:
    """Return how full networks are; of one version of IP, or of both."""
    subnets = [each for each in await _subnets(reads, [row.id for row in rows]) if version in (None, each.ip_version)]
    used: dict[str, int] = {}
    if subnets:
        marks = ", ".join(f"${index}" for index in range(1, len(subnets) + 1))
        sql = f"SELECT subnet_id, COUNT(*) FROM fixed_ips WHERE subnet_id IN ({marks}) GROUP BY subnet_id"
        used = {each.subnet_id: each.count for each in await reads.all(Used, sql, *(each.id for each in subnets))}
    found = []
    for row in rows:
        parts = [
            {
                "subnet_id": each.id,
                "subnet_name": each.name,
                "cidr": str(ipaddress.ip_network(each.cidr)),
                "ip_version": each.ip_version,
                "total_ips": ranges.size(each.allocation_pools),
                "used_ips": used.get(each.id, 0),
            }
            for each in subnets
            if each.network_id == row.id
        ]
        found.append(
            {
                "network_id": row.id,
                "network_name": row.name,
                "tenant_id": row.project_id,
                "project_id": row.project_id,
                "subnet_ip_availability": parts,
                "total_ips": sum(int(str(part["total_ips"])) for part in parts),
                "used_ips": sum(int(str(part["used_ips"])) for part in parts),
            }
        )
    return found


AVAILABILITY_FILTERS = {
    "network_id": listing.equal("id"),
    "network_name": listing.equal("name"),
    "project_id": listing.equal("project_id"),
    "tenant_id": listing.equal("project_id"),
}


@routes.get("/v2.0/network-ip-availabilities", rule=GET_AVAILABILITY, late=True)
async def list_availability(call: Call) -> View:
    """List how full each network is."""
    args = call.args
    check_filters(args, AVAILABILITY_FILTERS | {"ip_version": listing.integer("ip_version")})
    select = Select()
    for name, values in args.items():
        if name in AVAILABILITY_FILTERS:
            AVAILABILITY_FILTERS[name](select, values)
    version = listing.whole(args["ip_version"][-1]) if "ip_version" in args else None
    if version not in (None, 4, 6):
        raise Invalid(f"Invalid input for ip_version: {version}")
    sql = f"SELECT {columns(NetworkRow)} FROM networks{select.clause()} ORDER BY created_at, id"
    rows = await call.db.all(NetworkRow, sql, *select.values) if readable(call, GET_AVAILABILITY) else []
    return {"network_ip_availabilities": await availability(call.db, rows, version)}


@routes.get("/v2.0/network-ip-availabilities/{network_id}", rule=GET_AVAILABILITY)
async def show_availability(call: Call, network_id: str) -> View:
    """Show how full a network is."""
    row = await call.db.one(NetworkRow, f"SELECT {columns(NetworkRow)} FROM networks WHERE id = $1", network_id)
    if row is None:
        raise NetworkNotFound(network_id)
    return {"network_ip_availability": (await availability(call.db, [row], None))[0]}
