"""Routers as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from welkin.core import listing
from welkin.core.db import Reads
from welkin.core.listing import Listing, Select
from welkin.services.network import troubles
from welkin.services.network.collection import Collection, View, own, sorts, standard, standard_filters, tags_of
from welkin.services.network.networks.views import ZONE
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.routers import policy
from welkin.services.network.routers.errors import RouterNotFound
from welkin.services.network.tables import FixedIpRow, RouterRow


async def views(reads: Reads, rows: Sequence[RouterRow], _project_id: str | None) -> list[View]:
    """Return routers as the wire has them."""
    gateways = [row.gateway_port_id for row in rows if row.gateway_port_id is not None]
    addresses = await addresses_of(reads, gateways)
    wrong = await troubles.troubled(reads, troubles.ROUTER, [row.id for row in rows])
    tags = await tags_of(reads, "routers", rows)
    return [
        view(row, addresses.get(row.gateway_port_id or "", []))
        | {"status": "ERROR" if row.id in wrong else "ACTIVE", "tags": tags[row.id]}
        for row in rows
    ]


def view(row: RouterRow, outer: Sequence[FixedIpRow]) -> View:
    """Return a router from its row and the addresses of its gateway."""
    gateway = None
    if row.gateway_network_id is not None:
        gateway = {
            "network_id": row.gateway_network_id,
            "enable_snat": row.enable_snat,
            "external_fixed_ips": [{"subnet_id": each.subnet_id, "ip_address": each.address} for each in outer],
        }
    return standard(row) | {
        "status": "ACTIVE",
        "admin_state_up": row.admin_state_up,
        "external_gateway_info": gateway,
        "routes": msgspec.to_builtins(row.routes),
        "distributed": False,
        "ha": False,
        "flavor_id": None,
        "availability_zone_hints": row.availability_zone_hints,
        "availability_zones": [ZONE] if row.host else [],
    }


def never(select: Select, values: Sequence[str]) -> None:
    """Match a property that no router has."""
    if listing.truth(values[-1]):
        select.conditions.append("1 = 0")


ROUTERS = Collection(
    singular="router",
    plural="routers",
    listing=Listing(
        table="routers",
        row=RouterRow,
        filters=standard_filters("routers")
        | {
            "admin_state_up": listing.boolean("admin_state_up"),
            "status": troubles.by_status(troubles.ROUTER, "routers.id"),
            "distributed": never,
            "ha": never,
            "external_gateway_info": listing.equal("gateway_network_id"),
        },
        sorts=sorts("admin_state_up") | {"status": "id"},
    ),
    get=policy.GET,
    views=views,
    scope=own(),
    not_found=RouterNotFound,
    hidden=policy.HIDDEN,
)
