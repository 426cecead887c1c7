"""The pytest plugin: `def test_x(openstack): …` has a cloud of its own and a real openstacksdk connection.

Each test gets a fresh cloud, so tests may run in any order and in parallel.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from ipaddress import ip_interface
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from welkin import starter
from welkin.client import Api
from welkin.testing.cloud import Running, running

if TYPE_CHECKING:
    from openstack.connection import Connection

START_TIMEOUT_S = 30.0


class InThread:
    """A cloud whose event loop has a thread of its own, so that blocking clients can use it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="welkin", daemon=True)
        self.running: Running | None = None

    def start(self) -> Running:
        """Start the cloud and return it once it answers."""
        self._thread.start()
        self._ready.wait(START_TIMEOUT_S)
        if self._failure is not None:
            raise self._failure
        assert self.running is not None
        return self.running

    def stop(self) -> None:
        """Stop the cloud and wait until it is gone."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as failure:
            self._failure = failure
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        async with running(self._state_dir) as cloud:
            await asyncio.to_thread(furnish, cloud)
            self.running = cloud
            self._ready.set()
            await self._stop.wait()


def furnish(cloud: Running) -> None:
    """Give the cloud flavors, networks and an image, as `welkin up` does."""
    interface = ip_interface(cloud.config.network.external_address)
    network = interface.network
    external = starter.External(str(network), str(interface.ip), str(network[10]), str(network[-2]))
    admin = Api(cloud.url, "admin", cloud.passwords["admin"], "admin")
    member = Api(cloud.url, "demo", cloud.passwords["demo"], "demo")
    starter.flavors(admin)
    starter.private_network(member, starter.external_network(admin, external))
    disk = cloud.config.cloud.state_dir / "tiny.raw"
    disk.write_bytes(bytes(1 << 16))
    starter.image(admin, disk, disk_format="raw")


@pytest.fixture
def welkin_cloud(tmp_path: Path) -> Iterator[Running]:
    """A whole cloud of the test's own."""
    cloud = InThread(tmp_path / "welkin")
    try:
        yield cloud.start()
    finally:
        cloud.stop()


@pytest.fixture
def openstack(welkin_cloud: Running) -> Iterator[Connection]:
    """The test's cloud through openstacksdk, as a member of the project `demo`."""
    connection = connect(welkin_cloud, "demo")
    yield connection
    connection.close()


@pytest.fixture
def openstack_admin(welkin_cloud: Running) -> Iterator[Connection]:
    """The test's cloud through openstacksdk, as its administrator."""
    connection = connect(welkin_cloud, "admin")
    yield connection
    connection.close()


def connect(cloud: Running, user: str) -> Connection:
    """Return a connection of `user` in the project of the same name."""
    import openstack

    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_url=f"{cloud.url}/identity/v3",
        username=user,
        password=cloud.passwords[user],
        project_name=user,
        user_domain_id="default",
        project_domain_id="default",
        region_name=cloud.config.cloud.region,
    )
