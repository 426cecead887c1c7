"""A server that shall go does not wait for what takes long: the step is given up, and the server goes at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.compute.test_host import SERVER, server
from welkin.core.agent import Agent, Outcome
from welkin.core.agents import Down, Item
from welkin.core.world import World
from welkin.services.compute.driver import Tap
from welkin.services.compute.drivers.memory import MemoryDriver, MemoryImages
from welkin.services.compute.host.images import DiskImageCache
from welkin.services.compute.host.reconcile import Hands, ServerHost
from welkin.services.compute.host.wanted import Image, ServerSeen, ServerWanted, Snapshot

KIND = "compute.server"
IMAGE = Image(id="1b2e2c6e-5a0b-4d5c-8d55-0d6a4f0f7c11", format="raw", size_bytes=4)
COPY = Snapshot(image_id="3d4a4e80-7c2d-4f7e-8f77-2f8c61219e33", format="raw")
DEADLINE_S = 5.0


class SlowImages(MemoryImages):
    """Images of which none ever arrives."""

    async def fetch(self, image: Image) -> None:
        await asyncio.Event().wait()


class Rig:
    """An agent with one half, whose long steps never end."""

    def __init__(self) -> None:
        self.world = World()
        self.driver = MemoryDriver(self.world)
        self.sending = asyncio.Event()
        self.agent = Agent(self.world, lambda: None)
        hands = Hands(
            driver=self.driver,
            images=SlowImages(self.world),
            tap_of=lambda port_id, network_id: Tap(network_id, port_id),
            send_image=self.send,
        )
        self.host = ServerHost(hands, self.world)
        self.agent.per_item(KIND, self.reconcile, 60, self.host.hurry)
        self.generation = 0

    async def reconcile(self, item: Item) -> Outcome:
        return await self.host.reconcile_item(item, lambda outcome: self.agent.report(item, outcome))

    async def send(self, image_id: str, path: Path) -> None:
        self.sending.set()
        await asyncio.Event().wait()

    def want(self, wanted: ServerWanted | None) -> None:
        self.generation += 1
        item = Item(KIND, SERVER, self.generation, None if wanted is None else msgspec.to_builtins(wanted))
        self.agent._hear(Down(items=[item]))

    async def until(self, progress: str, power: str) -> None:
        """Wait for a report of the newest generation that says so."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for report in (await self.agent._outbox.get()).reports:
                    seen: ServerSeen = report.seen
                    if report.generation == self.generation and (seen.progress, seen.power) == (progress, power):
                        return


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    yield made
    for half in made.agent._halves.values():
        half.stop()


async def test_a_server_whose_image_does_not_come_is_deleted_at_once(rig: Rig) -> None:
    rig.want(msgspec.structs.replace(server(), image=IMAGE))
    await rig.until("fetching_image", "absent")
    rig.want(None)
    await rig.until("", "absent")


async def test_a_server_whose_copy_is_sent_is_deleted_at_once(rig: Rig) -> None:
    rig.want(msgspec.structs.replace(server(), snapshots=(COPY,)))
    await asyncio.wait_for(rig.sending.wait(), DEADLINE_S)
    rig.want(None)
    await rig.until("", "absent")
    assert await rig.driver.find_all() == frozenset()


async def test_who_is_wanted_again_is_made_again(rig: Rig) -> None:
    rig.want(msgspec.structs.replace(server(), image=IMAGE))
    await rig.until("fetching_image", "absent")
    rig.want(None)
    rig.want(server())
    await rig.until("", "running")


async def test_an_image_comes_for_others_when_one_gives_up(tmp_path: Path) -> None:
    arrives, fetched = asyncio.Event(), []

    async def fetch_image(image_id: str, target: Path) -> None:
        fetched.append(image_id)
        await arrives.wait()
        target.write_bytes(b"disk")

    cache = DiskImageCache(tmp_path / "images", fetch_image)
    first, second = (asyncio.create_task(cache.fetch(IMAGE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    arrives.set()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(first, second, return_exceptions=True)
    assert first.cancelled() and second.exception() is None
    assert fetched == [IMAGE.id]
    assert await cache.has(IMAGE) and [path.name for path in (tmp_path / "images").iterdir()] == [f"{IMAGE.id}.raw"]
