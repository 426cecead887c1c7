"""What the API takes about ports."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.values import Id, Text

RENAME = {
    "host_id": "binding:host_id",
    "vnic_type": "binding:vnic_type",
    "profile": "binding:profile",
}
VnicType = Literal[
    "normal", "direct", "macvtap", "baremetal", "direct-physical", "virtio-forwarder", "smart-nic", "vdpa",
    "accelerator-direct", "accelerator-direct-physical", "remote-managed",
]  # fmt: skip


class FixedIp(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An address that is wanted: of a subnet, a certain one, or both."""

    subnet_id: Id | UnsetType = UNSET
    ip_address: Text | UnsetType = UNSET


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address that a port may use beside its own; without a MAC address the port's own."""

    ip_address: Text
    mac_address: Text | None = None


class ExtraOption(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A DHCP option; in an update, a null value removes it."""

    opt_name: Text
    opt_value: Text | None = None
    ip_version: Literal[4, 6] = 4


class PortCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename=RENAME):
    """A port to create."""

    network_id: Id
    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    admin_state_up: bool = True
    mac_address: Text | None = None
    fixed_ips: list[FixedIp] | None = None
    device_id: Text = ""
    device_owner: Text = ""
    security_groups: list[Id] | UnsetType | None = UNSET
    port_security_enabled: bool | None = None
    allowed_address_pairs: list[Pair] | None = []
    extra_dhcp_opts: list[ExtraOption] | None = []
    dns_name: Text = ""
    dns_domain: Text = ""
    propagate_uplink_status: bool = True
    host_id: Text | None = ""
    vnic_type: VnicType = "normal"
    profile: dict[str, Any] | None = {}
    tags: Tags = []


class PortUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename=RENAME):
    """What of a port to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    mac_address: Text | UnsetType = UNSET
    fixed_ips: list[FixedIp] | UnsetType | None = UNSET
    device_id: Text | UnsetType = UNSET
    device_owner: Text | UnsetType = UNSET
    security_groups: list[Id] | UnsetType | None = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    allowed_address_pairs: list[Pair] | UnsetType | None = UNSET
    extra_dhcp_opts: list[ExtraOption] | UnsetType | None = UNSET
    dns_name: Text | UnsetType = UNSET
    dns_domain: Text | UnsetType = UNSET
    propagate_uplink_status: bool | UnsetType = UNSET
    host_id: Text | UnsetType | None = UNSET
    vnic_type: VnicType | UnsetType = UNSET
    profile: dict[str, Any] | UnsetType | None = UNSET


class PortCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One port to create, or several."""

    port: PortCreate | UnsetType = UNSET
    ports: list[PortCreate] | UnsetType = UNSET


class PortUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a port."""

    port: PortUpdate
