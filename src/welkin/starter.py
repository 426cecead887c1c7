"""What a fresh cloud is given: flavors, the first networks, an image, and for people a first server.

Everything is made through the APIs, as a user would make it, and only where it is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec

IMAGE = "tiny"
SERVER = "first"
KEYPAIR = "welkin"
FIRST_FLAVOR = "m1.nano"
Flavor = tuple[str, str, int, int, int]
FLAVORS: tuple[Flavor, ...] = (
    ("42", "m1.nano", 1, 128, 1),
    ("84", "m1.micro", 1, 192, 1),
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16384, 160),
)
"""Id, name, VCPUs, MiB of memory, GiB of disk."""
PRIVATE_CIDR = "10.0.0.0/24"
Say = Callable[[str], None]


class Asks(Protocol):
    """The cloud as one user in one project."""

    project_id: str

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Send one request and return the decoded answer."""

    def upload(self, path: str, file: Path) -> None:
        """PUT a file."""


class External(msgspec.Struct, frozen=True):
    """The network outside: its range, and the host's own address in it, which is the gateway."""

    cidr: str
    gateway: str
    first: str
    last: str


def named(api: Asks, path: str, key: str, name: str) -> dict[str, Any] | None:
    """Return the resource of this name in a list, or None."""
    found = api.ask("GET", f"{path}{'&' if '?' in path else '?'}name={name}")[key]
    return next((each for each in found if each["name"] == name), None)


def flavors(admin: Asks) -> None:
    """Make the customary flavors."""
    have = {flavor["name"] for flavor in admin.ask("GET", "/compute/v2.1/flavors?is_public=None")["flavors"]}
    for id, name, vcpus, ram, disk in FLAVORS:
        if name not in have:
            body = {"id": id, "name": name, "vcpus": vcpus, "ram": ram, "disk": disk}
            admin.ask("POST", "/compute/v2.1/flavors", {"flavor": body})


def external_network(admin: Asks, external: External) -> str:
    """Make the network `public`, and return its id."""
    network = named(admin, "/network/v2.0/networks?router:external=true", "networks", "public")
    if network is None:
        wanted = {
            "name": "public",
            "router:external": True,
            "is_default": True,
            "provider:network_type": "flat",
            "provider:physical_network": "public",
        }
        network = admin.ask("POST", "/network/v2.0/networks", {"network": wanted})["network"]
    if not network["subnets"]:
        subnet = {
            "name": "public-subnet",
            "network_id": network["id"],
            "ip_version": 4,
            "cidr": external.cidr,
            "gateway_ip": external.gateway,
            "enable_dhcp": False,
            "allocation_pools": [{"start": external.first, "end": external.last}],
        }
        admin.ask("POST", "/network/v2.0/subnets", {"subnet": subnet})
    return str(network["id"])


def private_network(member: Asks, external_id: str) -> str:
    """Make the network `private` and its router to the outside, and return the network's id."""
    network = named(member, "/network/v2.0/networks", "networks", "private")
    if network is None:
        network = member.ask("POST", "/network/v2.0/networks", {"network": {"name": "private"}})["network"]
    subnet = named(member, "/network/v2.0/subnets", "subnets", "private-subnet")
    if subnet is None:
        wanted = {"name": "private-subnet", "network_id": network["id"], "ip_version": 4, "cidr": PRIVATE_CIDR}
        subnet = member.ask("POST", "/network/v2.0/subnets", {"subnet": wanted})["subnet"]
    router = named(member, "/network/v2.0/routers", "routers", "router1")
    if router is None:
        wanted = {"name": "router1", "external_gateway_info": {"network_id": external_id}}
        router = member.ask("POST", "/network/v2.0/routers", {"router": wanted})["router"]
    path = f"/network/v2.0/ports?device_id={router['id']}&device_owner=network:router_interface"
    if not member.ask("GET", path)["ports"]:
        path = f"/network/v2.0/routers/{router['id']}/add_router_interface"
        member.ask("PUT", path, {"subnet_id": subnet["id"]})
    return str(network["id"])


def image(admin: Asks, file: Path, disk_format: str = "qcow2") -> str:
    """Upload a disk as the public image that every example uses, and return its id."""
    found = named(admin, "/image/v2/images?visibility=public", "images", IMAGE)
    if found is None:
        wanted = {
            "name": IMAGE,
            "disk_format": disk_format,
            "container_format": "bare",
            "visibility": "public",
            "hw_rng_model": "virtio",
        }
        found = admin.ask("POST", "/image/v2/images", wanted)
    if found["status"] == "queued":
        admin.upload(f"/image/v2/images/{found['id']}/file", file)
    return str(found["id"])


def access(member: Asks, public_key: str) -> None:
    """Register the key, and let SSH and ping in by the default security group."""
    keypairs = member.ask("GET", "/compute/v2.1/os-keypairs")["keypairs"]
    if KEYPAIR not in {each["keypair"]["name"] for each in keypairs}:
        keypair = {"name": KEYPAIR, "public_key": public_key}
        member.ask("POST", "/compute/v2.1/os-keypairs", {"keypair": keypair})
    path = f"/network/v2.0/security-groups?name=default&project_id={member.project_id}"
    group = member.ask("GET", path)["security_groups"][0]
    have = {(rule["protocol"], rule["port_range_min"]) for rule in group["security_group_rules"]}
    for protocol, port in (("tcp", 22), ("icmp", None)):
        if (protocol, port) not in have:
            rule = {
                "security_group_id": group["id"],
                "direction": "ingress",
                "ethertype": "IPv4",
                "protocol": protocol,
                "port_range_min": port,
                "port_range_max": port,
            }
            member.ask("POST", "/network/v2.0/security-group-rules", {"security_group_rule": rule})


def server(member: Asks, network_id: str, image_id: str, external_id: str) -> tuple[str, str]:
    """Boot the first server with a floating IP; return its id and that address."""
    found = named(member, "/compute/v2.1/servers", "servers", SERVER)
    if found is None:
        flavor = next(id for id, name, *_ in FLAVORS if name == FIRST_FLAVOR)
        wanted = {
            "name": SERVER,
            "flavorRef": flavor,
            "imageRef": image_id,
            "key_name": KEYPAIR,
            "networks": [{"uuid": network_id}],
        }
        found = member.ask("POST", "/compute/v2.1/servers", {"server": wanted})["server"]
    ports = member.ask("GET", f"/network/v2.0/ports?device_id={found['id']}")["ports"]
    addresses = member.ask("GET", f"/network/v2.0/floatingips?port_id={ports[0]['id']}")["floatingips"] if ports else []
    if addresses:
        return found["id"], addresses[0]["floating_ip_address"]
    wanted_ip = {"floating_network_id": external_id, "port_id": ports[0]["id"]}
    floating = member.ask("POST", "/network/v2.0/floatingips", {"floatingip": wanted_ip})["floatingip"]
    return found["id"], floating["floating_ip_address"]
