"""Servers as clients see them, in the newest version.

A list of a thousand servers is four queries and one pass: what many servers share, such as
a flavor, is decoded once and kept.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from welkin.core import tags, times
from welkin.core.db import Reads
from welkin.core.http import Call
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import policy
from welkin.services.compute.servers.placing import host_statuses
from welkin.services.compute.servers.ports import Address, addresses_of, groups_of
from welkin.services.compute.servers.states import WITH_FAULT, WITH_PROGRESS, status_of
from welkin.services.compute.servers.tables import KIND, Fault, FlavorCopy, ImageCopy

Link = dict[str, str]


class FlavorView(Struct):
    """A server's flavor as it was when the server got it."""

    vcpus: int
    ram: int
    disk: int
    ephemeral: int
    swap: int
    original_name: str
    extra_specs: dict[str, str] | UnsetType


class ImageView(Struct):
    """A server's image, with those of its properties that compute knows."""

    id: str
    links: list[Link]
    properties: dict[str, str]


class FaultView(Struct):
    """Why a server failed."""

    code: int
    created: str
    message: str
    details: str | UnsetType


class ServerView(Struct, kw_only=True, dict=True):
    """A server in full.  `flavor_id`, beside the fields, is for older versions alone."""

    id: str
    name: str
    status: str
    tenant_id: str
    user_id: str
    metadata: dict[str, str]
    hostId: str  # noqa: N815
    image: ImageView | str
    flavor: FlavorView
    created: str
    updated: str
    addresses: dict[str, list[Address]]
    accessIPv4: str  # noqa: N815
    accessIPv6: str  # noqa: N815
    links: list[Link]
    disk_config: str = field(name="OS-DCF:diskConfig")
    progress: int | UnsetType
    zone: str = field(name="OS-EXT-AZ:availability_zone")
    config_drive: str
    key_name: str | None
    launched_at: str | None = field(name="OS-SRV-USG:launched_at")
    terminated_at: str | None = field(name="OS-SRV-USG:terminated_at")
    task_state: str | None = field(name="OS-EXT-STS:task_state")
    vm_state: str = field(name="OS-EXT-STS:vm_state")
    power_state: int = field(name="OS-EXT-STS:power_state")
    volumes: list[Any] = field(name="os-extended-volumes:volumes_attached")
    locked: bool
    locked_reason: str | None
    description: str | None
    tags: list[str]
    trusted_image_certificates: list[str] | None
    pinned_availability_zone: str | None
    scheduler_hints: dict[str, Any]
    hostname: str = field(name="OS-EXT-SRV-ATTR:hostname")
    security_groups: list[dict[str, str]] | UnsetType = UNSET
    fault: FaultView | UnsetType = UNSET
    host_status: str | UnsetType = UNSET
    server_groups: list[str] | UnsetType = UNSET
    adminPass: str | UnsetType = UNSET  # noqa: N815
    rebuilt_user_data: str | UnsetType | None = field(name="user_data", default=UNSET)
    host: str | UnsetType | None = field(name="OS-EXT-SRV-ATTR:host", default=UNSET)
    instance_name: str | UnsetType = field(name="OS-EXT-SRV-ATTR:instance_name", default=UNSET)
    node: str | UnsetType | None = field(name="OS-EXT-SRV-ATTR:hypervisor_hostname", default=UNSET)
    kernel_id: str | UnsetType = field(name="OS-EXT-SRV-ATTR:kernel_id", default=UNSET)
    ramdisk_id: str | UnsetType = field(name="OS-EXT-SRV-ATTR:ramdisk_id", default=UNSET)
    launch_index: int | UnsetType = field(name="OS-EXT-SRV-ATTR:launch_index", default=UNSET)
    reservation_id: str | UnsetType = field(name="OS-EXT-SRV-ATTR:reservation_id", default=UNSET)
    root_device: str | UnsetType = field(name="OS-EXT-SRV-ATTR:root_device_name", default=UNSET)
    user_data: str | UnsetType | None = field(name="OS-EXT-SRV-ATTR:user_data", default=UNSET)


class FlavorBody(dict[str, Any]):
    """A flavor as a body, and beside it what versions before 2.47 show instead."""

    by_id: dict[str, Any]


class ServerAnswer(Struct):
    """One server."""

    server: ServerView

    def for_older_versions(self) -> dict[str, Any]:
        """Return the body with what older versions show instead."""
        return {"server": _for_older(self.server)}


