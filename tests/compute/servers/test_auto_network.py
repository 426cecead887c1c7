"""`networks: auto`: the network that is made for a project which has none, together with the server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.compute.servers.conftest import Person, World, fault, new_person

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def settler(world: World, name: str) -> Person:
    """Return a member of a project of their own, which has nothing yet."""
    return await new_person(world.admin, name, "member", f"project-of-{name}")


@pytest_asyncio.fixture(loop_scope="package")
async def outside(world: World) -> AsyncIterator[None]:
    """What an operator prepares: a default network outside and a default pool of ranges."""
    admin, made = world.admin, []

    async def make(collection: str, kind: str, **fields: Any) -> str:
        row = (await admin.post(f"/network/v2.0/{collection}", {kind: fields}, 201))[kind]
        made.append(f"/network/v2.0/{collection}/{row['id']}")
        return str(row["id"])

    id = await make("networks", "network", name="auto-outside", is_default=True, **{"router:external": True})
    await make("subnets", "subnet", network_id=id, ip_version=4, cidr="198.51.100.0/24", enable_dhcp=False)
    pool = {"prefixes": ["10.128.0.0/16"], "default_prefixlen": 24, "is_default": True, "shared": True}
    await make("subnetpools", "subnetpool", name="auto-pool", **pool)
    yield
    for path in reversed(made):
        await admin("DELETE", path)


async def networks_of(person: Person) -> list[Any]:
    found = await person.get(f"/network/v2.0/networks?project_id={person.project_id}")
    return list(found["networks"])


async def test_without_a_default_network_outside(world: World) -> None:
    person = await settler(world, "early")
    text = fault(await person("POST", "/servers", world.wish(networks="auto")), 400)
    assert text == f"Unable to automatically allocate a network for project {person.project_id}"
    assert await networks_of(person) == []


async def test_a_network_is_made_with_the_server(world: World, outside: None) -> None:
    person = await settler(world, "ada")
    made = await person.post("/servers", world.wish(networks="auto", min_count=2, max_count=2), 202)
    first = await person.until(made["server"]["id"], "ACTIVE")
    (network,) = await networks_of(person)
    assert (network["name"], list(first["addresses"])) == ("auto_allocated_network", ["auto_allocated_network"])
    routers = (await person.get("/network/v2.0/routers"))["routers"]
    assert [each["external_gateway_info"] is not None for each in routers] == [True]
    again = await person.post("/servers", world.wish(networks="auto"), 202)
    await person.until(again["server"]["id"], "ACTIVE")
    assert [each["id"] for each in await networks_of(person)] == [network["id"]]
    servers = (await person.get("/servers"))["servers"]
    assert len(servers) == 3
    ports = (await person.get(f"/network/v2.0/ports?network_id={network['id']}"))["ports"]
    assert {each["device_id"] for each in ports} >= {each["id"] for each in servers}
    for each in servers:
        await person("DELETE", f"/servers/{each['id']}")
        await person.until_gone(each["id"])
    path = f"/network/v2.0/auto-allocated-topology/{person.project_id}"
    assert (await person("DELETE", path)).status_code == 204
    assert await networks_of(person) == []


async def test_what_is_there_is_taken(world: World, outside: None) -> None:
    person = await settler(world, "bea")
    network = (await person.post("/network/v2.0/networks", {"network": {"name": "own"}}))["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.5.0.0/24"}
    await person.post("/network/v2.0/subnets", {"subnet": subnet})
    made = await person.post("/servers", world.wish(networks="auto"), 202)
    server = await person.until(made["server"]["id"], "ACTIVE")
    assert list(server["addresses"]) == ["own"]
    assert len(await networks_of(person)) == 1
    await person("DELETE", f"/servers/{server['id']}")
    await person.until_gone(server["id"])


async def test_nothing_is_left_of_a_server_that_is_refused(world: World, outside: None) -> None:
    person = await settler(world, "cleo")
    wish = world.wish(networks="auto", security_groups=[{"name": "no-such-group"}])
    fault(await person("POST", "/servers", wish), 400)
    assert await networks_of(person) == []
    assert (await person.get("/network/v2.0/routers"))["routers"] == []


async def test_only_networks_that_are_up_are_taken(world: World, outside: None) -> None:
    person = await settler(world, "dora")
    down = {"name": "down", "admin_state_up": False}
    network = (await person.post("/network/v2.0/networks", {"network": down}))["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.6.0.0/24"}
    await person.post("/network/v2.0/subnets", {"subnet": subnet})
    made = await person.post("/servers", world.wish(networks="auto"), 202)
    server = await person.until(made["server"]["id"], "ACTIVE")
    assert list(server["addresses"]) == ["auto_allocated_network"]
    await person("DELETE", f"/servers/{server['id']}")
    await person.until_gone(server["id"])
