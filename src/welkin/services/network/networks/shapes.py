"""What the API takes about networks."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.services.network.values import Text

Mtu = Annotated[int, Meta(ge=0, le=65535)]
NetworkType = Literal["vxlan", "flat", "vlan", "gre", "geneve", "local"]
Tags = list[Annotated[str, Meta(max_length=255)]]

RENAME = {
    "router_external": "router:external",
    "network_type": "provider:network_type",
    "physical_network": "provider:physical_network",
    "segmentation_id": "provider:segmentation_id",
}


class NetworkCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename=RENAME):
    """A network to create."""

    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    admin_state_up: bool = True
    shared: bool = False
    router_external: bool = False
    is_default: bool = False
    mtu: Mtu = 0
    port_security_enabled: bool = True
    dns_domain: Text = ""
    network_type: NetworkType | None = None
    physical_network: Text | None = None
    segmentation_id: int | None = None
    availability_zone_hints: list[Text] = []
    tags: Tags = []


class NetworkUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, rename=RENAME):
    """What of a network to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    router_external: bool | UnsetType = UNSET
    is_default: bool | UnsetType = UNSET
    mtu: Mtu | UnsetType = UNSET
    port_security_enabled: bool | UnsetType = UNSET
    dns_domain: Text | UnsetType = UNSET
    network_type: NetworkType | UnsetType | None = UNSET
    physical_network: Text | UnsetType | None = UNSET
    segmentation_id: int | UnsetType | None = UNSET


class NetworkCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One network to create, or several."""

    network: NetworkCreate | UnsetType = UNSET
    networks: list[NetworkCreate] | UnsetType = UNSET


class NetworkUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a network."""

    network: NetworkUpdate
