"""From a call to the host and back: the real hub, a real agent, and networks in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.network.cloud import TestCloud
from welkin.core.agent import Agent
from welkin.core.cloud import Host
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.core.sockets import SocketClosed
from welkin.services.network import public
from welkin.services.network.room import ROOM

SERVER = "11111111-2222-4333-8444-555555555555"
DEADLINE_S = 10.0


class Pipe:
    """One end of a connection within the process."""

    def __init__(self, out: asyncio.Queue[bytes | None], into: asyncio.Queue[bytes | None]) -> None:
        self._out, self._into = out, into

    async def send(self, data: bytes) -> None:
        """Send one message."""
        self._out.put_nowait(data)

    async def receive(self) -> bytes:
        """Return the next message."""
        data = await self._into.get()
        if data is None:
            raise SocketClosed
        return data


@asynccontextmanager
async def running_host(cloud: TestCloud, name: str) -> AsyncIterator[None]:
    """Run the agent of a host that has networks in memory."""
    one: asyncio.Queue[bytes | None] = asyncio.Queue()
    other: asyncio.Queue[bytes | None] = asyncio.Queue()

    @asynccontextmanager
    async def connecting() -> AsyncIterator[Pipe]:
        serving = asyncio.create_task(cloud.cloud.hub.serve(name, Pipe(other, one)))
        try:
            yield Pipe(one, other)
        finally:
            serving.cancel()

    agent = Agent(cloud.cloud.world, connecting)  # type: ignore[arg-type]
    parts = Parts(cloud.cloud.world, cloud.cloud.get(CloudOptions), cloud.cloud.get(public.NetworkOptions))
    assert ROOM.host is not None
    ROOM.host(Host(name, cloud.cloud.world, agent, parts))
    running = asyncio.create_task(agent.run())
    try:
        yield
    finally:
        running.cancel()


async def until(look: Callable[[], Any], wanted: Any) -> None:
    """Look until what is found is what is wanted."""
    found = None
    async with asyncio.timeout(DEADLINE_S):
        while (found := await look()) != wanted:
            await asyncio.sleep(0.02)
    assert found == wanted


async def test_a_port_a_router_and_a_floating_ip_become_active(cloud: TestCloud) -> None:
    async with cloud.cloud.db.tx() as tx:
        await tx.insert("hosts", {"name": "host-1", "key_hash": "", "created_at": 1.0, "seen_at": 1.0})
    async with running_host(cloud, "host-1"):

        async def alive() -> bool:
            return bool(await cloud.cloud.db.value("SELECT seen_at > 1.0 FROM hosts"))

        await until(alive, True)
        outside, _ = await cloud.outside()
        network, subnet = await cloud.network()
        router = await cloud.member.create("router", external_gateway_info={"network_id": outside["id"]})
        await cloud.member.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet["id"]})
        device = public.Device(id=SERVER, project_id="demo-project", hostname="web", host="host-1")
        async with cloud.cloud.db.tx() as tx:
            wanted = [public.NicWanted(network_id=network["id"])]
            (port_id,) = await public.create_ports(tx, cloud.cloud.world, device, wanted)
        floating = await cloud.member.create("floatingip", floating_network_id=outside["id"], port_id=port_id)

        async def states() -> list[str]:
            ports = await cloud.member.list("port", f"network_id={network['id']}")
            found = (await cloud.member.get(f"floatingips/{floating['id']}"))["floatingip"]
            return sorted({port["status"] for port in ports} | {found["status"]})

        await until(states, ["ACTIVE"])
        await cloud.member.put(f"floatingips/{floating['id']}", {"floatingip": {"port_id": None}})
        await cloud.member.put(f"routers/{router['id']}/remove_router_interface", {"subnet_id": subnet["id"]})
        await cloud.member.delete(f"floatingips/{floating['id']}")
        await cloud.member.delete(f"routers/{router['id']}")
        async with cloud.cloud.db.tx() as tx:
            await public.release(tx, SERVER)
        await cloud.member.delete(f"networks/{network['id']}")

        async def items() -> int:
            return int(await cloud.cloud.db.value("SELECT COUNT(*) FROM host_items"))

        await until(items, 0)
