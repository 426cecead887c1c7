"""No address ever has two owners, and no free address is refused."""

from __future__ import annotations

import asyncio
import ipaddress
import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.network.cloud import TestCloud, test_cloud
from welkin.services.network.subnets import ranges
from welkin.services.network.tables import Pool
from welkin.services.network.values import eui64

cidrs = st.builds(
    lambda number, prefix: ipaddress.ip_network((number, prefix), strict=False),
    st.integers(0, (1 << 32) - 1),
    st.integers(8, 30),
)


@given(cidr=cidrs, offset=st.integers(0, 1 << 24))
def test_default_pools_hold_everything_but_the_gateway(cidr: ipaddress.IPv4Network, offset: int) -> None:
    gateway = str(cidr.network_address + offset % cidr.num_addresses)
    pools = ranges.default_pools(cidr, gateway)
    hosts = cidr.num_addresses - 2
    edge = ipaddress.ip_address(gateway) in (cidr.network_address, cidr.broadcast_address)
    assert ranges.size(pools) == hosts - (0 if edge else 1)
    for index in (0, ranges.size(pools) - 1):
        text = ranges.nth(pools, index)
        if text is not None and index >= 0:
            assert ipaddress.ip_address(text) in cidr
            assert text != gateway
    assert ranges.nth(pools, ranges.size(pools)) is None


@given(number=st.integers(0, (1 << 48) - 1))
def test_an_own_address_says_which_card_it_is_of(number: int) -> None:
    octets = number.to_bytes(6, "big")
    mac = ":".join(f"{octet:02x}" for octet in octets)
    made = ipaddress.IPv6Address(eui64(ipaddress.ip_network("fd00::/64"), mac)).packed
    assert made[:8] == ipaddress.IPv6Address("fd00::").packed[:8]
    assert made[11:13] == b"\xff\xfe"
    assert bytes([made[8] ^ 2, *made[9:11], *made[13:]]) == octets


def test_pools_are_checked() -> None:
    cidr = ipaddress.ip_network("10.0.0.0/24")
    found = ranges.checked_pools(cidr, [Pool("10.0.0.9", "10.0.0.12"), Pool("10.0.0.2", "10.0.0.4")])
    assert [pool.start for pool in found] == ["10.0.0.2", "10.0.0.9"]


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=8, deadline=None)
def test_no_address_has_two_owners(seed: int) -> None:
    dice = random.Random(seed)

    async def story(cloud: TestCloud) -> None:
        network, subnet = await cloud.network("10.0.0.0/28", enable_dhcp=False)
        owners: dict[str, str] = {}  # the judge: what was answered, nothing else
        for _ in range(60):
            step = dice.random()
            if step < 0.3 and owners:
                address = dice.choice(sorted(owners))
                await cloud.member.delete(f"ports/{owners.pop(address)}")
                continue
            wanted = {"ip_address": f"10.0.0.{dice.randrange(1, 15)}"} if step < 0.6 else {"subnet_id": subnet["id"]}
            body = {"port": {"network_id": network["id"], "fixed_ips": [wanted]}}
            answer = await cloud.http.post(
                "/network/v2.0/ports", json=body, headers={"x-test-caller": "member@demo-project"}
            )
            if answer.status_code == 201:
                port = answer.json()["port"]
                (given_address,) = [each["ip_address"] for each in port["fixed_ips"]]
                assert given_address not in owners
                assert wanted.get("ip_address", given_address) == given_address
                owners[given_address] = port["id"]
            else:
                assert answer.status_code == 409
                free = {f"10.0.0.{n}" for n in range(2, 15)} - set(owners)
                assert wanted.get("ip_address") in owners if "ip_address" in wanted else not free

    async def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with test_cloud(Path(folder)) as cloud:
                await story(cloud)

    asyncio.run(run())
