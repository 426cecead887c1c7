"""Subnets over HTTP."""

from __future__ import annotations

from welkin.core.db import Reads
from welkin.core.http import Call, Routes
from welkin.services.network import limits, touching
from welkin.services.network.collection import (
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    attribute_rules,
    change,
    check_revision,
    find,
)
from welkin.services.network.networks import records as networks
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.ports import dhcp
from welkin.services.network.service import service
from welkin.services.network.subnets import policy, records
from welkin.services.network.subnets.shapes import SubnetCreate, SubnetCreateBody, SubnetUpdateBody
from welkin.services.network.subnets.views import SUBNETS
from welkin.services.network.tables import NetworkRow, SubnetRow
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/subnets", rule=policy.GET, late=True)
async def list_subnets(call: Call) -> View:
    """List the subnets that the caller may know of."""
    return await answer_list(call, SUBNETS)


@routes.get("/v2.0/subnets/{subnet_id}", rule=policy.GET, late=True)
async def show_subnet(call: Call, subnet_id: str) -> View:
    """Show a subnet."""
    return await answer_show(call, SUBNETS, subnet_id)


@routes.post("/v2.0/subnets", rule=policy.CREATE, late=True)
async def create_subnet(call: Call, body: SubnetCreateBody) -> View:
    """Create a subnet, or several at once: all or none."""
    wanted, one = several(body.subnet, body.subnets, "subnet")
    async with call.db.tx() as tx:
        places = [await _place(call, tx, each) for each in wanted]
        await limits.claim(tx, limits.SUBNET, [project_id for _, project_id in places])
        rows: list[SubnetRow] = []
        for (network, project_id), each in zip(places, wanted, strict=True):
            rows.append(await records.create(tx, call.world, network, project_id, each))
        for network in {network.id: network for network, _ in places}.values():
            await dhcp.keep(tx, call.world, network)
        return await answer_created(call, tx, SUBNETS, rows, one=one)


async def _place(call: Call, reads: Reads, wanted: SubnetCreate) -> tuple[NetworkRow, str]:
    """Return the network of a new subnet and the project that it will belong to; enforce that the caller may."""
    network = await find(call, reads, NETWORKS, wanted.network_id)
    project_id = owner(wanted.project_id, wanted.tenant_id, call.actor.project_id)
    target = {"project_id": project_id, "network:project_id": network.project_id}
    call.enforce(policy.CREATE, **target)
    if project_id != call.actor.project_id:
        call.enforce(policy.OWN, project_id=project_id)
    attribute_rules(call, policy.CREATE_ATTRIBUTES, given(wanted), **target)
    return network, project_id


async def owners(reads: Reads, row: SubnetRow) -> dict[str, object]:
    """Return the target of a rule about a subnet: who owns it, and who owns its network."""
    network_owner = await reads.value("SELECT project_id FROM networks WHERE id = $1", row.network_id)
    return {"project_id": row.project_id, "network:project_id": network_owner}


@routes.put("/v2.0/subnets/{subnet_id}", rule=policy.UPDATE, late=True)
async def update_subnet(call: Call, subnet_id: str, body: SubnetUpdateBody) -> View:
    """Change a subnet."""
    changes = given(body.subnet)
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNETS, subnet_id)
        target = await owners(tx, row)
        call.enforce(policy.UPDATE, **target)
        attribute_rules(call, policy.UPDATE_ATTRIBUTES, changes, **target)
        row = await change(call, tx, SUBNETS, row, await records.check_changes(tx, row, changes))
        if "enable_dhcp" in changes:
            await dhcp.keep(tx, call.world, await networks.get(tx, row.network_id))
        await touching.network(tx, row.network_id)
        await touching.routers_of(tx, row.network_id)
        return await answer_one(call, tx, SUBNETS, row)


@routes.delete("/v2.0/subnets/{subnet_id}", rule=policy.DELETE, late=True)
async def delete_subnet(call: Call, subnet_id: str) -> None:
    """Delete a subnet on which no port has an address."""
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNETS, subnet_id)
        call.enforce(policy.DELETE, **await owners(tx, row))
        check_revision(call, row.revision_number)
        await records.delete(tx, row, call.world.now())
        await dhcp.keep(tx, call.world, await networks.get(tx, row.network_id))
