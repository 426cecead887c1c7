"""The service as clients find it: its envelope for refusals, and its version documents."""

from __future__ import annotations

from http import HTTPStatus

from welkin.core.answers import Answer
from welkin.core.errors import Problem
from welkin.core.http import Call, Routes, Service
from welkin.core.policy import PUBLIC, PolicyDenied

VERSION = "v3.14"
UPDATED = "2020-04-07T00:00:00Z"
MEDIA_TYPE = "application/vnd.openstack.identity-v3+json"


def envelope(problem: Problem, _request_id: str) -> dict[str, object]:
    """Return a refusal as identity's clients expect it."""
    message = str(problem)
    if isinstance(problem, PolicyDenied):
        message = f"You are not authorized to perform the requested action: {problem.rule.name}."
    title = HTTPStatus(problem.status).phrase
    return {"error": {"code": problem.status, "message": message or title, "title": title}}


service = Service(type="identity", prefix="/identity", envelope=envelope)
routes = Routes(service)


@routes.get("/", rule=PUBLIC, status=300)
async def list_versions(call: Call) -> Answer:
    """Return the versions of the API."""
    document = {"versions": {"values": [version(call)]}}
    return Answer(body=document, headers={"Location": f"{call.base_url}/v3/", "Vary": "X-Auth-Token"})


@routes.get("/v3", rule=PUBLIC)
async def show_version(call: Call) -> dict[str, object]:
    """Return what version 3 is."""
    return {"version": version(call)}


def version(call: Call) -> dict[str, object]:
    """Return the document of version 3."""
    return {
        "id": VERSION,
        "status": "stable",
        "updated": UPDATED,
        "links": [{"rel": "self", "href": f"{call.base_url}/v3/"}],
        "media-types": [{"base": "application/json", "type": MEDIA_TYPE}],
    }
