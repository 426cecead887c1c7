"""The control plane's own services: they show themselves by work that only their process takes."""

from __future__ import annotations

import socket

from welkin.core import work
from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.work import After
from welkin.services.compute.services.tables import beat

KINDS = ("nova-scheduler", "nova-conductor")
BEAT_S = 20.0


def work_kind(cloud: Cloud) -> str:
    """Return the kind of work that is a heartbeat of this process's machine."""
    return f"compute.beat.{machine(cloud)}"


def machine(cloud: Cloud) -> str:
    """Return this machine's name in the cloud."""
    return cloud.get(CloudOptions).host or socket.gethostname()


def central(cloud: Cloud) -> None:
    """Take on this machine's heartbeats."""
    host = machine(cloud)

    async def reconcile(_id: str) -> After:
        async with cloud.db.tx() as tx:
            for kind in KINDS:
                await beat(tx, cloud.world, host, kind)
        return After(BEAT_S)

    cloud.workers.add(work_kind(cloud), reconcile)


async def ensure(cloud: Cloud) -> None:
    """Have this machine's services on the list before the first request."""
    async with cloud.db.tx() as tx:
        for kind in KINDS:
            await beat(tx, cloud.world, machine(cloud), kind)
        await work.want(tx, work_kind(cloud), "beat")
