"""What older microversions of quotas and limits looked like."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.quotas import limits
from welkin.services.compute.quotas.api import (
    delete_quotas,
    show_default_quotas,
    show_quotas,
    show_quotas_detail,
    update_file_quotas,
    update_network_quotas,
    update_quotas,
)
from welkin.services.compute.quotas.classes import show_class, update_class, update_file_class, update_network_class
from welkin.services.compute.quotas.resources import FILE_NAMES, GROUP_NAMES, NETWORK_NAMES
from welkin.services.compute.service import versions

Body = dict[str, Any]

UPDATES = (update_quotas, update_file_quotas, update_network_quotas)
SETS = (show_quotas, show_quotas_detail, show_default_quotas, *UPDATES)
CLASSES = (show_class, update_class, update_file_class, update_network_class)

passed_over_before("2.75", show_quotas, show_quotas_detail, *UPDATES, delete_quotas, limits.show_limits)
passed_over_before("2.102", show_default_quotas, show_class)


def amounts_in(body: Body) -> Body:
    """Return the part of an answer that has the amounts."""
    if "limits" in body:
        absolute: Body = body["limits"]["absolute"]
        return absolute
    found: Body = body["quota_set"] if "quota_set" in body else body["quota_class_set"]
    return found


def with_older(names: Collection[str]) -> Callable[[Body], Body]:
    """Return a change that brings back amounts which a version took away."""

    def change(body: Body) -> Body:
        amounts = amounts_in(body)
        amounts.update({name: value for name, value in amounts["_old"].items() if name in names})
        return body

    return change


@versions.answer_last(*SETS, *CLASSES, limits.show_limits)
def without_older(body: Body) -> Body:
    """What versions took away is kept for those before them alone."""
    amounts_in(body).pop("_old", None)
    return body


@versions.answer_before("2.50", *CLASSES)
def without_groups(body: Body) -> Body:
    """Classes had no quotas of server groups before 2.50."""
    for name in GROUP_NAMES:
        amounts_in(body).pop(name, None)
    return body


versions.answer_before("2.57", *SETS, *CLASSES)(with_older(FILE_NAMES))
versions.answer_before("2.50", *CLASSES)(with_older(NETWORK_NAMES))
versions.answer_before("2.36", *SETS)(with_older(NETWORK_NAMES))
versions.answer_before("2.57", limits.show_limits)(with_older(("maxPersonality", "maxPersonalitySize")))
versions.answer_before("2.39", limits.show_limits)(with_older(("maxImageMeta",)))
versions.answer_before("2.36", limits.show_limits)(
    with_older(
        (
            "maxSecurityGroups",
            "maxSecurityGroupRules",
            "maxTotalFloatingIps",
            "totalFloatingIpsUsed",
            "totalSecurityGroupsUsed",
        )
    )
)
