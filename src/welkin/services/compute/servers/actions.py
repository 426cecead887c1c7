"""What can be done to a server: power, locks, rebuilds, resizes, rescues."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from welkin.core import quota
from welkin.core.db import Transaction
from welkin.core.errors import Conflict, Invalid
from welkin.core.http import Call, Routes
from welkin.core.policy import Rule
from welkin.core.quota import Claim
from welkin.services.compute.errors import CannotResize
from welkin.services.compute.fields import address, check_base64
from welkin.services.compute.servers import (
    central,
    images,
    moves,
    placing,
    policy,
    requests,
    source,
    states,
    transitions,
)
from welkin.services.compute.servers import schedule as scheduling
from welkin.services.compute.servers.api import answer_of
from welkin.services.compute.servers.creation import check_metadata
from welkin.services.compute.servers.passwords import generate
from welkin.services.compute.servers.shapes import (
    ChangePassword,
    Lock,
    Reboot,
    Rebuild,
    Rescue,
    ResetState,
    Resize,
)
from welkin.services.compute.servers.states import Operation
from welkin.services.compute.servers.tables import (
    CORES,
    DISK,
    RAM,
    FlavorCopy,
    ImageCopy,
    KeyCopy,
    ResizeWanted,
    ServerRow,
)
from welkin.services.compute.servers.views import ServerAnswer
from welkin.services.compute.service import service
from welkin.services.placement import public as placement

routes = Routes(service)
PATH = "/v2.1/servers/{server_id}/action"


async def operate(call: Call, server_id: str, rule: Rule, operation: Operation, changes: dict[str, Any]) -> None:
    """Begin an operation that only changes what is wanted of the server."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, rule, operation)
        await transitions.begin(tx, transitions.begun_by(call), server, operation, changes)


@routes.action(PATH, "os-start", rule=policy.START, late=True)
async def start_server(call: Call, server_id: str, body: Any) -> None:
    """Start a server that is off."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.START, states.START)
        changes = {"power": "running", "boot_epoch": server.boot_epoch + 1}
        await transitions.begin(tx, transitions.begun_by(call), server, states.START, changes)


@routes.action(PATH, "os-stop", rule=policy.STOP, late=True)
async def stop_server(call: Call, server_id: str, body: Any) -> None:
    """Shut a server down."""
    await operate(call, server_id, policy.STOP, states.STOP, {"power": "stopped"})


@routes.action(PATH, "reboot", rule=policy.REBOOT, late=True)
async def reboot_server(call: Call, server_id: str, body: Reboot) -> None:
    """Reboot a server, softly by asking its guest or hard by ending it."""
    operation = states.HARD_REBOOT if body.type.upper() == "HARD" else states.SOFT_REBOOT
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.REBOOT, operation)
        changes: dict[str, Any] = {"soft_reboots": server.soft_reboots + 1}
        if operation is states.HARD_REBOOT:
            changes = {"boot_epoch": server.boot_epoch + 1, "power": "running"}
        await transitions.begin(tx, transitions.begun_by(call), server, operation, changes)


@routes.action(PATH, "pause", rule=policy.PAUSE, late=True)
async def pause_server(call: Call, server_id: str, body: Any) -> None:
    """Halt a server's processors."""
    await operate(call, server_id, policy.PAUSE, states.PAUSE, {"power": "paused"})


@routes.action(PATH, "unpause", rule=policy.UNPAUSE, late=True)
async def unpause_server(call: Call, server_id: str, body: Any) -> None:
    """Let a paused server go on."""
    await operate(call, server_id, policy.UNPAUSE, states.UNPAUSE, {"power": "running"})


@routes.action(PATH, "suspend", rule=policy.SUSPEND, late=True)
async def suspend_server(call: Call, server_id: str, body: Any) -> None:
    """Save a server's memory to disk and end its guest."""
    await operate(call, server_id, policy.SUSPEND, states.SUSPEND, {"power": "suspended"})


@routes.action(PATH, "resume", rule=policy.RESUME, late=True)
async def resume_server(call: Call, server_id: str, body: Any) -> None:
    """Wake a suspended server."""
    await operate(call, server_id, policy.RESUME, states.RESUME, {"power": "running"})


