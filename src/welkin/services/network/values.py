"""Values as the wire writes them: addresses, ranges, MAC addresses, and what a body gave or left out."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.core.errors import Invalid
from welkin.services.network.errors import InvalidInput

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Text = Annotated[str, Meta(max_length=255)]
Id = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$")]
ItemT = TypeVar("ItemT")

MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
DNS_LABEL = re.compile(r"^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$")


def given(body: msgspec.Struct) -> dict[str, Any]:
    """Return the fields that the body named, by their names here."""
    pairs = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name: value for name, value in pairs if value is not UNSET}


def or_else(value: ItemT | UnsetType, default: ItemT) -> ItemT:
    """Return `value`, or `default` where the body left it out."""
    return default if isinstance(value, UnsetType) else value


def several(one: ItemT | UnsetType, many: list[ItemT] | UnsetType, name: str) -> tuple[list[ItemT], bool]:
    """Return what a body creates, and whether it is a single thing.  Raises Invalid."""
    if not isinstance(one, UnsetType):
        if not isinstance(many, UnsetType):
            raise Invalid("The body must hold one resource or a list of them, not both.")
        return [one], True
    if isinstance(many, UnsetType):
        raise Invalid(f"Unable to find '{name}' in request body")
    if not many:
        raise Invalid("Resources required")
    return many, False


def address(text: str) -> Address:
    """Read an IP address.  Raises InvalidInput."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput(f"'{text}' is not a valid IP address") from None
    if isinstance(found, ipaddress.IPv6Address) and found.scope_id:
        raise InvalidInput(f"'{text}' is not a valid IP address")
    return found


def network(text: str, *, strict: bool = False) -> Network:
    """Read a range of addresses; `strict` refuses one that has bits set behind its prefix.  Raises InvalidInput."""
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise InvalidInput(f"'{text}' is not a valid IP subnet") from None
    if strict and str(found) != text.lower() and ipaddress.ip_interface(text).ip != found.network_address:
        raise InvalidInput(f"'{text}' isn't a recognized IP subnet cidr, '{found}' is recommended")
    if strict and "/" not in text:
        raise InvalidInput(f"'{text}' isn't a recognized IP subnet cidr, '{found}' is recommended")
    return found


def mac(text: str) -> str:
    """Return a MAC address as it is stored.  Raises InvalidInput."""
    found = text.strip().lower().replace("-", ":")
    if not MAC.match(found) or found == "00:00:00:00:00:00":
        raise InvalidInput(f"'{text}' is not a valid MAC address")
    return found


def dns_name(text: str) -> str:
    """Return a host's name, checked label by label.  Raises InvalidInput."""
    for label in text.rstrip(".").split(".") if text else ():
        if not DNS_LABEL.match(label):
            raise InvalidInput(f"'{text}' not a valid PQDN or FQDN. Reason: Name '{text}' must be 1-63 characters long")
    return text


def eui64(cidr: Network, mac_address: str) -> str:
    """Return the address that a guest gives itself in an IPv6 range from its MAC address (RFC 4291)."""
    octets = [int(part, 16) for part in mac_address.split(":")]
    octets[0] ^= 2
    suffix = int.from_bytes(bytes([*octets[:3], 0xFF, 0xFE, *octets[3:]]), "big")
    return str(ipaddress.IPv6Address(int(cidr.network_address) + suffix))


def owner(project_id: str | UnsetType, tenant_id: str | UnsetType, caller: str | None) -> str:
    """Return the project that a new resource belongs to.  Raises Invalid when two are named."""
    if not isinstance(project_id, UnsetType) and not isinstance(tenant_id, UnsetType) and project_id != tenant_id:
        raise Invalid("'project_id' and 'tenant_id' do not match")
    return or_else(project_id, or_else(tenant_id, caller or "")) or caller or ""
