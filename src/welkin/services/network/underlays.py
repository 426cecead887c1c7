"""Where hosts reach each other: the address of each on the network between them, which carries tenant networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from welkin.core.db import Reads, Transaction
from welkin.services.network import touching

FACT = "underlay_address"
"""The fact in which a host tells its address."""


class _Underlay(msgspec.Struct):
    """A host and its address."""

    host: str
    address: str


async def addresses(reads: Reads) -> dict[str, str]:
    """Return the address of each host, as far as they have told."""
    rows = await reads.all(_Underlay, "SELECT host, address FROM network_underlays ORDER BY host")
    return {row.host: row.address for row in rows}


async def note(tx: Transaction, host: str, facts: Mapping[str, Any]) -> None:
    """Write down a host's address; whoever shares a network with the host hears of a new one."""
    address = str(facts.get(FACT) or "")
    known = await tx.value("SELECT address FROM network_underlays WHERE host = $1", host)
    if address == (known or ""):
        return
    await tx.delete("network_underlays", {"host": host})
    if address:
        await tx.insert("network_underlays", _Underlay(host, address))
    await touching.networks(tx, await tx.values("SELECT DISTINCT network_id FROM ports WHERE host = $1", host))
