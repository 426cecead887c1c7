"""Put the host's half of compute together: guests, their consoles and metadata, and what the host has for them."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from welkin.core.agent import Agent, Outcome
from welkin.core.agents import Item
from welkin.core.cloud import ControlPlane, Host
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.core.world import World
from welkin.services.compute.aggregates import caching
from welkin.services.compute.driver import DriverError, Keep, Tap
from welkin.services.compute.drivers.memory import MemoryDriver, MemoryImages
from welkin.services.compute.drivers.qemu import QemuDriver, QemuOptions
from welkin.services.compute.host import metadata, uptime
from welkin.services.compute.host.carrier import Carrier
from welkin.services.compute.host.consoles import Consoles
from welkin.services.compute.host.housekeeping import LOOK_EVERY_S, Housekeeping, Rules
from welkin.services.compute.host.images import DiskImageCache
from welkin.services.compute.host.reconcile import Hands, ServerHost
from welkin.services.compute.host.wanted import ServerWanted
from welkin.services.compute.options import ComputeOptions
from welkin.services.network import public as network
from welkin.tools import cgroups

KIND = "compute.server"
FACTS = "compute"
ORPHANS = "orphan_guests"
LOOK_AGAIN_S = 5.0
MEMORY_HOST = {"vcpus": 64, "ram_mib": 256 << 10, "disk_gib": 10_000, "free_disk_gib": 10_000}
RANDOM_SEED_BYTES = 512
Reply = network.Reply


def host(host: Host) -> None:
    """Reconcile the servers of this host and answer for them."""
    carrier = Carrier(host)
    hands = memory_hands(host, carrier) if host.options.driver == "memory" else qemu_hands(host, carrier)
    servers = ServerHost(hands, host.world)
    disks: Any = hands.driver  # each of ours knows its disks, too
    keeping = Housekeeping(hands, disks, host.world, _rules(host.get(ComputeOptions)), lambda: host.agent.items(KIND))
    readers = Readers(host.agent, host.world, carrier)

    async def reconcile(item: Item) -> Outcome:
        return await servers.reconcile_item(item, lambda outcome: host.agent.report(item, outcome))

    async def socket_of(server_id: str, protocol: str) -> str:
        guest = await hands.driver.find(server_id)
        found = None if guest is None else guest.consoles
        return "" if found is None else found.serial if protocol == "serial" else found.vnc

    async def console_text(question: Any) -> str:
        reader: Any = hands.driver
        text: str = await reader.console_text(str(question["server_id"]), int(question["lines"]))
        return text

    async def facts() -> dict[str, Any]:
        told = MEMORY_HOST if host.options.driver == "memory" else machine_facts(host.options)
        machine = {**told, "uptime": uptime.of_machine(host.world.now())}
        return {FACTS: machine, ORPHANS: keeping.orphans}

    host.parts.add(servers)
    host.parts.add(hands.driver)
    host.parts.add(network.MetadataAnswerer(readers.answer))
    host.agent.per_item(KIND, reconcile, LOOK_AGAIN_S, servers.hurry)
    host.agent.every(LOOK_EVERY_S, keeping.look)
    host.agent.answer("compute.console_text", console_text)
    host.agent.answer("compute.console", Consoles(host.get(ControlPlane), socket_of).open)
    host.agent.facts(facts)
    caching.serve(host.agent, hands.images)


def _rules(options: ComputeOptions) -> Rules:
    images = Keep(unused_s=options.unused_image_s, bytes_max=int(options.unused_images_gib * (1 << 30)))
    return Rules(removes_orphans=options.removes_orphans, orphan_after_s=options.orphan_after_s, images=images)


def memory_hands(host: Host, carrier: Carrier) -> Hands:
    """Return what works on guests in memory."""
    return Hands(
        driver=MemoryDriver(host.world),
        images=MemoryImages(host.world),
        tap_of=lambda port_id, network_id: Tap(network_id, port_id),
        send_image=carrier.send_image,
    )


def qemu_hands(host: Host, carrier: Carrier) -> Hands:
    """Return what works on this machine's own guests."""
    options, agent = host.options, host.agent
    return Hands(
        driver=qemu_driver(options, host.world, agent),
        images=DiskImageCache(options.state_dir / "images", carrier.fetch_image, host.world),
        tap_of=lambda port_id, network_id: Tap(
            network.namespace_of_network(options.prefix, network_id), network.tap_name(port_id)
        ),
        send_image=carrier.send_image,
    )


