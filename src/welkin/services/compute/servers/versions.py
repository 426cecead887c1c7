"""Servers in older microversions: each step is a pure change of a body.

Where the newest version refuses what an older one passed over, or shows what an older one
hid, the change is here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from welkin.core.errors import Invalid
from welkin.core.versions import refuse_fields
from welkin.services.compute.fields import HOST_LABEL
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.servers import details, history, labels
from welkin.services.compute.servers.actions import lock_server, rebuild_server
from welkin.services.compute.servers.api import (
    create_server,
    list_servers,
    list_servers_in_full,
    show_server,
    update_server,
)
from welkin.services.compute.servers.imaging import create_backup, create_image, unshelve_server
from welkin.services.compute.servers.listing import ServersQuery
from welkin.services.compute.servers.states import states_of
from welkin.services.compute.service import versions

Body = dict[str, Any]
Args = dict[str, list[str]]

SHOWS = (show_server, list_servers_in_full, update_server, rebuild_server)
LISTS = (list_servers, list_servers_in_full)
CHANGED = (update_server, rebuild_server)

PERSONALITY_FILES_MAX = 5


def _each(change: Callable[[Body], None]) -> Callable[[Body], Body]:
    """Return a change of whole answers from a change of one server."""

    def apply(body: Body) -> Body:
        server = body.get("server")
        if server is not None:
            change(server)
        for server in body.get("servers", ()):
            change(server)
        return body

    return apply


def _without(*names: str) -> Callable[[Body], Body]:
    """Return a change that takes fields out of every server."""

    def change(server: Body) -> None:
        for name in names:
            server.pop(name, None)

    return _each(change)


versions.answer_before("2.100", *SHOWS)(_without("scheduler_hints"))
versions.answer_before("2.96", *SHOWS)(_without("pinned_availability_zone"))
versions.answer_before("2.73", *SHOWS)(_without("locked_reason"))
versions.answer_before("2.71", *SHOWS)(_without("server_groups"))
versions.answer_before("2.63", *SHOWS)(_without("trusted_image_certificates"))
versions.answer_before("2.57", rebuild_server)(_without("user_data"))
versions.answer_before("2.54", rebuild_server)(_without("key_name"))
versions.answer_before("2.26", *SHOWS)(_without("tags"))
versions.answer_before("2.19", *SHOWS)(_without("description"))
versions.answer_before("2.16", *SHOWS)(_without("host_status"))
versions.answer_before("2.9", *SHOWS)(_without("locked"))


@versions.answer_before("2.98", *SHOWS)
@_each
def without_image_properties(server: Body) -> None:
    """Show an image without its properties."""
    if isinstance(server["image"], dict):
        server["image"].pop("properties", None)


@versions.answer_before("2.90", *SHOWS)
@_each
def hostname_for_operators(server: Body) -> None:
    """Show the host name to those alone who see the host."""
    if "OS-EXT-SRV-ATTR:host" not in server:
        server.pop("OS-EXT-SRV-ATTR:hostname", None)


HIDDEN_AFTER_CHANGES = (
    "OS-EXT-AZ:availability_zone",
    "OS-EXT-STS:task_state",
    "OS-EXT-STS:vm_state",
    "OS-EXT-STS:power_state",
    "OS-SRV-USG:launched_at",
    "OS-SRV-USG:terminated_at",
    "os-extended-volumes:volumes_attached",
    "security_groups",
    "config_drive",
    "host_status",
    "pinned_availability_zone",
)


@versions.answer_before("2.75", *CHANGED)
@_each
def little_after_a_change(server: Body) -> None:
    """Show after a change only what the first versions did."""
    for name in [name for name in server if name.startswith("OS-EXT-SRV-ATTR:")]:
        del server[name]
    for name in HIDDEN_AFTER_CHANGES:
        server.pop(name, None)
    for addresses in server["addresses"].values():
        for address in addresses:
            address.pop("OS-EXT-IPS:type", None)
            address.pop("OS-EXT-IPS-MAC:mac_addr", None)


versions.answer_before("2.75", update_server)(_without("key_name"))


@versions.answer_before("2.47", *SHOWS)
@_each
def flavor_by_id(server: Body) -> None:
    """Show a flavor by its id alone."""
    server["flavor"] = server["flavor"].by_id


SINCE_2_3 = tuple(
    f"OS-EXT-SRV-ATTR:{name}"
    for name in (
        "hostname",
        "kernel_id",
        "launch_index",
        "ramdisk_id",
        "reservation_id",
        "root_device_name",
        "user_data",
    )
)
versions.answer_before("2.3", *SHOWS)(_without(*SINCE_2_3))


def _create(change: Callable[[Body], None]) -> Callable[[Body], Body]:
    """Return a change of whole requests from a change of the server in it."""

    def apply(body: Any) -> Any:
        server = body.get("server") if isinstance(body, dict) else None
        if isinstance(server, dict):
            change(server)
        return body

    return apply


for name, since in (
    ("hostname", "2.90"),
    ("host", "2.74"),
    ("hypervisor_hostname", "2.74"),
    ("trusted_image_certificates", "2.63"),
    ("tags", "2.52"),
    ("description", "2.19"),
):
    versions.request_before(since, create_server)(refuse_fields(name, within="server"))
for name, since in (("pinned_availability_zone", "2.104"), ("hostname", "2.90"), ("description", "2.19")):
    versions.request_before(since, update_server)(refuse_fields(name, within="server"))
for name, since in (
    ("hostname", "2.90"),
    ("trusted_image_certificates", "2.63"),
    ("user_data", "2.57"),
    ("key_name", "2.54"),
    ("description", "2.19"),
):
    versions.request_before(since, rebuild_server)(refuse_fields(name))


def _one_label(server: Body) -> None:
    hostname = server.get("hostname")
    if isinstance(hostname, str) and not (re.match(HOST_LABEL, hostname) and len(hostname) <= 63):
        raise Invalid(f"Invalid input for field/attribute hostname. Value: {hostname}. It is not one label.")


versions.request_before("2.94", create_server, update_server)(_create(_one_label))


@versions.request_before("2.94", rebuild_server)
def one_label(body: Body) -> Body:
    """Take a host name of one label only."""
    if isinstance(body, dict):
        _one_label(body)
    return body


@versions.request_before("2.67", create_server)
@_create
def without_volume_types(server: Body) -> None:
    """Refuse volume types, which came with 2.67."""
    _refuse_in(server, "block_device_mapping_v2", "volume_type")


@versions.request_before("2.57", create_server)
@_create
def without_personality(server: Body) -> None:
    """Take the files that older versions could put into a guest, as long as there are none."""
    _drop_personality(server)


@versions.request_before("2.57", rebuild_server)
def rebuild_without_personality(body: Body) -> Body:
    """Take the files that older versions could put into a guest, as long as there are none."""
    if isinstance(body, dict):
        _drop_personality(body)
    return body


def _drop_personality(server: Body) -> None:
    if server.pop("personality", None):
        raise Invalid("Files cannot be injected into a guest here; use user_data, which does the same.")


# Tags of networks and disks came with 2.32; an oversight took those of disks away from 2.33 to
# 2.41 and those of networks from 2.37 to 2.41.  A tag that its version allows is hidden from
# the later step that refuses it.
HIDDEN = "\x00tag"


@versions.request_before("2.32", create_server)
@_create
def before_tags(server: Body) -> None:
    """Refuse tags, which came with 2.32."""
    _refuse_in(server, "networks", "tag")
    _refuse_in(server, "block_device_mapping_v2", "tag")


@versions.request_before("2.33", create_server)
@_create
def with_disk_tags(server: Body) -> None:
    """Let tags of disks pass."""
    _rename_in(server, "block_device_mapping_v2", "tag", HIDDEN)


@versions.request_before("2.37", create_server)
@_create
def with_network_tags(server: Body) -> None:
    """Let tags of networks pass."""
    _rename_in(server, "networks", "tag", HIDDEN)


@versions.request_before("2.42", create_server)
@_create
def without_tags(server: Body) -> None:
    """Refuse what tags are left, and bring back those that were let pass."""
    for collection in ("networks", "block_device_mapping_v2"):
        _refuse_in(server, collection, "tag")
        _rename_in(server, collection, HIDDEN, "tag")


@versions.request_before("2.37", create_server)
@_create
def networks_may_be_left_out(server: Body) -> None:
    """Take a request without networks: the project's only one is meant."""
    networks = server.setdefault("networks", [])
    if isinstance(networks, str):
        raise Invalid(f"Invalid input for field/attribute networks. Value: {networks}. It is not of type 'array'.")


