"""Images that servers boot from, and images that are made of servers.

Everything about images that servers need goes through here, by the image room's door.
"""

from __future__ import annotations

from welkin.core.db import Reads, Transaction
from welkin.core.errors import Forbidden, NotFound
from welkin.core.http import Call
from welkin.core.policy import Actor
from welkin.services.compute.errors import BadImage
from welkin.services.compute.servers.tables import FlavorCopy, ImageCopy, ServerRow, SnapshotWanted
from welkin.services.image import public as image

GIB = 1 << 30
INHERITED_NOT = frozenset(
    {
        "cache_in_nova",
        "bittorrent",
        "img_signature_hash_method",
        "img_signature",
        "img_signature_key_type",
        "img_signature_certificate_uuid",
    }
)
"""Properties that an image of a server does not take over from the server's own image."""


async def get(call: Call, reads: Reads, image_id: str, missing: str = "Can not find requested image") -> ImageCopy:
    """Return an image that the caller may boot from.  Raises BadImage with `missing` where there is none."""
    try:
        row = await image.get_image(reads, image_id, call.actor)
    except NotFound as error:
        raise BadImage(missing) from error
    if row.status != "active":
        raise BadImage(f"Image {image_id} is not active.")
    return ImageCopy(
        id=row.id,
        format=row.disk_format or "raw",
        size_bytes=row.size or 0,
        hash_algorithm=row.hash_algorithm or "",
        hash=row.hash or "",
        min_disk_gib=row.min_disk,
        min_ram_mib=row.min_ram,
        properties=dict(row.properties),
    )


def check_fits(copy: ImageCopy, flavor: FlavorCopy) -> None:
    """Check that a flavor is large enough for an image.  Raises BadImage."""
    if flavor.ram_mib < copy.min_ram_mib:
        raise BadImage("Flavor's memory is too small for requested image.")
    if flavor.disk_gib == 0:
        return
    disk = flavor.disk_gib * GIB
    if disk < copy.size_bytes:
        raise BadImage(
            "Flavor's disk is too small for requested image. "
            f"Flavor disk is {disk} bytes, image is {copy.size_bytes} bytes."
        )
    if flavor.disk_gib < copy.min_disk_gib:
        raise BadImage(
            "Flavor's disk is smaller than the minimum size specified in image metadata. "
            f"Flavor disk is {disk} bytes, minimum size is {copy.min_disk_gib * GIB} bytes."
        )


async def begin_snapshot(call: Call, tx: Transaction, server: ServerRow, name: str, properties: dict[str, str]) -> str:
    """Make the image that a copy of a server's disk goes to, and return its id."""
    base = {} if server.image is None else server.image.properties
    inherited = {key: value for key, value in base.items() if key not in INHERITED_NOT}
    own = {
        "image_type": "snapshot",
        "instance_uuid": server.id,
        "user_id": call.actor.user_id,
        "base_image_ref": server.image_id,
    }
    wanted = image.NewImage(
        name=name,
        owner=server.project_id,
        disk_format="qcow2",
        host=server.host or "",
        min_disk=server.flavor.disk_gib,
        min_ram=0 if server.image is None else server.image.min_ram_mib,
        properties={**inherited, **own, **properties},
    )
    try:
        return await image.create_image(tx, call.world, call.get(image.ImageOptions), wanted)
    except image.LimitExceeded as error:
        raise Forbidden(str(error)) from error


async def drop(tx: Transaction, image_id: str) -> None:
    """Delete an image: one that will never get its data, or the one that shelving made."""
    await image.delete_image(tx, image_id)


async def rotate(tx: Transaction, server: ServerRow, snapshot: SnapshotWanted) -> None:
    """Delete the oldest backups of a kind, beyond as many as are to be kept."""
    match = {"instance_uuid": [server.id], "backup_type": [snapshot.backup_type or ""], "image_type": ["backup"]}
    owner = Actor(project_id=server.project_id, user_id=server.user_id)
    newest_first = await image.list_images(tx, owner, match)
    for each in newest_first[snapshot.rotation :]:
        await image.delete_image(tx, each.id)
