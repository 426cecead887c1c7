"""The service as clients see it: which versions there are, and what a refusal looks like."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from welkin.core.answers import Answer
from welkin.core.errors import Problem
from welkin.core.http import Call, Routes, Service
from welkin.core.policy import PUBLIC

SUPPORTED = ("2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", *(f"2.{minor}" for minor in range(7, -1, -1)))
CURRENT = "2.17"


def envelope(problem: Problem, _request_id: str) -> dict[str, Any]:
    """Return a refusal as this service's clients expect it."""
    phrase = HTTPStatus(problem.status).phrase
    return {"message": str(problem), "code": f"{problem.status} {phrase}", "title": phrase}


service = Service(type="image", prefix="/image", envelope=envelope)
routes = Routes(service)


@routes.get("/", rule=PUBLIC, status=300)
async def choose_version(call: Call) -> Answer:
    """List the versions to choose from."""
    return Answer(body=versions(call))


@routes.get("/versions", rule=PUBLIC)
async def list_versions(call: Call) -> Answer:
    """List the versions."""
    return Answer(body=versions(call))


@routes.get("/v2", rule=PUBLIC)
async def show_version(call: Call) -> Answer:
    """List the versions, for clients that look below the one that they know."""
    return Answer(body=versions(call))


def versions(call: Call) -> dict[str, Any]:
    """Return the versions; all of them are at one place."""
    links = [{"rel": "self", "href": f"{call.base_url}/v2/"}]
    words = [(CURRENT, "CURRENT"), *((version, "SUPPORTED") for version in SUPPORTED)]
    return {"versions": [{"id": f"v{version}", "status": word, "links": links} for version, word in words]}
