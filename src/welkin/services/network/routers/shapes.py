"""What the API takes about routers."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from welkin.services.network.networks.shapes import Tags
from welkin.services.network.ports.shapes import FixedIp
from welkin.services.network.tables import Route
from welkin.services.network.values import Id, Text


class Gateway(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A router's way to a network outside; without a network there is none."""

    network_id: Id | UnsetType | None = UNSET
    enable_snat: bool | UnsetType | None = UNSET
    external_fixed_ips: list[FixedIp] | UnsetType | None = UNSET


class RouterCreate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A router to create."""

    name: Text = ""
    description: Text = ""
    project_id: Text | UnsetType = UNSET
    tenant_id: Text | UnsetType = UNSET
    admin_state_up: bool = True
    external_gateway_info: Gateway | None = None
    distributed: bool | None = None
    ha: bool | None = None
    flavor_id: Id | None = None
    availability_zone_hints: list[Text] = []
    tags: Tags = []


class RouterUpdate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What of a router to change."""

    name: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    admin_state_up: bool | UnsetType = UNSET
    external_gateway_info: Gateway | UnsetType | None = UNSET
    distributed: bool | UnsetType | None = UNSET
    ha: bool | UnsetType | None = UNSET
    routes: list[Route] | UnsetType | None = UNSET


class RouterCreateBody(msgspec.Struct, forbid_unknown_fields=True):
    """One router to create, or several."""

    router: RouterCreate | UnsetType = UNSET
    routers: list[RouterCreate] | UnsetType = UNSET


class RouterUpdateBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a router."""

    router: RouterUpdate


class InterfaceBody(msgspec.Struct, forbid_unknown_fields=True):
    """A connection of a router: by its subnet or by its port."""

    subnet_id: Id | UnsetType = UNSET
    port_id: Id | UnsetType = UNSET


class RoutesOf(msgspec.Struct, forbid_unknown_fields=True):
    """Routes to add or to remove."""

    routes: list[Route]


class RoutesBody(msgspec.Struct, forbid_unknown_fields=True):
    """Routes to add to a router, or to remove."""

    router: RoutesOf
