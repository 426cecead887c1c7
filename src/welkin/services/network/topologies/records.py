"""Making and removing auto-allocated topologies, in the caller's transaction."""

from __future__ import annotations

from welkin.core.db import Reads, Transaction, columns
from welkin.core.world import World
from welkin.services.network import limits
from welkin.services.network.errors import AutoAllocationFailure
from welkin.services.network.networks import records as networks
from welkin.services.network.networks.shapes import NetworkCreate
from welkin.services.network.options import NetworkOptions
from welkin.services.network.ports import dhcp
from welkin.services.network.ports import records as ports
from welkin.services.network.routers import placing
from welkin.services.network.routers import records as routers
from welkin.services.network.routers.shapes import Gateway, RouterCreate
from welkin.services.network.subnet_pools.errors import NoDefaultSubnetPool
from welkin.services.network.subnet_pools.prefixes import pool_of
from welkin.services.network.subnets import records as subnets
from welkin.services.network.subnets.shapes import SubnetCreate
from welkin.services.network.tables import NetworkRow, PortRow, RouterRow, TopologyRow

NAME = "auto_allocated"
BY_PROJECT = f"SELECT {columns(TopologyRow)} FROM auto_topologies WHERE project_id = $1"
DEFAULT_OUTSIDE = (
    f"SELECT {columns(NetworkRow)} FROM networks WHERE is_default AND external ORDER BY created_at LIMIT 1"
)


async def requirements(reads: Reads, project_id: str) -> tuple[NetworkRow, list[int]]:
    """Return the network outside and the versions of IP for which there is a default pool.

    Raises AutoAllocationFailure when either is missing.
    """
    outside = await reads.one(NetworkRow, DEFAULT_OUTSIDE)
    if outside is None:
        raise AutoAllocationFailure("No default router:external network")
    versions: list[int] = []
    for version in (4, 6):
        body = SubnetCreate(network_id=outside.id, ip_version=version, use_default_subnetpool=True)
        try:
            await pool_of(reads, project_id, body)
        except NoDefaultSubnetPool:
            continue
        versions.append(version)
    if not versions:
        raise AutoAllocationFailure("No default subnetpools defined")
    return outside, versions


async def get_or_make(tx: Transaction, world: World, options: NetworkOptions, project_id: str) -> str:
    """Return the id of a project's own network; make it, its subnets and its router where it is not there."""
    await tx.lock(f"network:topology:{project_id}")
    known = await tx.one(TopologyRow, BY_PROJECT, project_id)
    if known is not None:
        if await tx.value("SELECT 1 FROM networks WHERE id = $1", known.network_id):
            return known.network_id
        await tx.delete("auto_topologies", {"project_id": project_id})
    outside, versions = await requirements(tx, project_id)
    for resource, amount in ((limits.NETWORK, 1), (limits.SUBNET, len(versions)), (limits.ROUTER, 1)):
        await limits.claim(tx, resource, [project_id] * amount)
    network = await networks.create(tx, world, options, project_id, NetworkCreate(name=f"{NAME}_network"))
    router = await routers.create(tx, world, project_id, RouterCreate(name=f"{NAME}_router"))
    await routers.set_gateway(tx, world, router, outside, Gateway(network_id=outside.id))
    for version in versions:
        body = SubnetCreate(
            network_id=network.id,
            ip_version=version,  # type: ignore[arg-type]
            name=f"{NAME}_subnet_v{version}",
            use_default_subnetpool=True,
        )
        subnet = await subnets.create(tx, world, network, project_id, body)
        await routers.connect_subnet(tx, world, router, network, subnet)
    await dhcp.keep(tx, world, network)
    await placing.place(tx, world, router.id)
    await tx.insert("auto_topologies", TopologyRow(project_id, network.id, router.id))
    return network.id


async def remove(tx: Transaction, project_id: str) -> bool:
    """Remove a project's topology; return whether there was one.  Raises NetworkInUse while something is plugged."""
    known = await tx.one(TopologyRow, BY_PROJECT, project_id)
    if known is None:
        return False
    router = await tx.one(RouterRow, routers.BY_ID, known.router_id)
    if router is not None:
        for port in await tx.all(PortRow, routers.INTERFACES, router.id):
            if port.network_id == known.network_id:
                await ports.delete(tx, port)
        await routers.delete(tx, router)
    network = await tx.one(NetworkRow, networks.BY_ID, known.network_id)
    if network is not None:
        await networks.delete(tx, network)
    await tx.delete("auto_topologies", {"project_id": project_id})
    return True
