"""Tokens for requests that were signed with an EC2 key: somebody received one, and asks whose it is."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from welkin.core import times
from welkin.core.answers import Answer
from welkin.core.errors import Invalid, NotFound
from welkin.core.http import Call, Routes
from welkin.services.identity import discovery
from welkin.services.identity.application_credentials import rows as application_credentials
from welkin.services.identity.credentials import rows as credentials
from welkin.services.identity.credentials.api import EC2, ec2_blob
from welkin.services.identity.credentials.rows import CredentialRow
from welkin.services.identity.credentials.signing import ec2_signature, s3_signature, signed_text
from welkin.services.identity.credentials.vault import Vault, ec2_id
from welkin.services.identity.errors import NotAuthenticated
from welkin.services.identity.tokens import describe, policy
from welkin.services.identity.tokens.issue import Issuer, Target
from welkin.services.identity.tokens.proof import Proof
from welkin.services.identity.tokens.verifier import Known
from welkin.services.identity.trusts import rows as trusts

routes = Routes(discovery.service)

SIGNED_S_MAX = 900
"""How old a signature may be."""
Signed = dict[str, Any]


class SignedRequest(msgspec.Struct):
    """The request that was signed, under any of the names that clients have used for it."""

    credentials: Signed | None = None
    credential: Signed | None = None
    ec2_credentials: Signed | None = msgspec.field(default=None, name="ec2Credentials")


@routes.post("/v3/ec2tokens", rule=policy.EC2, status=200)
async def create_ec2_token(call: Call, body: SignedRequest) -> Answer:
    """Return a token for whoever signed an EC2 request."""
    request = _request(body)
    row, blob = await _key(call, request)
    _check_ec2(str(blob.get("secret", "")), request)
    _check_time(call, request)
    token, known = await _issue(call, row, blob)
    return Answer(body=await describe.body(call, known, with_catalog=True), headers={"X-Subject-Token": token})


@routes.post("/v3/s3tokens", rule=policy.S3, status=200)
async def create_s3_token(call: Call, body: SignedRequest) -> Answer:
    """Say for whoever signed an S3 request what their token means."""
    request = _request(body)
    row, blob = await _key(call, request)
    text = signed_text(str(request.get("token", "")))
    wanted = None if text is None else s3_signature(str(blob.get("secret", "")), text)
    _check_same(wanted, request.get("signature"))
    _check_time(call, request)
    _, known = await _issue(call, row, blob)
    return Answer(body=await describe.body(call, known, with_catalog=True))


def _request(body: SignedRequest) -> Signed:
    return body.credentials or body.credential or body.ec2_credentials or {}


async def _key(call: Call, request: Signed) -> tuple[CredentialRow, dict[str, Any]]:
    """Return the key that a request says it was signed with."""
    access = request.get("access")
    if not isinstance(access, str):
        raise NotAuthenticated("EC2 Signature not supplied")
    row = await credentials.find(call.db, ec2_id(access))
    if row is None or row.type != EC2 or row.project_id is None:
        raise NotFound("EC2 access key not found.")
    return row, ec2_blob(call.get(Vault).open(row.blob))


def _check_ec2(secret: str, request: Signed) -> None:
    """Raise NotAuthenticated unless the signature is right; some clients sign the host without its port."""
    host = str(request.get("host", ""))
    for signed_host in (host, host.rpartition(":")[0] or host):
        try:
            wanted = ec2_signature(secret, {**request, "host": signed_host})
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid(f"The signed request cannot be read: {error}") from error
        if wanted is not None and hmac.compare_digest(wanted.encode(), str(request.get("signature", "")).encode()):
            return
    raise NotAuthenticated("Invalid EC2 signature.")


def _check_same(wanted: str | None, given: object) -> None:
    if wanted is None or not isinstance(given, str) or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise NotAuthenticated("Credential signature mismatch")


def _check_time(call: Call, request: Signed) -> None:
    """Raise NotAuthenticated for a signature that is too old; one without a time was meant to last."""
    params, headers = request.get("params") or {}, request.get("headers") or {}
    if not isinstance(params, dict) or not isinstance(headers, dict):
        raise Invalid("params and headers are objects.")
    moment = params.get("Timestamp") or headers.get("X-Amz-Date") or params.get("X-Amz-Date")
    if not moment:
        return
    try:
        signed_at = times.parse(str(moment))
    except Invalid as error:
        raise NotAuthenticated(str(error)) from error
    if call.world.now() > signed_at + SIGNED_S_MAX:
        raise NotAuthenticated("Credential is expired")


async def _issue(call: Call, row: CredentialRow, blob: dict[str, Any]) -> tuple[str, Known]:
    """Return a token with the rights that the key carries, and no more."""
    user_id, target, credential = row.user_id, Target("project", row.project_id or ""), None
    if blob.get("trust_id"):
        trust = await trusts.find(call.db, str(blob["trust_id"]))
        if trust is None or trust.project_id != row.project_id:
            raise NotAuthenticated
        user_id, target = trust.trustee_user_id, Target("project", trust.project_id or "", trust)
    elif blob.get("app_cred_id"):
        credential = await application_credentials.find(call.db, str(blob["app_cred_id"]))
        if credential is None or credential.project_id != row.project_id:
            raise NotAuthenticated
    proof = Proof(
        user_id=user_id,
        methods=("ec2credential",),
        expires_at=credential.expires_at if credential is not None else None,
        application_credential=credential,
    )
    return await call.get(Issuer).issue_for(proof, target)
