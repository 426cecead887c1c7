"""Default rules of security groups over HTTP."""

from __future__ import annotations

from welkin.core.http import Call, Routes
from welkin.services.network.collection import View, answer_created, answer_list, answer_show, find
from welkin.services.network.security_groups import policy, rules
from welkin.services.network.security_groups.errors import AddressGroupNotFound, SecurityGroupNotFound
from welkin.services.network.security_groups.records import PARENT
from welkin.services.network.security_groups.shapes import DefaultRuleCreateBody
from welkin.services.network.security_groups.views import DEFAULT_RULES
from welkin.services.network.service import service
from welkin.services.network.tables import DefaultRuleRow
from welkin.services.network.values import several

routes = Routes(service)


@routes.get("/v2.0/default-security-group-rules", rule=policy.GET_DEFAULT)
async def list_default_rules(call: Call) -> View:
    """List the rules that new security groups start with."""
    return await answer_list(call, DEFAULT_RULES)


@routes.get("/v2.0/default-security-group-rules/{rule_id}", rule=policy.GET_DEFAULT)
async def show_default_rule(call: Call, rule_id: str) -> View:
    """Show a rule that new security groups start with."""
    return await answer_show(call, DEFAULT_RULES, rule_id)


@routes.post("/v2.0/default-security-group-rules", rule=policy.CREATE_DEFAULT)
async def create_default_rule(call: Call, body: DefaultRuleCreateBody) -> View:
    """Add a rule that new security groups start with; those that exist stay as they are."""
    wanted, one = several(
        body.default_security_group_rule, body.default_security_group_rules, "default_security_group_rule"
    )
    rows = []
    async with call.db.tx() as tx:
        for each in wanted:
            row = DefaultRuleRow(
                id=call.world.new_id(),
                description=each.description,
                used_in_default_sg=each.used_in_default_sg,
                used_in_non_default_sg=each.used_in_non_default_sg,
                **rules.checked(each),
            )
            group = row.remote_group_id
            if group not in (None, PARENT) and not await tx.value("SELECT 1 FROM security_groups WHERE id = $1", group):
                raise SecurityGroupNotFound(str(group))
            ranges = row.remote_address_group_id
            if ranges is not None and not await tx.value("SELECT 1 FROM address_groups WHERE id = $1", ranges):
                raise AddressGroupNotFound(ranges)
            await tx.insert("default_security_group_rules", row)
            rows.append(row)
        return await answer_created(call, tx, DEFAULT_RULES, rows, one=one)


@routes.delete("/v2.0/default-security-group-rules/{rule_id}", rule=policy.DELETE_DEFAULT)
async def delete_default_rule(call: Call, rule_id: str) -> None:
    """Delete a rule that new security groups start with; those that exist stay as they are."""
    async with call.db.tx() as tx:
        row = await find(call, tx, DEFAULT_RULES, rule_id)
        await tx.delete("default_security_group_rules", {"id": row.id})
