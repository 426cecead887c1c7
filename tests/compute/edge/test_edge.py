"""Version documents, older spellings of paths, extensions, and what is gone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import PROJECT, Compute, fault, fits
from welkin.services.compute.edge import respell


async def test_versions(compute: Compute) -> None:
    listed = fits(await compute("GET", "/compute/", who="", version="2.1"), "2.1", "versions", "list_versions")
    assert [each["id"] for each in listed["versions"]] == ["v2.0", "v2.1"]
    assert (listed["versions"][1]["min_version"], listed["versions"][1]["version"]) == ("2.1", "2.104")
    for version in listed["versions"]:
        href = version["links"][0]["href"]
        shown = await compute("GET", href.removeprefix("http://cloud"), who="")
        found = fits(shown, "2.1", "versions", "get_one_version")["version"]
        assert (found["id"], found["links"][0]["href"]) == (version["id"], href)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"/compute/v2.1/{PROJECT}/flavors", "/compute/v2.1/flavors"),
        (f"/compute/v2/{PROJECT}/flavors/detail", "/compute/v2.1/flavors/detail"),
        ("/compute/v2/flavors", "/compute/v2.1/flavors"),
        ("/compute//v2//flavors/", "/compute/v2.1/flavors/"),
        ("/compute/v2.1/flavors/abc", "/compute/v2.1/flavors/abc"),
        ("/compute/v2.1/a%20b/c", "/compute/v2.1/a%20b/c"),
        ("/compute/v2.1/abc", "/compute/v2.1/abc"),
        ("/compute/v2", "/compute/v2"),
        ("/compute/v2/", "/compute/v2/"),
        ("/compute/", "/compute/"),
        ("/compute", "/compute"),
    ],
)
def test_respelling(path: str, found: str) -> None:
    scope: dict[str, Any] = {"path": path, "raw_path": path.encode(), "headers": [(b"host", b"h")]}
    assert respell(scope)["raw_path"].decode().replace("//", "/") == found


async def test_older_spellings_of_paths(compute: Compute) -> None:
    for path in (f"/compute/v2.1/{PROJECT}/flavors", f"/compute/v2/{PROJECT}/flavors", "/compute/v2/flavors"):
        assert (await compute("GET", path)).json() == {"flavors": []}
    body = {"flavor": {"name": "a", "ram": 1, "vcpus": 1, "disk": 1, "id": "7"}}
    assert (await compute("POST", "/compute/v2/flavors", body)).json()["flavor"]["rxtx_factor"] == 1.0
    assert (await compute("GET", f"/compute/v2.1/{PROJECT}/flavors/7")).json()["flavor"]["id"] == "7"
    assert (await compute("GET", f"/compute/v2.1/{PROJECT}/nothing")).status_code == 404
    assert (await compute("GET", "/compute/v2/flavors", version="9.9")).status_code == 200


@pytest.mark.parametrize("version", ["2.1", "2.104"])
async def test_extensions(compute: Compute, version: str) -> None:
    listed = fits(await compute("GET", "/extensions", version=version), "2.1", "extensions", "list_extensions")
    assert len(listed["extensions"]) > 90
    shown = await compute("GET", "/extensions/os-keypairs", who="stranger", version=version)
    assert shown.json()["extension"]["name"] == "Keypairs"
    assert (await compute("GET", "/extensions/none")).status_code == 404
    for path in ("/extensions", "/extensions/os-keypairs"):
        assert (await compute("GET", path, who="")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/flavors"), ("DELETE", "/os-security-groups/"), ("GET", "/os-simple-tenant-usage/")]
)
async def test_only_the_very_path_and_its_methods_are_found(compute: Compute, method: str, path: str) -> None:
    fault(await compute(method, path, version="2.1"), 404, "itemNotFound")


async def test_what_is_gone(compute: Compute) -> None:
    for method, path in (
        ("GET", "/os-agents"),
        ("POST", "/os-agents"),
        ("GET", "/os-cells/detail"),
        ("GET", "/os-cloudpipe"),
        ("GET", "/os-fping"),
        ("GET", "/os-fixed-ips/1.2.3.4"),
        ("DELETE", "/os-floating-ip-dns/d/entries/n"),
        ("POST", "/os-networks"),
    ):
        assert (await compute(method, path, {} if method == "POST" else None)).status_code == 410, path
        assert (await compute(method, path, who="")).status_code == 401
