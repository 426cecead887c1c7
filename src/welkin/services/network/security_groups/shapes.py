"""What the API takes about security groups and their rules."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.values import Id, Text


class GroupCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A security group to create."""

    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    stateful: bool = True
    tags: Tags = []


class GroupUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a security group to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    stateful: bool | UnsetType = UNSET


class GroupCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One security group to create, or several."""

    security_group: GroupCreate | UnsetType = UNSET
    security_groups: list[GroupCreate] | UnsetType = UNSET


class GroupUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a security group."""

    security_group: GroupUpdate


class RuleCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule to add to a security group."""

    security_group_id: Id
    direction: Literal["ingress", "egress"]
    ethertype: str | None = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: Text | None = None
    remote_group_id: Text | None = None
    remote_address_group_id: Text | None = None
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET


class RuleCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One rule to add, or several."""

    security_group_rule: RuleCreate | UnsetType = UNSET
    security_group_rules: list[RuleCreate] | UnsetType = UNSET


class DefaultRuleCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule that new security groups shall start with; the remote group `PARENT` is the new group itself."""

    direction: Literal["ingress", "egress"]
    ethertype: str | None = "IPv4"
    protocol: str | int | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: Text | None = None
    remote_group_id: Text | None = None
    remote_address_group_id: Id | None = None
    description: Text = ""
    used_in_default_sg: bool = False
    used_in_non_default_sg: bool = True


class DefaultRuleCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One default rule to add, or several."""

    default_security_group_rule: DefaultRuleCreate | UnsetType = UNSET
    default_security_group_rules: list[DefaultRuleCreate] | UnsetType = UNSET


class AddressGroupCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An address group to create."""

    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    addresses: list[Text] = []
    tags: Tags = []


class AddressGroupUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of an address group to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class AddressGroupCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One address group to create, or several."""

    address_group: AddressGroupCreate | UnsetType = UNSET
    address_groups: list[AddressGroupCreate] | UnsetType = UNSET


class AddressGroupUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of an address group."""

    address_group: AddressGroupUpdate


class AddressesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Addresses to add or to remove."""

    addresses: list[Text]
