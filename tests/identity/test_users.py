"""Users, their passwords and their groups over HTTP."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import bcrypt
import pytest

from tests.identity.conftest import PASSWORD, Site
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.options import IdentityOptions


async def test_a_user_lives_and_dies(site: Site) -> None:
    admin = await site.admin()
    project = await site.project()
    made = await site.user(email="a@b", default_project_id=project["id"], description="d")
    assert made["email"] == "a@b" and made["default_project_id"] == project["id"] and made["options"] == {}
    assert made["password_expires_at"] is None and "password" not in made
    path = f"/v3/users/{made['id']}"
    changed = await admin.patch(path, {"user": {"name": "new-name", "email": "c@d", "default_project_id": None}})
    assert (await admin.get(path))["user"] == changed["user"]
    assert changed["user"]["email"] == "c@d" and "default_project_id" not in changed["user"]
    await admin.patch(path, {"user": {"domain_id": "other"}}, 400)
    await admin.post("/v3/users", {"user": {"name": "n", "domain_id": "none"}}, 404)
    await admin.post("/v3/users", {"user": {"name": "new-name", "domain_id": "default"}}, 409)
    await admin.patch(path, {"user": {"name": "demo"}}, 409)
    await admin.patch(path, {"user": {"options": {"lock_password": True}}})
    changed = await admin.patch(path, {"user": {"options": {"lock_password": None, "ignore_password_expiry": True}}})
    assert changed["user"]["options"] == {"ignore_password_expiry": True}
    await admin.delete(path)
    for method in ("GET", "PATCH", "DELETE"):
        await admin.call(method, path, 404, {"user": {}})


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"name": ""},
        {"name": 1},
        {"name": "n", "enabled": "x"},
        {"name": "n", "password": 1},
        {"name": "n", "options": {"unknown": True}},
        {"name": "n", "default_project_id": "default"},
    ],
)
async def test_senseless_users_are_refused(site: Site, user: Any) -> None:
    admin = await site.admin()
    await admin.post("/v3/users", {"user": user}, 400)


async def test_lists_of_users(site: Site) -> None:
    admin, domain = await site.admin(), await site.domain()
    await site.user(name="list-a", enabled=False)
    await site.user(name="list-b", domain_id=domain["id"])

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await admin.get(f"/v3/users?{query}"))["users"]]

    assert await names("name__startswith=list&sort_key=name") == ["list-a", "list-b"]
    assert await names("name__startswith=list&sort_key=name&sort_dir=desc") == ["list-b", "list-a"]
    assert await names("name__startswith=list&enabled=0") == ["list-a"]
    assert await names(f"domain_id={domain['id']}") == ["list-b"]
    assert await names("password_expires_at=lt:2030-01-01T00:00:00Z") == []


async def test_who_may_see_and_change_users(site: Site) -> None:
    domain, victim = await site.domain(), await site.user()
    path = f"/v3/users/{victim['id']}"
    member = await site.somebody("member")
    own = f"/v3/users/{member.body['user']['id']}"
    await member.get(own)
    await member.get(own + "/projects")
    await member.get(own + "/groups")
    manager = await site.of_domain("manager", domain)
    body = {"user": {"name": "made-by-manager", "domain_id": domain["id"]}}
    made = (await manager.post("/v3/users", body))["user"]
    assert made["id"] in [each["id"] for each in (await manager.get("/v3/users"))["users"]]
    assert victim["id"] not in [each["id"] for each in (await manager.get("/v3/users"))["users"]]
    await manager.patch(f"/v3/users/{made['id']}", {"user": {"enabled": False}})
    await manager.delete(f"/v3/users/{made['id']}")
    reader = await site.system_reader()
    await reader.get(path)
    for client, status in ((member, 403), (manager, 403), (site.nobody, 401)):
        for each in (path, path + "/projects", path + "/groups"):
            await client.get(each, status)
        await client.post("/v3/users", {"user": {"name": "n", "domain_id": "default"}}, status)
        await client.patch(path, {"user": {"enabled": False}}, status)
        await client.delete(path, status)
    await member.get("/v3/users", 403)
    await site.nobody.get("/v3/users", 401)


async def test_a_user_changes_their_own_password(site: Site) -> None:
    somebody = await site.somebody("member")
    id = somebody.body["user"]["id"]
    path = f"/v3/users/{id}/password"
    await site.nobody.post(path, {"user": {"password": "new", "original_password": "wrong"}}, 401)
    await site.nobody.post("/v3/users/none/password", {"user": {"password": "n", "original_password": "o"}}, 401)
    await site.nobody.post(path, {"user": {"password": "new"}}, 400)
    await site.nobody.post(path, {"user": {"password": "new", "original_password": PASSWORD}}, 204)
    await somebody.get("/v3/auth/projects", 401)
    await site.log_in({"id": id}, status=401)
    await site.log_in({"id": id}, password="new")
    admin = await site.admin()
    await admin.patch(f"/v3/users/{id}", {"user": {"options": {"lock_password": True}}})
    await site.nobody.post(path, {"user": {"password": "newer", "original_password": "new"}}, 400)


@pytest.mark.parametrize(
    "options",
    [
        {
            "password_regex": "^.{4,}$",
            "password_history": 2,
            "password_life_days": 10,
            "lockout_failures": 2,
            "lockout_s": 100,
        }
    ],
)
async def test_passwords_obey_their_rules(site: Site) -> None:
    admin = await site.admin()
    await admin.post("/v3/users", {"user": {"name": "n", "domain_id": "default", "password": "abc"}}, 400)
    user = await site.user()
    assert user["password_expires_at"] is not None
    path = f"/v3/users/{user['id']}/password"
    await site.nobody.post(path, {"user": {"password": PASSWORD, "original_password": PASSWORD}}, 400)
    await site.nobody.post(path, {"user": {"password": "second", "original_password": PASSWORD}}, 204)
    await site.nobody.post(path, {"user": {"password": PASSWORD, "original_password": "second"}}, 400)
    ref = {"id": user["id"]}
    for _ in range(2):
        await site.log_in(ref, password="wrong", status=401)
    await site.log_in(ref, password="second", status=401)
    site.world.ahead_s = 101
    await site.log_in(ref, password="second")
    site.world.ahead_s = 11 * 86_400
    expired = await site.http.post(
        "/identity/v3/auth/tokens",
        json={"auth": {"identity": {"methods": ["password"], "password": {"user": {**ref, "password": "second"}}}}},
    )
    assert expired.status_code == 401 and "expired" in expired.json()["error"]["message"]
    await site.nobody.post(path, {"user": {"password": "third!", "original_password": "second"}}, 204)
    await site.log_in(ref, password="third!")
    await site.nobody.post(path, {"user": {"password": PASSWORD, "original_password": "third!"}}, 204)


@pytest.mark.parametrize("options", [{"password_change_at_first_use": True, "inactive_days_max": 5}])
async def test_the_first_password_must_be_changed(site: Site) -> None:
    user = await site.user()
    path = f"/v3/users/{user['id']}/password"
    await site.log_in({"id": user["id"]}, status=401)
    await site.nobody.post(path, {"user": {"password": "own", "original_password": PASSWORD}}, 204)
    await site.log_in({"id": user["id"]}, password="own")
    site.world.ahead_s = 6 * 86_400
    await site.log_in({"id": user["id"]}, password="own", status=401)


def passlib_scrypt(password: str) -> str:
    salt = b"0123456789abcdef"
    digest = hashlib.scrypt(password.encode(), salt=salt, n=1 << 4, r=8, p=1, dklen=32)
    return "$scrypt$ln=4,r=8,p=1$" + "$".join(b64encode(part).decode().rstrip("=") for part in (salt, digest))


def passlib_pbkdf2(password: str) -> str:
    salt = b"0123456789abcdef"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100)
    ends = (b64encode(part).decode().rstrip("=").replace("+", ".") for part in (salt, digest))
    return "$pbkdf2-sha512$100$" + "$".join(ends)


def hash_bcrypt(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.mark.parametrize("older", [passlib_scrypt, passlib_pbkdf2, hash_bcrypt])
async def test_older_hashes_are_verified_and_replaced(site: Site, older: Any) -> None:
    user = await site.user()
    async with site.cloud.db.tx() as tx:
        await tx.update("identity_passwords", {"user_id": user["id"]}, {"hash": older("old one")})
    await site.log_in({"id": user["id"]}, password="wrong", status=401)
    for _ in range(2):
        await site.log_in({"id": user["id"]}, password="old one")
    hashed = await site.cloud.db.value("SELECT hash FROM identity_passwords WHERE user_id = $1", user["id"])
    assert hashed.startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_a_password_is_hashed_as_the_options_say(site: Site) -> None:
    user = await site.user()
    default = IdentityOptions()
    costly = Hashing(1, default.hash_memory_kib, default.hash_passes)
    async with site.cloud.db.tx() as tx:
        await tx.update("identity_passwords", {"user_id": user["id"]}, {"hash": await costly.hash("old one")})
    await site.log_in({"id": user["id"]}, password="old one")
    hashed = await site.cloud.db.value("SELECT hash FROM identity_passwords WHERE user_id = $1", user["id"])
    assert hashed.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert (await costly.hash("any")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("hashed", ["", "$2b$04$short", "$scrypt$ln=4$x", "$argon2id$broken", "$unknown$", "!"])
async def test_damaged_hashes_match_nothing(site: Site, hashed: str) -> None:
    user = await site.user()
    async with site.cloud.db.tx() as tx:
        await tx.update("identity_passwords", {"user_id": user["id"]}, {"hash": hashed})
    await site.log_in({"id": user["id"]}, password="", status=401)


async def test_a_user_of_two_factors(site: Site) -> None:
    admin = await site.admin()
    user = await site.user(options={"multi_factor_auth_rules": [["password", "totp"]]})
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    body = {"type": "totp", "blob": secret, "user_id": user["id"]}
    await admin.post("/v3/credentials", {"credential": body})
    await site.log_in({"id": user["id"]}, status=401)
    from welkin.services.identity.tokens.proof import totp

    assert totp(secret, 1) == "287082"  # RFC 6238, time 59
    passcode = totp(secret, int(site.world.now()) // 30)
    both = {
        "methods": ["password", "totp"],
        "password": {"user": {"id": user["id"], "password": PASSWORD}},
        "totp": {"user": {"id": user["id"], "passcode": passcode}},
    }
    assert set((await site.authenticate(both)).body["methods"]) == {"password", "totp"}
    wrong = {**both, "totp": {"user": {"id": user["id"], "passcode": "12"}}}
    await site.authenticate(wrong, status=401)
    other = {**both, "password": {"user": {"name": "demo", "domain": {"id": "default"}, "password": PASSWORD}}}
    await site.authenticate(other, status=401)


async def test_groups_and_their_members(site: Site) -> None:
    admin, user = await site.admin(), await site.user()
    made = (await admin.post("/v3/groups", {"group": {"name": "g", "colour": "red"}}))["group"]
    path = f"/v3/groups/{made['id']}"
    assert made["domain_id"] == "default" and made["description"] == "" and made["colour"] == "red"
    changed = await admin.patch(path, {"group": {"description": "new"}})
    assert (await admin.get(path))["group"] == changed["group"]
    assert [each["id"] for each in (await admin.get("/v3/groups?name=g"))["groups"]] == [made["id"]]
    await admin.post("/v3/groups", {"group": {"name": "g"}}, 409)
    await admin.post("/v3/groups", {"group": {}}, 400)
    member = f"{path}/users/{user['id']}"
    await admin.head(member, 404)
    await admin.delete(member, 404)
    await admin.put(member)
    await admin.put(member)
    await admin.head(member, 204)
    assert [each["id"] for each in (await admin.get(f"{path}/users"))["users"]] == [user["id"]]
    assert [each["id"] for each in (await admin.get(f"/v3/users/{user['id']}/groups"))["groups"]] == [made["id"]]
    await admin.put(f"{path}/users/none", None, 404)
    project = await site.project()
    role = await site.role_id("member")
    await admin.put(f"/v3/projects/{project['id']}/groups/{made['id']}/roles/{role}")
    somebody = await site.log_in({"id": user["id"]}, {"project": {"id": project["id"]}})
    await admin.delete(member)
    await somebody.get("/v3/auth/projects", 401)
    await admin.delete(path)
    for method in ("GET", "PATCH", "DELETE"):
        await admin.call(method, path, 404, {"group": {}})


async def test_who_may_see_and_change_groups(site: Site) -> None:
    admin, domain = await site.admin(), await site.domain()
    theirs = (await admin.post("/v3/groups", {"group": {"name": "theirs"}}))["group"]
    manager, user = await site.of_domain("manager", domain), await site.user(domain_id=domain["id"])
    outsider, member = await site.user(), await site.somebody("member")
    own = (await manager.post("/v3/groups", {"group": {"name": "own", "domain_id": domain["id"]}}))["group"]
    assert [each["id"] for each in (await manager.get("/v3/groups"))["groups"]] == [own["id"]]
    path = f"/v3/groups/{own['id']}"
    await manager.put(f"{path}/users/{user['id']}")
    await manager.head(f"{path}/users/{user['id']}", 204)
    await manager.put(f"{path}/users/{outsider['id']}", None, 403)
    await manager.get(f"{path}/users")
    await manager.patch(path, {"group": {"name": "renamed"}})
    await manager.delete(f"{path}/users/{user['id']}")
    await manager.delete(path)
    path = f"/v3/groups/{theirs['id']}"
    for client, status in ((manager, 403), (member, 403), (site.nobody, 401)):
        await client.get(path, status)
        await client.get(f"{path}/users", status)
        await client.get(f"{path}/users/{outsider['id']}", status)
        await client.put(f"{path}/users/{outsider['id']}", None, status)
        await client.delete(f"{path}/users/{outsider['id']}", status)
        await client.patch(path, {"group": {}}, status)
        await client.delete(path, status)
        await client.post("/v3/groups", {"group": {"name": "n", "domain_id": "default"}}, status)
    await member.get("/v3/groups", 403)
    await site.nobody.get("/v3/groups", 401)
