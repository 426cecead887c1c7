"""Smaller things that can be asked of a server: addresses, groups, diagnostics, its guest's password."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from welkin.core import agent_api
from welkin.core.answers import Answer
from welkin.core.db import Transaction
from welkin.core.errors import Conflict, Invalid, NotFound, TooLarge
from welkin.core.http import Call, Routes, Upload
from welkin.services.compute.errors import ServerInState, ServerNotFound
from welkin.services.compute.servers import policy, ports, source, states, transitions
from welkin.services.compute.servers.actions import PATH
from welkin.services.compute.servers.shapes import NamedGroup
from welkin.services.compute.servers.source import decode
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.service import service, versions
from welkin.services.compute.values import NoQuery, Uuid

routes = Routes(service)
agent_routes = Routes(agent_api.service)
PASSWORD_BYTES_MAX = 1024
SERVER = "/v2.1/servers/{server_id}"


@routes.get(SERVER + "/ips", rule=policy.IPS_LIST, late=True)
async def list_addresses(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """List a server's addresses by network."""
    await transitions.visible(call, call.db, server_id, policy.IPS_LIST)
    found = (await ports.addresses_of(call.db, [server_id])).get(server_id, {})
    return {"addresses": {label: brief(addresses) for label, addresses in found.items()}}


@routes.get(SERVER + "/ips/{label}", rule=policy.IPS_SHOW, late=True)
async def show_addresses(call: Call, server_id: str, label: str, query: NoQuery) -> dict[str, Any]:
    """List a server's addresses on one network."""
    await transitions.visible(call, call.db, server_id, policy.IPS_SHOW)
    found = (await ports.addresses_of(call.db, [server_id])).get(server_id, {})
    if label not in found:
        raise NotFound("Instance is not a member of specified network")
    return {label: brief(found[label])}


def brief(addresses: list[ports.Address]) -> list[dict[str, Any]]:
    """Return addresses without where they come from."""
    return [{"version": each.version, "addr": each.addr} for each in addresses]


@routes.action(PATH, "addSecurityGroup", rule=policy.SECURITY_GROUPS_ADD, late=True)
async def add_group(call: Call, server_id: str, body: NamedGroup) -> None:
    """Add a security group to every port of a server."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.SECURITY_GROUPS_ADD, states.ADD_GROUP)
        await ports.add_group(tx, server, body.name)
        await changed(call, tx, server, "addSecurityGroup")


@routes.action(PATH, "removeSecurityGroup", rule=policy.SECURITY_GROUPS_REMOVE, late=True)
async def remove_group(call: Call, server_id: str, body: NamedGroup) -> None:
    """Remove a security group from every port of a server."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.SECURITY_GROUPS_REMOVE, states.ADD_GROUP)
        await ports.remove_group(tx, server, body.name)
        await changed(call, tx, server, "removeSecurityGroup")


async def changed(call: Call, tx: Transaction, server: ServerRow, action: str) -> None:
    """Write down what was done at once, and tell the host."""
    operation = states.Operation(action=action, verb=action)
    await transitions.note_action(tx, transitions.begun_by(call), server, operation)
    await source.refresh(tx, server)


@routes.get(SERVER + "/os-server-password", rule=policy.PASSWORD_SHOW, late=True)
async def show_password(call: Call, server_id: str, query: NoQuery) -> dict[str, str]:
    """Show the encrypted password that a server's guest told."""
    server = await transitions.visible(call, call.db, server_id, policy.PASSWORD_SHOW)
    return {"password": server.guest_password or ""}


@routes.delete(SERVER + "/os-server-password", rule=policy.PASSWORD_CLEAR, late=True)
async def clear_password(call: Call, server_id: str) -> None:
    """Forget the password that a server's guest told; in the guest it stays."""
    async with call.db.tx() as tx:
        server = await transitions.visible(call, tx, server_id, policy.PASSWORD_CLEAR)
        await transitions.put(tx, call.world, server, {"guest_password": None})
        await source.refresh(tx, server)


