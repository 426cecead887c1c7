"""Hosts of an aggregate fetch images before servers need them: a whole cloud with a host in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from welkin.testing.cloud import running


async def test_images_come_to_the_hosts_of_an_aggregate(tmp_path: Path) -> None:
    async with running(tmp_path / "cloud") as cloud, httpx.AsyncClient(base_url=cloud.url) as client:
        password = cloud.passwords["admin"]
        user = {"name": "admin", "password": password, "domain": {"id": "default"}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        token = (await client.post("/identity/v3/auth/tokens", json=body)).headers["x-subject-token"]
        client.headers.update({"x-auth-token": token, "openstack-api-version": "compute 2.104"})
        host = await until_there_is_a_host(client)
        made = await client.post("/compute/v2.1/os-aggregates", json={"aggregate": {"name": "a"}})
        path = f"/compute/v2.1/os-aggregates/{made.json()['aggregate']['id']}"
        assert (await client.post(path + "/action", json={"add_host": {"host": host}})).status_code == 200
        image = {"name": "i", "disk_format": "raw", "container_format": "bare"}
        id = (await client.post("/image/v2/images", json=image)).json()["id"]
        wanted = {"cache": [{"id": id}]}
        assert (await client.post(path + "/images", json=wanted)).status_code == 400
        await client.put(
            f"/image/v2/images/{id}/file", content=b"disk", headers={"content-type": "application/octet-stream"}
        )
        assert (await client.post(path + "/images", json={"cache": wanted["cache"] * 2})).status_code == 400
        assert (await client.post(path + "/images", json={"cache": []})).status_code == 400
        assert (await client.post("/compute/v2.1/os-aggregates/99/images", json=wanted)).status_code == 404
        assert (await client.post(path + "/images", json=wanted)).status_code == 202
        async with asyncio.timeout(10):
            while await cloud.cloud.db.value("SELECT COUNT(*) FROM cached_images"):
                await asyncio.sleep(0.05)


async def until_there_is_a_host(client: httpx.AsyncClient) -> str:
    """Return the name of the host, once it has told what it has."""
    async with asyncio.timeout(10):
        while True:
            listed: dict[str, Any] = (await client.get("/compute/v2.1/os-services?binary=nova-compute")).json()
            if listed["services"]:
                return str(listed["services"][0]["host"])
            await asyncio.sleep(0.05)