def qemu_driver(options: CloudOptions, world: World, agent: Agent | None) -> QemuDriver:
    """Return the hypervisor of this machine; `agent` hears of guests that change by themselves."""
    options.state_dir.mkdir(parents=True, exist_ok=True)
    options.state_dir.chmod(options.state_dir.stat().st_mode | 0o011)  # guests' users pass through to their disks
    return QemuDriver(
        QemuOptions(state_dir=options.state_dir, prefix=options.prefix, accelerator="probe"),
        world,
        None if agent is None else lambda server_id: agent.poke(KIND, server_id),
    )


async def purge(parts: Parts) -> None:
    """End every guest of this cloud and destroy its disks."""
    options = parts.get(CloudOptions)
    if options.driver == "memory" or not options.state_dir.exists():
        return
    driver = qemu_driver(options, World(), None)
    for server_id in await driver.find_all():
        await driver.remove(server_id)
    await driver.close()
    cgroups.remove_parent(driver.group_parent)


def machine_facts(options: CloudOptions) -> dict[str, Any]:
    """Return what this machine has for guests."""
    disk = shutil.disk_usage(options.state_dir)
    return {
        "vcpus": os.cpu_count() or 1,
        "ram_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "disk_gib": disk.total >> 30,
        "free_disk_gib": disk.free >> 30,
        "hypervisor_type": "QEMU",
        "hostname": platform.node(),
        "architecture": platform.machine(),
    }


class Readers:
    """Answers guests that ask the metadata service about themselves."""

    def __init__(self, agent: Agent, world: World, carrier: Carrier) -> None:
        self._agent, self._world, self._carrier = agent, world, carrier
        self._known: dict[str, tuple[int, ServerWanted]] = {}

    async def answer(
        self, network_id: str, source: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        """Answer one request; who asks is known by network and address alone."""
        server = self._server_at(network_id, source)
        if server is None:
            return HTTPStatus.NOT_FOUND, {}, b"404 Not Found\n"
        found = metadata.lookup(server, path.partition("?")[0], self._world.secret(RANDOM_SEED_BYTES))
        if isinstance(found, metadata.PasswordWanted):
            return await self._password(server, found.current, method, body)
        if found is None:
            return HTTPStatus.NOT_FOUND, {}, b"404 Not Found\n"
        return HTTPStatus.OK, {"Content-Type": found.content_type}, found.body

    async def _password(self, server: ServerWanted, current: str | None, method: str, body: bytes) -> Reply:
        if method == "GET":
            return HTTPStatus.OK, {"Content-Type": metadata.PLAIN}, (current or "").encode()
        if method != "POST" or len(body) > metadata.PASSWORD_BYTES_MAX:
            return HTTPStatus.BAD_REQUEST, {}, b"400 Bad Request\n"
        if current:
            return HTTPStatus.CONFLICT, {}, b"409 Conflict\n"
        try:
            await self._carrier.send_password(server.id, body)
        except DriverError:
            return HTTPStatus.SERVICE_UNAVAILABLE, {}, b"503 Service Unavailable\n"
        return HTTPStatus.OK, {"Content-Type": metadata.PLAIN}, b""

    def _server_at(self, network_id: str, source: str) -> ServerWanted | None:
        items = self._agent.items(KIND)
        for gone in self._known.keys() - items.keys():
            del self._known[gone]
        for id, item in items.items():
            if item.wanted is None:
                continue
            if id not in self._known or self._known[id][0] != item.generation:
                wanted = msgspec.convert(item.wanted, ServerWanted, strict=False)
                self._known[id] = (item.generation, wanted)
            server = self._known[id][1]
            if any(nic.network_id == network_id and metadata.is_source(nic, source) for nic in server.nics):
                return server
        return None
