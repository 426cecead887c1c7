"""What the API takes about subnet pools and address scopes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.values import Id, Text

Length = Annotated[int, Meta(ge=0, le=128)]
Prefixes = Annotated[list[Text], Meta(max_length=1000)]


class PoolCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A subnet pool to create."""

    prefixes: Prefixes
    name: Text
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    min_prefixlen: Length | UnsetType = UNSET
    max_prefixlen: Length | UnsetType = UNSET
    default_prefixlen: Length | UnsetType = UNSET
    default_quota: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | None = None
    address_scope_id: Id | None = None
    shared: bool = False
    is_default: bool = False
    tags: Tags = []


class PoolUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a subnet pool to change."""

    prefixes: Prefixes | UnsetType = UNSET
    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    min_prefixlen: Length | UnsetType = UNSET
    max_prefixlen: Length | UnsetType = UNSET
    default_prefixlen: Length | UnsetType = UNSET
    default_quota: Annotated[int, Meta(ge=0, le=(1 << 63) - 1)] | UnsetType | None = UNSET
    address_scope_id: Id | UnsetType | None = UNSET
    is_default: bool | UnsetType = UNSET


class PoolCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One subnet pool to create, or several."""

    subnetpool: PoolCreate | UnsetType = UNSET
    subnetpools: list[PoolCreate] | UnsetType = UNSET


class PoolUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a subnet pool."""

    subnetpool: PoolUpdate


class PrefixesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Prefixes to add or to remove."""

    prefixes: Prefixes


class ScopeCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An address scope to create."""

    ip_version: Literal[4, 6]
    name: Text
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    shared: bool = False


class ScopeUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of an address scope to change."""

    name: Text | UnsetType = UNSET
    shared: bool | UnsetType = UNSET


class ScopeCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One address scope to create, or several."""

    address_scope: ScopeCreate | UnsetType = UNSET
    address_scopes: list[ScopeCreate] | UnsetType = UNSET


class ScopeUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of an address scope."""

    address_scope: ScopeUpdate
