"""Reading a request for a server: everything is checked here, before anything is written."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from welkin.core.db import Reads
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call
from welkin.core.listing import whole
from welkin.services.compute.errors import HostNameAmbiguous, VolumesNotServed, ZeroDiskForbidden
from welkin.services.compute.fields import address, check_base64, id_of, truth
from welkin.services.compute.flavors.tables import get_flavor
from welkin.services.compute.keypairs.tables import get_keypair
from welkin.services.compute.server_groups.tables import get_group
from welkin.services.compute.servers import images, placing, policy, ports
from welkin.services.compute.servers.passwords import generate
from welkin.services.compute.servers.shapes import Disk, Hints, ServerCreate, ServerToCreate, check_hints
from welkin.services.compute.servers.tables import FlavorCopy, ImageCopy, KeyCopy

HOSTNAME_MAX = 63


class Draft(Struct, kw_only=True):
    """A server that may be made, once or several times."""

    name: str
    hostname: str | None
    description: str | None
    flavor: FlavorCopy
    image: ImageCopy | None
    key: KeyCopy | None
    networks: ports.Asked
    group_names: tuple[str, ...]
    zone: str | None
    host: str | None
    force_host: bool
    hints: Hints
    group_id: str | None
    min_count: int
    max_count: int
    password: str
    access_ip_v4: str
    access_ip_v6: str
    wish: ServerToCreate
    """What is taken over as it stands."""


class Place(Struct, frozen=True):
    """Where a server is asked to be."""

    zone: str | None = None
    host: str | None = None
    force: bool = False


async def read(call: Call, reads: Reads, body: ServerCreate) -> Draft:
    """Check a request and find everything that it names.  Raises Invalid, Forbidden, Conflict."""
    wish = body.server
    call.enforce(policy.CREATE, project_id=call.actor.project_id, user_id=call.actor.user_id)
    low, high = counts(wish)
    hints = read_hints(body)
    flavor = await flavor_of(call, reads, wish.flavorRef)
    image = await image_of(call, reads, wish, flavor)
    if wish.user_data is not UNSET:
        check_base64("user_data", wish.user_data)
    if high > 1 and wish.hostname is not UNSET:
        raise HostNameAmbiguous
    group = hints.get("group")
    return Draft(
        name=wish.name,
        hostname=None if wish.hostname is UNSET else wish.hostname,
        description=wish.description,
        flavor=flavor,
        image=image,
        key=await key_of(call, reads, wish.key_name),
        networks=await ports.read(call, reads, wish, high),
        group_names=group_names(wish),
        hints=hints,
        group_id=await group_of(call, reads, group),
        min_count=low,
        max_count=high,
        password=generate(call.world) if wish.adminPass is UNSET else wish.adminPass,
        access_ip_v4=address("accessIPv4", wish.accessIPv4, 4) if wish.accessIPv4 else "",
        access_ip_v6=address("accessIPv6", wish.accessIPv6, 6) if wish.accessIPv6 else "",
        wish=wish,
        **place_fields(await place_of(call, reads, wish)),
    )


def place_fields(place: Place) -> dict[str, Any]:
    """Return a place as a draft's fields."""
    return {"zone": place.zone, "host": place.host, "force_host": place.force}


def counts(wish: ServerToCreate) -> tuple[int, int]:
    """Return how many servers are asked for, at least and at most.  Raises Invalid."""
    low = whole(str(wish.min_count))
    high = low if wish.max_count is UNSET else whole(str(wish.max_count))
    if low > high:
        raise Invalid("min_count must be <= max_count")
    return low, high


def read_hints(body: ServerCreate) -> Hints:
    """Return what is asked of the scheduler.  Raises Invalid."""
    given = body.hints if body.hints is not UNSET else body.older_hints
    if given is UNSET:
        return {}
    try:
        check_hints(given)
    except msgspec.ValidationError as error:
        raise Invalid(f"Invalid input for field/attribute os:scheduler_hints. {error}") from error
    return given


async def flavor_of(call: Call, reads: Reads, reference: str | int) -> FlavorCopy:
    """Return the flavor that is asked for.  Raises Invalid."""
    try:
        row = await get_flavor(reads, id_of(str(reference)), call.actor)
    except NotFound as error:
        raise Invalid(str(error)) from error
    return FlavorCopy(
        id=row.id,
        name=row.name,
        vcpus=row.vcpus,
        ram_mib=row.ram_mib,
        disk_gib=row.disk_gib,
        ephemeral_gib=row.ephemeral_gib,
        swap_mib=row.swap_mib,
        extra_specs=row.extra_specs,
    )