@routes.get(SERVER + "/diagnostics", rule=policy.DIAGNOSTICS, late=True)
async def show_diagnostics(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """Show how a server does, as far as its host has seen."""
    server = await transitions.visible(call, call.db, server_id, policy.DIAGNOSTICS)
    if server.vm_state not in ("active", "rescued", "paused", "resized", "error"):
        raise ServerInState(server_id, "vm_state", server.vm_state, "get_diagnostics")
    seen = None if server.seen is None else decode(server.seen)
    cards = [{"mac_address": each.nic.mac_address} | NIC for each in await ports.attached(call.db, server_id)]
    up_s = 0 if server.launched_at is None else int(call.world.now() - server.launched_at)
    return {
        "state": seen.power if seen is not None and seen.power in ("running", "paused", "suspended") else "shutdown",
        "driver": "libvirt",
        "hypervisor": "qemu",
        "hypervisor_os": "linux",
        "uptime": up_s,
        "config_drive": server.config_drive,
        "num_cpus": server.vcpus,
        "num_nics": len(cards),
        "num_disks": 1,
        "cpu_details": [{"id": each, "time": None, "utilisation": None} for each in range(server.vcpus)],
        "nic_details": cards,
        "disk_details": [dict(DISK)],
        "memory_details": {"maximum": server.ram_mib, "used": server.ram_mib},
    }


COUNTERS = ("octets", "packets", "errors", "drop", "rate")
NIC: dict[str, Any] = {f"{way}_{name}": None for way in ("rx", "tx") for name in COUNTERS}
DISK: dict[str, Any] = {
    "read_bytes": None,
    "read_requests": None,
    "write_bytes": None,
    "write_requests": None,
    "errors_count": None,
}


@versions.answer_before("2.48", show_diagnostics)
def free_form(body: dict[str, Any]) -> dict[str, Any]:
    """Show diagnostics as the first versions did: one flat object of numbers."""
    flat = {f"cpu{each['id']}_time": 0 for each in body["cpu_details"]}
    return {**flat, "memory": body["memory_details"]["maximum"] * 1024}


@routes.get(SERVER + "/topology", rule=policy.TOPOLOGY, late=True, since="2.78")
async def show_topology(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """Show a server's NUMA nodes; there are none."""
    await transitions.visible(call, call.db, server_id, policy.TOPOLOGY)
    return {"nodes": [], "pagesize_kb": None}


@agent_routes.put("/v1/servers/{server_id}/password", rule=agent_api.AGENT, status=204)
async def take_password(call: Call, server_id: str, upload: Upload) -> None:
    """Keep the encrypted password that a guest posted to its metadata service, once."""
    data = b""
    async for chunk in upload:
        data += chunk
        if len(data) > PASSWORD_BYTES_MAX:
            raise TooLarge(f"A password may have at most {PASSWORD_BYTES_MAX} bytes.")
    async with call.db.tx() as tx:
        await tx.lock(f"server:{server_id}")
        server = await transitions.find(tx, server_id)
        if server is None or server.deleted or server.host != call.actor.user_id:
            raise ServerNotFound(server_id)
        if server.guest_password:
            raise Conflict("The guest has told a password already.")
        await transitions.put(tx, call.world, server, {"guest_password": data.decode("latin-1")})
        await source.refresh(tx, server)


class AttachmentsQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which attachments are asked for."""

    limit: str = ""
    offset: str = ""


@routes.get(SERVER + "/os-volume_attachments", rule=policy.VOLUMES_LIST, late=True)
async def list_volumes(call: Call, server_id: str, query: AttachmentsQuery) -> dict[str, Any]:
    """List the volumes of a server; without block storage there are none."""
    await transitions.visible(call, call.db, server_id, policy.VOLUMES_LIST)
    return {"volumeAttachments": []}


class ExternalEvent(Struct, kw_only=True, forbid_unknown_fields=True):
    """Something that happened to a server elsewhere."""

    name: Literal[
        "network-changed",
        "network-vif-plugged",
        "network-vif-unplugged",
        "network-vif-deleted",
        "volume-extended",
        "power-update",
        "accelerator-request-bound",
        "volume-reimaged",
    ]
    server_uuid: Uuid
    status: Literal["failed", "completed", "in-progress"] | UnsetType = UNSET
    tag: str | UnsetType = UNSET


class ExternalEvents(Struct, forbid_unknown_fields=True):
    """Several things that happened elsewhere."""

    events: list[ExternalEvent]


@routes.post("/v2.1/os-server-external-events", rule=policy.EXTERNAL_EVENTS, status=200)
async def take_events(call: Call, body: ExternalEvents) -> Answer:
    """Take note of what happened elsewhere; servers that it concerns are looked at again."""
    answers, found = [], 0
    async with call.db.tx() as tx:
        for event in body.events:
            server = await transitions.find(tx, event.server_uuid)
            answer = {key: value for key, value in msgspec.to_builtins(event).items()}
            answer.setdefault("status", "completed")
            if server is None or server.deleted:
                answer |= {"code": 404, "status": "failed"}
            elif server.host is None:
                answer |= {"code": 422, "status": "failed"}
            else:
                answer["code"] = 200
                found += 1
                await source.refresh(tx, server)
            answers.append(answer)
    if not found:
        raise NotFound("No instances found for any event")
    return Answer(body={"events": answers}, status=200 if found == len(answers) else 207)


NEWER_EVENTS = (
    ("2.93", "volume-reimaged"),
    ("2.82", "accelerator-request-bound"),
    ("2.76", "power-update"),
    ("2.51", "volume-extended"),
)


def _refuse_event(name: str) -> Any:
    def change(body: Any) -> Any:
        events = body.get("events") if isinstance(body, dict) else None
        for event in events if isinstance(events, list) else ():
            if isinstance(event, dict) and event.get("name") == name:
                raise Invalid(f"Invalid input for field/attribute name. Value: {name}. {name!r} is not one of them")
        return body

    return change


for since, event_name in NEWER_EVENTS:
    versions.request_before(since, take_events)(_refuse_event(event_name))
