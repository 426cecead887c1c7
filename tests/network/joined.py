"""One host of several, for tests: the networks of a process's own namespace, told over a pipe what is wanted.

    python -m tests.network.joined PREFIX FOLDER HOST

Each line of the input is what is wanted of networks, as JSON by id; each line of the output what is wrong, by space.
When the input ends, everything of this host goes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from welkin.services.network.driver import DropSpace
from welkin.services.network.drivers.kernel import KernelNetworks
from welkin.services.network.host.reconcile import NetworkHost
from welkin.services.network.host.spaces import Here
from welkin.services.network.host.wanted import NetworkWanted


async def main(prefix: str, folder: Path, host: str) -> None:
    """Serve until the input ends."""

    async def answer(
        network_id: str, source: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {}, f"{host} {source}".encode()

    driver = KernelNetworks(prefix, folder, answer)
    networks = NetworkHost(Here(host=host, prefix=prefix, external_address="172.24.4.1/24"), driver)
    try:
        while line := await asyncio.to_thread(sys.stdin.readline):
            wanted = msgspec.json.decode(line, type=dict[str, NetworkWanted])
            _, errors = await networks.settle(wanted, {})
            print(msgspec.json.encode(errors).decode(), flush=True)
    finally:
        await networks.settle({}, {})
        await driver.close()
        for space in sorted(await driver.look(), reverse=True):
            await driver.perform(DropSpace(space))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