async def image_of(call: Call, reads: Reads, wish: ServerToCreate, flavor: FlavorCopy) -> ImageCopy | None:
    """Return the image to boot from, which a block device may name too.  Raises Invalid, Forbidden."""
    image_id = wish.imageRef or None if wish.imageRef is not UNSET else None
    if wish.block_device_mapping and wish.block_device_mapping_v2:
        raise Invalid("Using different block_device_mapping syntaxes is not allowed in the same request.")
    if wish.block_device_mapping:
        raise VolumesNotServed
    if wish.block_device_mapping_v2:
        call.enforce(policy.ATTACH_VOLUME, project_id=call.actor.project_id, user_id=call.actor.user_id)
        image_id = boot_image(wish.block_device_mapping_v2, image_id)
    if image_id is None:
        raise Invalid("Missing imageRef attribute")
    image = await images.get(call, reads, image_id)
    images.check_fits(image, flavor)
    if flavor.disk_gib == 0 and not call.allowed(policy.ZERO_DISK, project_id=call.actor.project_id):
        raise ZeroDiskForbidden
    return image


def boot_image(disks: list[Disk], image_id: str | None) -> str | None:
    """Return the image that the disks name; what they ask beside it must be what the flavor gives anyway.

    Raises  Invalid, VolumesNotServed.
    """
    roots = [disk for disk in disks if disk.boot_index is not None and int(disk.boot_index) == 0]
    if len(roots) != 1:
        raise Invalid(
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping "
            "combination is not valid."
        )
    for disk in disks:
        source, destination = disk.source_type, disk.destination_type or default_destination(disk)
        if destination == "volume" or source in ("volume", "snapshot") or disk.volume_id or disk.snapshot_id:
            raise VolumesNotServed
        if source == "image" and disk is not roots[0]:
            raise Invalid("Block Device Mapping is Invalid: Mapping image to local is not supported.")
    found = roots[0].uuid or roots[0].image_id
    if roots[0].source_type != "image" or not found:
        raise Invalid("Block Device Mapping is Invalid: The first disk must come from an image.")
    if image_id is not None and found != image_id:
        raise Invalid(
            "Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping "
            "combination is not valid."
        )
    return found


def default_destination(disk: Disk) -> str:
    """Return where a disk lies that does not say so."""
    return "local" if disk.source_type == "blank" or disk.guest_format else "volume"


async def key_of(call: Call, reads: Reads, name: str | UnsetType | None) -> KeyCopy | None:
    """Return the caller's key pair of this name.  Raises Invalid."""
    if name is UNSET or name is None:
        return None
    row = await get_keypair(reads, call.actor.user_id, name)
    if row is None:
        raise Invalid("Invalid key_name provided.")
    return KeyCopy(name=row.name, public_key=row.public_key, type=row.type)


def group_names(wish: ServerToCreate) -> tuple[str, ...]:
    """Return the names or ids of the security groups that are asked for."""
    if wish.security_groups is UNSET:
        return ()
    return tuple(dict.fromkeys(group.name for group in wish.security_groups if group.name is not UNSET))


async def group_of(call: Call, reads: Reads, hint: object) -> str | None:
    """Return the server group that a hint names.  Raises Invalid."""
    group_id = hint[0] if isinstance(hint, list) and hint else hint
    if not group_id:
        return None
    group = await get_group(reads, str(group_id))
    if group is None or (group.project_id != call.actor.project_id and not call.actor.is_admin):
        raise Invalid(f"Instance group {group_id} could not be found.")
    return group.id


async def place_of(call: Call, reads: Reads, wish: ServerToCreate) -> Place:
    """Return the zone and the host that are asked for.  Raises Invalid, Forbidden."""
    target = {"project_id": call.actor.project_id, "user_id": call.actor.user_id}
    zone, host = None, None
    if wish.availability_zone is not UNSET:
        zone, host = split_zone(wish.availability_zone)
    named = [each for each in (wish.host, wish.hypervisor_hostname) if each is not UNSET]
    if named:
        call.enforce(policy.CREATE_DESTINATION, **target)
        if host:
            raise Invalid(
                "One mechanism with host and/or hypervisor_hostname and another mechanism with "
                "zone:host:node are mutually exclusive."
            )
        if len(set(named)) > 1 or not await placing.host_exists(reads, named[0]):
            raise Invalid(f"Compute host {named[0]} could not be found.")
        return Place(zone, named[0])
    if host:
        call.enforce(policy.CREATE_FORCED_HOST, **target)
        if not await placing.host_exists(reads, host):
            raise Invalid(f"No valid host was found. No such host - host: {host} node: None")
        return Place(None, host, force=True)
    if zone is not None:
        await placing.check_zone(call, reads, zone)
    return Place(zone)


def split_zone(text: str) -> tuple[str | None, str | None]:
    """Return the zone and the host of `zone:host:node`; host and node are one.  Raises Invalid."""
    zone, *rest = text.split(":")
    if len(rest) > 2:
        raise Invalid("Unable to parse availability_zone")
    host = next((part for part in rest if part), None)
    return zone or None, host


def host_label(name: str, server_id: str) -> str:
    """Return a host name made from a server's name."""
    text = re.sub(r"[ _.]", "-", name)
    text = re.sub(r"[^a-zA-Z0-9-]+", "", text).lower().strip("-")
    return text[:HOSTNAME_MAX].rstrip("-") or f"server-{server_id}"[:HOSTNAME_MAX]


def truthy(value: bool | str) -> bool:  # noqa: FBT001
    """Return what a yes or no means."""
    return truth(value)
