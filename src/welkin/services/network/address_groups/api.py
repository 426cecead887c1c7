"""Address groups over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import tags
from welkin.core.db import Transaction
from welkin.core.http import Call, Routes
from welkin.services.network import limits, sharing, touching
from welkin.services.network.collection import (
    View,
    answer_created,
    answer_list,
    answer_one,
    answer_show,
    change,
    check_revision,
    find,
)
from welkin.services.network.security_groups import policy
from welkin.services.network.security_groups.errors import (
    AddressesAlreadyExist,
    AddressesNotFound,
    AddressGroupInUse,
)
from welkin.services.network.security_groups.shapes import (
    AddressesBody,
    AddressGroupCreate,
    AddressGroupCreateBody,
    AddressGroupUpdateBody,
)
from welkin.services.network.security_groups.views import ADDRESS_GROUPS
from welkin.services.network.service import service
from welkin.services.network.tables import AddressGroupRow
from welkin.services.network.values import given, network, owner, several

routes = Routes(service)


@routes.get("/v2.0/address-groups", rule=policy.GET_ADDRESSES, late=True)
async def list_address_groups(call: Call) -> View:
    """List the address groups that the caller may use."""
    return await answer_list(call, ADDRESS_GROUPS)


@routes.get("/v2.0/address-groups/{address_group_id}", rule=policy.GET_ADDRESSES, late=True)
async def show_address_group(call: Call, address_group_id: str) -> View:
    """Show an address group."""
    return await answer_show(call, ADDRESS_GROUPS, address_group_id)


@routes.post("/v2.0/address-groups", rule=policy.CREATE_ADDRESSES, late=True)
async def create_address_group(call: Call, body: AddressGroupCreateBody) -> View:
    """Create an address group, or several at once."""
    wanted, one = several(body.address_group, body.address_groups, "address_group")
    projects = [owner(each.project_id, each.tenant_id, call.actor.project_id) for each in wanted]
    for project_id in projects:
        call.enforce(policy.CREATE_ADDRESSES, project_id=project_id)
    async with call.db.tx() as tx:
        await limits.claim(tx, limits.ADDRESS_GROUP, projects)
        rows = []
        for project_id, each in zip(projects, wanted, strict=True):
            row = row_of(call, project_id, each)
            await tx.insert("address_groups", row)
            if each.tags:
                await tags.put(tx, ADDRESS_GROUPS.tag_kind, row.id, each.tags)
            rows.append(row)
        return await answer_created(call, tx, ADDRESS_GROUPS, rows, one=one)


def row_of(call: Call, project_id: str, body: AddressGroupCreate) -> AddressGroupRow:
    """Return the row of a new address group."""
    now = call.world.now()
    return AddressGroupRow(
        id=call.world.new_id(),
        project_id=project_id,
        name=body.name,
        description=body.description,
        addresses=ranges(body.addresses),
        revision_number=1,
        created_at=now,
        updated_at=now,
    )


def ranges(texts: Sequence[str]) -> list[str]:
    """Return ranges as they are stored, each once, in their order."""
    return list(dict.fromkeys(str(network(text)) for text in texts))


@routes.put("/v2.0/address-groups/{address_group_id}", rule=policy.UPDATE_ADDRESSES, late=True)
async def update_address_group(call: Call, address_group_id: str, body: AddressGroupUpdateBody) -> View:
    """Rename an address group, or describe it."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_GROUPS, address_group_id)
        call.enforce(policy.UPDATE_ADDRESSES, project_id=row.project_id)
        row = await change(call, tx, ADDRESS_GROUPS, row, given(body.address_group))
        return await answer_one(call, tx, ADDRESS_GROUPS, row)


@routes.delete("/v2.0/address-groups/{address_group_id}", rule=policy.DELETE_ADDRESSES, late=True)
async def delete_address_group(call: Call, address_group_id: str) -> None:
    """Delete an address group that no rule names."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_GROUPS, address_group_id)
        call.enforce(policy.DELETE_ADDRESSES, project_id=row.project_id)
        check_revision(call, row.revision_number)
        if await groups_with(tx, row.id):
            raise AddressGroupInUse(row.id)
        await sharing.forget(tx, row.id)
        await tags.clear(tx, ADDRESS_GROUPS.tag_kind, row.id)
        await tx.delete("address_groups", {"id": row.id})


async def groups_with(tx: Transaction, address_group_id: str) -> list[str]:
    """Return the security groups whose rules name an address group."""
    sql = "SELECT DISTINCT security_group_id FROM security_group_rules WHERE remote_address_group_id = $1"
    return await tx.values(sql, address_group_id)


@routes.put("/v2.0/address-groups/{address_group_id}/add_addresses", rule=policy.ADD_ADDRESSES, late=True)
async def add_addresses(call: Call, address_group_id: str, body: AddressesBody) -> View:
    """Add ranges to an address group."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_GROUPS, address_group_id)
        call.enforce(policy.ADD_ADDRESSES, project_id=row.project_id)
        fresh = ranges(body.addresses)
        known = [each for each in fresh if each in row.addresses]
        if known:
            raise AddressesAlreadyExist(str(known), row.id)
        row = await change(call, tx, ADDRESS_GROUPS, row, {"addresses": [*row.addresses, *fresh]})
        await touching.groups(tx, await groups_with(tx, row.id))
        return await answer_one(call, tx, ADDRESS_GROUPS, row)


@routes.put("/v2.0/address-groups/{address_group_id}/remove_addresses", rule=policy.REMOVE_ADDRESSES, late=True)
async def remove_addresses(call: Call, address_group_id: str, body: AddressesBody) -> View:
    """Remove ranges from an address group."""
    async with call.db.tx() as tx:
        row = await find(call, tx, ADDRESS_GROUPS, address_group_id)
        call.enforce(policy.REMOVE_ADDRESSES, project_id=row.project_id)
        gone = ranges(body.addresses)
        missing = [each for each in gone if each not in row.addresses]
        if missing:
            raise AddressesNotFound(str(missing), row.id)
        kept = [each for each in row.addresses if each not in gone]
        row = await change(call, tx, ADDRESS_GROUPS, row, {"addresses": kept})
        await touching.groups(tx, await groups_with(tx, row.id))
        return await answer_one(call, tx, ADDRESS_GROUPS, row)
