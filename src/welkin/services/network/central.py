"""What networks do in the control plane: speak with the hosts, and give routers a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from welkin.core import metrics
from welkin.core.cloud import Cloud
from welkin.core.db import Transaction
from welkin.services.network import touching, underlays
from welkin.services.network.routers import placing
from welkin.services.network.source import NetworkSource, RouterSource


def central(cloud: Cloud) -> None:
    """Make documents for hosts, hear their reports, and place routers when a host tells that it lives."""
    cloud.hub.add(touching.NETWORK, NetworkSource(cloud.world))
    cloud.hub.add(touching.ROUTER, RouterSource(cloud.world))

    async def place_routers(tx: Transaction, _host: str, _facts: Mapping[str, Any]) -> None:
        await placing.place_waiting(tx, cloud.world)

    async def count_troubles(_tx: Transaction, host: str, facts: Mapping[str, Any]) -> None:
        metrics.troubles.labels(host, "networks").set(facts.get("network_troubles", 0))

    cloud.hub.on_facts(underlays.note)
    cloud.hub.on_facts(place_routers)
    cloud.hub.on_facts(count_troubles)
