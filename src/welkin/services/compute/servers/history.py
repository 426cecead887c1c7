"""What was done to servers: actions, and the events that they are made of."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from welkin.core import times
from welkin.core.db import Reads, columns
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.listing import LIMIT_MAX, Listing, Select, whole
from welkin.core.policy import Rule
from welkin.services.compute.errors import ServerNotFound
from welkin.services.compute.links import next_links
from welkin.services.compute.servers import policy, transitions
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.servers.views import host_id
from welkin.services.compute.service import service, versions
from welkin.services.compute.values import NoQuery

routes = Routes(service)
PATH = "/v2.1/servers/{server_id}/os-instance-actions"


class ActionRow(Struct):
    """Something that was done to a server, as stored."""

    id: str
    server_id: str
    action: str
    request_id: str
    user_id: str
    project_id: str
    start_time: float
    updated_at: float
    message: str | None


class EventRow(Struct):
    """A part of an action, as stored."""

    id: str
    action_id: str
    event: str
    start_time: float
    finish_time: float | None
    result: str | None
    traceback: str | None
    host: str | None
    details: str | None


class ActionsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which actions are asked for."""

    limit: str | UnsetType = UNSET
    marker: str | UnsetType = UNSET
    changes_since: str | UnsetType = field(name="changes-since", default=UNSET)
    changes_before: str | UnsetType = field(name="changes-before", default=UNSET)


LISTING: Listing[ActionRow] = Listing(
    table="server_actions", row=ActionRow, sorts={"start_time": "start_time", "updated_at": "updated_at"}
)


@routes.get(PATH, rule=policy.ACTIONS_LIST, late=True)
async def list_actions(call: Call, server_id: str, query: ActionsQuery) -> dict[str, Any]:
    """List what was done to a server, newest first; also to one that is gone."""
    await dead_or_alive(call, server_id, policy.ACTIONS_LIST)
    select = Select()
    select.where("server_id = ?", server_id)
    since = None if query.changes_since is UNSET else times.parse(query.changes_since)
    before = None if query.changes_before is UNSET else times.parse(query.changes_before)
    if since is not None and before is not None and before < since:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    if since is not None:
        select.where("updated_at >= ?", since)
    if before is not None:
        select.where("updated_at < ?", float(int(before)) + 1)
    limit = LIMIT_MAX if query.limit is UNSET else whole(query.limit) or LIMIT_MAX
    if limit < 0:
        raise Invalid("A limit cannot be negative.")
    sort = (("start_time", "desc"),)
    marker = await marker_id(call.db, server_id, query.marker)
    page = await LISTING.page(call.db, select, sort, limit, marker)
    links = next_links(call, f"servers/{server_id}/os-instance-actions", [row.request_id for row in page.rows])
    return {"instanceActions": [shown(row) for row in page.rows], **({"links": links} if links and page.more else {})}


@routes.get(PATH + "/{request_id}", rule=policy.ACTIONS_SHOW, late=True)
async def show_action(call: Call, server_id: str, request_id: str, query: NoQuery) -> dict[str, Any]:
    """Show something that was done to a server, by the id of the request that asked for it."""
    server = await dead_or_alive(call, server_id, policy.ACTIONS_SHOW)
    sql = f"SELECT {columns(ActionRow)} FROM server_actions WHERE server_id = $1 AND request_id = $2"
    row = await call.db.one(ActionRow, sql, server_id, request_id)
    if row is None:
        raise NotFound(f"Action {request_id} not found")
    sql = f"SELECT {columns(EventRow)} FROM server_action_events WHERE action_id = $1 ORDER BY start_time DESC, id"
    events = await call.db.all(EventRow, sql, row.id)
    target = {"project_id": server.project_id, "user_id": server.user_id}
    operator = call.allowed(policy.ACTIONS_EVENTS, **target)
    details = call.allowed(policy.ACTIONS_DETAILS, **target)
    shown_events = [event_view(event, server.project_id, operator=operator, details=details) for event in events]
    return {"instanceAction": {**shown(row), "events": shown_events}}


async def dead_or_alive(call: Call, server_id: str, rule: Rule) -> ServerRow:
    """Return a server, deleted or not, that the caller may do `rule` to.  Raises ServerNotFound."""
    server = await transitions.find(call.db, server_id)
    if server is None or (server.project_id != call.actor.project_id and not call.actor.is_admin):
        raise ServerNotFound(server_id)
    call.enforce(rule, project_id=server.project_id, user_id=server.user_id)
    return server


async def marker_id(reads: Reads, server_id: str, marker: str | UnsetType) -> str | None:
    """Return the id of the action that a marker, a request's id, names.  Raises Invalid."""
    if marker is UNSET:
        return None
    sql = "SELECT id FROM server_actions WHERE server_id = $1 AND request_id = $2"
    found = await reads.value(sql, server_id, marker)
    if found is None:
        raise Invalid(f"Marker {marker} could not be found.")
    return str(found)


def shown(row: ActionRow) -> dict[str, Any]:
    """Return an action as clients see it."""
    return {
        "action": row.action,
        "instance_uuid": row.server_id,
        "request_id": row.request_id,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "start_time": times.with_micros(row.start_time),
        "message": row.message,
        "updated_at": times.with_micros(row.updated_at),
    }


def event_view(row: EventRow, project_id: str, *, operator: bool, details: bool) -> dict[str, Any]:
    """Return a part of an action as clients see it."""
    event: dict[str, Any] = {
        "event": row.event,
        "start_time": times.with_micros(row.start_time),
        "finish_time": None if row.finish_time is None else times.with_micros(row.finish_time),
        "result": row.result,
        "hostId": host_id(row.host, project_id),
    }
    if operator:
        event |= {"traceback": row.traceback, "host": row.host}
    if details:
        event["details"] = row.details
    return event


def _of_events(*names: str) -> Any:
    def change(body: dict[str, Any]) -> dict[str, Any]:
        for event in body["instanceAction"].get("events", ()):
            for name in names:
                event.pop(name, None)
        return body

    return change


versions.answer_before("2.84", show_action)(_of_events("details"))
versions.answer_before("2.62", show_action)(_of_events("host", "hostId"))


@versions.answer_before("2.58", list_actions)
def without_pages(body: dict[str, Any]) -> dict[str, Any]:
    """Show actions without the time of their last change, and without links."""
    body.pop("links", None)
    for action in body["instanceActions"]:
        action.pop("updated_at")
    return body


@versions.answer_before("2.58", show_action)
def without_update(body: dict[str, Any]) -> dict[str, Any]:
    """Show an action without the time of its last change."""
    body["instanceAction"].pop("updated_at")
    return body


@versions.answer_before("2.51", show_action)
def events_for_operators(body: dict[str, Any]) -> dict[str, Any]:
    """Show events to those alone who see tracebacks."""
    events = body["instanceAction"]["events"]
    if events and "traceback" not in events[0]:
        del body["instanceAction"]["events"]
    return body


@versions.query_before("2.58", list_actions)
def any_query(_args: dict[str, list[str]]) -> dict[str, list[str]]:
    """Pass over every argument."""
    return {}


@versions.query_before("2.66", list_actions)
def without_changes_before(args: dict[str, list[str]]) -> dict[str, list[str]]:
    """Refuse an argument that came later."""
    if "changes-before" in args:
        raise Invalid("Additional properties are not allowed ('changes-before' was unexpected)")
    return args
