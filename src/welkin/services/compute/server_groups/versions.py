"""What older microversions of server groups looked like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from welkin.core.errors import Invalid
from welkin.core.versions import refuse_fields
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.server_groups.api import create_group, list_groups, show_group
from welkin.services.compute.service import versions

Body = dict[str, Any]
ALL = (list_groups, create_group, show_group)

passed_over_before("2.75", list_groups)
passed_over_before("2.102", show_group)
versions.request_before("2.64", create_group)(refuse_fields("policy", "rules", within="server_group"))


def groups_of(body: Body) -> Iterator[Body]:
    """Yield each group of an answer."""
    yield from body["server_groups"] if "server_groups" in body else (body["server_group"],)


def policies_in(body: Body) -> Any:
    """Return the policies of an old request."""
    group = body.get("server_group")
    return group.get("policies") if isinstance(group, dict) else None


@versions.request_before("2.15", create_group)
def without_soft_policies(body: Body) -> Body:
    """Soft policies came with 2.15."""
    policies = policies_in(body)
    if isinstance(policies, list) and any(str(policy).startswith("soft-") for policy in policies):
        raise Invalid(f"Invalid input for field/attribute policies. Value: {policies}.")
    return body


@versions.request_before("2.64", create_group)
def with_one_policy(body: Body) -> Body:
    """A group had a list of one policy before 2.64."""
    policies = policies_in(body)
    if not isinstance(policies, list) or len(policies) != 1:
        raise Invalid("Invalid input for field/attribute policies. It must be a list of one policy.")
    group = {name: value for name, value in body["server_group"].items() if name != "policies"}
    return {**body, "server_group": {**group, "policy": policies[0]}}


@versions.answer_before("2.64", *ALL)
def with_policies(body: Body) -> Body:
    """A group had a list of policies, and metadata that was always empty."""
    for group in groups_of(body):
        del group["rules"]
        group["policies"] = [group.pop("policy")]
        group["metadata"] = {}
    return body


@versions.answer_before("2.13", *ALL)
def without_owner(body: Body) -> Body:
    """The owner came with 2.13."""
    for group in groups_of(body):
        del group["project_id"], group["user_id"]
    return body
