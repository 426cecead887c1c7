"""What nobody asks for goes: orphaned guests after a time, images that no disk starts from by age and by space."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.compute.test_host import SERVER, server
from tests.compute.test_plan import QuickWorld
from welkin.services.compute.driver import DriverError, Keep, Tap
from welkin.services.compute.drivers.memory import MemoryDriver, MemoryImages
from welkin.services.compute.drivers.qemu import QemuDriver, QemuOptions
from welkin.services.compute.drivers.qemu.home import Home, Record
from welkin.services.compute.host.housekeeping import Housekeeping, Rules
from welkin.services.compute.host.images import DiskImageCache
from welkin.services.compute.host.reconcile import Hands, ServerHost
from welkin.services.compute.host.wanted import Image

OTHER = "7f1f8c58-7b7e-4a0e-9d7a-3f5d2b1c0a99"
FOR_EVER = Keep(unused_s=-1, bytes_max=-1)


async def nothing(image_id: str, path: Path) -> None:
    """Fetch or send nothing."""


class Rig:
    """A host with two guests, of which one is asked for."""

    def __init__(self, *, removes: bool = True) -> None:
        self.world, self.asked = QuickWorld(), {SERVER}
        self.driver = MemoryDriver(self.world)
        hands = Hands(
            driver=self.driver,
            images=MemoryImages(self.world),
            tap_of=lambda port_id, network_id: Tap(network_id, port_id),
            send_image=nothing,
        )
        self.host = ServerHost(hands, self.world)
        rules = Rules(removes_orphans=removes, orphan_after_s=60, images=FOR_EVER)
        self.keeping = Housekeeping(hands, self.driver, self.world, rules, lambda: self.asked)

    async def fill(self) -> None:
        for id in (SERVER, OTHER):
            await self.host.settle(id, server(id))

    async def look_after(self, seconds: float) -> frozenset[str]:
        """Look once more after a time, and return whose guests are there."""
        self.world.time += seconds
        await self.keeping.look()
        return await self.driver.find_all()


async def test_an_orphan_goes_after_its_time(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    await rig.fill()
    assert await rig.look_after(0) == {SERVER, OTHER}
    assert rig.keeping.orphans == 1
    assert await rig.look_after(59) == {SERVER, OTHER}
    assert await rig.look_after(2) == {SERVER}
    assert rig.keeping.orphans == 0
    told = [each.getMessage() for each in caplog.records if OTHER in each.getMessage()]
    assert len(told) == 2, "found once, removed once"


async def test_who_is_asked_for_in_time_stays() -> None:
    rig = Rig()
    await rig.fill()
    await rig.look_after(0)
    rig.asked.add(OTHER)
    await rig.look_after(59)
    rig.asked.remove(OTHER)
    assert await rig.look_after(59) == {SERVER, OTHER}, "its time begins anew"


async def test_an_operator_may_want_to_look_first() -> None:
    rig = Rig(removes=False)
    await rig.fill()
    await rig.look_after(0)
    assert await rig.look_after(10_000) == {SERVER, OTHER}
    assert rig.keeping.orphans == 1


class Cache:
    """A cache with images of one block and more, the first one used last."""

    def __init__(self, folder: Path) -> None:
        self.world, self.folder = QuickWorld(), folder / "images"
        self.images = DiskImageCache(self.folder, nothing, self.world)
        self.paths = [self.images.path(Image(id=f"image-{each}", format="raw", size_bytes=0)) for each in range(3)]
        for place, path in enumerate(self.paths):
            path.write_bytes(bytes(1 << 16))
            used = self.world.time - 200 - 100 * place
            os.utime(path, (used, used))
        (self.folder / "image-3.part").touch()

    async def prune(self, in_use: set[Path], unused_s: float = -1, bytes_max: int = -1) -> list[str]:
        return await self.images.prune(frozenset(in_use), Keep(unused_s=unused_s, bytes_max=bytes_max))


async def test_images_go_by_age(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert await cache.prune(set()) == []
    assert await cache.prune({cache.paths[2]}, unused_s=250) == ["image-1"]
    cache.world.time += 100
    assert await cache.prune(set(), unused_s=250) == ["image-0"], "the other was in use a moment ago"
    cache.world.time += 200
    assert await cache.images.has(Image(id="image-2", format="raw", size_bytes=0))
    assert await cache.prune(set(), unused_s=0) == [], "who asks for an image is about to use it"
    cache.world.time += 200
    assert await cache.prune(set(), unused_s=0) == ["image-2"]
    assert (cache.folder / "image-3.part").exists(), "what is being fetched is left alone"


async def test_images_go_by_space(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert await cache.prune({cache.paths[0]}, bytes_max=1 << 16) == ["image-2"], "the latest used stays"
    assert await cache.prune({cache.paths[0]}, bytes_max=0) == ["image-1"]


async def test_what_a_disk_starts_from_is_known_or_it_is_said_that_it_is_not(tmp_path: Path) -> None:
    driver = QemuDriver(QemuOptions(state_dir=tmp_path), QuickWorld())
    home = Home(tmp_path / "servers", SERVER, None)
    home.make()
    (tmp_path / "servers" / "lost+found").mkdir()
    assert await driver.find_all() == {SERVER}
    assert await driver.bases() == frozenset()
    home.root_disk(1).touch()
    with pytest.raises(DriverError, match="cannot be read"):
        await driver.bases()
    home.write(Record(disk_epoch=1, base="/images/a.raw", rescue_base="/images/b.raw"))
    assert await driver.bases() == {Path("/images/a.raw"), Path("/images/b.raw")}