@routes.action(PATH, "lock", rule=policy.LOCK, late=True)
async def lock_server(call: Call, server_id: str, body: Lock | None) -> None:
    """Keep everybody but operators from changing a server."""
    reason = None
    if body is not None:
        if body.locked_reason is UNSET:
            raise Invalid("Invalid input for field/attribute lock. Value: {}. {} does not have enough properties")
        reason = body.locked_reason
    async with call.db.tx() as tx:
        server = await transitions.visible(call, tx, server_id, policy.LOCK)
        owner = "owner" if server.project_id == call.actor.project_id else "admin"
        await transitions.note_action(tx, transitions.begun_by(call), server, LOCKED)
        await transitions.put(tx, call.world, server, {"locked_by": owner, "locked_reason": reason})


@routes.action(PATH, "unlock", rule=policy.UNLOCK, late=True)
async def unlock_server(call: Call, server_id: str, body: Any) -> None:
    """Let a locked server be changed again."""
    async with call.db.tx() as tx:
        server = await transitions.visible(call, tx, server_id, policy.UNLOCK)
        own = "owner" if server.project_id == call.actor.project_id else "admin"
        if server.locked_by is not None and server.locked_by != own:
            call.enforce(policy.UNLOCK_OVERRIDE, project_id=server.project_id, user_id=server.user_id)
        await transitions.note_action(tx, transitions.begun_by(call), server, UNLOCKED)
        await transitions.put(tx, call.world, server, {"locked_by": None, "locked_reason": None})


@routes.action(PATH, "rescue", rule=policy.RESCUE, late=True, status=200)
async def rescue_server(call: Call, server_id: str, body: Rescue | None) -> dict[str, str]:
    """Boot a server from another image, with its own disk beside it."""
    wish = body or Rescue()
    password = generate(call.world) if wish.adminPass is UNSET else wish.adminPass
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.RESCUE, states.RESCUE)
        image = server.image
        if wish.rescue_image_ref is not UNSET:
            image = await images.get(call, tx, wish.rescue_image_ref)
        if image is None:
            raise Invalid(f"Instance {server_id} cannot be rescued: it has no image to boot from.")
        changes = {
            "power": "running",
            "rescue_epoch": server.rescue_epoch + 1,
            "rescue_image": image,
            "rescue_password": password,
        }
        await transitions.begin(tx, transitions.begun_by(call), server, states.RESCUE, changes)
    return {"adminPass": password}


@routes.action(PATH, "unrescue", rule=policy.UNRESCUE, late=True)
async def unrescue_server(call: Call, server_id: str, body: Any) -> None:
    """Boot a rescued server from its own disk again."""
    changes = {"power": "running", "rescue_image": None, "rescue_password": None}
    await operate(call, server_id, policy.UNRESCUE, states.UNRESCUE, changes)


@routes.action(PATH, "rebuild", rule=policy.REBUILD, late=True)
async def rebuild_server(call: Call, server_id: str, body: Rebuild) -> ServerAnswer:
    """Make a server's disk anew from an image; the server keeps its id, its addresses and its size."""
    password = generate(call.world) if body.adminPass is UNSET else body.adminPass
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.REBUILD, states.REBUILD_OP)
        image = await rebuild_image(call, tx, server, body)
        changes = await rebuild_changes(call, tx, server, body, image)
        changes |= {"admin_password": password, "fault": None}
        await transitions.begin(tx, transitions.begun_by(call), server, states.REBUILD_OP, changes)
        answer = await answer_of(call, tx, server_id, policy.REBUILD)
    answer.server.adminPass = password
    answer.server.rebuilt_user_data = server.user_data
    answer.server.user_data = UNSET
    return answer


async def rebuild_image(call: Call, tx: Transaction, server: ServerRow, body: Rebuild) -> ImageCopy:
    """Return the image to rebuild from.  Raises Invalid."""
    if body.imageRef == server.image_id and server.image is not None:
        return server.image
    image = await images.get(call, tx, body.imageRef, missing="Cannot find image for rebuild")
    images.check_fits(image, server.flavor)
    return image


