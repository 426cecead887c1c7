"""The port that a network's DHCP servers have: one for each network, with an address on each subnet that they serve."""

from __future__ import annotations

from welkin.core.db import Transaction, columns
from welkin.core.world import World
from welkin.services.network import touching
from welkin.services.network.ports import records
from welkin.services.network.ports.addressing import DHCP_OWNER
from welkin.services.network.ports.shapes import PortCreate
from welkin.services.network.ports.views import addresses_of
from welkin.services.network.subnets.allocation import free_address
from welkin.services.network.subnets.records import of_network
from welkin.services.network.tables import FixedIpRow, NetworkRow, PortRow, SubnetRow

OF_NETWORK = f"SELECT {columns(PortRow)} FROM ports WHERE network_id = $1 AND device_owner = '{DHCP_OWNER}'"


def is_served(subnet: SubnetRow) -> bool:
    """Return whether a DHCP server answers on a subnet."""
    return subnet.enable_dhcp and (
        subnet.ip_version == 4 or subnet.ipv6_address_mode in ("dhcpv6-stateful", "dhcpv6-stateless")
    )


async def keep(tx: Transaction, world: World, network: NetworkRow) -> None:
    """Make the DHCP port of a network be what its subnets need: there, with the right addresses, or gone."""
    served = [subnet for subnet in await of_network(tx, network.id) if is_served(subnet)]
    port = await tx.one(PortRow, OF_NETWORK, network.id)
    if not served:
        if port is not None:
            await records.delete(tx, port)
        return
    if port is None:
        body = PortCreate(network_id=network.id, device_owner=DHCP_OWNER, device_id=f"dhcp-{network.id}", fixed_ips=[])
        port = await records.create(tx, world, network, network.project_id, body)
    has = (await addresses_of(tx, [port.id]))[port.id]
    wanted = {subnet.id for subnet in served}
    for row in has:
        if row.subnet_id not in wanted:
            await tx.delete("fixed_ips", {"subnet_id": row.subnet_id, "address": row.address})
    known = {row.subnet_id for row in has}
    for position, subnet in enumerate(served):
        if subnet.id not in known:
            found = await free_address(tx, world, subnet)
            if found is not None:  # without one the server still answers those that it can
                await tx.insert("fixed_ips", FixedIpRow(subnet.id, found, network.id, port.id, position))
    await touching.network(tx, network.id)
