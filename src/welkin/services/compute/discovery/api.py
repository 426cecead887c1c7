"""Version documents, extensions and calls that are gone, over HTTP."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from welkin.core import operations
from welkin.core.errors import Gone, NotFound
from welkin.core.http import Call, Routes
from welkin.core.policy import EVERYBODY, PUBLIC, Rule
from welkin.core.versions import text
from welkin.services.compute.discovery.extensions import EXTENSIONS
from welkin.services.compute.queries import passed_over_before
from welkin.services.compute.service import service, versions
from welkin.services.compute.values import NoQuery

routes = Routes(service)

LIST_EXTENSIONS = Rule("os_compute_api:extensions", EVERYBODY, "List the extensions that are part of the API.")
ASK_FOR_GONE = Rule("os_compute_api:gone", EVERYBODY, "Be told that a call of old versions is gone.")


class VersionFacts(Struct, frozen=True):
    """One version of the API."""

    id: str
    path: str
    status: str
    updated: str
    media_type: str
    low: str = ""
    high: str = ""


LEGACY = VersionFacts("v2.0", "/v2/", "DEPRECATED", "2011-01-21T11:33:21Z", "version=2")
CURRENT = VersionFacts(
    "v2.1",
    "/v2.1/",
    "CURRENT",
    "2013-07-23T11:33:21Z",
    "version=2.1",
    text(versions.minimum),
    text(versions.maximum),
)


@routes.get("/", rule=PUBLIC)
async def list_versions(call: Call) -> dict[str, Any]:
    """List the versions of the API."""
    return {"versions": [brief(call, LEGACY), brief(call, CURRENT)]}


@routes.get("/v2", rule=PUBLIC)
async def show_legacy_version(call: Call) -> dict[str, Any]:
    """Show the version without microversions."""
    return {"version": full(call, LEGACY)}


@routes.get("/v2.1", rule=PUBLIC)
async def show_version(call: Call) -> dict[str, Any]:
    """Show the version with microversions."""
    return {"version": full(call, CURRENT)}


@routes.get("/v2.1/extensions", rule=LIST_EXTENSIONS)
async def list_extensions(call: Call, query: NoQuery) -> dict[str, Any]:
    """List what were extensions once and are part of the API now."""
    return {"extensions": [extension(alias) for alias in EXTENSIONS]}


@routes.get("/v2.1/extensions/{alias}", rule=LIST_EXTENSIONS)
async def show_extension(call: Call, alias: str, query: NoQuery) -> dict[str, Any]:
    """Show what was an extension once."""
    if alias not in EXTENSIONS:
        raise NotFound("The resource could not be found.")
    return {"extension": extension(alias)}


passed_over_before("2.102", list_extensions, show_extension)


def brief(call: Call, version: VersionFacts) -> dict[str, Any]:
    """Return a version as the list has it."""
    return {
        "id": version.id,
        "status": version.status,
        "version": version.high,
        "min_version": version.low,
        "updated": version.updated,
        "links": [{"rel": "self", "href": call.base_url + version.path}],
    }


def full(call: Call, version: VersionFacts) -> dict[str, Any]:
    """Return a version as its own document has it."""
    document = brief(call, version)
    document["links"].append({"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"})
    media_type = f"application/vnd.openstack.compute+json;{version.media_type}"
    return {**document, "media-types": [{"base": "application/json", "type": media_type}]}


def extension(alias: str) -> dict[str, Any]:
    """Return an extension."""
    name, description = EXTENSIONS[alias]
    return {
        "alias": alias,
        "name": name,
        "description": description,
        "namespace": "http://docs.openstack.org/compute/ext/fake_xml",
        "updated": "2014-12-03T00:00:00Z",
        "links": [],
    }


async def tell_gone(call: Call, **_path: str) -> None:
    """Say that the call is gone, as upstream does at every version."""
    raise Gone("This resource is no longer available. No forwarding address is given.")


for operation in operations.all_operations()["compute"]:
    if operation.gone and operation.action is None:
        getattr(routes, operation.method.lower())(operation.path, rule=ASK_FOR_GONE)(tell_gone)
for method, path in (
    ("POST", "/os-networks"),
    ("POST", "/os-networks/add"),
    ("DELETE", "/os-networks/{id}"),
    ("POST", "/os-networks/{id}/action"),
    ("POST", "/os-tenant-networks"),
    ("DELETE", "/os-tenant-networks/{id}"),
):
    getattr(routes, method.lower())("/v2.1" + path, rule=ASK_FOR_GONE)(tell_gone)
