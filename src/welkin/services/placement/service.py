"""The service as clients see it: versions, the shape of a refusal, and the headers of an answer."""

from __future__ import annotations

from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from welkin.core import versions as core_versions
from welkin.core.answers import Answer
from welkin.core.errors import NotAcceptable, Problem
from welkin.core.http import Call, Routes, Service
from welkin.core.policy import PUBLIC
from welkin.core.versions import Versions

versions = Versions("placement", minimum="1.0", maximum="1.39")


def envelope(problem: Problem, request_id: str) -> dict[str, Any]:
    """Return a refusal as the API working group's guideline has it."""
    error: dict[str, Any] = {
        "status": problem.status,
        "title": HTTPStatus(problem.status).phrase,
        "detail": str(problem),
        "request_id": request_id,
        "code": problem.code if problem.code.startswith("placement.") else "placement.undefined_code",
    }
    if isinstance(problem, NotAcceptable):
        error["min_version"] = core_versions.text(versions.minimum)
        error["max_version"] = core_versions.text(versions.maximum)
    return {"errors": [error]}


@versions.answer_before("1.23", envelope)
def without_code(body: dict[str, Any]) -> dict[str, Any]:
    """Codes came with 1.23."""
    for error in body["errors"]:
        del error["code"]
    return body


service = Service(type="placement", prefix="/placement", envelope=envelope, versions=versions)
routes = Routes(service)


def answer(call: Call, body: object, modified_at: float | None = None, **more: Any) -> Answer:
    """Return a body that says when it last changed, at `modified_at` or now; `more` is for the Answer."""
    seconds = call.world.now() if modified_at is None else modified_at
    headers = {"Last-Modified": formatdate(seconds, usegmt=True), "Cache-Control": "no-cache"}
    headers = core_versions.apply(versions.down("answer", answer, call.version), headers)
    return Answer(body=body, headers=headers | more.pop("headers", {}), **more)


@versions.answer_before("1.15", answer)
def without_times(_headers: dict[str, str]) -> dict[str, str]:
    """Times of change came with 1.15."""
    return {}


def location(call: Call, path: str) -> dict[str, str]:
    """Return the header that says where a new thing is."""
    return {"Location": call.base_url + path}


@routes.get("/", rule=PUBLIC)
async def show_versions(call: Call) -> Answer:
    """Say which versions are served."""
    version = {
        "id": "v1.0",
        "min_version": core_versions.text(versions.minimum),
        "max_version": core_versions.text(versions.maximum),
        "status": "CURRENT",
        "links": [{"rel": "self", "href": ""}],
    }
    return answer(call, {"versions": [version]})
