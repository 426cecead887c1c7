"""Refusals that a caller can understand.  Everything else is a bug and becomes a 500.

A room derives its own refusals from these kinds, as dataclasses with typed facts:
the code never changes, the sentence says what to do next.
"""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):
    """A refusal with a stable code and an HTTP status.

    `headers` are added to the response, `title` is the short name that some
    services write beside the sentence.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"

    def headers(self) -> dict[str, str]:
        """Return headers that the response must carry, such as Retry-After."""
        return {}


class Invalid(Problem):
    """The request does not make sense as it stands."""

    status = 400
    code = "invalid"


class Unauthorized(Problem):
    """The caller has not proved who they are."""

    status = 401
    code = "unauthorized"

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else "The request you have made requires authentication."


class Forbidden(Problem):
    """The caller is known, and may not do this."""

    status = 403
    code = "forbidden"


class NotFound(Problem):
    """There is no such thing, or none that the caller may know of."""

    status = 404
    code = "not-found"


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    status = 405
    code = "method-not-allowed"

    def __init__(self, message: str, allowed: frozenset[str]) -> None:
        super().__init__(message)
        self.allowed = allowed

    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(sorted(self.allowed))}


class NotAcceptable(Problem):
    """The version that was asked for is not served."""

    status = 406
    code = "not-acceptable"


class Conflict(Problem):
    """It cannot be done in the state that things are in."""

    status = 409
    code = "conflict"


class Gone(Problem):
    """It was here, and will not come back."""

    status = 410
    code = "gone"


class PreconditionFailed(Problem):
    """The caller's condition on the present state does not hold."""

    status = 412
    code = "precondition-failed"


class TooLarge(Problem):
    """The request is larger than is accepted."""

    status = 413
    code = "too-large"


class UnsupportedMediaType(Problem):
    """The body is of a type that the route does not take."""

    status = 415
    code = "unsupported-media-type"


class RangeNotSatisfiable(Problem):
    """The range lies outside of the content."""

    status = 416
    code = "range-not-satisfiable"


class OverQuota(Problem):
    """A limit of the project would be passed.  Rooms choose the status that clients expect."""

    status = 403
    code = "over-quota"


class NotImplementedHere(Problem):
    """OpenStack has this call and Welkin does not, yet."""

    status = 501
    code = "not-implemented"


class Unavailable(Problem):
    """A part that is needed for the answer is not there now; try again."""

    status = 503
    code = "unavailable"

    def headers(self) -> dict[str, str]:
        return {"Retry-After": "1"}
