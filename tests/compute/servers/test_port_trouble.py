"""A server whose host cannot plug its port: what its owner reads, and what becomes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compute.servers.conftest import DEADLINE_S, Person, furnish, log_in
from welkin import app
from welkin.app import Config
from welkin.core.agent import Agent, Outcome, websocket_link
from welkin.core.agents import Item
from welkin.services.compute.host.wanted import ServerSeen
from welkin.services.compute.options import ComputeOptions
from welkin.services.network.driver import MakeLink, Step
from welkin.services.network.drivers.memory import MemoryNetworks
from welkin.services.network.host.reconcile import NETWORK, ROUTER, NetworkHost
from welkin.services.network.host.spaces import Here
from welkin.testing.cloud import CHEAP_PASSWORDS, Running, running

HOST = "faulty"
SIZE = {"vcpus": 4, "ram_mib": 4096, "disk_gib": 100, "free_disk_gib": 100, "uptime": ""}


class NoTaps(MemoryNetworks):
    """A host that can make no tap."""

    async def perform(self, step: Step) -> None:
        """Fail where a tap is to be made."""
        if isinstance(step, MakeLink) and step.link.kind == "tap":
            raise OSError("no more taps")
        await super().perform(step)


async def faulty_host(run: Running) -> asyncio.Task[None]:
    """Start an agent whose networks are real and faulty, and whose guests wait for their network."""
    key = await app.agent_key(run.cloud, HOST, run.config.cloud.state_dir / "keys" / "agent-faulty")
    agent = Agent(run.cloud.world, lambda: websocket_link(run.url, HOST, key))
    networks = NetworkHost(Here(host=HOST, prefix="wk", external_address="172.24.4.1/24"), NoTaps())

    async def guest(item: Item) -> Outcome:
        seen = ServerSeen(id=item.id, power="absent", progress="waiting_for_network")
        if item.wanted is None:
            return Outcome(ServerSeen(id=item.id, power="absent", settled=True))
        return Outcome(seen, settled=False, again_s=0.05)

    async def facts() -> dict[str, Any]:
        return {"compute": SIZE}

    agent.batch((NETWORK, ROUTER), networks.reconcile, 0.2)
    agent.per_item("compute.server", guest, 0.2)
    agent.facts(facts)
    return asyncio.create_task(agent.run())


async def timeline(person: Person, subject: str) -> list[dict[str, Any]]:
    """Return what happened to a server, as `welkin why` asks for it."""
    return list((await person.get(f"/welkin/v1/events?subject={subject}"))["events"])


@pytest.mark.asyncio
async def test_a_server_whose_port_is_never_plugged(tmp_path: Path) -> None:
    config = Config(compute=ComputeOptions(build_timeout_s=3.0), identity=CHEAP_PASSWORDS)
    async with (
        running(tmp_path, config, hosts=()) as run,
        httpx.AsyncClient(base_url=run.url, timeout=DEADLINE_S) as client,
    ):
        serving = await faulty_host(run)
        try:
            admin = await log_in(client, "admin", run.passwords["admin"], "admin")
            member = await log_in(client, "demo", run.passwords["demo"], "demo")
            image_id, network_id = await furnish(admin, member)
            wish = {"name": "one", "flavorRef": "42", "imageRef": image_id, "networks": [{"uuid": network_id}]}
            async with asyncio.timeout(DEADLINE_S):
                while not (await admin.get("/os-hypervisors"))["hypervisors"]:
                    await asyncio.sleep(0.02)
                server_id = (await member.post("/servers", {"server": wish}, 202))["server"]["id"]
                while (server := await member.server(server_id))["status"] == "BUILD":
                    await asyncio.sleep(0.02)
            (port,) = (await member.get(f"/network/v2.0/ports?device_id={server_id}"))["ports"]
            assert port["status"] == "DOWN"
            why = f"port {port['id']} could not be plugged: MakeLink: no more taps"
            assert server["status"] == "ERROR"
            assert server["fault"]["message"].endswith("P" + why[1:])
            assert why in [each["facts"].get("why") for each in await timeline(member, server_id)]
            network = (await member.get(f"/network/v2.0/networks/{network_id}"))["network"]
            assert network["status"] == "ERROR"
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
