"""Credentials, EC2 keys, application credentials and trusts over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from tests.identity.conftest import Client, Site
from welkin.services.identity import public

HOUR_S = 3600


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


async def test_credentials(site: Site) -> None:
    admin, member, stranger = await site.admin(), await site.somebody("member"), await site.somebody("member")
    me, project = member.body["user"]["id"], member.body["project"]["id"]
    body = {"type": "certificate", "blob": "secret!", "user_id": me, "project_id": project}
    made = (await member.post("/v3/credentials", {"credential": body}))["credential"]
    path = f"/v3/credentials/{made['id']}"
    assert made["blob"] == "secret!" and (await member.get(path))["credential"] == made
    stored = await site.cloud.db.value("SELECT blob FROM identity_credentials WHERE id = $1", made["id"])
    assert "secret" not in stored and stored.startswith("gAAAA")
    changed = await member.patch(path, {"credential": {"blob": "new", "type": "other"}})
    assert changed["credential"]["blob"] == "new" and changed["credential"]["type"] == "other"
    await member.patch(path, {"credential": {"user_id": stranger.body["user"]["id"]}}, 403)
    assert [each["id"] for each in (await member.get("/v3/credentials"))["credentials"]] == [made["id"]]
    assert (await stranger.get("/v3/credentials"))["credentials"] == []
    assert len((await admin.get(f"/v3/credentials?user_id={me}&type=other"))["credentials"]) == 1
    await stranger.post("/v3/credentials", {"credential": body}, 403)
    await admin.post("/v3/credentials", {"credential": {"type": "x", "user_id": me}}, 400)
    for client, status in ((stranger, 403), (site.nobody, 401)):
        await client.get(path, status)
        await client.patch(path, {"credential": {}}, status)
        await client.delete(path, status)
    await site.nobody.get("/v3/credentials", 401)
    await site.nobody.post("/v3/credentials", {"credential": body}, 401)
    for _ in range(4):  # more often than keys are kept
        assert await public.rotate_credential_keys(site.cloud) == 1
    assert (await member.get(path))["credential"]["blob"] == "new"
    await member.delete(path)
    await admin.get(path, 404)

    ec2 = {"type": "ec2", "blob": json.dumps({"access": "a", "secret": "s"}), "user_id": me, "project_id": project}
    made = (await member.post("/v3/credentials", {"credential": ec2}))["credential"]
    assert made["id"] == hashlib.sha256(b"a").hexdigest()
    await member.post("/v3/credentials", {"credential": ec2}, 409)
    for wrong in ({"blob": "x"}, {"blob": "{}"}, {"project_id": None}):
        await member.post("/v3/credentials", {"credential": ec2 | wrong}, 400)
    path = f"/v3/credentials/{made['id']}"
    await member.patch(path, {"credential": {"blob": json.dumps({"access": "a", "trust_id": "t"})}}, 400)


async def test_ec2_keys_and_signed_requests(site: Site) -> None:
    admin, member, service = await site.admin(), await site.somebody("member"), await site.somebody("service")
    me, project = member.body["user"]["id"], member.body["project"]["id"]
    path = f"/v3/users/{me}/credentials/OS-EC2"
    key = (await member.post(path, {"tenant_id": project}))["credential"]
    assert key["user_id"] == me and key["tenant_id"] == project and key["trust_id"] is None
    one = f"{path}/{key['access']}"
    assert (await member.get(one))["credential"] == key
    assert (await member.get(path))["credentials"] == [key]
    stranger = await site.somebody("member")
    for client, status in ((stranger, 403), (site.nobody, 401)):
        await client.get(path, status)
        await client.get(one, status)
        await client.delete(one, status)
        await client.post(path, {"tenant_id": project}, status)
    await member.post(path, {"tenant_id": "none"}, 404)

    request: dict[str, Any] = {
        "access": key["access"],
        "host": "cloud:8774",
        "verb": "GET",
        "path": "/",
        "params": {"SignatureVersion": "2", "SignatureMethod": "HmacSHA256", "AWSAccessKeyId": key["access"]},
    }
    query = "&".join(f"{name}={request['params'][name]}" for name in sorted(request["params"]))
    text = f"GET\ncloud\n/\n{query}"  # signed without the port
    request["signature"] = b64encode(hmac.digest(key["secret"].encode(), text.encode(), "sha256")).decode()
    answer = await service.post("/v3/ec2tokens", {"credentials": request}, 200)
    assert answer["token"]["user"]["id"] == me and answer["token"]["methods"] == ["ec2credential"]
    assert answer["token"]["project"]["id"] == project
    for wrong in ({"signature": "x"}, {"signature": None}, {"access": None}, {"params": {}}):
        await service.post("/v3/ec2tokens", {"credentials": request | wrong}, 401)
    await service.post("/v3/ec2tokens", {"credentials": request | {"access": "none"}}, 404)
    for client, status in ((member, 403), (site.nobody, 401)):
        await client.post("/v3/ec2tokens", {"credentials": request}, status)
        await client.post("/v3/s3tokens", {"credentials": request}, status)

    text = "GET\n\n\ndate\n/bucket"
    signature = b64encode(hmac.digest(key["secret"].encode(), text.encode(), "sha1")).decode()
    signed = {"access": key["access"], "token": urlsafe_b64encode(text.encode()).decode(), "signature": signature}
    assert (await service.post("/v3/s3tokens", {"credentials": signed}, 200))["token"]["user"]["id"] == me
    await service.post("/v3/s3tokens", {"credentials": signed | {"signature": "x"}}, 401)
    now = datetime.fromtimestamp(site.world.now(), UTC)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{day}/r/s3/aws4_request\n{'0' * 64}"
    derived = f"AWS4{key['secret']}".encode()
    for part in (day, "r", "s3", "aws4_request"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    signed["token"] = urlsafe_b64encode(text.encode()).decode()
    signed["signature"] = hmac.new(derived, text.encode(), "sha256").hexdigest()
    dated = signed | {"headers": {"X-Amz-Date": stamp}}
    await service.post("/v3/s3tokens", {"credentials": dated}, 200)
    site.world.ahead_s = 901
    await service.post("/v3/s3tokens", {"credentials": dated}, 401)
    await member.delete(one)
    await admin.get(one, 404)
    await service.post("/v3/s3tokens", {"credentials": signed}, 404)


async def with_application_credential(site: Site, made: dict[str, Any], status: int = 201, **more: Any) -> Client:
    identity = {"methods": ["application_credential"], "application_credential": {"secret": made["secret"], **more}}
    return await site.authenticate(identity, status=status)


async def test_application_credentials(site: Site) -> None:
    admin, member = await site.admin(), await site.somebody("member")
    me, project = member.body["user"]["id"], member.body["project"]["id"]
    path = f"/v3/users/{me}/application_credentials"
    body = {"name": "robot", "roles": [{"name": "reader"}], "description": None}
    made = (await member.post(path, {"application_credential": body}))["application_credential"]
    assert made["project_id"] == project and made["unrestricted"] is False and len(made["secret"]) > 80
    assert [role["name"] for role in made["roles"]] == ["reader"]
    robot = await with_application_credential(site, made, id=made["id"])
    assert [role["name"] for role in robot.body["roles"]] == ["reader"]
    assert robot.body["application_credential"] == {"id": made["id"], "name": "robot", "restricted": True}
    named = {"name": "robot", "user": {"id": me}}
    await with_application_credential(site, made, **named)
    await with_application_credential(site, {"secret": "wrong"}, 401, **named)
    one = f"{path}/{made['id']}"
    shown = (await member.get(one))["application_credential"]
    assert "secret" not in shown and shown["id"] == made["id"]
    assert [each["id"] for each in (await member.get(f"{path}?name=robot"))["application_credentials"]] == [made["id"]]
    await member.post(path, {"application_credential": body}, 409)
    for wrong in ({"name": ""}, {"roles": [{"name": "admin"}]}, {"roles": [{"id": "none"}]}, {"expires_at": "x"}):
        await member.post(path, {"application_credential": body | {"name": "n"} | wrong}, 400)
    past = moment(site.world.now() - 1)
    await member.post(path, {"application_credential": body | {"name": "n", "expires_at": past}}, 400)
    for far in ("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59Z"):
        await member.post(path, {"application_credential": body | {"name": "n", "expires_at": far}}, 400)
    # It cannot make another of its kind, nor be used elsewhere.
    await robot.post(path, {"application_credential": body | {"name": "n"}}, 403)
    await robot.delete(one, 403)
    await robot.post(f"/v3/users/{me}/credentials/OS-EC2", {"tenant_id": project}, 403)
    identity = {"methods": ["token"], "token": {"id": robot.token}}
    await site.authenticate(identity, {"project": {"name": "demo", "domain": {"id": "default"}}}, 401)
    same = await site.authenticate(identity, {"project": {"id": project}})
    assert [role["name"] for role in same.body["roles"]] == ["reader"]
    stranger = await site.somebody("member")
    for client, status in ((stranger, 403), (site.nobody, 401)):
        await client.get(path, status)
        await client.get(one, status)
        await client.delete(one, status)
        await client.post(path, {"application_credential": body}, status)
    theirs = f"/v3/users/{stranger.body['user']['id']}/application_credentials"
    await stranger.get(f"{theirs}/{made['id']}", 403)
    await admin.post(path, {"application_credential": body}, 403)
    await (await site.log_in({"id": me}, "unscoped")).post(path, {"application_credential": body}, 400)
    await member.delete(one)
    await robot.get("/v3/auth/projects", 401)
    await member.get(one, 404)


async def test_an_application_credential_ends(site: Site) -> None:
    member = await site.somebody("member")
    path = f"/v3/users/{member.body['user']['id']}/application_credentials"
    body = {"name": "robot", "expires_at": moment(site.world.now() + 60), "secret": "chosen"}
    made = (await member.post(path, {"application_credential": body}))["application_credential"]
    robot = await with_application_credential(site, made, id=made["id"])
    assert robot.body["expires_at"] == body["expires_at"]
    site.world.ahead_s = 61
    await robot.get("/v3/auth/projects", 401)
    await with_application_credential(site, made, 401, id=made["id"])


async def test_access_rules_restrict_a_token(site: Site) -> None:
    member = await site.somebody("member")
    me = member.body["user"]["id"]
    path = f"/v3/users/{me}/application_credentials"
    rule = {"service": "identity", "method": "GET", "path": "/v3/auth/*"}
    body = {"name": "robot", "access_rules": [rule], "unrestricted": True}
    made = (await member.post(path, {"application_credential": body}))["application_credential"]
    robot = await with_application_credential(site, made, id=made["id"])
    await robot.get("/v3/auth/projects")
    await robot.get(f"/v3/users/{me}", 401)
    await robot.call("HEAD", "/v3/auth/projects", 401)
    rules = f"/v3/users/{me}/access_rules"
    (kept,) = (await member.get(rules))["access_rules"]
    assert {name: kept[name] for name in rule} == rule
    again = await member.post(path, {"application_credential": {"name": "b", "access_rules": [{"id": kept["id"]}]}})
    assert again["application_credential"]["access_rules"][0]["id"] == kept["id"]
    await member.post(path, {"application_credential": {"name": "c", "access_rules": [{"id": "none"}]}}, 404)
    await member.post(path, {"application_credential": {"name": "c", "access_rules": [{"path": "/"}]}}, 400)
    one = f"{rules}/{kept['id']}"
    assert (await member.get(one))["access_rule"] == kept
    await member.delete(one, 403)
    for client, status in ((await site.somebody("member"), 403), (site.nobody, 401)):
        await client.get(rules, status)
        await client.get(one, status)
        await client.delete(one, status)
    for each in (made, again["application_credential"]):
        await member.delete(f"{path}/{each['id']}")
    await member.delete(one)
    await member.get(one, 404)


async def test_trusts(site: Site) -> None:
    admin, trustor, trustee = await site.admin(), await site.somebody("member"), await site.somebody("member")
    project, lender = trustor.body["project"]["id"], trustor.body["user"]["id"]
    body = {
        "trustor_user_id": lender,
        "trustee_user_id": trustee.body["user"]["id"],
        "project_id": project,
        "impersonation": True,
        "roles": [{"name": "reader"}],
        "expires_at": moment(site.world.now() + 600),
    }
    made = (await trustor.post("/v3/OS-TRUST/trusts", {"trust": body}))["trust"]
    assert made["expires_at"] == body["expires_at"] and [role["name"] for role in made["roles"]] == ["reader"]
    path = f"/v3/OS-TRUST/trusts/{made['id']}"
    scope = {"OS-TRUST:trust": {"id": made["id"]}}
    lent = await site.log_in({"id": trustee.body["user"]["id"]}, scope)
    assert lent.body["user"]["id"] == lender and lent.body["OS-TRUST:trust"]["impersonation"] is True
    assert [role["name"] for role in lent.body["roles"]] == ["reader"] and lent.body["expires_at"] == body["expires_at"]
    await site.authenticate({"methods": ["token"], "token": {"id": lent.token}}, {"project": {"id": project}}, 403)
    await lent.get(f"/v3/users/{lender}/application_credentials", 403)
    await lent.post("/v3/OS-TRUST/trusts", {"trust": body}, 403)
    await site.log_in("demo", scope, status=403)
    for client in (admin, trustor, trustee):
        assert (await client.get(path))["trust"] == made
        assert [each["name"] for each in (await client.get(path + "/roles"))["roles"]] == ["reader"]
    await trustee.get(f"{path}/roles/{made['roles'][0]['id']}")
    await trustee.head(f"{path}/roles/{await site.role_id('admin')}", 404)
    assert [each["id"] for each in (await admin.get("/v3/OS-TRUST/trusts"))["trusts"]] == [made["id"]]
    assert (await trustor.get(f"/v3/OS-TRUST/trusts?trustor_user_id={lender}"))["trusts"]
    assert (await trustee.get(f"/v3/OS-TRUST/trusts?trustee_user_id={body['trustee_user_id']}"))["trusts"]
    stranger = await site.somebody("member")
    for client, status in ((stranger, 403), (site.nobody, 401)):
        for each in (path, f"{path}/roles", f"{path}/roles/x", "/v3/OS-TRUST/trusts"):
            await client.get(each, status)
        await client.delete(path, status)
        await client.post("/v3/OS-TRUST/trusts", {"trust": body}, status)
    await trustee.delete(path, 403)
    await trustor.post("/v3/OS-TRUST/trusts", {"trust": body | {"roles": []}}, 403)
    await trustor.post("/v3/OS-TRUST/trusts", {"trust": body | {"roles": [{"name": "admin"}]}}, 404)
    await trustor.post("/v3/OS-TRUST/trusts", {"trust": body | {"trustee_user_id": "none"}}, 404)
    await trustor.post("/v3/OS-TRUST/trusts", {"trust": body | {"expires_at": "2001-01-01T00:00:00Z"}}, 400)
    await trustor.post("/v3/OS-TRUST/trusts", {"trust": body | {"remaining_uses": 1 << 70}}, 400)
    await trustor.delete(path)
    await trustor.get(path, 404)
    await lent.get("/v3/auth/projects", 401)


async def test_a_trust_ends_with_the_trustors_role_and_uses(site: Site) -> None:
    admin, trustor, trustee = await site.admin(), await site.somebody("member"), await site.user()
    project, lender = trustor.body["project"]["id"], trustor.body["user"]["id"]
    body = {
        "trustor_user_id": lender,
        "trustee_user_id": trustee["id"],
        "project_id": project,
        "impersonation": False,
        "roles": [{"name": "member"}],
        "remaining_uses": 1,
    }
    once = (await trustor.post("/v3/OS-TRUST/trusts", {"trust": body}))["trust"]
    scope = {"OS-TRUST:trust": {"id": once["id"]}}
    lent = await site.log_in({"id": trustee["id"]}, scope)
    assert lent.body["user"]["id"] == trustee["id"]
    await site.log_in({"id": trustee["id"]}, scope, status=403)
    await admin.delete(f"/v3/projects/{project}/users/{lender}/roles/{await site.role_id('member')}")
    await lent.get("/v3/auth/projects", 401)


async def test_a_trust_is_lent_on(site: Site) -> None:
    trustor, middle, last = await site.somebody("member"), await site.user(), await site.user()
    body = {
        "trustor_user_id": trustor.body["user"]["id"],
        "trustee_user_id": middle["id"],
        "project_id": trustor.body["project"]["id"],
        "impersonation": False,
        "roles": [{"name": "reader"}],
        "allow_redelegation": True,
    }
    first = (await trustor.post("/v3/OS-TRUST/trusts", {"trust": body}))["trust"]
    assert first["redelegation_count"] == 3
    lent = await site.log_in({"id": middle["id"]}, {"OS-TRUST:trust": {"id": first["id"]}})
    onward = body | {"trustor_user_id": middle["id"], "trustee_user_id": last["id"], "allow_redelegation": False}
    await lent.post("/v3/OS-TRUST/trusts", {"trust": onward | {"roles": [{"name": "member"}]}}, 403)
    await lent.post("/v3/OS-TRUST/trusts", {"trust": onward | {"impersonation": True}}, 403)
    second = (await lent.post("/v3/OS-TRUST/trusts", {"trust": onward}))["trust"]
    assert second["redelegated_trust_id"] == first["id"]
    final = await site.log_in({"id": last["id"]}, {"OS-TRUST:trust": {"id": second["id"]}})
    await final.post("/v3/OS-TRUST/trusts", {"trust": onward | {"trustor_user_id": last["id"]}}, 403)
    await trustor.delete(f"/v3/OS-TRUST/trusts/{first['id']}")
    await final.get("/v3/auth/projects", 401)
