"""Signatures of requests that were made with an EC2 key: versions 0, 1, 2 and 4, and S3's own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

S3_SERVICES = (b"s3", b"iam", b"sts")


def ec2_signature(secret: str, request: Mapping[str, Any]) -> str | None:
    """Return the signature that a request should have, or None for a version that nobody knows.

    request  host, verb, path, params, headers and body_hash of the signed request.
    """
    params = {str(name): str(value) for name, value in dict(request.get("params") or {}).items()}
    headers = {str(name).lower(): str(value) for name, value in dict(request.get("headers") or {}).items()}
    version = params.get("SignatureVersion")
    if version == "0":
        text = params.get("Action", "") + params.get("Timestamp", "")
        return _base64(hmac.digest(secret.encode(), text.encode(), "sha1"))
    if version == "1":
        text = "".join(name + params[name] for name in sorted(params, key=str.lower))
        return _base64(hmac.digest(secret.encode(), text.encode(), "sha1"))
    if version == "2":
        return _version_2(secret, request, params)
    if "X-Amz-Algorithm" in params or "AWS4" in headers.get("authorization", ""):
        return _version_4(secret, request, params, headers)
    return None


def s3_signature(secret: str, text: bytes) -> str | None:
    """Return the signature of a string that an S3 server was asked to sign, or None when it makes no sense."""
    if not text.startswith(b"AWS4"):
        return _base64(hmac.digest(secret.encode(), text, "sha1"))
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[0] != b"AWS4-HMAC-SHA256":
        return None
    scope = lines[2].split(b"/")
    if len(scope) != 4 or scope[3] != b"aws4_request" or scope[2] not in S3_SERVICES:
        return None
    return hmac.new(_key_4(secret, *scope[:3]), text, hashlib.sha256).hexdigest()


def signed_text(token: str) -> bytes | None:
    """Read the string that was signed, base 64 for URLs, or return None."""
    try:
        return base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError):
        return None


def _version_2(secret: str, request: Mapping[str, Any], params: Mapping[str, str]) -> str:
    query = "&".join(f"{quote(name, safe='')}={quote(params[name], safe='-_~')}" for name in sorted(params))
    text = "\n".join((str(request.get("verb")), str(request.get("host")), str(request.get("path")), query))
    digest = "sha256" if params.get("SignatureMethod") == "HmacSHA256" else "sha1"
    return _base64(hmac.digest(secret.encode(), text.encode(), digest))


def _version_4(
    secret: str, request: Mapping[str, Any], params: Mapping[str, str], headers: Mapping[str, str]
) -> str | None:
    authorization = _authorization(headers.get("authorization", ""))
    credential = params.get("X-Amz-Credential") or authorization.get("Credential", "")
    names = params.get("X-Amz-SignedHeaders") or authorization.get("SignedHeaders", "")
    moment = params.get("X-Amz-Date") or headers.get("x-amz-date", "")
    scope = credential.split("/")[1:]
    if len(scope) != 4 or not moment.startswith(scope[0]):
        return None
    query = ""
    if str(request.get("verb", "")).upper() != "POST":
        found = [(quote(name, safe="-_~"), quote(value, safe="-_~")) for name, value in params.items()]
        query = "&".join(f"{name}={value}" for name, value in sorted(found) if name != "X-Amz-Signature")
    values = {"host": str(request.get("host", "")), **headers}
    lines = [f"{name}:{values.get(name, '').strip()}\n" for name in names.split(";")]
    body_hash = str(request.get("body_hash", ""))
    canonical = "\n".join((str(request["verb"]), str(request["path"]), query, "".join(lines), names, body_hash))
    text = "\n".join(("AWS4-HMAC-SHA256", moment, "/".join(scope), hashlib.sha256(canonical.encode()).hexdigest()))
    key = _key_4(secret, *(part.encode() for part in scope[:3]))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _authorization(header: str) -> dict[str, str]:
    """Read `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`."""
    _, _, rest = header.partition(" ")
    pairs = (part.strip().partition("=") for part in rest.split(","))
    return {name: value for name, _, value in pairs}


def _key_4(secret: str, day: bytes, region: bytes, service: bytes) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, b"aws4_request"):
        key = hmac.digest(key, part, "sha256")
    return key


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
