"""One document that is wrong holds up its own namespace and no other."""

from __future__ import annotations

import logging
from typing import Any

import msgspec
import pytest

from tests.network.test_host_plan import HERE, id_of
from welkin.core.agent import Outcome
from welkin.core.agents import Item
from welkin.services.network.driver import FoundSpace
from welkin.services.network.drivers.memory import MemoryNetworks
from welkin.services.network.host.reconcile import NETWORK, ROUTER, NetworkHost
from welkin.services.network.host.wanted import (
    FixedIp,
    NetworkWanted,
    Port,
    RouterGateway,
    RouterLeg,
    RouterWanted,
    Subnet,
)
from welkin.services.network.names import bridge_leg_name, leg_name, namespace_of_network, namespace_of_router, tap_name

OUTSIDE = id_of(9, 1)
ROUTER_ID = id_of(5, 1)
NETWORKS = (id_of(1, 1), id_of(1, 2))
LEGS = (id_of(3, 1), id_of(3, 2))


def network(number: int, **changes: Any) -> Any:
    cidr = f"10.0.{number}"
    port = Port(
        id=id_of(2, number),
        mac=f"fa:16:3e:00:00:0{number}",
        fixed_ips=[FixedIp(subnet_id="four", address=f"{cidr}.9")],
        host="here",
        device_owner="compute:nova",
    )
    subnet = Subnet(id="four", cidr=f"{cidr}.0/24", gateway_ip=f"{cidr}.1", dhcp_address=f"{cidr}.2")
    wanted = NetworkWanted(id=NETWORKS[number - 1], vni=number, subnets=[subnet], ports=[port])
    return {**msgspec.to_builtins(wanted), **changes}


def router(**changes: Any) -> Any:
    legs = [
        RouterLeg(port_id=leg, network_id=id, mac=f"fa:16:3f:00:00:0{place}", addresses=[f"10.0.{place}.1/24"])
        for place, (leg, id) in enumerate(zip(LEGS, NETWORKS, strict=True), 1)
    ]
    gateway = RouterGateway(
        port_id=id_of(4, 1), network_id=OUTSIDE, mac="fa:16:40:00:00:01", addresses=["172.24.4.10/24"]
    )
    return {**msgspec.to_builtins(RouterWanted(id=ROUTER_ID, legs=legs, gateway=gateway)), **changes}


BAD_NETWORKS = {
    "no shape": {"mtu": "wide"},
    "no address": {"subnets": [{"id": "four", "cidr": "10.0.1.0/24", "dhcp_address": "10.0.1.300"}]},
    "no range": {"subnets": [{"id": "four", "cidr": "10.0.1.0", "dhcp_address": "10.0.1.2"}]},
}


class Rig:
    """One host in memory."""

    def __init__(self) -> None:
        self.driver = MemoryNetworks()
        self.restart()
        self.generation = 0

    def restart(self) -> None:
        """Begin anew: nothing is remembered."""
        self.host = NetworkHost(HERE, self.driver)

    async def want(self, first: Any, second: Any, of_router: Any) -> dict[str, Outcome]:
        """Reconcile three documents and return the outcomes by id."""
        self.generation += 1
        wanted = {(NETWORK, NETWORKS[0]): first, (NETWORK, NETWORKS[1]): second, (ROUTER, ROUTER_ID): of_router}
        items = {key: Item(*key, self.generation, each) for key, each in wanted.items()}
        return {id: outcome for (_, id), outcome in (await self.host.reconcile(items)).items()}

    async def links(self, name: str) -> set[str]:
        found: dict[str, FoundSpace] = await self.driver.look()
        return set(found[name].links)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def names(id: str) -> str:
    return namespace_of_network(HERE.prefix, id)


@pytest.mark.parametrize("changes", BAD_NETWORKS.values(), ids=BAD_NETWORKS)
async def test_a_bad_network_holds_nobody_else_up(rig: Rig, changes: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        outcomes = await rig.want(network(1, **changes), network(2), router())
        await rig.want(network(1, **changes), network(2), router())
    assert "cannot be" in outcomes[NETWORKS[0]].seen.error and not outcomes[NETWORKS[0]].settled
    assert outcomes[NETWORKS[1]].settled and outcomes[NETWORKS[1]].seen.plugged
    assert outcomes[ROUTER_ID].seen.active
    assert len([each for each in caplog.records if "cannot be" in each.getMessage()]) == 1, "it is logged once"
    assert rig.host.troubles == 1
    mended = await rig.want(network(1), network(2), router())
    assert all(each.settled for each in mended.values()) and rig.host.troubles == 0


async def test_what_was_good_stays(rig: Rig) -> None:
    await rig.want(network(1), network(2), router())
    before = await rig.driver.look()
    outcomes = await rig.want(network(1, **BAD_NETWORKS["no address"]), network(2), router(legs="none"))
    assert await rig.driver.look() == before
    assert outcomes[NETWORKS[0]].seen.error and outcomes[NETWORKS[0]].seen.plugged
    assert outcomes[ROUTER_ID].seen.error and outcomes[ROUTER_ID].seen.active


async def test_after_a_restart_a_bad_network_is_left_alone(rig: Rig) -> None:
    await rig.want(network(1), network(2), router())
    before = await rig.driver.look()
    rig.restart()
    await rig.want(network(1, **BAD_NETWORKS["no address"]), network(2), router())
    after = await rig.driver.look()
    assert after[names(NETWORKS[0])] == before[names(NETWORKS[0])]
    assert leg_name(LEGS[0]) in await rig.links(namespace_of_router(HERE.prefix, ROUTER_ID))
    await rig.want(None, network(2), router(legs=router()["legs"][1:]))
    assert names(NETWORKS[0]) not in await rig.driver.look(), "what is not wanted goes, however it was before"


async def test_after_a_restart_a_bad_router_is_left_alone(rig: Rig) -> None:
    await rig.want(network(1), network(2), router())
    before = await rig.driver.look()
    rig.restart()
    outcomes = await rig.want(network(1), network(2), router(routes=[{"destination": "everywhere", "nexthop": "x"}]))
    after = await rig.driver.look()
    assert after == before
    assert outcomes[ROUTER_ID].seen.error and outcomes[NETWORKS[0]].settled
    assert bridge_leg_name(LEGS[0]) in await rig.links(names(NETWORKS[0]))
    assert tap_name(id_of(2, 1)) in await rig.links(names(NETWORKS[0]))
