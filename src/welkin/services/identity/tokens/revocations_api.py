"""The list of revocations over HTTP, for those who check tokens by themselves."""

from __future__ import annotations

import msgspec

from welkin.core import times
from welkin.core.db import columns
from welkin.core.http import Call, Routes
from welkin.services.identity import discovery
from welkin.services.identity.tokens import policy
from welkin.services.identity.wire import View, collection

routes = Routes(discovery.service)


class RevocationRow(msgspec.Struct, frozen=True):
    """Which tokens were revoked: those that match every field which is not null."""

    audit_id: str | None
    audit_chain_id: str | None
    user_id: str | None
    project_id: str | None
    domain_id: str | None
    trust_id: str | None
    issued_before: float
    revoked_at: float


@routes.get("/v3/OS-REVOKE/events", rule=policy.EVENTS)
async def list_revocations(call: Call) -> View:
    """List revocations, with `since` those after a time."""
    since = call.args.get("since")
    after = times.parse(since[-1]) if since else 0.0
    sql = f"SELECT {columns(RevocationRow)} FROM identity_revocations WHERE revoked_at > $1 ORDER BY revoked_at"
    return collection(call, "events", [_view(row) for row in await call.db.all(RevocationRow, sql, after)])


def _view(row: RevocationRow) -> View:
    facts = {name: value for name, value in msgspec.structs.asdict(row).items() if isinstance(value, str)}
    moments = {
        "issued_before": times.with_micros_z(row.issued_before),
        "revoked_at": times.with_micros_z(row.revoked_at),
    }
    return {**facts, **moments}
