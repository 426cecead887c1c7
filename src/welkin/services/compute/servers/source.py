"""What is wanted of each server on its host, and what the host's reports mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from welkin.core import agents
from welkin.core.agents import Report
from welkin.core.db import Reads, Transaction
from welkin.core.world import World
from welkin.services.compute.host.wanted import (
    Flavor,
    Image,
    KeyPair,
    Metadata,
    Rescue,
    ServerSeen,
    ServerWanted,
    Snapshot,
)
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import outcomes, ports, transitions
from welkin.services.compute.servers.plan import judge, power_state_of
from welkin.services.compute.servers.tables import KIND, FlavorCopy, ImageCopy, ServerRow
from welkin.services.compute.values import is_number


class Servers:
    """The room's half of the conversation with hosts about servers."""

    def __init__(self, world: World, options: ComputeOptions) -> None:
        self._world, self._options = world, options

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        """Return each server that `host` shall have, whole."""
        found = {}
        for id in ids:
            server = await transitions.find(reads, id)
            if server is not None and server.host == host and server.present and not server.deleted:
                found[id] = await document(reads, server, self._options)
        return found

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        """Write down what a host sees of a server, and what that means for it."""
        await tx.lock(f"server:{report.id}")
        server = await transitions.find(tx, report.id)
        seen = ServerSeen(id=report.id, power="absent") if report.seen is None else decode(report.seen)
        if server is None or server.deleted or server.host != host:
            if seen.power == "absent" and report.settled:
                await agents.forget(tx, host, KIND, report.id)
            return
        await self._write(tx, server, seen)
        await outcomes.apply(tx, self._world, self._options, server, judge(server, seen))

    async def _write(self, tx: Transaction, server: ServerRow, seen: ServerSeen) -> None:
        """Keep what is seen, and not touch the row when nothing is new."""
        builtins = msgspec.to_builtins(seen)
        power_state = power_state_of(seen)
        if server.seen != builtins or server.power_state != power_state:
            await tx.update("servers", {"id": server.id}, {"seen": builtins, "power_state": power_state})
            server.seen, server.power_state = builtins, power_state


def decode(seen: Any) -> ServerSeen:
    """Return a report's content."""
    return msgspec.convert(seen, ServerSeen, strict=False)


async def document(reads: Reads, server: ServerRow, options: ComputeOptions) -> ServerWanted:
    """Return what is wanted of a server, as its host reads it."""
    attached = await ports.attached(reads, server.id)
    groups = await ports.group_names_of(reads, server.id)
    return ServerWanted(
        id=server.id,
        name=server.name,
        hostname=server.hostname,
        project_id=server.project_id,
        user_id=server.user_id,
        power=server.power,
        disk_epoch=server.disk_epoch,
        boot_epoch=server.boot_epoch,
        soft_reboots=server.soft_reboots,
        shutdown_timeout_s=shutdown_timeout_s(server, options),
        flavor=flavor(server.flavor),
        image=disk_image(server),
        nics=ports.nics(attached),
        config_drive=server.config_drive,
        metadata=metadata(server, attached, groups),
        rescue=None
        if server.rescue_image is None
        else Rescue(image=image(server.rescue_image), epoch=server.rescue_epoch),
        snapshots=tuple(Snapshot(image_id=each.image_id, format=each.format) for each in server.snapshots),
    )


def shutdown_timeout_s(server: ServerRow, options: ComputeOptions) -> float:
    """Return how long a guest may take to shut down; its image may say so."""
    asked = (server.image.properties if server.image is not None else {}).get("os_shutdown_timeout", "")
    return float(asked) if is_number(asked) else options.shutdown_timeout_s


def flavor(copy: FlavorCopy) -> Flavor:
    """Return a flavor as hosts read it."""
    return Flavor(
        name=copy.name,
        vcpus=copy.vcpus,
        ram_mib=copy.ram_mib,
        disk_gib=copy.disk_gib,
        ephemeral_gib=copy.ephemeral_gib,
        swap_mib=copy.swap_mib,
        extra_specs=copy.extra_specs,
    )


def disk_image(server: ServerRow) -> Image | None:
    """Return what a server's disk is made from: its image, or the copy that shelving made of the disk."""
    copy = server.disk_image or server.image
    return None if copy is None else image(copy)


def image(copy: ImageCopy) -> Image:
    """Return an image as hosts read it."""
    return Image(
        id=copy.id,
        format=copy.format,
        size_bytes=copy.size_bytes,
        hash_algorithm=copy.hash_algorithm,
        hash=copy.hash,
        properties=copy.properties,
    )


def metadata(server: ServerRow, attached: Sequence[ports.Attached], groups: tuple[str, ...]) -> Metadata:
    """Return what a guest may learn about itself."""
    number = server.id.replace("-", "")[:8]
    key = server.key
    addresses = [one for each in attached for one in each.nic.addresses]
    return Metadata(
        meta=server.metadata,
        key=None
        if key is None
        else KeyPair(name=key.name, public_key=key.public_key, type="x509" if key.type == "x509" else "ssh"),
        user_data=server.user_data,
        availability_zone=server.zone or "nova",
        reservation_id=server.reservation_id,
        launch_index=server.launch_index,
        security_groups=groups,
        fixed_ipv4=tuple(each.address for each in addresses if each.version == 4),
        floating_ipv4=tuple(outside for each in addresses for outside in each.floating if ":" not in outside),
        network_data=ports.network_data(attached),
        ec2_instance_id=f"i-{number}",
        ec2_image_id=f"ami-{server.image_id.replace('-', '')[:8]}" if server.image_id else "",
        password=server.guest_password,
        admin_password=server.rescue_password if server.rescue_image is not None else server.admin_password,
    )


async def refresh(tx: Transaction, server: ServerRow) -> None:
    """Tell a server's host that something of it changed."""
    if server.host is not None:
        await agents.touch(tx, server.host, KIND, [server.id])
