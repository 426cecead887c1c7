"""What is refused about key pairs, and why."""

from __future__ import annotations

from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound


class KeypairNotFound(NotFound):
    """The user has no key pair of this name."""

    code = "compute.keypair-not-found"

    def __init__(self, name: str, user_id: str) -> None:
        super().__init__(f"Keypair {name} not found for user {user_id}")


class KeypairExists(Conflict):
    """The user has a key pair of this name already."""

    code = "compute.keypair-exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"Key pair '{name}' already exists.")


class TooManyKeypairs(Forbidden):
    """The user has as many key pairs as they may have."""

    code = "compute.too-many-keypairs"

    def __init__(self) -> None:
        super().__init__("Quota exceeded, too many key pairs.")


class BadKey(Invalid):
    """The text is not a key of the type that it should be."""

    code = "compute.bad-key"

    def __init__(self, reason: str) -> None:
        super().__init__(f"Keypair data is invalid: {reason}")
