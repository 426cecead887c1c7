"""Lists of servers: which arguments filter what, and for whom."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from welkin.core import times
from welkin.core.db import columns
from welkin.core.errors import Forbidden, Invalid
from welkin.core.http import Call
from welkin.core.listing import (
    LIMIT_MAX,
    Filter,
    Listing,
    Page,
    Select,
    Sort,
    equal,
    integer,
    limit_of,
    pattern,
    starts,
    tagged,
)
from welkin.services.compute.servers import policy, ports
from welkin.services.compute.servers.states import states_of
from welkin.services.compute.servers.tables import KIND
from welkin.services.compute.servers.views import ViewRow
from welkin.services.compute.values import is_number

Values = list[str]
TRUE_WORDS = ("1", "t", "true", "on", "y", "yes")


class ServersQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """The arguments of a list; each may be repeated."""

    limit: Values = []
    marker: Values = []
    sort_key: Values = []
    sort_dir: Values = []
    all_tenants: Values = []
    tenant_id: Values = []
    project_id: Values = []
    user_id: Values = []
    name: Values = []
    display_name: Values = []
    description: Values = []
    display_description: Values = []
    status: Values = []
    vm_state: Values = []
    task_state: Values = []
    power_state: Values = []
    image: Values = []
    image_ref: Values = []
    flavor: Values = []
    host: Values = []
    node: Values = []
    hostname: Values = []
    uuid: Values = []
    reservation_id: Values = []
    launch_index: Values = []
    key_name: Values = []
    config_drive: Values = []
    availability_zone: Values = []
    access_ip_v4: Values = []
    access_ip_v6: Values = []
    ip: Values = []
    ip6: Values = []
    locked: Values = []
    locked_by: Values = []
    progress: Values = []
    deleted: Values = []
    soft_deleted: Values = []
    created_at: Values = []
    launched_at: Values = []
    terminated_at: Values = []
    auto_disk_config: Values = []
    kernel_id: Values = []
    ramdisk_id: Values = []
    root_device_name: Values = []
    changes_since: Values = field(name="changes-since", default=[])
    changes_before: Values = field(name="changes-before", default=[])
    tags: Values = []
    tags_any: Values = field(name="tags-any", default=[])
    not_tags: Values = field(name="not-tags", default=[])
    not_tags_any: Values = field(name="not-tags-any", default=[])
    block_device_mapping: Values = []
    services: Values = []
    metadata: Values = []
    system_metadata: Values = []
    info_cache: Values = []
    security_groups: Values = []
    pci_devices: Values = []


INTERNAL = (
    "block_device_mapping",
    "services",
    "metadata",
    "system_metadata",
    "info_cache",
    "security_groups",
    "pci_devices",
)


def _zone(select: Select, values: Sequence[str]) -> None:
    select.where("COALESCE(zone, availability_zone) = ?", values[-1])


def _config_drive(select: Select, values: Sequence[str]) -> None:
    select.where("config_drive = ?", values[-1].lower() in TRUE_WORDS)


def _locked(select: Select, values: Sequence[str]) -> None:
    word = values[-1].lower()
    if word not in (*TRUE_WORDS, "0", "f", "false", "off", "n", "no"):
        raise Invalid(f"Unrecognized value '{values[-1]}', acceptable values are: '0', '1', 'false', 'true'")
    select.where("locked_by IS NOT NULL" if word in TRUE_WORDS else "locked_by IS NULL")


def _power_state(select: Select, values: Sequence[str]) -> None:
    select.any_of("power_state", [int(value) for value in values if is_number(value.removeprefix("-"))])


def _at(column: str) -> Filter:
    """Match the second of a time."""

    def apply(select: Select, values: Sequence[str]) -> None:
        at = int(times.parse(values[-1]))
        select.where(f"{column} >= ? AND {column} < ?", at, at + 1)

    return apply


def _disk_config(select: Select, values: Sequence[str]) -> None:
    select.where("disk_config = ?", "AUTO" if values[-1].lower() in (*TRUE_WORDS, "auto") else "MANUAL")


def _property(name: str) -> Filter:
    """Match a property of the server's image."""
    return lambda select, values: select.where("image LIKE ?", f'%"{name}":"{values[-1]}"%')


