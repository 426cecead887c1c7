"""Key pairs as clients see them."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.compute.resource_cloud import PROJECT, Compute, fault, fits
from welkin.core import quota
from welkin.services.compute.keypairs.tables import get_keypair

OLD = "2.91"


@pytest.fixture
async def public_key(compute: Compute) -> str:
    made = await compute("POST", "/os-keypairs", {"keypair": {"name": "source"}}, version=OLD)
    assert made.status_code == 201, made.text
    await compute("DELETE", "/os-keypairs/source")
    return str(made.json()["keypair"]["public_key"])


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.10", "2.35", "2.91", "2.92", "2.104"])
async def test_answers_fit_the_schemas_of_their_time(compute: Compute, public_key: str, version: str) -> None:
    body = {"keypair": {"name": "mine", "public_key": public_key}}
    made = fits(await compute("POST", "/os-keypairs", body, version=version), version, "keypairs", "create_keypair")
    shown = fits(await compute("GET", "/os-keypairs/mine", version=version), version, "keypairs", "get_keypair")
    assert shown["keypair"]["fingerprint"] == made["keypair"]["fingerprint"]
    listed = fits(await compute("GET", "/os-keypairs", version=version), version, "keypairs", "list_keypairs")
    assert [each["keypair"]["name"] for each in listed["keypairs"]] == ["mine"]
    fits(await compute("DELETE", "/os-keypairs/mine", version=version), version, "keypairs", "delete_keypair")
    told = fault(await compute("GET", "/os-keypairs/mine"), 404, "itemNotFound")
    assert told == "Keypair mine not found for user root"
    assert (await compute("DELETE", "/os-keypairs/mine")).status_code == 404


async def test_a_pair_is_made_for_old_clients(compute: Compute) -> None:
    made = await compute("POST", "/os-keypairs", {"keypair": {"name": "k", "type": "ssh"}}, version=OLD)
    pair = made.json()["keypair"]
    private = serialization.load_pem_private_key(pair["private_key"].encode(), None)
    kinds = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    assert pair["public_key"].startswith(private.public_key().public_bytes(*kinds).decode())
    assert len(pair["fingerprint"]) == 47
    assert "private_key" not in (await compute.get("/os-keypairs/k"))["keypair"]
    assert (await compute("POST", "/os-keypairs", {"keypair": {"name": "l"}})).status_code == 400


async def test_a_certificate_is_made_for_windows(compute: Compute) -> None:
    made = await compute("POST", "/os-keypairs", {"keypair": {"name": "w", "type": "x509"}}, version=OLD)
    pair = made.json()["keypair"]
    certificate = x509.load_pem_x509_certificate(pair["public_key"].encode())
    assert certificate.subject.rfc4514_string() == "CN=root"
    assert len(pair["fingerprint"]) == 59
    again = {"keypair": {"name": "v", "type": "x509", "public_key": pair["public_key"]}}
    imported = (await compute("POST", "/os-keypairs", again)).json()["keypair"]
    assert imported["fingerprint"] == pair["fingerprint"]
    assert imported["type"] == "x509"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": " a"},
        {"name": "a/b"},
        {"name": "x" * 256},
        {"public_key": "ssh-rsa nonsense"},
        {"public_key": ""},
        {"public_key": None},
        {"type": "gpg"},
        {"colour": "red"},
        {"type": "x509"},
    ],
)
async def test_a_senseless_pair_is_refused(compute: Compute, public_key: str, wrong: dict[str, Any]) -> None:
    body = {"keypair": {"name": "k", "public_key": public_key, **wrong}}
    for version in ("2.104", OLD):
        fault(await compute("POST", "/os-keypairs", body, version=version), 400, "badRequest")


async def test_what_came_later_is_refused_before(compute: Compute, public_key: str) -> None:
    for version, more in (("2.1", {"type": "ssh"}), ("2.9", {"user_id": "root"}), (OLD, {"name": "a@b.c"})):
        body = {"keypair": {"name": "k", "public_key": public_key, **more}}
        assert (await compute("POST", "/os-keypairs", body, version=version)).status_code == 400
        assert (await compute("POST", "/os-keypairs", body)).status_code == 201
        await compute("DELETE", f"/os-keypairs/{body['keypair']['name']}")


async def test_pages_are_by_name(compute: Compute, public_key: str) -> None:
    for name in ("b", "a", "c"):
        await compute("POST", "/os-keypairs", {"keypair": {"name": name, "public_key": public_key}})
    first = await compute.get("/os-keypairs", limit=2)
    assert [each["keypair"]["name"] for each in first["keypairs"]] == ["a", "b"]
    assert first["keypairs_links"][0]["href"].endswith("/v2.1/os-keypairs?limit=2&marker=b")
    assert len((await compute.get("/os-keypairs", limit=2, marker="b"))["keypairs"]) == 1
    assert len((await compute.get("/os-keypairs", version="2.34", limit=2))["keypairs"]) == 3
    for wrong in ({"marker": "z"}, {"limit": -1}, {"new": "1"}):
        assert (await compute("GET", "/os-keypairs", **wrong)).status_code == 400
    await compute.get("/os-keypairs", version="2.74", new="1")


async def test_names_are_taken_once_by_each_user(compute: Compute, public_key: str) -> None:
    body = {"keypair": {"name": "k", "public_key": public_key}}
    assert (await compute("POST", "/os-keypairs", body)).status_code == 201
    told = fault(await compute("POST", "/os-keypairs", body), 409, "conflictingRequest")
    assert told == "Key pair 'k' already exists."
    assert (await compute("POST", "/os-keypairs", body, who="member")).status_code == 201


async def test_a_user_has_only_so_many(compute: Compute, public_key: str) -> None:
    async with compute.db.tx() as tx:
        await quota.put(tx, "compute", PROJECT, {"key_pairs": 1})
    body = {"keypair": {"name": "a", "public_key": public_key}}
    assert (await compute("POST", "/os-keypairs", body, who="member")).status_code == 201
    body["keypair"]["name"] = "b"
    told = fault(await compute("POST", "/os-keypairs", body, who="member"), 403, "forbidden")
    assert told == "Quota exceeded, too many key pairs."
    assert (await compute("POST", "/os-keypairs", body, who="reader")).status_code == 201


async def test_keys_are_their_users(compute: Compute, public_key: str) -> None:
    body = {"keypair": {"name": "k", "public_key": public_key, "user_id": "mike"}}
    assert (await compute("POST", "/os-keypairs", body, who="stranger")).status_code == 403
    assert (await compute("POST", "/os-keypairs", body)).json()["keypair"]["user_id"] == "mike"
    assert (await compute.get("/os-keypairs/k", who="member"))["keypair"]["name"] == "k"
    assert len((await compute.get("/os-keypairs", user_id="mike"))["keypairs"]) == 1
    assert (await compute.get("/os-keypairs", version="2.9", user_id="mike"))["keypairs"] == []
    for method, path in (("GET", "/os-keypairs"), ("GET", "/os-keypairs/k"), ("DELETE", "/os-keypairs/k")):
        assert (await compute(method, path, who="stranger", user_id="mike")).status_code == 403
        assert (await compute(method, path, who="")).status_code == 401
    assert (await compute("GET", "/os-keypairs/k", who="stranger")).status_code == 404
    assert (await compute("POST", "/os-keypairs", body, who="")).status_code == 401
    assert (await compute("DELETE", "/os-keypairs/k", user_id="mike")).status_code == 204
    assert await get_keypair(compute.db, "mike", "k") is None
