"""A server's ports over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.core.versions import refuse_fields
from welkin.services.compute.fields import Tag, address
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.servers import policy, ports, source, states, transitions
from welkin.services.compute.servers.actions import PATH
from welkin.services.compute.servers.ports import Attached
from welkin.services.compute.service import service, versions
from welkin.services.compute.values import NoQuery, Uuid
from welkin.services.network.public import NicWanted

routes = Routes(service)
INTERFACES = "/v2.1/servers/{server_id}/os-interface"


class FixedIpAsked(Struct, forbid_unknown_fields=True):
    """An address that a new port shall have."""

    ip_address: str


class Attachment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A port to attach: one that exists, or a new one on a network."""

    net_id: Uuid | None = None
    port_id: Uuid | None = None
    fixed_ips: Annotated[list[FixedIpAsked], Meta(min_length=1, max_length=1)] | None = None
    tag: Tag | None = None


class AttachmentBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of a request to attach a port."""

    interfaceAttachment: Attachment = Attachment()  # noqa: N815


class AddFixedIp(Struct, forbid_unknown_fields=True):
    """The action addFixedIp."""

    networkId: str | int  # noqa: N815


class RemoveFixedIp(Struct, forbid_unknown_fields=True):
    """The action removeFixedIp."""

    address: str


@routes.get(INTERFACES, rule=policy.INTERFACES_LIST, late=True)
async def list_interfaces(call: Call, server_id: str, query: NoQuery) -> dict[str, Any]:
    """List a server's ports."""
    await transitions.visible(call, call.db, server_id, policy.INTERFACES_LIST)
    return {"interfaceAttachments": [view(each) for each in await ports.attached(call.db, server_id)]}


@routes.get(INTERFACES + "/{port_id}", rule=policy.INTERFACES_SHOW, late=True)
async def show_interface(call: Call, server_id: str, port_id: str, query: NoQuery) -> dict[str, Any]:
    """Show a port of a server."""
    await transitions.visible(call, call.db, server_id, policy.INTERFACES_SHOW)
    found = [each for each in await ports.attached(call.db, server_id) if each.nic.port_id == port_id]
    if not found:
        raise NotFound(f"Instance {server_id} does not have a port with id {port_id}")
    return {"interfaceAttachment": view(found[0])}


@routes.post(INTERFACES, rule=policy.INTERFACES_CREATE, late=True, status=200)
async def attach_interface(call: Call, server_id: str, body: AttachmentBody) -> dict[str, Any]:
    """Attach a port to a server."""
    asked = body.interfaceAttachment
    if asked.net_id and asked.port_id:
        raise Invalid("Must not input both network_id and port_id")
    if asked.fixed_ips and not asked.net_id:
        raise Invalid("Must input network_id when request IP address")
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.INTERFACES_CREATE, states.ATTACH_INTERFACE)
        wish = await ports.read_attachment(call, tx, wish_of(asked))
        port_id = await ports.add(call, tx, server, wish)
        server.action_id = await transitions.note_action(
            tx, transitions.begun_by(call), server, states.ATTACH_INTERFACE
        )
        await transitions.end_action(tx, call.world, server)
        await source.refresh(tx, server)
        found = [each for each in await ports.attached(tx, server_id) if each.nic.port_id == port_id]
    return {"interfaceAttachment": view(found[0])}


def wish_of(asked: Attachment) -> NicWanted:
    """Return what is asked for as a server's wish."""
    fixed_ip = address("ip_address", asked.fixed_ips[0].ip_address) if asked.fixed_ips else None
    return NicWanted(network_id=asked.net_id, port_id=asked.port_id, fixed_ip=fixed_ip, tag=asked.tag)


@routes.delete(INTERFACES + "/{port_id}", rule=policy.INTERFACES_DELETE, late=True, status=202)
async def detach_interface(call: Call, server_id: str, port_id: str) -> None:
    """Take a port from a server; one that was made for the server is deleted."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.INTERFACES_DELETE, states.DETACH_INTERFACE)
        await ports.give_back(tx, server_id, port_id)
        server.action_id = await transitions.note_action(
            tx, transitions.begun_by(call), server, states.DETACH_INTERFACE
        )
        await transitions.end_action(tx, call.world, server)
        await source.refresh(tx, server)


@routes.action(PATH, "addFixedIp", rule=policy.FIXED_IPS, late=True, until="2.43")
async def add_fixed_ip(call: Call, server_id: str, body: AddFixedIp) -> None:
    """Give a server's port on a network one more address."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.FIXED_IPS, states.ADD_GROUP)
        await ports.add_address(tx, call.world, server, str(body.networkId))
        await source.refresh(tx, server)


@routes.action(PATH, "removeFixedIp", rule=policy.FIXED_IPS_REMOVE, late=True, until="2.43")
async def remove_fixed_ip(call: Call, server_id: str, body: RemoveFixedIp) -> None:
    """Take an address from a server's port."""
    async with call.db.tx() as tx:
        server = await transitions.locked(call, tx, server_id, policy.FIXED_IPS_REMOVE, states.ADD_GROUP)
        await ports.remove_address(tx, call.world, server, body.address)
        await source.refresh(tx, server)


def view(attached: Attached) -> dict[str, Any]:
    """Return a port as a server's owner sees it."""
    nic = attached.nic
    return {
        "net_id": nic.network_id,
        "port_id": nic.port_id,
        "mac_addr": nic.mac_address,
        "port_state": nic.status,
        "fixed_ips": [{"subnet_id": each.subnet.id, "ip_address": each.address} for each in nic.addresses],
        "tag": attached.tag,
    }


@versions.answer_before("2.70", show_interface, attach_interface)
def without_tag(body: dict[str, Any]) -> dict[str, Any]:
    """Show a port without its tag."""
    body["interfaceAttachment"].pop("tag", None)
    return body


@versions.answer_before("2.70", list_interfaces)
def without_tags(body: dict[str, Any]) -> dict[str, Any]:
    """Show ports without their tags."""
    for each in body["interfaceAttachments"]:
        each.pop("tag", None)
    return body


versions.request_before("2.49", attach_interface)(refuse_fields("tag", within="interfaceAttachment"))
passed_over_before("2.102", list_interfaces, show_interface)
