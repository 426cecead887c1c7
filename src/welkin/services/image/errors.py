"""What image refuses, and why."""

from __future__ import annotations

from collections.abc import Sequence

from welkin.core.errors import Conflict, Gone, NotFound, Problem, TooLarge, UnsupportedMediaType
from welkin.core.quota import Excess


class ImageNotFound(NotFound):
    """There is no such image, or none that the caller may see."""

    code = "image.not-found"

    def __init__(self, image_id: str) -> None:
        super().__init__(f"No image found with ID {image_id}")


class WrongStatus(Conflict):
    """The image is not in a state in which this can be done."""

    code = "image.wrong-status"


class Vanished(Gone):
    """The image was deleted while its data came."""

    code = "image.vanished"

    def __init__(self, image_id: str) -> None:
        super().__init__(
            f"Image {image_id} could not be found after upload. The image may have been deleted during the upload."
        )


class Refused(UnsupportedMediaType):
    """The data is not what it is said to be, or not safe to use."""

    code = "image.refused"


class WrongContentType(UnsupportedMediaType):
    """The body is of a type that is not taken here."""

    code = "image.content-type"

    def __init__(self, allowed: str, header: str = "") -> None:
        super().__init__(f"Content-Type must be one of: {allowed}")
        self._headers = {header: allowed} if header else {}

    def headers(self) -> dict[str, str]:
        return self._headers


class LimitExceeded(TooLarge):
    """A limit of the project, or of one image, would be passed."""

    code = "image.limit-exceeded"


class NoPublicAddress(Problem):
    """A download would reach what is not public."""

    status = 400
    code = "image.address-refused"


def over_quota(excesses: Sequence[Excess]) -> LimitExceeded:
    """Return the refusal that says which limits would be passed."""
    sentences = [f"Resource {each.resource} is over limit: {each.used} used of {each.quota}" for each in excesses]
    return LimitExceeded("; ".join(sentences))
