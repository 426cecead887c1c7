"""Versions, resources and extensions over HTTP."""

from __future__ import annotations

from welkin.core.http import Call, Routes
from welkin.core.policy import EVERYBODY, PUBLIC, Rule
from welkin.services.network.collection import View
from welkin.services.network.discovery.catalog import EXTENSIONS, Extension
from welkin.services.network.errors import ExtensionsNotFound
from welkin.services.network.service import service

GET_EXTENSION = Rule("get_extension", EVERYBODY, "Read what this network service offers.")
RESOURCES = {
    "networks": "network",
    "subnets": "subnet",
    "ports": "port",
    "subnetpools": "subnetpool",
    "routers": "router",
    "floatingips": "floatingip",
    "security-groups": "security-group",
    "security-group-rules": "security-group-rule",
    "address-scopes": "address-scope",
    "address-groups": "address-group",
    "rbac-policies": "rbac-policy",
    "quotas": "quota",
    "agents": "agent",
    "availability_zones": "availability_zone",
    "extensions": "extension",
}
"""The collections, and what one of each is called."""

routes = Routes(service)


@routes.get("/", rule=PUBLIC)
async def list_versions(call: Call) -> View:
    """List the versions of this API."""
    href = f"{call.base_url}/v2.0/"
    return {"versions": [{"id": "v2.0", "status": "CURRENT", "links": [{"rel": "self", "href": href}]}]}


@routes.get("/v2.0", rule=PUBLIC)
async def list_resources(call: Call) -> View:
    """List the kinds of resources."""
    return {
        "resources": [
            {
                "links": [{"rel": "self", "href": f"{call.base_url}/v2.0/{collection}"}],
                "name": name,
                "collection": collection,
            }
            for collection, name in RESOURCES.items()
        ]
    }


@routes.get("/v2.0/extensions", rule=GET_EXTENSION)
async def list_extensions(call: Call) -> View:
    """List what this network service offers beside the core."""
    return {"extensions": [view(each) for each in EXTENSIONS]}


@routes.get("/v2.0/extensions/{alias}", rule=GET_EXTENSION)
async def show_extension(call: Call, alias: str) -> View:
    """Show one extension."""
    for each in EXTENSIONS:
        if each.alias == alias:
            return {"extension": view(each)}
    raise ExtensionsNotFound(alias)


def view(extension: Extension) -> View:
    """Return an extension as the wire has it."""
    return {
        "alias": extension.alias,
        "name": extension.name,
        "description": extension.description,
        "updated": extension.updated,
        "links": [],
    }
