"""A cloud whose limits are those of identity, in force in the transaction that makes what is limited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.compute.servers.conftest import DEADLINE_S, Person, World, fault, furnish, log_in, new_person
from tests.postgres import postgres_url
from welkin.app import Config
from welkin.core.config import CloudOptions
from welkin.testing.cloud import CHEAP_PASSWORDS, running

# Tests here follow each other: what one registers is there for the next.
pytestmark = [pytest.mark.asyncio(loop_scope="package")]
LIMITS, REGISTERED = "/identity/v3/limits", "/identity/v3/registered_limits"


class Limits:
    """The unified limits of a cloud, and who sets them."""

    def __init__(self, world: World, services: dict[str, str]) -> None:
        self.world, self.services = world, services

    async def register(self, name: str, amount: int, service: str = "compute", region: str | None = None) -> str:
        """Register a limit and return its id."""
        wanted: dict[str, Any] = {"resource_name": name, "default_limit": amount}
        wanted |= {"service_id": self.services[service]} | ({"region_id": region} if region else {})
        made = await self.world.admin.post(REGISTERED, {"registered_limits": [wanted]}, 201)
        return str(made["registered_limits"][0]["id"])

    async def give(self, project_id: str, name: str, amount: int, service: str = "compute") -> str:
        """Give a project a limit of its own and return its id."""
        wanted = {"project_id": project_id, "resource_name": name, "resource_limit": amount}
        wanted["service_id"] = self.services[service]
        return str((await self.world.admin.post(LIMITS, {"limits": [wanted]}, 201))["limits"][0]["id"])


@pytest_asyncio.fixture(
    scope="module", loop_scope="package", params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]
)
async def limits(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Limits]:
    """Run a cloud with unified limits, in which nothing but a few servers and images is registered yet."""
    database = postgres_url() if request.param == "postgres" else ""
    config = Config(cloud=CloudOptions(database=database, unified_limits=True), identity=CHEAP_PASSWORDS)
    async with (
        running(tmp_path_factory.mktemp("unified"), config) as run,
        httpx.AsyncClient(base_url=run.url, timeout=DEADLINE_S) as client,
    ):
        admin = await log_in(client, "admin", run.passwords["admin"], "admin")
        people = {"admin": admin, "member": await log_in(client, "demo", run.passwords["demo"], "demo")}
        people |= {"reader": people["member"], "nobody": Person(client, "", "", "")}
        people["stranger"] = await new_person(admin, "sam", "member", "elsewhere")
        services = {each["type"]: each["id"] for each in (await admin.get("/identity/v3/services"))["services"]}
        found = Limits(World(run, people, "", ""), services)
        for name in ("image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"):
            await found.register(name, 100, "image")
        found.world.image_id, found.world.network_id = await furnish(admin, people["member"])
        yield found


async def boot(world: World, count: int = 1, flavor: str = "42") -> list[str]:
    """Make servers of the member's and return their ids."""
    wish = world.wish(min_count=count, max_count=count, networks="none", flavorRef=flavor)
    await world.member.post("/servers", wish, 202)
    return [each["id"] for each in (await world.member.get("/servers"))["servers"]]


async def refused(world: World, count: int = 1, flavor: str = "42") -> str:
    """See that servers are refused and return why."""
    wish = world.wish(min_count=count, max_count=count, networks="none", flavorRef=flavor)
    return fault(await world.member("POST", "/servers", wish), 403)


async def clear(world: World) -> None:
    """Delete the member's servers."""
    for each in (await world.member.get("/servers"))["servers"]:
        await world.member("DELETE", f"/servers/{each['id']}")
        await world.member.until_gone(each["id"])


async def test_servers_are_refused_until_a_limit_is_registered(limits: Limits) -> None:
    world, member = limits.world, limits.world.member
    assert "instances" in await refused(world)
    quotas = (await member.get(f"/os-quota-sets/{member.project_id}"))["quota_set"]
    assert (quotas["instances"], quotas["cores"]) == (0, -1)
    registered = await limits.register("servers", 2)
    assert len(await boot(world, 2)) == 2
    assert "already used 2 of 2" in await refused(world)
    own = await limits.give(member.project_id, "servers", 3)
    assert len(await boot(world)) == 3
    shown = (await member.get("/limits"))["limits"]["absolute"]
    assert (shown["maxTotalInstances"], shown["totalInstancesUsed"]) == (3, 3)
    await clear(world)
    body = {"limit": {"resource_limit": 0}}
    assert (await world.admin("PATCH", f"{LIMITS}/{own}", body)).status_code == 200
    await refused(world)
    assert (await world.admin("DELETE", f"{LIMITS}/{own}")).status_code == 204
    assert len(await boot(world)) == 1
    await clear(world)
    body = {"registered_limit": {"default_limit": -1}}
    assert (await world.admin("PATCH", f"{REGISTERED}/{registered}", body)).status_code == 200


