"""The network service as its clients see it: its path, and the body of a refusal."""

from __future__ import annotations

from collections.abc import Mapping

from welkin.core.errors import Invalid, MethodNotAllowed, NotFound, NotImplementedHere, Problem
from welkin.core.policy import PolicyDenied
from welkin.core.routing import Service

TYPES: Mapping[type[Problem], str] = {
    PolicyDenied: "PolicyNotAuthorized",
    NotFound: "HTTPNotFound",
    MethodNotAllowed: "HTTPMethodNotAllowed",
    Invalid: "HTTPBadRequest",
    NotImplementedHere: "HTTPNotImplemented",
}
"""What upstream calls the refusals that come from the core; the room's own are named as upstream names them."""


def envelope(problem: Problem, _request_id: str) -> object:
    """Return a refusal as clients of this service expect it: the type is what they switch on."""
    name = TYPES.get(type(problem), type(problem).__name__)
    return {"NeutronError": {"type": name, "message": str(problem), "detail": ""}}


service = Service(type="network", prefix="/network", envelope=envelope, lenient=True)
