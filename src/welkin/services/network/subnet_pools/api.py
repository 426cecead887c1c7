"""Subnet pools and address scopes over HTTP."""

from __future__ import annotations

from welkin.core.http import Call, Routes
from welkin.services.network import limits, sharing
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
from welkin.services.network.service import service
from welkin.services.network.subnet_pools import policy, records
from welkin.services.network.subnet_pools.errors import AddressScopeInUse
from welkin.services.network.subnet_pools.shapes import (
    PoolCreateBody,
    PoolUpdateBody,
    PrefixesBody,
    ScopeCreateBody,
    ScopeUpdateBody,
)
from welkin.services.network.subnet_pools.views import ADDRESS_SCOPES, SUBNET_POOLS
from welkin.services.network.tables import AddressScopeRow
from welkin.services.network.values import given, owner, several

routes = Routes(service)


@routes.get("/v2.0/subnetpools", rule=policy.GET, late=True)
async def list_subnet_pools(call: Call) -> View:
    """List the subnet pools that the caller may use."""
    return await answer_list(call, SUBNET_POOLS)


@routes.get("/v2.0/subnetpools/{subnetpool_id}", rule=policy.GET, late=True)
async def show_subnet_pool(call: Call, subnetpool_id: str) -> View:
    """Show a subnet pool."""
    return await answer_show(call, SUBNET_POOLS, subnetpool_id)


@routes.post("/v2.0/subnetpools", rule=policy.CREATE, late=True)
async def create_subnet_pool(call: Call, body: PoolCreateBody) -> View:
    """Create a subnet pool, or several at once: all or none."""
    wanted, one = several(body.subnetpool, body.subnetpools, "subnetpool")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id, each in zip(projects, wanted, strict=True):
        call.enforce(policy.CREATE, project_id=project_id)
        attribute_rules(call, policy.CREATE_ATTRIBUTES, given(each), project_id=project_id)
    async with call.db.tx() as tx:
        await limits.claim(tx, limits.SUBNET_POOL, projects)
        pairs = zip(projects, wanted, strict=True)
        rows = [await records.create(tx, call.world, project_id, each) for project_id, each in pairs]
        return await answer_created(call, tx, SUBNET_POOLS, rows, one=one)


@routes.put("/v2.0/subnetpools/{subnetpool_id}", rule=policy.UPDATE, late=True)
async def update_subnet_pool(call: Call, subnetpool_id: str, body: PoolUpdateBody) -> View:
    """Change a subnet pool."""
    changes = given(body.subnetpool)
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNET_POOLS, subnetpool_id)
        call.enforce(policy.UPDATE, project_id=row.project_id)
        attribute_rules(call, policy.UPDATE_ATTRIBUTES, changes, project_id=row.project_id)
        row = await change(call, tx, SUBNET_POOLS, row, await records.check_changes(tx, row, changes))
        return await answer_one(call, tx, SUBNET_POOLS, row)


@routes.delete("/v2.0/subnetpools/{subnetpool_id}", rule=policy.DELETE, late=True)
async def delete_subnet_pool(call: Call, subnetpool_id: str) -> None:
    """Delete a subnet pool from which no subnet comes."""
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNET_POOLS, subnetpool_id)
        call.enforce(policy.DELETE, project_id=row.project_id)
        check_revision(call, row.revision_number)
        await records.delete(tx, row)


@routes.put("/v2.0/subnetpools/{subnetpool_id}/add_prefixes", rule=policy.ADD_PREFIXES, late=True)
async def add_prefixes(call: Call, subnetpool_id: str, body: PrefixesBody) -> View:
    """Add prefixes to a subnet pool."""
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNET_POOLS, subnetpool_id)
        call.enforce(policy.ADD_PREFIXES, project_id=row.project_id)
        prefixes = await records.add_prefixes(tx, row, body.prefixes)
        row = await change(call, tx, SUBNET_POOLS, row, {"prefixes": prefixes})
        return {"prefixes": row.prefixes}


