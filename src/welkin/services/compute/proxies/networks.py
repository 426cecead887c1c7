"""Networks and floating IPs as clients before 2.36 know them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from welkin.core.errors import Conflict, Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.compute.proxies import policy
from welkin.services.compute.proxies.asking import LAST_VERSION, NETWORK, ask, path_of
from welkin.services.compute.servers.transitions import visible
from welkin.services.compute.service import service
from welkin.services.compute.values import is_uuid

routes = Routes(service)
Ip = Annotated[str, Meta(pattern=r"^[0-9a-fA-F:.]+\Z")]
FLOATING = "/v2.1/os-floating-ips"
FOR_EVERYBODY = ("cidr", "netmask", "gateway", "broadcast", "dns1", "dns2", "cidr_v6", "gateway_v6", "netmask_v6")
FOR_ADMINISTRATORS = (
    *("created_at", "updated_at", "deleted_at", "deleted", "injected", "bridge", "vlan", "vpn_public_address"),
    *("vpn_public_port", "vpn_private_address", "dhcp_start", "project_id", "host", "bridge_interface"),
    *("multi_host", "priority", "rxtx_base", "mtu", "dhcp_server", "enable_dhcp", "share_address"),
)
"""Names that old clients expect; none of them has had a value since networks left compute."""
Thing = Mapping[str, Any]
ACTION = "/v2.1/servers/{server_id}/action"
LAST_ACTIONS = "2.43"
"""The last version with the actions that move floating IPs."""


class AddedFloatingIp(Struct, forbid_unknown_fields=True):
    """Which floating IP shall lead to a server, and to which of its addresses."""

    address: Ip
    fixed_address: Ip | None = None


class RemovedFloatingIp(Struct, forbid_unknown_fields=True):
    """Which floating IP shall lead nowhere."""

    address: Ip


class NewFloatingIp(Struct):
    """From which network a floating IP shall come."""

    pool: str | None = None


@routes.get("/v2.1/os-networks", rule=policy.LIST_NETWORKS, until=LAST_VERSION)
async def list_networks(call: Call) -> dict[str, Any]:
    """List the networks that the caller may see; an administrator sees all."""
    return {"networks": [network_view(call, each) for each in await seen(call)]}


@routes.get("/v2.1/os-networks/{network_id}", rule=policy.SHOW_NETWORK, until=LAST_VERSION)
async def show_network(call: Call, network_id: str) -> dict[str, Any]:
    """Show a network."""
    return {"network": network_view(call, await find_network(call, network_id))}


@routes.get("/v2.1/os-tenant-networks", rule=policy.LIST_OWN_NETWORKS, until=LAST_VERSION)
async def list_own_networks(call: Call) -> dict[str, Any]:
    """List the networks that the caller may see, in short."""
    return {"networks": [short_view(each) for each in await seen(call)]}


@routes.get("/v2.1/os-tenant-networks/{network_id}", rule=policy.SHOW_OWN_NETWORK, until=LAST_VERSION)
async def show_own_network(call: Call, network_id: str) -> dict[str, Any]:
    """Show a network, in short."""
    return {"network": short_view(await find_network(call, network_id))}


@routes.get("/v2.1/os-floating-ip-pools", rule=policy.LIST_POOLS, until=LAST_VERSION)
async def list_pools(call: Call) -> dict[str, Any]:
    """List the networks that floating IPs come from."""
    return {"floating_ip_pools": [{"name": each["name"] or each["id"]} for each in await outside(call)]}


@routes.get(FLOATING, rule=policy.LIST_FLOATING, until=LAST_VERSION)
async def list_floating_ips(call: Call) -> dict[str, Any]:
    """List the project's floating IPs."""
    answer = await ask(call, "GET", path_of(NETWORK, "floatingips", project_id=call.actor.project_id or ""))
    pools = await outside(call)
    return {"floating_ips": [await floating_view(call, each, pools) for each in answer["floatingips"]]}


@routes.get(FLOATING + "/{floating_ip_id}", rule=policy.SHOW_FLOATING, until=LAST_VERSION)
async def show_floating_ip(call: Call, floating_ip_id: str) -> dict[str, Any]:
    """Show a floating IP."""
    found = await find_floating(call, floating_ip_id)
    return {"floating_ip": await floating_view(call, found, await outside(call))}


@routes.post(FLOATING, rule=policy.CREATE_FLOATING, status=200, until=LAST_VERSION)
async def create_floating_ip(call: Call, body: NewFloatingIp | None) -> dict[str, Any]:
    """Make a floating IP, from the first network that has some where none is named."""
    pools, name = await outside(call), None if body is None else body.pool
    chosen = [each for each in pools if name is None or name in (each["name"], each["id"])]
    if not chosen:
        raise NotFound("Floating IP pool not found.")
    wanted = {"floatingip": {"floating_network_id": chosen[0]["id"]}}
    try:
        made = await ask(call, "POST", path_of(NETWORK, "floatingips"), wanted)
    except Conflict as conflict:
        where = "" if name is None else f" in pool {name}"
        raise NotFound(f"No more floating IPs{where or ' available'}.") from conflict
    return {"floating_ip": await floating_view(call, made["floatingip"], pools)}


