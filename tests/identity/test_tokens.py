"""Tokens over HTTP, and everything that must not work with them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.identity.conftest import PASSWORD, Client, Site
from welkin.app import Config, open_cloud
from welkin.core.config import CloudOptions
from welkin.services.identity import public
from welkin.services.identity.tokens.verifier import Tokens

TOKENS = "/v3/auth/tokens"
DEFAULT = {"domain": {"id": "default"}}
DEMO = {"project": {"name": "demo", **DEFAULT}}


async def validate(by: Client, token: str | None, status: int = 200, query: str = "") -> Any:
    return await by.get(TOKENS + query, status, x_subject_token=token or "")


async def test_a_project_scoped_token_says_everything(site: Site) -> None:
    admin = await site.admin()
    body = admin.body
    assert body["methods"] == ["password"]
    assert [role["name"] for role in body["roles"]] == ["admin", "manager", "member", "reader"]
    assert body["project"]["domain"] == {"id": "default", "name": "Default"}
    assert body["user"]["domain"]["id"] == "default" and body["user"]["password_expires_at"] is None
    assert len(body["audit_ids"]) == 1 and body["is_domain"] is False
    assert body["expires_at"].endswith("Z") and body["issued_at"].endswith("Z")
    identity = next(each for each in body["catalog"] if each["type"] == "identity")
    assert {each["url"] for each in identity["endpoints"]} == {"http://cloud:5000/identity"}
    assert {each["interface"] for each in identity["endpoints"]} == {"public", "internal", "admin"}
    assert (await validate(admin, admin.token))["token"] == body
    assert "catalog" not in (await validate(admin, admin.token, query="?nocatalog"))["token"]
    await admin.call("HEAD", TOKENS, 200, x_subject_token=admin.token)


@pytest.mark.parametrize(
    ("scope", "wanted"),
    [
        ("unscoped", None),
        ({"unscoped": {}}, None),
        ({"domain": {"id": "default"}}, "domain"),
        ({"domain": {"name": "Default"}}, "domain"),
        ({"domain": {"name": "default"}}, "domain"),
        ({"system": {"all": True}}, "system"),
        (DEMO, "project"),
        (None, "project"),
    ],
)
async def test_scopes(site: Site, scope: Any, wanted: str | None) -> None:
    somebody = await site.log_in("admin", scope)
    assert [name for name in ("domain", "system", "project") if name in somebody.body] == ([wanted] if wanted else [])
    assert ("catalog" in somebody.body) == ("roles" in somebody.body) == (wanted is not None)


async def test_an_unscoped_token_is_exchanged_for_scoped_ones(site: Site) -> None:
    first = await site.log_in("demo", "unscoped")
    assert [each["name"] for each in (await first.get("/v3/auth/projects"))["projects"]] == ["demo"]
    assert (await first.get("/v3/auth/domains"))["domains"] == []
    assert (await first.get("/v3/auth/system"))["system"] == []
    await first.get("/v3/auth/catalog", 403)
    identity = {"methods": ["token"], "token": {"id": first.token}}
    second = await site.authenticate(identity, DEMO)
    assert second.body["methods"] == ["token", "password"]
    assert second.body["expires_at"] == first.body["expires_at"]
    assert second.body["audit_ids"][1] == first.body["audit_ids"][0]
    await second.get("/v3/auth/catalog")
    admin = await site.admin()
    for path in ("projects", "domains", "system"):
        assert (await admin.get(f"/v3/auth/{path}"))[path]


async def test_nobody_gets_more_than_they_have(site: Site) -> None:
    for scope in (
        {"project": {"name": "admin", **DEFAULT}},
        {"project": {"id": "none"}},
        {"domain": {"id": "default"}},
        {"domain": {"name": "none"}},
        {"system": {"all": True}},
        {"OS-TRUST:trust": {"id": "none"}},
    ):
        await site.log_in("demo", scope, status=401)
    first = await site.log_in("demo", DEMO)
    for scope in ({"project": {"name": "admin", **DEFAULT}}, {"system": {"all": True}}):
        await site.authenticate({"methods": ["token"], "token": {"id": first.token}}, scope, 401)


@pytest.mark.parametrize(
    ("auth", "status"),
    [
        ({}, 400),
        ({"identity": {}}, 400),
        ({"identity": {"methods": []}}, 400),
        ({"identity": {"methods": ["password"]}}, 400),
        ({"identity": {"methods": ["magic"]}}, 401),
        ({"identity": {"methods": ["password"], "password": {"user": {"password": "p"}}}}, 400),
        ({"identity": {"methods": ["password"], "password": {"user": {"name": "admin", "password": "p"}}}}, 400),
        ({"identity": {"methods": ["password"], "password": {"user": {"id": "none"}}}}, 400),
        ({"identity": {"methods": ["password"], "password": {"user": {"id": "none", "password": "p"}}}}, 401),
        ({"identity": {"methods": ["token"], "token": {"id": "forged"}}}, 404),
        ({"identity": {"methods": ["totp"], "totp": {"user": {"id": "none", "passcode": "1"}}}}, 401),
        (
            {"identity": {"methods": ["application_credential"], "application_credential": {"id": "x", "secret": "y"}}},
            401,
        ),
    ],
)
async def test_senseless_requests_get_no_token(site: Site, auth: Any, status: int) -> None:
    await site.nobody.post(TOKENS, {"auth": auth}, status)


async def test_a_wrong_password_or_user_reads_the_same(site: Site) -> None:
    texts = set()
    for user in ("admin", "nobody"):
        identity = {"methods": ["password"], "password": {"user": {"name": user, **DEFAULT, "password": "wrong"}}}
        answer = await site.nobody.post(TOKENS, {"auth": {"identity": identity}}, 401)
        texts.add(answer["error"]["message"])
    assert texts == {"The request you have made requires authentication."}
    for scope in ({"project": {}}, {"project": {"name": "x"}}, {}, {"system": {"all": False}}, "other"):
        await site.log_in("admin", scope, status=400)


async def test_forged_tokens_are_worth_nothing(site: Site) -> None:
    admin = await site.admin()
    token = admin.token or ""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for at in (1, 10, len(raw) // 2, len(raw) - 1):
        changed = bytearray(raw)
        changed[at] ^= 1
        forged = base64.urlsafe_b64encode(bytes(changed)).decode().rstrip("=")
        await Client(site.http, forged).get("/v3/users", 401)
        await validate(admin, forged, 404)
    for forged in ("", "x", "gAAAAA", token + "!", token[:9] + "." + token[9:], token + token, "a" * 10_000):
        await Client(site.http, forged).get("/v3/users", 401)
    await validate(admin, "", 404)
    sealed = site.cloud.get(Tokens).keys.encrypt(b"not claims")
    await Client(site.http, sealed).get("/v3/users", 401)


async def test_who_may_validate_and_revoke(site: Site) -> None:
    admin, member, other = await site.admin(), await site.somebody("member"), await site.somebody("member")
    service = await site.somebody("service")
    await validate(member, member.token)
    await validate(member, other.token, 403)
    await validate(service, other.token)
    await validate(await site.system_reader(), other.token)
    await validate(site.nobody, other.token, 401)
    await member.call("DELETE", TOKENS, 403, x_subject_token=other.token)
    await site.nobody.call("DELETE", TOKENS, 401, x_subject_token=other.token)
    await admin.call("DELETE", TOKENS, 204, x_subject_token=other.token)
    await validate(admin, other.token, 404)
    await other.get("/v3/auth/projects", 401)
    await member.call("DELETE", TOKENS, 204, x_subject_token=member.token)
    await member.get("/v3/auth/projects", 401)
    events = (await admin.get("/v3/OS-REVOKE/events"))["events"]
    assert {other.body["audit_ids"][0], member.body["audit_ids"][0]} == {each["audit_id"] for each in events}
    assert (await admin.get("/v3/OS-REVOKE/events?since=2100-01-01T00:00:00Z"))["events"] == []
    await (await site.somebody("member")).get("/v3/OS-REVOKE/events", 403)
    await site.nobody.get("/v3/OS-REVOKE/events", 401)
    for path in ("catalog", "projects", "domains", "system"):
        await site.nobody.get(f"/v3/auth/{path}", 401)


async def test_a_token_expires_but_a_service_may_finish(site: Site) -> None:
    member = await site.somebody("member")
    site.world.ahead_s = 3601
    await member.get("/v3/auth/projects", 401)
    admin, service = await site.admin(), await site.somebody("service")
    await validate(admin, member.token, 404)
    await validate(service, member.token, 200, "?allow_expired=1")
    await member.call("GET", "/v3/auth/projects", 200, x_service_token=service.token or "")
    await member.call("GET", "/v3/auth/projects", 401, x_service_token=admin.token or "")
    site.world.ahead_s = 3601 + 172_800
    service = await site.somebody("service")
    await validate(service, member.token, 404, "?allow_expired=1")
    await member.call("GET", "/v3/auth/projects", 401, x_service_token=service.token or "")


async def test_a_token_ends_with_what_it_stands_on(site: Site) -> None:
    admin = await site.admin()

    async def ends(method: str, path: str, body: Any, undo: Any = None) -> None:
        project = await site.project()
        somebody = await site.somebody("member", project)
        await somebody.get("/v3/auth/projects")
        facts = {"project": project["id"], "user": somebody.body["user"]["id"], "role": await site.role_id("member")}
        await admin.call(method, path.format(**facts), 200 if method == "PATCH" else 204, body)
        await somebody.get("/v3/auth/projects", 401)
        if undo is not None:
            await admin.patch(path.format(**facts), undo)
            await somebody.get("/v3/auth/projects", 401)

    await ends("PATCH", "/v3/users/{user}", {"user": {"enabled": False}}, {"user": {"enabled": True}})
    await ends("PATCH", "/v3/users/{user}", {"user": {"password": "another"}})
    await ends("DELETE", "/v3/users/{user}", None)
    await ends("PATCH", "/v3/projects/{project}", {"project": {"enabled": False}}, {"project": {"enabled": True}})
    await ends("DELETE", "/v3/projects/{project}", None)
    await ends("DELETE", "/v3/projects/{project}/users/{user}/roles/{role}", None)


async def test_roles_are_as_they_are_now(site: Site) -> None:
    project, admin = await site.project(), await site.admin()
    somebody = await site.somebody("member", project)
    await somebody.get("/v3/services", 403)
    path = f"/v3/projects/{project['id']}/users/{somebody.body['user']['id']}/roles/{await site.role_id('admin')}"
    await admin.put(path)
    await somebody.get("/v3/services")
    await admin.delete(path)
    await somebody.get("/v3/services", 403)


async def test_the_keys_rotate_and_tokens_stay_good(site: Site) -> None:
    admin = await site.admin()
    folder = site.cloud.get(Tokens).keys._folder
    assert sorted(path.name for path in folder.iterdir()) == ["0", "1"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    public.rotate_keys(site.cloud)
    public.rotate_keys(site.cloud)
    assert sorted(path.name for path in folder.iterdir()) == ["0", "2", "3"]
    site.cloud.get(Tokens)._known.clear()
    await admin.get("/v3/users", 401)  # its key, the first, is gone
    again = await site.admin()
    public.rotate_keys(site.cloud)
    site.cloud.get(Tokens)._known.clear()
    await again.get("/v3/users")


async def test_a_console_asks_whose_token_it_is(site: Site) -> None:
    admin = await site.admin()
    actor = await public.authenticate(site.cloud.parts, admin.token or "")
    assert actor is not None and actor.is_admin and actor.roles == {"admin", "manager", "member", "reader"}
    assert await public.authenticate(site.cloud.parts, "forged") is None


async def test_the_documents_of_versions(site: Site) -> None:
    answer = await site.http.get("/identity")
    assert answer.status_code == 300 and answer.headers["location"] == "http://cloud:5000/identity/v3/"
    (version,) = answer.json()["versions"]["values"]
    assert version["id"] == "v3.14" and version["status"] == "stable"
    assert (await site.nobody.get("/v3"))["version"] == (await site.nobody.get("/v3/"))["version"] == version
    await site.nobody.get("/v3/nothing", 404)
    await site.nobody.call("GET", "/v3/OS-OAUTH1/consumers", 501)


async def test_the_first_cloud_is_made_once(site: Site) -> None:
    assert await public.ensure_cloud(site.cloud) == {}
    admin = await site.admin()
    assert {each["name"] for each in (await admin.get("/v3/projects"))["projects"]} == {"admin", "demo", "service"}
    roles = {each["name"] for each in (await admin.get("/v3/roles"))["roles"]}
    assert roles == {"admin", "manager", "member", "reader", "service", "ResellerAdmin"}
    assert PASSWORD not in str(await admin.get("/v3/users"))


async def test_every_process_sees_a_change_at_once(site: Site, tmp_path: Path) -> None:
    config = Config(cloud=CloudOptions(state_dir=tmp_path, policy_file=tmp_path / "policy.toml"))
    async with open_cloud(config, site.world) as neighbour:
        member = await site.somebody("member")
        token = member.token or ""
        assert await public.authenticate(neighbour.parts, token) is not None
        public.rotate_keys(site.cloud)
        fresh = await site.log_in({"id": member.body["user"]["id"]}, "unscoped")
        assert await public.authenticate(neighbour.parts, fresh.token or "") is not None
        await member.call("DELETE", TOKENS, 204, x_subject_token=token)
        assert await public.authenticate(neighbour.parts, token) is None
        assert await public.authenticate(neighbour.parts, fresh.token or "") is not None
