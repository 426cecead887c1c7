"""What identity refuses, in the words that its clients look for."""

from __future__ import annotations

from dataclasses import dataclass

from welkin.core.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized


@dataclass(eq=False)
class NoSuch(NotFound):
    """`what` is the word for the kind of thing, such as `project`."""

    code = "identity.no-such"
    what: str
    id: str

    def __str__(self) -> str:
        return f"Could not find {self.what}: {self.id}."


@dataclass(eq=False)
class Missing(Invalid):
    """Something that the request needs is not in it."""

    code = "identity.missing"
    attribute: str
    target: str

    def __str__(self) -> str:
        return f"Expecting to find {self.attribute} in {self.target}."


@dataclass(eq=False)
class Duplicate(Conflict):
    """There is one already."""

    code = "identity.duplicate"
    what: str
    details: str

    def __str__(self) -> str:
        return f"Conflict occurred attempting to store {self.what} - {self.details}."


@dataclass(eq=False)
class NoAssignment(NotFound):
    """The role is not assigned."""

    code = "identity.no-assignment"
    role_id: str
    actor_id: str
    target_id: str

    def __str__(self) -> str:
        return (
            f"Could not find role assignment with role: {self.role_id}, user or group: {self.actor_id}, "
            f"project, domain, or system: {self.target_id}."
        )


@dataclass(eq=False)
class Immutable(Forbidden):
    """The `immutable` option protects it."""

    code = "identity.immutable"
    what: str
    id: str

    def __str__(self) -> str:
        return f"Cannot change or delete the immutable {self.what} {self.id}: set its option immutable to false first."


class NotAllowed(Forbidden):
    """It is not a matter of roles: nobody may do this."""

    code = "identity.not-allowed"


class WrongPassword(Invalid):
    """A new password that breaks the rules for passwords."""

    code = "identity.password"

    def __str__(self) -> str:
        return f"Password validation error: {self.args[0]}."


class NotAuthenticated(Unauthorized):
    """The proof of identity does not hold; it is never said which part of it."""

    code = "identity.not-authenticated"


@dataclass(eq=False)
class PasswordExpired(Unauthorized):
    """The password was right and is too old."""

    code = "identity.password-expired"
    user_id: str

    def __str__(self) -> str:
        return f"The password is expired and needs to be changed for user: {self.user_id}."


@dataclass(eq=False)
class AccountLocked(Unauthorized):
    """Too many wrong passwords."""

    code = "identity.account-locked"
    user_id: str

    def __str__(self) -> str:
        return f"The account is locked for user: {self.user_id}."
