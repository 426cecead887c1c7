"""Put the host's half of networks together, and take away what it made."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from welkin.core.cloud import Host
from welkin.core.config import CloudOptions
from welkin.core.http import Parts
from welkin.services.network.driver import DropSpace, NetworkDriver
from welkin.services.network.drivers.memory import MemoryNetworks
from welkin.services.network.drivers.metadata import Reply
from welkin.services.network.host.reconcile import NETWORK, ROUTER, NetworkHost
from welkin.services.network.host.spaces import Here
from welkin.services.network.options import NetworkOptions
from welkin.services.network.public import MetadataAnswerer

TROUBLES = "network_troubles"
if TYPE_CHECKING:
    from welkin.services.network.drivers.kernel import KernelNetworks

LOOK_AGAIN_S = 3.0
FAR_AWAY = "198.51.100.1"
"""Any address by the default route: the one with which we would speak to it is what other hosts know us by."""
NO_ANSWER: Reply = (HTTPStatus.SERVICE_UNAVAILABLE, {}, b"503 Service Unavailable\n")


def host(host: Host) -> None:
    """Reconcile the networks and routers of this host."""
    options = host.get(NetworkOptions)
    here = Here(host=host.name, prefix=host.options.prefix, external_address=options.external_address)
    in_memory = host.options.driver == "memory"
    driver: NetworkDriver = MemoryNetworks() if in_memory else kernel_networks(host.parts)
    networks = NetworkHost(here, driver)
    host.parts.add(networks)
    host.agent.batch((NETWORK, ROUTER), networks.reconcile, LOOK_AGAIN_S)

    async def facts() -> dict[str, Any]:
        told: dict[str, Any] = {TROUBLES: networks.troubles}
        if not in_memory:
            from welkin.tools.netlink import own_address  # as costly to import as the driver of which it is a part

            told["underlay_address"] = options.underlay_address or own_address(FAR_AWAY)
        return told

    host.agent.facts(facts)


def kernel_networks(parts: Parts) -> KernelNetworks:
    """Return the networks of this machine's kernel."""
    from welkin.services.network.drivers.kernel import KernelNetworks  # 0.1 s to import: only where it is used

    options = parts.get(CloudOptions)

    async def answer(
        network_id: str, source: str, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        try:
            answerer = parts.get(MetadataAnswerer)
        except KeyError:
            return NO_ANSWER  # nobody here knows any server
        return await answerer.answer(network_id, source, method, path, headers, body)

    return KernelNetworks(options.prefix, options.state_dir / "network", answer, parts.get(NetworkOptions).dns_servers)


async def purge(parts: Parts) -> None:
    """Remove every namespace, link and filter of this cloud."""
    if parts.get(CloudOptions).driver == "memory":
        return
    driver = kernel_networks(parts)
    for space in sorted(await driver.look(), reverse=True):  # the host's own, "", last
        await driver.perform(DropSpace(space))
