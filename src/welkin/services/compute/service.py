"""Compute as a service: where it is served, which microversions it speaks, and how it refuses."""

from __future__ import annotations

from welkin.core.errors import Problem
from welkin.core.routing import Service
from welkin.core.versions import Versions
from welkin.services.compute.edge import respell

FAULTS = {
    400: "badRequest",
    401: "unauthorized",
    403: "forbidden",
    404: "itemNotFound",
    405: "badMethod",
    409: "conflictingRequest",
    413: "overLimit",
    415: "badMediaType",
    429: "overLimit",
    501: "notImplemented",
    503: "serviceUnavailable",
}
"""The word above a refusal, by its status."""


def envelope(problem: Problem, _request_id: str) -> object:
    """Return a refusal as compute's clients expect it."""
    fault = {"code": problem.status, "message": str(problem)}
    return {FAULTS.get(problem.status, "computeFault"): fault}


versions = Versions("compute", "2.1", "2.104", legacy_header="X-OpenStack-Nova-API-Version")
service = Service(
    type="compute",
    prefix="/compute",
    envelope=envelope,
    versions=versions,
    request_id_header="x-compute-request-id",
    respell=respell,
    exact=True,
)