class ServersAnswer(Struct, omit_defaults=True):
    """Servers, in full."""

    servers: list[ServerView]
    servers_links: list[Link] = []

    def for_older_versions(self) -> dict[str, Any]:
        """Return the body with what older versions show instead."""
        body: dict[str, Any] = {"servers": [_for_older(view) for view in self.servers]}
        if self.servers_links:
            body["servers_links"] = self.servers_links
        return body


class ViewRow(Struct):
    """The columns of a server that a view needs; JSON stays text, because equal texts are decoded once."""

    id: str
    reservation_id: str
    launch_index: int
    project_id: str
    user_id: str
    created_at: float
    updated_at: float
    name: str
    hostname: str
    description: str | None
    access_ip_v4: str
    access_ip_v6: str
    disk_config: str
    image: str | None
    flavor_id: str
    flavor: str
    key_name: str | None
    user_data: str | None
    config_drive: int
    metadata: str
    hints: str
    availability_zone: str | None
    trusted_certs: str | None
    locked_by: str | None
    locked_reason: str | None
    host: str | None
    zone: str | None
    vm_state: str
    task_state: str | None
    fault: str | None
    launched_at: float | None
    terminated_at: float | None
    deleted: int
    power_state: int
    progress: int


class Around(Struct, kw_only=True):
    """What is fetched for all servers of an answer at once."""

    addresses: Mapping[str, dict[str, list[Address]]]
    groups: Mapping[str, list[dict[str, str]]]
    tags: Mapping[str, list[str]]
    host_status: Mapping[str, str] | None
    """None where the caller may not see it."""
    server_groups: Mapping[str, list[str]] | None
    """None in lists, which do not show it."""
    base_url: str
    extended: bool
    """Whether the caller may see what is for operators."""
    extra_specs: bool
    is_admin: bool
    zone: str


async def around(call: Call, reads: Reads, ids: Sequence[str], *, groups: bool) -> Around:
    """Fetch what stands beside the rows of `ids`; `groups` for the server groups that they are in."""
    project_id = call.actor.project_id
    status = None
    if call.allowed(policy.SHOW_HOST_STATUS, project_id=project_id):
        status = await host_statuses(reads, call.world.now())
    return Around(
        addresses=await addresses_of(reads, ids),
        groups=await groups_of(reads, ids),
        tags=await tags.get_many(reads, KIND, ids),
        host_status=status,
        server_groups=await server_groups_of(reads, ids) if groups else None,
        base_url=call.base_url,
        extended=call.allowed(policy.EXTENDED_ATTRIBUTES, project_id=project_id),
        extra_specs=call.allowed(policy.SHOW_EXTRA_SPECS, project_id=project_id),
        is_admin=call.actor.is_admin,
        zone=call.get(ComputeOptions).zone,
    )