async def rebuild_changes(
    call: Call, tx: Transaction, server: ServerRow, body: Rebuild, image: ImageCopy
) -> dict[str, Any]:
    """Return a rebuild's changes as columns.  Raises Invalid, Forbidden."""
    changes: dict[str, Any] = {
        "image": image,
        "image_id": image.id,
        "disk_image": None,
        "disk_epoch": server.disk_epoch + 1,
        **{
            name: value
            for name, value in (
                ("name", body.name),
                ("description", body.description),
                ("hostname", body.hostname),
                ("disk_config", body.disk_config),
                ("metadata", body.metadata),
                ("user_data", body.user_data),
                ("trusted_certs", body.trusted_image_certificates),
            )
            if value is not UNSET
        },
    }
    if isinstance(body.user_data, str):
        check_base64("user_data", body.user_data)
    if body.metadata is not UNSET:
        await check_metadata(tx, body.metadata, server.project_id)
    if body.key_name is not UNSET:
        key: KeyCopy | None = await requests.key_of(call, tx, body.key_name)
        changes |= {"key": key, "key_name": body.key_name}
    if body.accessIPv4 is not UNSET:
        changes["access_ip_v4"] = address("accessIPv4", body.accessIPv4, 4) if body.accessIPv4 else ""
    if body.accessIPv6 is not UNSET:
        changes["access_ip_v6"] = address("accessIPv6", body.accessIPv6, 6) if body.accessIPv6 else ""
    if server.vm_state == "error":
        changes["power"] = "running"
    return changes


@routes.action(PATH, "resize", rule=policy.RESIZE, late=True)
async def resize_server(call: Call, server_id: str, body: Resize) -> None:
    """Give a server another size; its owner confirms or reverts it afterwards."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.RESIZE, states.RESIZE_OP)
        flavor = await requests.flavor_of(call, tx, body.flavorRef)
        check_resize(server, flavor)
        if server.image is not None:
            images.check_fits(server.image, flavor)
        await claim_growth(tx, server, flavor)
        await claim_both(call, tx, server, flavor)
        changes = {
            "resize": ResizeWanted(flavor=server.flavor, vm_state=server.vm_state),
            **sizes(flavor),
            **({} if body.disk_config is UNSET else {"disk_config": body.disk_config}),
        }
        begun = transitions.begun_by(call)
        await transitions.begin(tx, begun, server, states.RESIZE_OP, changes)
        await moves.begin(tx, begun, server)


def check_resize(server: ServerRow, flavor: FlavorCopy) -> None:
    """Check that a server can be given this size.  Raises CannotResize."""
    if flavor.id == server.flavor_id:
        raise CannotResize("When resizing, instances must change flavor!")
    if flavor.disk_gib < server.flavor.disk_gib:
        raise CannotResize("Server disk was unable to be resized because: a disk cannot shrink.")


async def claim_growth(tx: Transaction, server: ServerRow, flavor: FlavorCopy) -> None:
    """Claim quota for what a server grows by.  Raises QuotaExceeded."""
    claims = [
        Claim(CORES, flavor.vcpus - server.vcpus),
        Claim(RAM, flavor.ram_mib - server.ram_mib),
        Claim(DISK, scheduling.disk_gib_of(flavor) - server.disk_gib),
    ]
    await quota.claim(tx, server.project_id, claims)


async def claim_both(call: Call, tx: Transaction, server: ServerRow, flavor: FlavorCopy) -> None:
    """Claim on the server's host the larger of its two sizes, so that it can go back.  Raises Invalid."""
    assert server.host is not None
    old, new = scheduling.resources_of(server.flavor), scheduling.resources_of(flavor)
    both = {name: max(old.get(name, 0), new.get(name, 0)) for name in {*old, *new}}
    amounts = {await placing.provider_of(tx, server.host): both}
    try:
        await placement.claim(tx, call.world, server.id, (server.project_id, server.user_id), amounts)
    except placement.DoesNotFit as error:
        raise Invalid(f"No valid host was found. No valid host found for resize: {error}") from error


def sizes(flavor: FlavorCopy) -> dict[str, Any]:
    """Return a size as columns."""
    amounts = {"vcpus": flavor.vcpus, "ram_mib": flavor.ram_mib, "disk_gib": scheduling.disk_gib_of(flavor)}
    return {"flavor": flavor, "flavor_id": flavor.id, **amounts}


