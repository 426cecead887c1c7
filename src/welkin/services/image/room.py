"""What image brings to the cloud."""

from __future__ import annotations

from welkin.core.cloud import ControlPlane, Host, Room
from welkin.services.image import central, schemas, service
from welkin.services.image.data import api as data
from welkin.services.image.host import Images
from welkin.services.image.images import api as images
from welkin.services.image.imports import api as imports
from welkin.services.image.members import api as members
from welkin.services.image.metadefs import api as metadefs
from welkin.services.image.metadefs import entries
from welkin.services.image.tables import MIGRATIONS


def join_host(host: Host) -> None:
    """Offer the host's other rooms a way to images' data."""
    host.parts.add(Images(host.get(ControlPlane)))


ROOM = Room(
    name="image",
    migrations=MIGRATIONS,
    routes=(
        service.routes,
        images.routes,
        data.routes,
        imports.routes,
        members.routes,
        schemas.routes,
        metadefs.routes,
        entries.routes,
    ),
    central=central.join,
    ensure=central.ensure,
    host=join_host,
)