async def test_a_projects_own_limit_is_nobody_elses(limits: Limits) -> None:
    world = limits.world
    await limits.register("class:VCPU", 1)
    await limits.give(world.stranger.project_id, "class:VCPU", 8)
    await boot(world)
    assert "cores" in await refused(world)
    quotas = (await world.stranger.get(f"/os-quota-sets/{world.stranger.project_id}"))["quota_set"]
    assert quotas["cores"] == 8
    await clear(world)


async def test_memory_and_disks_of_a_flavor(limits: Limits) -> None:
    world = limits.world
    await limits.give(world.member.project_id, "class:VCPU", -1)
    await limits.register("class:MEMORY_MB", 300)
    await boot(world, 2)
    assert "Quota exceeded for ram" in await refused(world)
    await limits.give(world.member.project_id, "class:MEMORY_MB", -1)
    await limits.register("class:DISK_GB", 3)
    first, _ = (await world.member.get("/servers"))["servers"]
    assert "Quota exceeded for disk" in await refused(world, flavor="84")
    await world.member.until(first["id"], "ACTIVE")
    grown = await world.member.act(first["id"], "resize", {"flavorRef": "84"})
    assert grown.status_code == 202, grown.text
    assert "already used 3 of 3 disk" in await refused(world)
    await world.member.until(first["id"], "VERIFY_RESIZE")
    await world.member.act(first["id"], "revertResize")
    await world.member.until(first["id"], "ACTIVE")
    await boot(world)
    await clear(world)


async def test_small_things(limits: Limits) -> None:
    world, member = limits.world, limits.world.member
    for name in ("server_metadata_items", "server_key_pairs", "server_groups"):
        await limits.register(name, 1)
    (server_id,) = await boot(world)
    await member.until(server_id, "ACTIVE")
    text = fault(await member("POST", f"/servers/{server_id}/metadata", {"metadata": {"a": "1", "b": "2"}}), 403)
    assert text == "Maximum number of metadata items exceeds 1"
    await clear(world)
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJc2V5c2V5c2V5c2V5c2V5c2V5c2V5c2V5c2V5c2V5c2 x"
    made = await member("POST", "/os-keypairs", {"keypair": {"name": "one", "public_key": key}})
    assert made.status_code == 201, made.text
    fault(await member("POST", "/os-keypairs", {"keypair": {"name": "two", "public_key": key}}), 403)
    group = {"server_group": {"name": "g", "policy": "affinity"}}
    await member.post("/os-server-groups", group)
    fault(await member("POST", "/os-server-groups", group), 403)


async def test_images(limits: Limits) -> None:
    world = limits.world
    project_id = world.member.project_id
    own = await limits.give(project_id, "image_count_total", 0, "image")
    wanted = {"name": "one", "disk_format": "raw", "container_format": "bare"}
    refused = await world.member("POST", "/image/v2/images", wanted)
    assert refused.status_code == 413, refused.text
    usage = (await world.member.get("/image/v2/info/usage"))["usage"]
    assert usage["image_count_total"] == {"limit": 0, "usage": 0}
    await world.admin("DELETE", f"{LIMITS}/{own}")
    await world.member.post("/image/v2/images", wanted)


async def test_the_quotas_of_compute_are_not_asked(limits: Limits) -> None:
    world = limits.world
    path = f"/os-quota-sets/{world.member.project_id}"
    before = (await world.admin.get(path))["quota_set"]
    answer = await world.admin("PUT", path, {"quota_set": {"instances": 1, "cores": 1, "ram": 1}})
    assert answer.status_code == 200, answer.text
    default = {"quota_class_set": {"instances": 1}}
    assert (await world.admin("PUT", "/os-quota-class-sets/default", default)).status_code == 200
    assert (await world.admin.get(path))["quota_set"] == before
    assert (await world.admin.get(path + "/defaults"))["quota_set"]["instances"] == -1


async def test_a_limit_of_a_region_comes_first(limits: Limits) -> None:
    world = limits.world
    await world.admin.post("/identity/v3/regions", {"region": {"id": "Elsewhere"}}, 201)
    await limits.register("servers", 0, region="Elsewhere")
    assert await boot(world)
    await clear(world)
    await limits.register("servers", 0, region="RegionOne")
    await refused(world)
