"""Agents made from what is known of hosts.

On each host one process does the work of what upstream calls four agents; clients look
for those by their types, so each host shows as four.  Their ids follow from their names.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from welkin.core.agents import DEAD_AFTER_S
from welkin.core.db import Reads
from welkin.core.listing import Args, truth
from welkin.services.network.collection import PAGING, View
from welkin.services.network.networks.views import ZONE

KINDS = (
    ("DHCP agent", "neutron-dhcp-agent", "dhcp_agent"),
    ("L3 agent", "neutron-l3-agent", "l3_agent"),
    ("Linux bridge agent", "neutron-linuxbridge-agent", "N/A"),
    ("Metadata agent", "neutron-metadata-agent", "N/A"),
)
SPACE = uuid.UUID("5d0c5a0e-6a8d-4f4b-9a53-3c8a5a0b6c11")
"""What ids of agents are derived in."""


class HostRow(msgspec.Struct):
    """A host as the core knows it."""

    name: str
    created_at: float
    seen_at: float | None
    started_at: float | None


class Said(msgspec.Struct):
    """What an operator said of an agent."""

    id: str
    admin_state_up: bool
    description: str


def agent_id(host: str, binary: str) -> str:
    """Return the id of an agent."""
    return str(uuid.uuid5(SPACE, f"{host}/{binary}"))


def moment(seconds: float) -> str:
    """Return a time as agents show it."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%d %H:%M:%S")


async def all_agents(reads: Reads, now: float) -> list[View]:
    """Return every agent of every host."""
    hosts = await reads.all(HostRow, "SELECT name, created_at, seen_at, started_at FROM hosts ORDER BY name")
    said = {
        each.id: each for each in await reads.all(Said, "SELECT id, admin_state_up, description FROM network_agents")
    }
    return [agent(host, kind, said, now) for host in hosts for kind in KINDS]


def agent(host: HostRow, kind: tuple[str, str, str], said: Mapping[str, Said], now: float) -> View:
    """Return one agent as the wire has it."""
    name, binary, topic = kind
    id = agent_id(host.name, binary)
    known = said.get(id)
    seen = host.seen_at if host.seen_at is not None else host.created_at
    return {
        "id": id,
        "agent_type": name,
        "binary": binary,
        "topic": topic,
        "host": host.name,
        "admin_state_up": known.admin_state_up if known else True,
        "alive": host.seen_at is not None and now - host.seen_at < DEAD_AFTER_S,
        "created_at": moment(host.created_at),
        "started_at": moment(host.started_at if host.started_at is not None else host.created_at),
        "heartbeat_timestamp": moment(seen),
        "availability_zone": ZONE if topic != "N/A" else None,
        "description": (known.description or None) if known else None,
        "configurations": {},
        "resource_versions": {},
        "resources_synced": None,
    }


def filtered(found: Sequence[View], args: Args) -> list[View]:
    """Return the agents that match the query, in its order, with the fields that it wants."""
    for name, values in args.items():
        if name not in PAGING:
            found = [each for each in found if matches(each.get(name), values)]
    for key, direction in reversed(list(zip(args.get("sort_key", ()), args.get("sort_dir", ()), strict=False))):
        found = sorted(found, key=lambda each: str(each.get(key)), reverse=direction == "desc")
    fields = [name for name in args.get("fields", ()) if name]
    return [{name: each[name] for name in fields if name in each} for each in found] if fields else list(found)


def matches(value: object, wanted: Sequence[str]) -> bool:
    """Return whether an attribute has one of the wanted values."""
    if isinstance(value, bool):
        return value == truth(wanted[-1])
    return str(value) in wanted
