"""Images that hosts shall have before a server needs them: what is wanted, and what they answer.

A host is told of an image until it has it, or knows that it never will; then it is
forgotten, and the host's own rules for its cache decide how long the image stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from welkin.core import agents
from welkin.core.agent import Agent, Outcome
from welkin.core.agents import Item, Report
from welkin.core.db import Reads, Transaction
from welkin.services.compute.driver import DriverError, Hopeless, ImageCache
from welkin.services.compute.host.wanted import Image

KIND = "compute.cached_image"
CACHED_IMAGES = """
    CREATE TABLE cached_images (
        id    TEXT PRIMARY KEY,
        image TEXT NOT NULL
    );
"""
TRY_AGAIN_S = 30.0
LOOK_AGAIN_S = 3600.0


class CachedImage(msgspec.Struct):
    """An image that some hosts shall have, as it was when that was asked."""

    id: str
    image: Image


class CachedImages:
    """The room's half of the conversation with hosts about images to have."""

    async def wanted(self, reads: Reads, host: str, ids: Sequence[str]) -> Mapping[str, Any]:
        """Return each image that a host shall have."""
        marks = ", ".join(f"${index}" for index in range(1, len(ids) + 1))
        rows = await reads.all(CachedImage, f"SELECT id, image FROM cached_images WHERE id IN ({marks})", *ids)
        return {row.id: row.image for row in rows}

    async def report(self, tx: Transaction, host: str, report: Report) -> None:
        """Forget an image that a host has, or never will have."""
        if not report.settled:
            return
        await agents.forget(tx, host, KIND, report.id)
        if not await agents.hosts_of(tx, KIND, report.id):
            await tx.delete("cached_images", {"id": report.id})


async def want(tx: Transaction, image: Image, hosts: Sequence[str]) -> None:
    """Ask that hosts have an image soon."""
    await tx.delete("cached_images", {"id": image.id})
    await tx.insert("cached_images", CachedImage(image.id, image))
    for host in hosts:
        await agents.touch(tx, host, KIND, [image.id])


def serve(agent: Agent, images: ImageCache) -> None:
    """Bring the images here that this host shall have."""

    async def reconcile(item: Item) -> Outcome:
        if item.wanted is None:
            return Outcome({"cached": False})
        image = msgspec.convert(item.wanted, Image)
        try:
            if not await images.has(image):
                await images.fetch(image)
        except Hopeless as error:
            return Outcome({"cached": False, "error": str(error)})
        except DriverError as error:
            return Outcome({"cached": False, "error": str(error)}, settled=False, again_s=TRY_AGAIN_S)
        return Outcome({"cached": True})

    agent.per_item(KIND, reconcile, LOOK_AGAIN_S)
