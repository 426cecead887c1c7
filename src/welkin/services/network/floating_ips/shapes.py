"""What the API takes about floating IPs."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.values import Id, Text

PortNumber = Annotated[int, Meta(ge=1, le=65535)]
Protocol = Literal["tcp", "udp", "sctp", "dccp", "icmp"]


class FloatingIpCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A floating IP to create."""

    floating_network_id: Id
    floating_ip_address: Text | None = None
    subnet_id: Id | None = None
    port_id: Id | None = None
    fixed_ip_address: Text | None = None
    description: Text = ""
    dns_name: Text = ""
    dns_domain: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    tags: Tags = []


class FloatingIpUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a floating IP to change."""

    port_id: Id | UnsetType | None = UNSET
    fixed_ip_address: Text | UnsetType | None = UNSET
    description: Text | UnsetType = UNSET


class FloatingIpCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One floating IP to create, or several."""

    floatingip: FloatingIpCreate | UnsetType = UNSET
    floatingips: list[FloatingIpCreate] | UnsetType = UNSET


class FloatingIpUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a floating IP."""

    floatingip: FloatingIpUpdate


class ForwardingCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A port of a floating IP that shall lead inside."""

    protocol: Protocol
    internal_port_id: Id
    internal_ip_address: Text | None = None
    internal_port: PortNumber | UnsetType = UNSET
    external_port: PortNumber | UnsetType = UNSET
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET


class ForwardingUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a port forwarding to change."""

    protocol: Protocol | UnsetType = UNSET
    internal_port_id: Id | UnsetType = UNSET
    internal_ip_address: Text | UnsetType = UNSET
    internal_port: PortNumber | UnsetType = UNSET
    external_port: PortNumber | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class ForwardingCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One port forwarding to create, or several."""

    port_forwarding: ForwardingCreate | UnsetType = UNSET
    port_forwardings: list[ForwardingCreate] | UnsetType = UNSET


class ForwardingUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a port forwarding."""

    port_forwarding: ForwardingUpdate