@routes.delete(FLOATING + "/{floating_ip_id}", rule=policy.DELETE_FLOATING, status=202, until=LAST_VERSION)
async def delete_floating_ip(call: Call, floating_ip_id: str) -> None:
    """Delete a floating IP, whatever it leads to."""
    await find_floating(call, floating_ip_id)
    await ask(call, "DELETE", path_of(NETWORK, "floatingips", floating_ip_id))


@routes.action(ACTION, "addFloatingIp", rule=policy.ADD_FLOATING, late=True, until=LAST_ACTIONS)
async def add_floating_ip(call: Call, server_id: str, body: AddedFloatingIp) -> None:
    """Let a floating IP lead to an IPv4 address of a server."""
    await visible(call, call.db, server_id, policy.ADD_FLOATING)
    ports = (await ask(call, "GET", path_of(NETWORK, "ports", device_id=server_id)))["ports"]
    places = [(port["id"], each["ip_address"]) for port in ports for each in port["fixed_ips"]]
    if not places:
        raise Invalid("No fixed IPs associated to instance")
    if body.fixed_address is not None:
        places = [place for place in places if place[1] == body.fixed_address]
        if not places:
            raise Invalid("Specified fixed address not assigned to instance")
    places = [place for place in places if ":" not in place[1]]
    if not places:
        raise Invalid(f"Unable to associate floating IP {body.address}: the server has no fixed IPv4 address.")
    port_id, address = places[0]
    found = await floating_by_address(call, body.address)
    wanted = {"floatingip": {"port_id": port_id, "fixed_ip_address": address}}
    try:
        await ask(call, "PUT", path_of(NETWORK, "floatingips", found["id"]), wanted)
    except Conflict as conflict:
        raise Invalid(str(conflict)) from conflict


@routes.action(ACTION, "removeFloatingIp", rule=policy.REMOVE_FLOATING, late=True, until=LAST_ACTIONS)
async def remove_floating_ip(call: Call, server_id: str, body: RemovedFloatingIp) -> None:
    """Let a floating IP that leads to a server lead nowhere."""
    await visible(call, call.db, server_id, policy.REMOVE_FLOATING)
    found = await floating_by_address(call, body.address)
    port_id = found["port_id"]
    port = (await ask(call, "GET", path_of(NETWORK, "ports", port_id)))["port"] if port_id else {"device_id": ""}
    if port["device_id"] != server_id:
        raise Conflict(f"Floating IP {body.address} is not associated with instance {server_id}.")
    await ask(call, "PUT", path_of(NETWORK, "floatingips", found["id"]), {"floatingip": {"port_id": None}})


async def floating_by_address(call: Call, address: str) -> Thing:
    """Return the floating IP with this address.  Raises NotFound."""
    path = path_of(NETWORK, "floatingips", floating_ip_address=address)
    found: list[Thing] = (await ask(call, "GET", path))["floatingips"]
    if not found:
        raise NotFound("floating IP not found")
    return found[0]


async def seen(call: Call) -> list[Thing]:
    """Return the networks that the caller may see: the project's, the shared ones, and those outside."""
    networks: list[Thing] = (await ask(call, "GET", path_of(NETWORK, "networks")))["networks"]
    return networks


async def outside(call: Call) -> list[Thing]:
    """Return the networks that floating IPs come from."""
    answer = await ask(call, "GET", NETWORK + "/networks?router%3Aexternal=true")
    networks: list[Thing] = answer["networks"]
    return networks


async def find_network(call: Call, network_id: str) -> Thing:
    """Return a network as the network service has it.  Raises NotFound."""
    try:
        found: Thing = (await ask(call, "GET", path_of(NETWORK, "networks", network_id)))["network"]
    except NotFound:
        raise NotFound("Network not found") from None
    return found


async def find_floating(call: Call, floating_ip_id: str) -> Thing:
    """Return a floating IP as network has it.  Raises NotFound, Invalid."""
    if not is_uuid(floating_ip_id):
        raise Invalid(f"The ID value '{floating_ip_id}' is not valid.")
    try:
        found: Thing = (await ask(call, "GET", path_of(NETWORK, "floatingips", floating_ip_id)))["floatingip"]
    except NotFound:
        raise NotFound(f"Floating IP not found for ID {floating_ip_id}") from None
    return found


def network_view(call: Call, network: Thing) -> dict[str, Any]:
    """Return a network; administrators see more names, all of them empty."""
    names = FOR_EVERYBODY + (FOR_ADMINISTRATORS if call.actor.is_admin else ())
    return {**dict.fromkeys(names), "id": network["id"], "label": network["name"]}


def short_view(network: Thing) -> dict[str, Any]:
    """Return a network in short; its range was the text `None` ever since networks left compute."""
    return {"id": network["id"], "cidr": "None", "label": network["name"]}


async def floating_view(call: Call, floating: Thing, pools: list[Thing]) -> dict[str, Any]:
    """Return a floating IP with the server that it leads to."""
    names = {each["id"]: each["name"] for each in pools}
    server_id = None
    if floating["port_id"]:
        port = await ask(call, "GET", path_of(NETWORK, "ports", floating["port_id"]))
        server_id = port["port"]["device_id"] or None
    return {
        "id": floating["id"],
        "ip": floating["floating_ip_address"],
        "fixed_ip": floating["fixed_ip_address"],
        "instance_id": server_id,
        "pool": names.get(floating["floating_network_id"]) or floating["floating_network_id"],
    }