@routes.action(PATH, "confirmResize", rule=policy.CONFIRM_RESIZE, late=True, status=204)
async def confirm_resize(call: Call, server_id: str, body: Any) -> None:
    """Keep a server's new size."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.CONFIRM_RESIZE, states.CONFIRM)
        if server.resize is None:
            raise Invalid("Instance has not been resized.")
        await central.confirm_resize(tx, transitions.begun_by(call), server)


@routes.action(PATH, "revertResize", rule=policy.REVERT_RESIZE, late=True)
async def revert_resize(call: Call, server_id: str, body: Any) -> None:
    """Give a server its old size again; a disk that grew stays as it is."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.REVERT_RESIZE, states.REVERT)
        if server.resize is None:
            raise Invalid("Instance has not been resized.")
        changes = sizes(server.resize.flavor)
        await transitions.begin(tx, transitions.begun_by(call), server, states.REVERT, changes)
        await moves.mark(tx, call.world, server, moves.REVERTS)
        amounts = await central.own_amounts(tx, server)
        await placement.claim(tx, call.world, server.id, (server.project_id, server.user_id), amounts)


@routes.action(PATH, "changePassword", rule=policy.CHANGE_PASSWORD, late=True)
async def change_password(call: Call, server_id: str, body: ChangePassword) -> None:
    """Refuse: only an agent in the guest could change a password, and no guest here has one."""
    server = await transitions.visible(call, call.db, server_id, policy.CHANGE_PASSWORD)
    transitions.check(call, server, states.SET_PASSWORD)
    raise Conflict(
        f"Failed to set admin password on {server_id} because error setting admin password: "
        "the guest has no agent; log in with a key, or rebuild the server with another password."
    )


@routes.action(PATH, "os-resetState", rule=policy.RESET_STATE, late=True)
async def reset_state(call: Call, server_id: str, body: ResetState) -> None:
    """Say that a server is well, or is not, whatever it is."""
    async with call.db.tx() as tx:
        await tx.lock(f"server:{server_id}")
        server = await transitions.visible(call, tx, server_id, policy.RESET_STATE)
        server.action_id = await transitions.note_action(tx, transitions.begun_by(call), server, RESET)
        changes: dict[str, Any] = {"vm_state": body.state}
        if body.state == "active":
            changes |= {"power": "running", "present": True}
        await transitions.finish(tx, call.world, server, changes)
        await source.refresh(tx, server)


@routes.action(PATH, "injectNetworkInfo", rule=policy.INJECT_NETWORK, late=True)
async def inject_network(call: Call, server_id: str, body: Any) -> None:
    """Have a server's host look at the server's networks again."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.INJECT_NETWORK, states.ADD_GROUP)
        await transitions.note_action(tx, transitions.begun_by(call), server, INJECT)
        await source.refresh(tx, server)


@routes.action(PATH, "forceDelete", rule=policy.FORCE_DELETE, late=True)
async def force_delete(call: Call, server_id: str, body: Any) -> None:
    """Delete a server at once, also one that could be restored."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.FORCE_DELETE, states.FORCE_DELETE)
        await central.delete(tx, transitions.begun_by(call), server, states.FORCE_DELETE)


@routes.action(PATH, "restore", rule=policy.RESTORE, late=True)
async def restore_server(call: Call, server_id: str, body: Any) -> None:
    """Bring back a server that was deleted a while ago."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.RESTORE, states.RESTORE)
        changes = {"power": "running", "boot_epoch": server.boot_epoch + 1}
        await transitions.begin(tx, transitions.begun_by(call), server, states.RESTORE, changes)


LOCKED = Operation(action="lock", verb="lock", tasks=None, allowed_when_locked=True)
UNLOCKED = Operation(action="unlock", verb="unlock", tasks=None, allowed_when_locked=True)
INJECT = Operation(action="injectNetworkInfo", verb="injectNetworkInfo", tasks=None)
RESET = Operation(action="resetState", verb="os-resetState", tasks=None, allowed_when_locked=True)
