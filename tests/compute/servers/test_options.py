"""What an operator can decide: deleted servers that can be restored, shelved ones that stay on their host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.compute.servers.conftest import DEADLINE_S, World, fault, furnish, log_in
from welkin.app import Config
from welkin.core import work
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers.tables import KIND
from welkin.testing.cloud import running


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[World]:
    """Run a cloud that destroys nothing at once."""
    config = Config(compute=ComputeOptions(reclaim_s=600.0, shelved_offload_s=-1.0))
    async with (
        running(tmp_path, config) as run,
        httpx.AsyncClient(base_url=run.url, timeout=DEADLINE_S) as client,
    ):
        admin = await log_in(client, "admin", run.passwords["admin"], "admin")
        member = await log_in(client, "demo", run.passwords["demo"], "demo")
        people = {"admin": admin, "member": member, "reader": member, "stranger": member, "nobody": member}
        yield World(run, people, *await furnish(admin, member))


async def test_a_deleted_server_comes_back(patient: World) -> None:
    server_id = await patient.boot()
    member = patient.member
    assert (await member("DELETE", f"/servers/{server_id}")).status_code == 204
    await member.until(server_id, "SOFT_DELETED")
    assert server_id not in str(await member.get("/servers"))
    text = fault(await member.act(server_id, "os-start"), 409)
    assert text == f"Cannot 'start' instance {server_id} while it is in vm_state soft-delete"
    assert (await member.act(server_id, "restore")).status_code == 202
    await member.until(server_id, "ACTIVE")
    await member("DELETE", f"/servers/{server_id}")
    await member.until(server_id, "SOFT_DELETED")
    assert (await member.act(server_id, "forceDelete")).status_code == 202
    await member.until_gone(server_id)


async def test_a_deleted_server_is_destroyed_in_the_end(patient: World) -> None:
    server_id = await patient.boot()
    await patient.member("DELETE", f"/servers/{server_id}")
    await patient.member.until(server_id, "SOFT_DELETED")
    async with patient.run.cloud.db.tx() as tx:
        await tx.update("servers", {"id": server_id}, {"deadline": 1.0})
        await work.want(tx, KIND, server_id)
    await patient.member.until_gone(server_id)


async def test_a_shelved_server_stays_until_it_is_sent_off(patient: World) -> None:
    server_id = await patient.boot()
    member = patient.member
    assert (await member.act(server_id, "shelve")).status_code == 202
    shelved = await member.until(server_id, "SHELVED")
    assert shelved["hostId"]
    fault(await member.act(server_id, "unshelve", {"availability_zone": "nova"}), 409)
    assert (await member.act(server_id, "unshelve")).status_code == 202
    await member.until(server_id, "ACTIVE")
    assert (await member.get("/image/v2/images", name="one-shelved"))["images"] == []
    assert (await member.act(server_id, "shelve")).status_code == 202
    await member.until(server_id, "SHELVED")
    assert (await patient.admin.act(server_id, "shelveOffload")).status_code == 202
    await member.until(server_id, "SHELVED_OFFLOADED")
    assert (await member.act(server_id, "unshelve")).status_code == 202
    await member.until(server_id, "ACTIVE")