@versions.request_before("2.19", create_server)
@_create
def name_describes(server: Body) -> None:
    """Describe a server by its name."""
    if isinstance(server.get("name"), str):
        server["description"] = server["name"]


def _rename_in(server: Body, collection: str, name: str, to: str) -> None:
    values = server.get(collection)
    for each in values if isinstance(values, list) else ():
        if isinstance(each, dict) and name in each:
            each[to] = each.pop(name)


def _refuse_in(server: Body, collection: str, name: str) -> None:
    values = server.get(collection)
    for each in values if isinstance(values, list) else ():
        if isinstance(each, dict) and name in each:
            raise Invalid(f"Additional properties are not allowed ({name!r} was unexpected)")


# Arguments of lists.  Until 2.75 what was not known was passed over.
IGNORED_SORT_KEYS = frozenset(
    {
        "architecture",
        "cell_name",
        "cleaned",
        "default_ephemeral_device",
        "default_swap_device",
        "deleted",
        "deleted_at",
        "disable_terminate",
        "ephemeral_gb",
        "ephemeral_key_uuid",
        "id",
        "key_data",
        "launched_on",
        "memory_mb",
        "os_type",
        "reservation_id",
        "root_gb",
        "shutdown_terminate",
        "user_data",
        "vcpus",
        "vm_mode",
    }
)


