"""A small client of our own API: what the command line needs, in the standard library."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 30.0
CHUNK_BYTES = 1 << 20


class Refused(Exception):
    """The API said no; the message is its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The cloud as one user in one project sees it."""

    def __init__(self, url: str, user: str, password: str, project: str) -> None:
        self.url, self.user, self.password, self.project = url, user, password, project
        self.token = ""
        self.project_id = ""
        self.user_id = ""

    def get(self, path: str, **headers: str) -> Any:
        """GET a path and return the decoded body."""
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: object, **headers: str) -> Any:
        """POST a body and return the decoded answer."""
        return self.ask("POST", path, body, headers)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """Send one request with a token.  Raises Refused, OSError."""
        if not self.token:
            self.log_in()
        sent = {
            "X-Auth-Token": self.token,
            **{name.replace("_", "-"): value for name, value in (headers or {}).items()},
        }
        _, answer = self._send(method, path, body, sent)
        return answer

    def upload(self, path: str, file: Path) -> None:
        """PUT a file, piece by piece."""
        if not self.token:
            self.log_in()
        headers = {
            "X-Auth-Token": self.token,
            "Content-Type": "application/octet-stream",
            "Content-Length": str(file.stat().st_size),
        }
        connection = self._connect()
        try:
            with file.open("rb") as data:
                connection.request("PUT", path, data, headers)
            self._read(connection.getresponse())
        finally:
            connection.close()

    def log_in(self) -> None:
        """Get a token for the project."""
        domain = {"id": "default"}
        user = {"name": self.user, "password": self.password, "domain": domain}
        scope = {"project": {"name": self.project, "domain": domain}}
        identity = {"methods": ["password"], "password": {"user": user}}
        headers, answer = self._send(
            "POST", "/identity/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}}, {}
        )
        self.token = headers["x-subject-token"]
        self.project_id, self.user_id = answer["token"]["project"]["id"], answer["token"]["user"]["id"]

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_S)

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[dict[str, str], Any]:
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers = {"Content-Type": "application/json", **headers}
        connection = self._connect()
        try:
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            answer = self._read(response)
            return {name.lower(): value for name, value in response.getheaders()}, answer
        finally:
            connection.close()

    def _read(self, response: http.client.HTTPResponse) -> Any:
        raw = response.read()
        if response.status >= 400:
            raise Refused(response.status, message_of(raw))
        is_json = raw and response.headers.get_content_type() == "application/json"
        return json.loads(raw) if is_json else raw


def message_of(raw: bytes) -> str:
    """Return the sentence in a refusal, whichever service wrote it."""
    try:
        body = json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")[:500]
    while isinstance(body, dict | list) and body:
        if isinstance(body, dict) and isinstance(body.get("message") or body.get("detail"), str):
            return str(body.get("message") or body.get("detail"))
        body = body[0] if isinstance(body, list) else next(iter(body.values()))
    return str(body)
