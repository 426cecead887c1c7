"""Networks over HTTP."""

from __future__ import annotations

from welkin.core.http import Call, Routes
from welkin.services.network import touching
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
from welkin.services.network.floating_ips import records as floating_ips
from welkin.services.network.networks import policy, records
from welkin.services.network.networks.shapes import NetworkCreateBody, NetworkUpdateBody
from welkin.services.network.networks.views import NETWORKS
from welkin.services.network.options import NetworkOptions
from welkin.services.network.service import service
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/networks", rule=policy.GET, late=True)
async def list_networks(call: Call) -> View:
    """List the networks that the caller may use."""
    return await answer_list(call, NETWORKS)


@routes.get("/v2.0/networks/{network_id}", rule=policy.GET, late=True)
async def show_network(call: Call, network_id: str) -> View:
    """Show a network."""
    return await answer_show(call, NETWORKS, network_id)


@routes.post("/v2.0/networks", rule=policy.CREATE, late=True)
async def create_network(call: Call, body: NetworkCreateBody) -> View:
    """Create a network, or several at once: all or none."""
    wanted, one = several(body.network, body.networks, "network")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id, each in zip(projects, wanted, strict=True):
        call.enforce(policy.CREATE, project_id=project_id)
        attribute_rules(call, policy.CREATE_ATTRIBUTES, given(each), project_id=project_id)
    options = call.get(NetworkOptions)
    async with call.db.tx() as tx:
        await records.claim(tx, projects)
        pairs = zip(projects, wanted, strict=True)
        rows = [await records.create(tx, call.world, options, project_id, each) for project_id, each in pairs]
        return await answer_created(call, tx, NETWORKS, rows, one=one)


@routes.put("/v2.0/networks/{network_id}", rule=policy.UPDATE, late=True)
async def update_network(call: Call, network_id: str, body: NetworkUpdateBody) -> View:
    """Change a network."""
    changes = given(body.network)
    async with call.db.tx() as tx:
        row = await find(call, tx, NETWORKS, network_id)
        call.enforce(policy.UPDATE, project_id=row.project_id)
        attribute_rules(call, policy.UPDATE_ATTRIBUTES, changes, project_id=row.project_id)
        written = await records.check_changes(tx, call.get(NetworkOptions), row, changes)
        await records.share(tx, call.world, row, changes)
        row = await change(call, tx, NETWORKS, row, written)
        await touching.network(tx, row.id)
        await touching.routers_of(tx, row.id)
        return await answer_one(call, tx, NETWORKS, row)


@routes.delete("/v2.0/networks/{network_id}", rule=policy.DELETE, late=True)
async def delete_network(call: Call, network_id: str) -> None:
    """Delete a network, its subnets, and the floating IPs of it that lead nowhere."""
    async with call.db.tx() as tx:
        row = await find(call, tx, NETWORKS, network_id)
        call.enforce(policy.DELETE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        await floating_ips.delete_idle(tx, row.id)
        await records.delete(tx, row)
