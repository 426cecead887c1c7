"""Asking the service that a call belongs to, and saying its refusals in compute's way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound, Problem, Unauthorized, Unavailable
from welkin.core.http import Call

REFUSALS: dict[int, type[Problem]] = {400: Invalid, 401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict}
LAST_VERSION = "2.35"
"""The last version that has these calls."""
NETWORK = "/network/v2.0"
IMAGE = "/image/v2"


async def ask(call: Call, method: str, path: str, body: object = None, content_type: str = "application/json") -> Any:
    """Return the answer of another service.  Raises what its refusal is here: Invalid, Forbidden, NotFound, …."""
    status, answer = await call.ask(method, path, body, content_type)
    if status < 400:
        return answer
    kind, sentence = told(answer)
    if kind == "OverQuota":
        raise Forbidden(sentence)
    raise REFUSALS.get(status, Unavailable)(sentence)


def told(answer: Any) -> tuple[str, str]:
    """Return the kind and the sentence of a refusal, however its service writes it."""
    if isinstance(answer, dict):
        for value in answer.values():
            if isinstance(value, dict) and "message" in value:
                return str(value.get("type", "")), str(value["message"])
        if "message" in answer:
            return "", str(answer["message"])
    return "", "Another service could not answer."


def path_of(base: str, collection: str, id: str | None = None, **args: str) -> str:
    """Return the path of a thing or of a list in another service."""
    path = f"{base}/{collection}" + (f"/{quote(id, safe='')}" if id is not None else "")
    return f"{path}?{urlencode(args)}" if args else path
