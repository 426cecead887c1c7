"""Which addresses a port gets: those that were asked for, or the usual ones of its network."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import msgspec

from welkin.core.db import Reads
from welkin.core.world import World
from welkin.services.network.errors import BadRequest, InvalidInput
from welkin.services.network.ports.shapes import FixedIp
from welkin.services.network.subnets import ranges
from welkin.services.network.subnets.allocation import free_address, is_taken
from welkin.services.network.subnets.errors import (
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressAlreadyAllocated,
    IpAddressGenerationFailure,
    IpAddressGenerationFailureNoMatchingSubnet,
)
from welkin.services.network.subnets.records import is_automatic, of_network
from welkin.services.network.tables import FixedIpRow, SubnetRow
from welkin.services.network.values import Address, address, eui64

ROUTER_OWNERS = ("network:router_interface", "network:router_gateway")
DHCP_OWNER = "network:dhcp"


class Place(msgspec.Struct):
    """A port that gets addresses: where it is, and what decides which."""

    network_id: str
    subnets: list[SubnetRow]
    mac_address: str
    device_owner: str

    @property
    def of_router(self) -> bool:
        """Whether it belongs to a router, which may have any address."""
        return self.device_owner in ROUTER_OWNERS


class Taken(msgspec.Struct):
    """The addresses that a port has been given so far, in their order."""

    pairs: list[tuple[str, str]]

    def has(self, subnet_id: str, text: str) -> bool:
        """Return whether the port has this address already."""
        return (subnet_id, text) in self.pairs

    def of(self, subnet_id: str) -> frozenset[str]:
        """Return the port's addresses on a subnet."""
        return frozenset(text for id, text in self.pairs if id == subnet_id)


async def place_of(reads: Reads, network_id: str, mac_address: str, device_owner: str) -> Place:
    """Return where a port is."""
    return Place(network_id, await of_network(reads, network_id), mac_address, device_owner)


async def choose(
    reads: Reads,
    world: World,
    place: Place,
    wanted: Sequence[FixedIp] | None,
    kept: Sequence[FixedIpRow] | None = None,
) -> list[tuple[str, str]]:
    """Return the subnets and addresses that a port shall have.

    wanted   what was asked for; None asks for the usual.
    kept     the addresses that the port has; None for a port that is being made.
    Raises   IpAddressGenerationFailure, IpAddressAlreadyAllocated, and what is wrong with `wanted`.
    """
    taken = Taken([])
    if wanted is None:
        await _usual(reads, world, place, taken)
    else:
        mine = {(row.subnet_id, row.address) for row in kept or ()}
        for each in _explicit_first(wanted):
            await _one(reads, world, place, each, taken, mine)
    if kept is None and not place.of_router and place.device_owner != DHCP_OWNER:
        for subnet in place.subnets:
            if is_automatic(subnet) and not taken.of(subnet.id) and serves(subnet, place.device_owner):
                taken.pairs.append((subnet.id, eui64(ipaddress.ip_network(subnet.cidr), place.mac_address)))
    return taken.pairs


def serves(subnet: SubnetRow, device_owner: str) -> bool:
    """Return whether a subnet is for this kind of device."""
    return not subnet.service_types or device_owner in subnet.service_types or device_owner == DHCP_OWNER


def _explicit_first(wanted: Sequence[FixedIp]) -> list[FixedIp]:
    """Put certain addresses before any address, so that a draw does not take what is asked for next."""
    return sorted(wanted, key=lambda each: not isinstance(each.ip_address, str))


async def _usual(reads: Reads, world: World, place: Place, taken: Taken) -> None:
    """Take one address of IPv4, and one of IPv6 where DHCP gives them out."""
    if place.subnets and not any(serves(subnet, place.device_owner) for subnet in place.subnets):
        raise IpAddressGenerationFailureNoMatchingSubnet(place.network_id, place.device_owner)
    for version in (4, 6):
        offered = [
            subnet
            for subnet in place.subnets
            if subnet.ip_version == version and not is_automatic(subnet) and serves(subnet, place.device_owner)
        ]
        for subnet in offered:
            found = await free_address(reads, world, subnet)
            if found is not None:
                taken.pairs.append((subnet.id, found))
                break
        else:
            if offered:
                raise IpAddressGenerationFailure(place.network_id)


async def _one(
    reads: Reads, world: World, place: Place, wanted: FixedIp, taken: Taken, mine: set[tuple[str, str]]
) -> None:
    """Take what one entry asks for."""
    if isinstance(wanted.ip_address, str):
        number = address(wanted.ip_address)
        subnet = _subnet_for(place, wanted, number)
        _check_automatic(place, subnet, number)
        text = str(number)
        if taken.has(subnet.id, text):
            raise InvalidInput(f"Duplicate IP addresses '{text}'")
        if (subnet.id, text) not in mine and await is_taken(reads, subnet.id, text):
            raise IpAddressAlreadyAllocated(text, subnet.id)
        taken.pairs.append((subnet.id, text))
        return
    if not isinstance(wanted.subnet_id, str):
        raise BadRequest("ports", "IP allocation requires subnet_id or ip_address")
    subnet = _subnet(place, wanted.subnet_id)
    if is_automatic(subnet) and not place.of_router:
        own = eui64(ipaddress.ip_network(subnet.cidr), place.mac_address)
        if not taken.has(subnet.id, own):
            taken.pairs.append((subnet.id, own))
        return
    again = sorted(text for id, text in mine if id == subnet.id and not taken.has(id, text))
    found = again[0] if again else await free_address(reads, world, subnet, taken.of(subnet.id))
    if found is None:
        raise IpAddressGenerationFailure(place.network_id)
    taken.pairs.append((subnet.id, found))


def _subnet(place: Place, subnet_id: str) -> SubnetRow:
    """Return a subnet of the network.  Raises InvalidInput."""
    for subnet in place.subnets:
        if subnet.id == subnet_id:
            return subnet
    raise InvalidInput(
        f"Failed to create port on network {place.network_id}, because fixed_ips included invalid subnet {subnet_id}"
    )


def _subnet_for(place: Place, wanted: FixedIp, number: Address) -> SubnetRow:
    """Return the subnet that an address belongs to.  Raises InvalidIpForSubnet, InvalidIpForNetwork."""
    if isinstance(wanted.subnet_id, str):
        subnet = _subnet(place, wanted.subnet_id)
        if not ranges.is_usable(ipaddress.ip_network(subnet.cidr), number):
            raise InvalidIpForSubnet(str(number))
        return subnet
    for subnet in place.subnets:
        cidr = ipaddress.ip_network(subnet.cidr)
        if number.version == cidr.version and number in cidr:
            if not ranges.is_usable(cidr, number):
                raise InvalidIpForSubnet(str(number))
            return subnet
    raise InvalidIpForNetwork(str(number))


def _check_automatic(place: Place, subnet: SubnetRow, number: Address) -> None:
    """Refuse an address that the guest would not give itself.  Raises InvalidInput."""
    if not is_automatic(subnet) or place.of_router:
        return
    if str(number) != eui64(ipaddress.ip_network(subnet.cidr), place.mac_address):
        raise InvalidInput(
            f"IPv6 address {number} can not be directly assigned to a port on subnet {subnet.id} since the subnet is "
            "configured for automatic addresses"
        )
