"""Quotas, their classes and limits as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.compute.resource_cloud import OTHER, PROJECT, Compute, fault, fits
from welkin.core.quota import Claim, QuotaExceeded
from welkin.services.compute.quotas.users import claim_for_user
from welkin.services.compute.servers.tables import CORES, INSTANCES, RAM

PATH = f"/os-quota-sets/{PROJECT}"
CLASS = "/os-quota-class-sets/default"
VERSIONS = ["2.1", "2.35", "2.36", "2.50", "2.56", "2.57", "2.104"]
FILES = ["injected_file_content_bytes", "injected_file_path_bytes", "injected_files"]
NETWORK = ["fixed_ips", "floating_ips", "security_group_rules", "security_groups"]
OWN = ["cores", "instances", "key_pairs", "metadata_items", "ram", "server_group_members", "server_groups"]


def minor(version: str) -> int:
    return int(version.partition(".")[2])


def names(version: str, network_until: int) -> list[str]:
    found = list(OWN)
    if minor(version) < 57:
        found += FILES
    if minor(version) < network_until:
        found += NETWORK
    return sorted(found)


@pytest.mark.parametrize("version", VERSIONS)
async def test_quotas_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    at, module = {"version": version}, "quotas"
    shown = fits(await compute("GET", PATH, **at), version, module, "get_quota_set")["quota_set"]
    assert sorted(shown) == sorted([*names(version, 36), "id"])
    defaults = fits(await compute("GET", f"{PATH}/defaults", **at), version, module, "get_quota_set")
    assert defaults["quota_set"] == shown
    detail = fits(await compute("GET", f"{PATH}/detail", **at), version, module, "get_quota_set_details")
    assert detail["quota_set"]["cores"] == {"limit": 20, "in_use": 0, "reserved": 0}
    body = {"quota_set": {"cores": "30", "force": "True"}}
    updated = fits(await compute("PUT", PATH, body, **at), version, module, "update_quota_set")["quota_set"]
    assert sorted(updated) == names(version, 36)
    assert updated["cores"] == 30
    fits(await compute("DELETE", PATH, **at), version, module, "delete_quota")
    assert (await compute.get(PATH))["quota_set"]["cores"] == 20


@pytest.mark.parametrize("version", VERSIONS)
async def test_classes_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    at, module = {"version": version}, "quota_classes"
    expected = names(version, 50)
    if minor(version) < 50:
        expected = [name for name in expected if not name.startswith("server_group")]
    shown = fits(await compute("GET", CLASS, **at), version, module, "get_quota_class_set")["quota_class_set"]
    assert sorted(shown) == sorted([*expected, "id"])
    body = {"quota_class_set": {"cores": 7}}
    updated = fits(await compute("PUT", CLASS, body, **at), version, module, "update_quota_class_set")
    assert sorted(updated["quota_class_set"]) == expected
    assert (await compute.get(PATH))["quota_set"]["cores"] == 7
    assert (await compute.get(f"{PATH}/defaults"))["quota_set"]["cores"] == 7
    assert (await compute.get("/os-quota-class-sets/other"))["quota_class_set"]["cores"] == 20


@pytest.mark.parametrize("version", VERSIONS)
async def test_limits_fit_the_schemas_of_their_time(compute: Compute, version: str) -> None:
    await compute.server("s")
    shown = fits(await compute("GET", "/limits", version=version), version, "limits", "get_limit")
    absolute = shown["limits"]["absolute"]
    assert (absolute["totalRAMUsed"], absolute["totalInstancesUsed"], absolute["maxTotalCores"]) == (512, 1, 20)
    for name, until in (("maxTotalFloatingIps", 36), ("maxImageMeta", 39), ("maxPersonality", 57)):
        assert (name in absolute) == (minor(version) < until)


@pytest.mark.parametrize(
    ("version", "name"),
    [("2.104", "injected_files"), ("2.57", "fixed_ips"), ("2.36", "floating_ips"), ("2.1", "disks")],
)
async def test_what_a_version_lacks_is_refused(compute: Compute, version: str, name: str) -> None:
    assert (await compute("PUT", PATH, {"quota_set": {name: 1}}, version=version)).status_code == 400
    assert (await compute("PUT", CLASS, {"quota_class_set": {name: 1}}, version="2.104")).status_code == 400


async def test_old_clients_set_what_they_know(compute: Compute) -> None:
    body = {"quota_set": {"fixed_ips": 3, "injected_files": 4}}
    assert (await compute("PUT", PATH, body, version="2.35")).json()["quota_set"]["fixed_ips"] == 3
    assert (await compute("PUT", PATH, {"quota_set": {"injected_files": 9}}, version="2.56")).status_code == 200
    assert (await compute.get(PATH, version="2.35"))["quota_set"]["injected_files"] == 9


@pytest.mark.parametrize("wrong", [-2, "x", "", None, 1 << 31, 1.5, True, [1]])
async def test_a_senseless_quota_is_refused(compute: Compute, wrong: Any) -> None:
    fault(await compute("PUT", PATH, {"quota_set": {"cores": wrong}}), 400, "badRequest")
    fault(await compute("PUT", CLASS, {"quota_class_set": {"cores": wrong}}), 400, "badRequest")


async def test_a_quota_is_not_below_what_is_used(compute: Compute) -> None:
    await compute.server("s")
    told = fault(await compute("PUT", PATH, {"quota_set": {"ram": 500}}), 400, "badRequest")
    assert told == "Quota limit 500 for ram must be greater than or equal to already used and reserved 512."
    assert (await compute("PUT", PATH, {"quota_set": {"ram": 500, "force": True}})).status_code == 200
    assert (await compute("PUT", PATH, {"quota_set": {"ram": -1}})).json()["quota_set"]["ram"] == -1


async def test_quotas_of_one_user(compute: Compute) -> None:
    assert (await compute("PUT", PATH, {"quota_set": {"cores": 3}}, user_id="mike")).json()["quota_set"]["cores"] == 3
    assert (await compute.get(PATH, user_id="mike"))["quota_set"]["cores"] == 3
    assert (await compute.get(PATH))["quota_set"]["cores"] == 20
    assert (await compute("DELETE", PATH, user_id="mike")).status_code == 202
    assert (await compute.get(PATH, user_id="mike"))["quota_set"]["cores"] == 20


async def test_a_users_own_quota_holds(compute: Compute) -> None:
    await compute("PUT", PATH, {"quota_set": {"instances": 2, "ram": 1024}}, user_id="mike")
    await compute.server("a", user_id="mike")
    await compute.server("b", user_id="rita")
    one = [Claim(INSTANCES, 1), Claim(CORES, 1), Claim(RAM, 512)]
    async with compute.db.tx() as tx:
        await claim_for_user(tx, PROJECT, "mike", one)
        await claim_for_user(tx, PROJECT, "rita", [Claim(INSTANCES, 50)])
        with pytest.raises(
            QuotaExceeded, match="instances, ram: Requested 2, 1024, but already used 1, 512 of 2, 1024"
        ):
            await claim_for_user(tx, PROJECT, "mike", [Claim(INSTANCES, 2), Claim(RAM, 1024)])


async def test_queries_and_projects(compute: Compute) -> None:
    for path in (PATH, f"{PATH}/detail", f"{PATH}/defaults", CLASS, "/limits"):
        assert (await compute("GET", path, new=1)).status_code == 400
        await compute.get(path, version="2.74", new=1)
    for path in ("", "/detail", "/defaults"):
        told = fault(await compute("GET", f"/os-quota-sets/none{path}"), 400, "badRequest")
        assert told == "Project ID none is not a valid project."
    assert (await compute("PUT", "/os-quota-sets/none", {"quota_set": {}})).status_code == 400
    assert (await compute("PUT", f"/os-quota-class-sets/{'x' * 256}", {"quota_class_set": {}})).status_code == 400


async def test_who_may(compute: Compute) -> None:
    for method, path, body in (
        ("GET", PATH, None),
        ("GET", f"{PATH}/detail", None),
        ("PUT", PATH, {"quota_set": {}}),
        ("DELETE", PATH, None),
        ("GET", CLASS, None),
        ("PUT", CLASS, {"quota_class_set": {}}),
    ):
        await compute.refused(method, path, 403, body=body)
    for version in ("2.1", "2.56"):
        for path, body in ((PATH, {"quota_set": {}}), (CLASS, {"quota_class_set": {}})):
            for who, status in (("", 401), ("manager", 403)):
                assert (await compute("PUT", path, body, who=who, version=version)).status_code == status
    for path in (f"{PATH}/defaults", "/limits"):
        assert (await compute("GET", path, who="")).status_code == 401
        assert (await compute("GET", path, who="stranger")).status_code == 200
    assert (await compute("GET", PATH, who="reader")).status_code == 200
    assert (await compute("GET", "/limits", who="manager", tenant_id=OTHER)).status_code == 403
    await compute.server("s", project_id=OTHER)
    limits = (await compute.get("/limits", tenant_id=OTHER, reserved=1))["limits"]["absolute"]
    assert limits["totalInstancesUsed"] == 1
