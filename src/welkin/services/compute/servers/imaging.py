"""Images of servers: made on request, as backups, and when a server is shelved."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from welkin.core.answers import Answer
from welkin.core.db import Transaction
from welkin.core.errors import Forbidden, Invalid
from welkin.core.http import Call, Routes
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import images, outcomes, placing, policy, states, transitions
from welkin.services.compute.servers.actions import PATH
from welkin.services.compute.servers.shapes import CreateBackup, CreateImage, Unshelve
from welkin.services.compute.servers.states import Operation
from welkin.services.compute.servers.tables import ServerRow, SnapshotWanted
from welkin.services.compute.service import service

routes = Routes(service)

NEVER_SHELVED = Operation(
    action="unshelve",
    verb="unshelve",
    vm_states=frozenset({"shelved_offloaded"}),
)


@routes.action(PATH, "createImage", rule=policy.CREATE_IMAGE, late=True)
async def create_image(call: Call, server_id: str, body: CreateImage) -> Answer:
    """Copy a server's disk into a new image."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.CREATE_IMAGE, states.CREATE_IMAGE)
        image_id = await snapshot(call, tx, server, body.name, body.metadata)
        changes = {"snapshots": [SnapshotWanted(image_id=image_id)]}
        await transitions.begin(tx, transitions.begun_by(call), server, states.CREATE_IMAGE, changes)
    return image_answer(call, image_id)


@routes.action(PATH, "createBackup", rule=policy.CREATE_BACKUP, late=True)
async def create_backup(call: Call, server_id: str, body: CreateBackup) -> Answer:
    """Copy a server's disk into a new image, and keep only the newest few of its kind."""
    rotation = int(body.rotation)
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.CREATE_BACKUP, states.CREATE_BACKUP)
        properties = {**body.metadata, "image_type": "backup", "backup_type": body.backup_type}
        image_id = await snapshot(call, tx, server, body.name, properties)
        wanted = SnapshotWanted(image_id=image_id, backup_type=body.backup_type, rotation=rotation)
        await transitions.begin(tx, transitions.begun_by(call), server, states.CREATE_BACKUP, {"snapshots": [wanted]})
    return image_answer(call, image_id)


async def snapshot(call: Call, tx: Transaction, server: ServerRow, name: str, properties: dict[str, str]) -> str:
    """Make the image that a copy of a server's disk goes to, and return its id."""
    return await images.begin_snapshot(call, tx, server, name, properties)


def image_answer(call: Call, image_id: str) -> Answer:
    """Return where the image is: in the body, and as older versions want it, in a header."""
    return Answer(body={"image_id": image_id}, headers={"Location": f"{call.origin}/image/v2/images/{image_id}"})


@routes.action(PATH, "shelve", rule=policy.SHELVE, late=True)
async def shelve_server(call: Call, server_id: str, body: Any) -> None:
    """Put a server away: its disk becomes an image, and sooner or later it leaves its host."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.SHELVE, states.SHELVE)
        image_id = await snapshot(call, tx, server, f"{server.name}-shelved", {})
        changes = {"shelved_image_id": image_id, "power": "stopped"}
        await transitions.begin(tx, transitions.begun_by(call), server, states.SHELVE, changes)


@routes.action(PATH, "shelveOffload", rule=policy.SHELVE_OFFLOAD, late=True)
async def offload_server(call: Call, server_id: str, body: Any) -> None:
    """Have a shelved server leave its host now."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.SHELVE_OFFLOAD, states.OFFLOAD)
        await outcomes.offload(tx, call.world, call.get(ComputeOptions), server)


@routes.action(PATH, "unshelve", rule=policy.UNSHELVE, late=True)
async def unshelve_server(call: Call, server_id: str, body: Unshelve | None) -> None:
    """Bring a shelved server back, on a host that is found anew if it left its own."""
    if body is not None and body.availability_zone is UNSET and body.host is UNSET:
        raise Invalid("Invalid input for field/attribute unshelve. Value: {}. {} does not have enough properties")
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.UNSHELVE, states.UNSHELVE)
        changes: dict[str, Any] = {"power": "running", "boot_epoch": server.boot_epoch + 1}
        if body is not None:
            transitions.check(call, server, NEVER_SHELVED)
            changes |= await unshelve_place(call, tx, server, body)
        if server.host is None and server.shelved_image_id is not None:
            changes |= await shelved_image(call, tx, server)
        await transitions.begin(tx, transitions.begun_by(call), server, states.UNSHELVE, changes)
        if server.host is None:
            await transitions.wake(tx, server)


async def shelved_image(call: Call, tx: Transaction, server: ServerRow) -> dict[str, Any]:
    """Return what has the disk made from the image that shelving made."""
    assert server.shelved_image_id is not None
    image = await images.get(call, tx, server.shelved_image_id, missing="The shelved image is gone.")
    return {"disk_image": image}


async def unshelve_place(call: Call, tx: Transaction, server: ServerRow, body: Unshelve) -> dict[str, Any]:
    """Return where a server shall come back to, as columns.  Raises Invalid, Forbidden."""
    changes: dict[str, Any] = {}
    if body.availability_zone is not UNSET:
        if body.availability_zone is not None:
            await placing.check_zone(call, tx, body.availability_zone)
        changes["availability_zone"] = body.availability_zone
    if body.host is not UNSET:
        if not call.allowed(policy.UNSHELVE_TO_HOST, project_id=server.project_id, user_id=server.user_id):
            raise Forbidden("Policy doesn't allow os_compute_api:os-shelve:unshelve_to_host to be performed.")
        if not await placing.host_exists(tx, body.host):
            raise Invalid(f"Compute host {body.host} could not be found.")
        changes["wanted_host"] = body.host
    return changes
