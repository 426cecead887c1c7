"""What the API takes about subnets."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.tables import Pool, Route
from welkin.services.network.values import Id, Text

Mode = Literal["slaac", "dhcpv6-stateful", "dhcpv6-stateless"]
ServiceType = Annotated[str, Meta(max_length=255, min_length=1)]


class SubnetCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A subnet to create."""

    network_id: Id
    ip_version: Literal[4, 6]
    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    cidr: Text | UnsetType | None = UNSET
    prefixlen: int | UnsetType = UNSET
    subnetpool_id: Id | UnsetType | None = UNSET
    use_default_subnetpool: bool = False
    gateway_ip: Text | UnsetType | None = UNSET
    allocation_pools: list[Pool] | UnsetType | None = UNSET
    dns_nameservers: list[Text] | None = None
    host_routes: list[Route] | None = None
    enable_dhcp: bool = True
    ipv6_ra_mode: Mode | UnsetType | None = UNSET
    ipv6_address_mode: Mode | UnsetType | None = UNSET
    service_types: list[ServiceType] = []
    dns_publish_fixed_ip: bool = False
    tags: Tags = []


class SubnetUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a subnet to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    gateway_ip: Text | UnsetType | None = UNSET
    allocation_pools: list[Pool] | UnsetType | None = UNSET
    dns_nameservers: list[Text] | UnsetType | None = UNSET
    host_routes: list[Route] | UnsetType | None = UNSET
    enable_dhcp: bool | UnsetType = UNSET
    service_types: list[ServiceType] | UnsetType = UNSET
    dns_publish_fixed_ip: bool | UnsetType = UNSET


class SubnetCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One subnet to create, or several."""

    subnet: SubnetCreate | UnsetType = UNSET
    subnets: list[SubnetCreate] | UnsetType = UNSET


class SubnetUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a subnet."""

    subnet: SubnetUpdate
