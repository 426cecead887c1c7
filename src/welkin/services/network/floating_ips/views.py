"""Floating IPs as the API shows and finds them."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core import listing
from welkin.core.db import Reads, columns
from welkin.core.listing import Listing
from welkin.services.network.collection import (
    Collection,
    View,
    null_filter,
    own,
    sorts,
    stamps,
    standard_filters,
    tags_of,
)
from welkin.services.network.floating_ips import policy
from welkin.services.network.routers.errors import FloatingIPNotFound
from welkin.services.network.tables import FloatingIpRow, PortForwardingRow, PortRow


async def views(reads: Reads, rows: Sequence[FloatingIpRow], _project_id: str | None) -> list[View]:
    """Return floating IPs as the wire has them."""
    if not rows:
        return []
    port_ids = sorted({row.port_id for row in rows if row.port_id is not None})
    ports: dict[str, PortRow] = {}
    if port_ids:
        marks = ", ".join(f"${index}" for index in range(1, len(port_ids) + 1))
        found = await reads.all(PortRow, f"SELECT {columns(PortRow)} FROM ports WHERE id IN ({marks})", *port_ids)
        ports = {port.id: port for port in found}
    forwardings: dict[str, list[View]] = {}
    marks = ", ".join(f"${index}" for index in range(1, len(rows) + 1))
    sql = f"SELECT {columns(PortForwardingRow)} FROM port_forwardings WHERE floating_ip_id IN ({marks}) ORDER BY id"
    for each in await reads.all(PortForwardingRow, sql, *(row.id for row in rows)):
        forwardings.setdefault(each.floating_ip_id, []).append(
            {
                "protocol": each.protocol,
                "internal_ip_address": each.internal_ip_address,
                "internal_port": each.internal_port,
                "external_port": each.external_port,
                "internal_port_id": each.internal_port_id,
                "id": each.id,
            }
        )
    tags = await tags_of(reads, "floatingips", rows)
    return [
        view(row)
        | {
            "port_details": port_details(ports.get(row.port_id or "")),
            "port_forwardings": forwardings.get(row.id, []),
            "tags": tags[row.id],
        }
        for row in rows
    ]


def view(row: FloatingIpRow) -> View:
    """Return a floating IP from its row."""
    return {
        "id": row.id,
        "tenant_id": row.project_id,
        "project_id": row.project_id,
        "description": row.description,
        "floating_network_id": row.floating_network_id,
        "floating_ip_address": row.floating_ip_address,
        "port_id": row.port_id,
        "fixed_ip_address": row.fixed_ip_address,
        "router_id": row.router_id,
        "status": row.status,
        "dns_name": row.dns_name,
        "dns_domain": row.dns_domain,
        **stamps(row),
    }


def port_details(port: PortRow | None) -> View | None:
    """Return what is told of the port that a floating IP leads to."""
    if port is None:
        return None
    names = ("name", "network_id", "mac_address", "admin_state_up", "status", "device_id", "device_owner")
    return {name: getattr(port, name) for name in names}


NAMELESS = standard_filters("floatingips", table="floating_ips")
del NAMELESS["name"]

FLOATING_IPS = Collection(
    singular="floatingip",
    plural="floatingips",
    listing=Listing(
        table="floating_ips",
        row=FloatingIpRow,
        filters=NAMELESS
        | {name: listing.equal(name) for name in ("floating_network_id", "floating_ip_address", "status")}
        | {name: listing.equal(name) for name in ("dns_name", "dns_domain")}
        | {name: null_filter(name) for name in ("port_id", "router_id", "fixed_ip_address")},
        sorts={name: column for name, column in sorts().items() if name != "name"}
        | {name: name for name in ("floating_network_id", "floating_ip_address", "status", "dns_name", "dns_domain")}
        | {name: f"COALESCE({name}, '')" for name in ("port_id", "router_id", "fixed_ip_address")},
    ),
    get=policy.GET,
    views=views,
    scope=own(),
    not_found=FloatingIPNotFound,
)
