"""Have the hosts of an aggregate fetch images before servers need them, over HTTP."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.aggregates import caching, policy
from welkin.services.compute.aggregates.api import get, number_of
from welkin.services.compute.aggregates.tables import hosts_of
from welkin.services.compute.servers import images
from welkin.services.compute.servers.source import image
from welkin.services.compute.service import service
from welkin.services.compute.values import Uuid

routes = Routes(service)


class ImageToCache(Struct, forbid_unknown_fields=True):
    """An image that hosts shall have."""

    id: Uuid


class ImagesToCache(Struct, forbid_unknown_fields=True):
    """The body that names them."""

    cache: Annotated[list[ImageToCache], Meta(min_length=1)]


@routes.post("/v2.1/os-aggregates/{aggregate_id}/images", rule=policy.CACHE_IMAGES, status=202, since="2.81")
async def cache_images(call: Call, aggregate_id: str, body: ImagesToCache) -> None:
    """Have the hosts of an aggregate fetch images."""
    id, ids = number_of(aggregate_id), [each.id for each in body.cache]
    if len(set(ids)) < len(ids):
        raise Invalid("Duplicate images in request")
    async with call.db.tx() as tx:
        await get(tx, id)
        hosts = await hosts_of(tx, id)
        for image_id in ids:
            found = await images.get(call, tx, image_id)
            if hosts:
                await caching.want(tx, image(found), hosts)