@routes.put("/v2.0/subnetpools/{subnetpool_id}/remove_prefixes", rule=policy.REMOVE_PREFIXES, late=True)
async def remove_prefixes(call: Call, subnetpool_id: str, body: PrefixesBody) -> View:
    """Remove prefixes from which no subnet comes."""
    async with call.db.tx() as tx:
        row = await find(call, tx, SUBNET_POOLS, subnetpool_id)
        call.enforce(policy.REMOVE_PREFIXES, project_id=row.project_id)
        prefixes = await records.remove_prefixes(tx, row, body.prefixes)
        row = await change(call, tx, SUBNET_POOLS, row, {"prefixes": prefixes})
        return {"prefixes": row.prefixes}


@routes.get("/v2.0/address-scopes", rule=policy.GET_SCOPE, late=True)
async def list_address_scopes(call: Call) -> View:
    """List the address scopes that the caller may use."""
    return await answer_list(call, ADDRESS_SCOPES)


@routes.get("/v2.0/address-scopes/{address_scope_id}", rule=policy.GET_SCOPE, late=True)
async def show_address_scope(call: Call, address_scope_id: str) -> View:
    """Show an address scope."""
    return await answer_show(call, ADDRESS_SCOPES, address_scope_id)


@routes.post("/v2.0/address-scopes", rule=policy.CREATE_SCOPE, late=True)
async def create_address_scope(call: Call, body: ScopeCreateBody) -> View:
    """Create an address scope, or several at once."""
    wanted, one = several(body.address_scope, body.address_scopes, "address_scope")
    rows = []
    async with call.db.tx() as tx:
        for each in wanted:
            project_id = owner(each.project_id, each.tenant_id, call.actor.project_id)
            call.enforce(policy.CREATE_SCOPE, project_id=project_id)
            attribute_rules(call, policy.CREATE_SCOPE_ATTRIBUTES, given(each), project_id=project_id)
            row = AddressScopeRow(call.world.new_id(), project_id, each.name, each.ip_version)
            await tx.insert("address_scopes", row)
            if each.shared:
                await sharing.grant(tx, call.world, "address_scope", row.id, project_id)
            rows.append(row)
        return await answer_created(call, tx, ADDRESS_SCOPES, rows, one=one)


@routes.put("/v2.0/address-scopes/{address_scope_id}", rule=policy.UPDATE_SCOPE, late=True)
async def update_address_scope(call: Call, address_scope_id: str, body: ScopeUpdateBody) -> View:
    """Rename an address scope, or share it."""
    changes = given(body.address_scope)
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_SCOPES, address_scope_id)
        call.enforce(policy.UPDATE_SCOPE, project_id=row.project_id)
        attribute_rules(call, policy.UPDATE_SCOPE_ATTRIBUTES, changes, project_id=row.project_id)
        if "name" in changes:
            row.name = changes["name"]
            await tx.update("address_scopes", {"id": row.id}, {"name": row.name})
        if changes.get("shared") is True:
            await sharing.grant(tx, call.world, "address_scope", row.id, row.project_id)
        elif changes.get("shared") is False:
            await sharing.withdraw(tx, row.id)
        return await answer_one(call, tx, ADDRESS_SCOPES, row)


@routes.delete("/v2.0/address-scopes/{address_scope_id}", rule=policy.DELETE_SCOPE, late=True)
async def delete_address_scope(call: Call, address_scope_id: str) -> None:
    """Delete an address scope that no subnet pool is in."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_SCOPES, address_scope_id)
        call.enforce(policy.DELETE_SCOPE, project_id=row.project_id)
        if await tx.value("SELECT 1 FROM subnet_pools WHERE address_scope_id = $1 LIMIT 1", row.id):
            raise AddressScopeInUse(row.id)
        await sharing.forget(tx, row.id)
        await tx.delete("address_scopes", {"id": row.id})