FILTERS: dict[str, Filter] = {
    "name": pattern("name"),
    "display_name": pattern("name"),
    "image": equal("image_id"),
    "image_ref": equal("image_id"),
    "flavor": equal("flavor_id"),
    "reservation_id": equal("reservation_id"),
    "user_id": equal("user_id"),
    "task_state": equal("task_state"),
    "vm_state": equal("vm_state"),
    "power_state": _power_state,
    "key_name": equal("key_name"),
    "config_drive": _config_drive,
    "availability_zone": _zone,
    "hostname": pattern("hostname"),
    "progress": integer("progress"),
    "locked": _locked,
    "created_at": _at("created_at"),
    "launched_at": _at("launched_at"),
    "terminated_at": _at("terminated_at"),
    "tags": tagged(KIND, "servers.id"),
    "tags-any": tagged(KIND, "servers.id", every=False),
    "not-tags": tagged(KIND, "servers.id", negative=True),
    "not-tags-any": tagged(KIND, "servers.id", negative=True, every=False),
}
"""What everybody may filter by."""
FOR_OPERATORS: dict[str, Filter] = {
    "host": equal("host"),
    "node": equal("host"),
    "uuid": equal("id"),
    "launch_index": integer("launch_index"),
    "description": pattern("description"),
    "display_description": pattern("description"),
    "access_ip_v4": starts("access_ip_v4"),
    "access_ip_v6": starts("access_ip_v6"),
    "locked_by": equal("locked_by"),
    "auto_disk_config": _disk_config,
    "kernel_id": _property("kernel_id"),
    "ramdisk_id": _property("ramdisk_id"),
    "project_id": equal("project_id"),
    "tenant_id": equal("project_id"),
}
SORTS = {
    "access_ip_v4": "access_ip_v4",
    "access_ip_v6": "access_ip_v6",
    "auto_disk_config": "disk_config",
    "availability_zone": "COALESCE(availability_zone, '')",
    "config_drive": "config_drive",
    "created_at": "created_at",
    "display_description": "COALESCE(description, '')",
    "display_name": "name",
    "host": "COALESCE(host, '')",
    "hostname": "hostname",
    "image_ref": "image_id",
    "instance_type_id": "flavor_id",
    "kernel_id": "id",
    "key_name": "COALESCE(key_name, '')",
    "launch_index": "launch_index",
    "launched_at": "COALESCE(launched_at, 0.0)",
    "locked": "CASE WHEN locked_by IS NULL THEN 0 ELSE 1 END",
    "locked_by": "COALESCE(locked_by, '')",
    "node": "COALESCE(host, '')",
    "power_state": "power_state",
    "progress": "progress",
    "project_id": "project_id",
    "ramdisk_id": "id",
    "root_device_name": "id",
    "task_state": "COALESCE(task_state, '')",
    "terminated_at": "COALESCE(terminated_at, 0.0)",
    "updated_at": "updated_at",
    "user_id": "user_id",
    "uuid": "id",
    "vm_state": "vm_state",
}
LISTING: Listing[ViewRow] = Listing(table="servers", row=ViewRow, filters=FILTERS, sorts=SORTS)
DEFAULT_SORT: Sort = (("created_at", "desc"),)


async def page(call: Call, query: ServersQuery, *, in_full: bool) -> Page[ViewRow]:
    """Return the servers that a query asks for and the caller may see.  Raises Invalid, Forbidden."""
    args = {name: values for name, values in msgspec.to_builtins(query).items() if values}
    for name in INTERNAL:
        if name in args:
            raise Invalid(f"Invalid filter field: {name}.")
    operator = call.allowed(policy.ALL_FILTERS, project_id=call.actor.project_id)
    select = Select()
    everyone = of_whom(call, args, in_full=in_full)
    if not everyone:
        select.where("project_id = ?", call.actor.project_id)
        args.pop("tenant_id", None)
        args.pop("project_id", None)
    apply_states(call, select, args)
    apply_times(select, args, operator=operator)
    LISTING.filter(select, args)
    if operator:
        for name, values in args.items():
            apply = FOR_OPERATORS.get(name)
            if apply is not None:
                apply(select, values)
    for name, version in (("ip", 4), ("ip6", 6)):
        if name in args:
            select.any_of("id", await ports.servers_with_address(call.db, args[name][-1], version))
    asked = limit_of(args)
    limit = LIMIT_MAX if asked is None else asked
    marker = args["marker"][-1] if "marker" in args else None
    return await LISTING.page(call.db, select, order_of(args), limit, await known(call, marker, everyone=everyone))


