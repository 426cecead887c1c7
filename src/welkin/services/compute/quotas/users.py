"""Limits of single users in a project, where an operator has set some."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core.db import Transaction
from welkin.core.quota import UNLIMITED, Claim, Excess, QuotaExceeded
from welkin.services.compute.quotas.resources import of_user
from welkin.services.compute.servers.tables import CORES, INSTANCES, RAM

OF_USER = "FROM servers WHERE project_id = $1 AND user_id = $2 AND NOT deleted"
COUNTS = {
    INSTANCES.name: f"SELECT COUNT(*) {OF_USER}",
    CORES.name: f"SELECT COALESCE(SUM(vcpus), 0) {OF_USER}",
    RAM.name: f"SELECT COALESCE(SUM(ram_mib), 0) {OF_USER}",
}


async def claim_for_user(tx: Transaction, project_id: str, user_id: str, claims: Sequence[Claim]) -> None:
    """Check that claims fit what one user may have; that they fit the project is checked apart.

    Raises QuotaExceeded.
    """
    limits = await of_user(tx, project_id, user_id)
    excesses = []
    for each in claims:
        name = each.resource.name
        limit = limits.get(name, UNLIMITED)
        if limit == UNLIMITED or each.amount <= 0 or name not in COUNTS:
            continue
        used = int(await tx.value(COUNTS[name], project_id, user_id))
        if used + each.amount > limit:
            excesses.append(Excess(name, limit, used, each.amount))
    if excesses:
        raise QuotaExceeded(excesses)