def _without_args(*names: str) -> Callable[[Args], Args]:
    return lambda args: {name: values for name, values in args.items() if name not in names}


versions.query_before("2.26", *LISTS)(_without_args("tags", "tags-any", "not-tags", "not-tags-any"))
versions.query_before("2.66", *LISTS)(_without_args("changes-before"))


@versions.query_before("2.38", *LISTS)
def unknown_statuses_match_nothing(args: Args) -> Args:
    """Answer an unknown status with an empty list."""
    if "status" in args and not states_of(args["status"])[0]:
        return {**_without_args("status")(args), "reservation_id": ["none"]}
    return args


@versions.query_before("2.73", *LISTS)
def without_locked(args: Args) -> Args:
    """Pass over what came with 2.73."""
    return _without_sort_keys(_without_args("locked")(args), frozenset({"locked"}))


@versions.query_before("2.75", *LISTS)
def pass_over_unknown(args: Args) -> Args:
    """Pass over every argument that is not known, but not one that could be an attribute of ours."""
    for name in args:
        if name.startswith("_"):
            raise Invalid(f"Invalid filter field: {name}.")
    known = {name: values for name, values in args.items() if name in LIST_ARGUMENTS}
    return _without_sort_keys(known, IGNORED_SORT_KEYS)


def _without_sort_keys(args: Args, ignored: frozenset[str]) -> Args:
    keys, directions = args.get("sort_key", []), args.get("sort_dir", [])
    kept = [index for index, key in enumerate(keys) if key not in ignored]
    if len(kept) == len(keys):
        return args
    left = _without_args("sort_key", "sort_dir")(args)
    if kept:
        left["sort_key"] = [keys[index] for index in kept]
    kept_directions = [directions[index] for index in kept if index < len(directions)] or directions[:1]
    if kept_directions:
        left["sort_dir"] = kept_directions
    return left


LIST_ARGUMENTS = frozenset(each.encode_name for each in msgspec.structs.fields(ServersQuery))


@versions.request_before("2.73", lock_server)
def lock_without_reason(_value: Any) -> None:
    """Lock without a reason, whatever the value."""


@versions.request_before("2.77", unshelve_server)
def unshelve_anywhere(_value: Any) -> None:
    """Bring a server back wherever there is room, whatever the value."""


@versions.request_before("2.91", unshelve_server)
def unshelve_into_zone(value: Any) -> Any:
    """Bring a server back into a zone, or anywhere."""
    refuse_fields("host")(value)
    if isinstance(value, dict) and value.get("availability_zone", "") is None:
        raise Invalid("Invalid input for field/attribute availability_zone. Value: None. None is not of type 'string'")
    return value or None


@versions.answer_before("2.45", create_image, create_backup)
def image_in_header(_body: Body) -> None:
    """Tell the image in a header alone."""


passed_over_before(
    "2.102",
    show_server,
    details.list_addresses,
    details.show_addresses,
    details.show_password,
    details.show_diagnostics,
    details.show_topology,
    labels.list_metadata,
    labels.show_metadata,
    history.show_action,
)
passed_over_before("2.75", details.list_volumes)