async def known(call: Call, marker: str | None, *, everyone: bool) -> str | None:
    """Check that a marker names a server that the caller may see.  Raises Invalid."""
    if marker is None:
        return None
    project_id = await call.db.value("SELECT project_id FROM servers WHERE id = $1", marker)
    if project_id is None or (not everyone and project_id != call.actor.project_id):
        raise Invalid(f"marker [{marker}] not found")
    return marker


def of_whom(call: Call, args: dict[str, Values], *, in_full: bool) -> bool:
    """Return whether every project's servers are asked for.  Raises Forbidden, Invalid."""
    word = args.get("all_tenants", ["0"])[-1].lower()
    if word in ("0", "f", "false", "off", "n", "no"):
        return False
    if word not in ("", *TRUE_WORDS):
        raise Invalid(f"Invalid value for all_tenants: {word!r}")
    call.enforce(policy.DETAIL_ALL if in_full else policy.LIST_ALL, project_id=call.actor.project_id)
    return True


def apply_states(call: Call, select: Select, args: dict[str, Values]) -> None:
    """Match a status, which is a pair of states.  Raises Invalid, Forbidden."""
    if "status" not in args:
        return
    vm_states, tasks = states_of(args["status"])
    if not vm_states:
        raise Invalid("Invalid status value")
    if vm_states == {"deleted"}:
        if not call.actor.is_admin:
            raise Forbidden("Only administrators may list deleted instances")
        args["deleted"] = ["true"]
    args.pop("vm_state", None)
    select.any_of("vm_state", sorted(vm_states))
    if "default" not in tasks:
        args.pop("task_state", None)
        select.any_of("task_state", sorted(tasks))


def apply_times(select: Select, args: dict[str, Values], *, operator: bool) -> None:
    """Match changes since and before; the deleted are left out unless they are asked for.  Raises Invalid."""
    since, before = (
        times.parse(args[name][-1]) if name in args else None for name in ("changes-since", "changes-before")
    )
    if since is not None and before is not None and before < since:
        raise Invalid("The value of changes-since must be less than or equal to changes-before.")
    if since is not None:
        select.where("updated_at >= ?", since)
    if before is not None:
        # Times are shown without their fractions: a server that shows this second belongs to it.
        select.where("updated_at < ?", float(int(before)) + 1)
    if operator and "deleted" in args:
        select.where("deleted = ?", args["deleted"][-1].lower() in TRUE_WORDS)
    elif since is None and before is None:
        select.where("deleted = FALSE")
    if not (operator and "soft_deleted" in args) and "status" not in args and since is None:
        select.where("vm_state <> ?", "soft-delete")


def order_of(args: dict[str, Values]) -> Sort:
    """Return the order that is asked for.  Raises Invalid."""
    keys, directions = args.get("sort_key", []), args.get("sort_dir", [])
    for key in keys:
        if key not in SORTS:
            raise Invalid(f"Invalid input for query parameters sort_key. Value: {key}. {key!r} is not one of them")
    if len(directions) > max(1, len(keys)):
        raise Invalid("Sort direction size exceeds sort key size")
    default = directions[0].lower() if directions else "desc"
    order = []
    for index, key in enumerate(keys or ["created_at"]):
        direction = directions[index].lower() if index < len(directions) else default
        if direction not in ("asc", "desc"):
            raise Invalid(f"Unknown sort direction, must be one of: asc, desc (was {direction})")
        order.append((key, direction))
    return tuple(order)


SELECT_VIEW = f"SELECT {columns(ViewRow)} FROM servers WHERE id = $1"