async def server_groups_of(reads: Reads, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the server groups of each server that is in one."""
    found: dict[str, list[str]] = {}
    for id in ids:
        group = await reads.value("SELECT group_id FROM server_group_members WHERE server_id = $1", id)
        if group is not None:
            found[id] = [group]
    return found


def view(row: ViewRow, beside: Around) -> ServerView:
    """Return one server in full."""
    status = status_of(row.vm_state, row.task_state, bool(row.deleted))
    id = row.id
    url = beside.base_url
    shown = ServerView(
        id=id,
        name=row.name,
        status=status,
        tenant_id=row.project_id,
        user_id=row.user_id,
        metadata=decoded(row.metadata),
        hostId=host_id(row.host, row.project_id),
        image=image_view(row.image, url) if row.image is not None else "",
        flavor=flavor_view(row.flavor, beside.extra_specs),
        created=second(int(row.created_at)),
        updated=second(int(row.updated_at)),
        addresses={} if row.vm_state == "building" else beside.addresses.get(id, {}),
        accessIPv4=row.access_ip_v4,
        accessIPv6=row.access_ip_v6,
        links=[
            {"rel": "self", "href": f"{url}/v2.1/servers/{id}"},
            {"rel": "bookmark", "href": f"{url}/servers/{id}"},
        ],
        disk_config=row.disk_config,
        progress=row.progress if status in WITH_PROGRESS else UNSET,
        zone=zone_of(row, beside.zone),
        config_drive="True" if row.config_drive else "",
        key_name=row.key_name,
        launched_at=None if row.launched_at is None else micros(row.launched_at),
        terminated_at=None if row.terminated_at is None else micros(row.terminated_at),
        task_state=row.task_state,
        vm_state=row.vm_state,
        power_state=row.power_state,
        volumes=[],
        locked=row.locked_by is not None,
        locked_reason=row.locked_reason,
        description=row.description,
        tags=beside.tags.get(id, []),
        trusted_image_certificates=None if row.trusted_certs is None else msgspec.json.decode(row.trusted_certs),
        pinned_availability_zone=row.availability_zone,
        scheduler_hints=decoded(row.hints),
        hostname=row.hostname,
        security_groups=beside.groups.get(id, UNSET),
    )
    shown.flavor_id = row.flavor_id  # type: ignore[attr-defined]
    if row.fault is not None and status in WITH_FAULT:
        shown.fault = fault_view(msgspec.json.decode(row.fault, type=Fault), beside.is_admin)
    if beside.host_status is not None:
        shown.host_status = beside.host_status.get(row.host, "UNKNOWN") if row.host else ""
    if beside.server_groups is not None:
        shown.server_groups = beside.server_groups.get(id, [])
    if beside.extended:
        _extend(shown, row)
    return shown


def _extend(shown: ServerView, row: ViewRow) -> None:
    """Add what is for operators."""
    shown.host = shown.node = row.host
    shown.instance_name = instance_name(row.id)
    properties = image_of(row.image).properties if row.image is not None else {}
    shown.kernel_id, shown.ramdisk_id = properties.get("kernel_id", ""), properties.get("ramdisk_id", "")
    shown.launch_index = row.launch_index
    shown.reservation_id = row.reservation_id
    shown.root_device = "/dev/vda"
    shown.user_data = row.user_data


def zone_of(row: ViewRow, default: str) -> str:
    """Return the zone that a server is in, or is asked for."""
    if row.host is not None:
        return row.zone or default
    return row.availability_zone or ""


def instance_name(server_id: str) -> str:
    """Return the name that nova would give the guest on its host."""
    return f"instance-{server_id[:8]}"


@functools.lru_cache(4096)
def host_id(host: str | None, project_id: str) -> str:
    """Return a name for a host that tells one project nothing but whether two servers share it."""
    return hashlib.sha224((project_id + host).encode()).hexdigest() if host else ""


@functools.lru_cache(8192)
def second(at: int) -> str:
    """Return a time; servers that are made together share it."""
    return times.with_z(at)


def micros(at: float) -> str:
    """Return a time with its microseconds; only they are formatted, the second is often known."""
    whole = int(at)
    return f"{second(whole)[:-1]}.{int((at - whole) * 1_000_000):06d}"


def decoded(text: str) -> dict[str, Any]:
    """Return a JSON object."""
    found: dict[str, Any] = {} if text == "{}" else msgspec.json.decode(text)
    return found


@functools.lru_cache(1024)
def image_of(text: str) -> ImageCopy:
    """Return a server's image."""
    return msgspec.json.decode(text, type=ImageCopy)


@functools.lru_cache(1024)
def image_view(text: str, base_url: str) -> ImageView:
    """Return a server's image as it is shown."""
    image = image_of(text)
    return ImageView(image.id, [{"rel": "bookmark", "href": f"{base_url}/images/{image.id}"}], known(image.properties))


def known(properties: Mapping[str, str]) -> dict[str, str]:
    """Return those properties of an image that are about how a server is run."""
    starts = ("hw_", "img_", "os_", "traits:", "trait:")
    return {name: value for name, value in properties.items() if name.startswith(starts) or name in KNOWN}


KNOWN = frozenset({"architecture", "cinder_encryption_key_id", "vm_mode", "hypervisor_type", "auto_disk_config"})


@functools.lru_cache(1024)
def flavor_view(text: str, extra_specs: bool) -> FlavorView:  # noqa: FBT001
    """Return a server's flavor as it is shown."""
    flavor = msgspec.json.decode(text, type=FlavorCopy)
    return FlavorView(
        vcpus=flavor.vcpus,
        ram=flavor.ram_mib,
        disk=flavor.disk_gib,
        ephemeral=flavor.ephemeral_gib,
        swap=flavor.swap_mib,
        original_name=flavor.name,
        extra_specs=flavor.extra_specs if extra_specs else UNSET,
    )


def fault_view(fault: Fault, is_admin: bool) -> FaultView:  # noqa: FBT001
    """Return why a server failed; the details of our own failures are for operators."""
    details = fault.details if fault.details and (is_admin or fault.code != 500) else UNSET
    return FaultView(fault.code, times.with_z(fault.created_at), fault.message, details)


def _for_older(shown: ServerView) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(shown)
    id = shown.flavor_id  # type: ignore[attr-defined]
    base_url = shown.links[1]["href"].rpartition("/servers/")[0]
    flavor = FlavorBody(body["flavor"])
    flavor.by_id = {"id": id, "links": [{"rel": "bookmark", "href": f"{base_url}/flavors/{id}"}]}
    body["flavor"] = flavor
    return body
