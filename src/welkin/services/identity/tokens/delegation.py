"""What somebody may not do with a token that only lends them a part of a user's rights."""

from __future__ import annotations

from welkin.core.errors import Unauthorized
from welkin.core.http import Call
from welkin.services.identity.errors import NotAllowed
from welkin.services.identity.tokens.context import Context
from welkin.services.identity.tokens.verifier import Tokens


async def context_of(call: Call) -> Context:
    """Return what the caller's token means.  Raises Unauthorized for a caller without one, such as an agent."""
    tokens = call.get(Tokens)
    known = await tokens.look_up(call.actor.token, tokens.options.expired_grace_s) if call.actor.token else None
    if known is None:
        raise Unauthorized
    return known.context


async def forbid_trusts(call: Call) -> Context:
    """Return the caller's context unless the token is a trust's: what it would make could outlive the trust."""
    context = await context_of(call)
    if context.trust is not None:
        raise NotAllowed("Cannot manage application credentials with a token issued via delegation.")
    return context


def forbid_restricted(context: Context, what: str) -> None:
    """Raise NotAllowed when the token comes from an application credential that may not make more `what`."""
    credential = context.application_credential
    if credential is not None and not credential.unrestricted:
        raise NotAllowed(f"Using method 'application_credential' is not allowed for managing additional {what}.")


async def forbid_other_projects(call: Call, project_id: str | None) -> Context:
    """Return the caller's context; lent rights reach only what belongs to the token's project.  Raises NotAllowed."""
    context = await context_of(call)
    if not reaches(context, project_id):
        raise NotAllowed("Credential project does not match the project scope of the delegated token")
    return context


def reaches(context: Context, project_id: str | None) -> bool:
    """Return whether the token may be used for what belongs to this project, or to none."""
    lent = context.trust is not None or context.application_credential is not None
    return not lent or project_id == context.actor.project_id
