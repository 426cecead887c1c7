"""The door to identity: what other rooms, the command line and tests may use."""

from __future__ import annotations

from welkin.core.cloud import Cloud
from welkin.core.db import Reads
from welkin.core.http import Parts
from welkin.core.policy import Actor
from welkin.services.identity import bootstrap
from welkin.services.identity.credentials.vault import Vault
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.users import rows as users

__all__ = [
    "DEFAULT_DOMAIN_ID",
    "IdentityOptions",
    "authenticate",
    "ensure_cloud",
    "find_project_id",
    "find_user_id",
    "project_exists",
    "project_name",
    "rotate_credential_keys",
    "rotate_keys",
    "user_exists",
]

DEFAULT_DOMAIN_ID = bootstrap.DOMAIN_ID
ensure_cloud = bootstrap.ensure_cloud


async def authenticate(parts: Parts, token: str) -> Actor | None:
    """Return whose token this is, or None; for tokens that do not come in X-Auth-Token, as those of a console."""
    known = await parts.get(Tokens).look_up(token)
    return None if known is None else known.context.actor


async def project_exists(reads: Reads, project_id: str) -> bool:
    """Return whether there is such a project, enabled or not."""
    return await projects.find(reads, project_id) is not None


async def project_name(reads: Reads, project_id: str) -> str | None:
    """Return a project's name, or None when there is no such project."""
    row = await projects.find(reads, project_id)
    return None if row is None else row.name


async def find_project_id(reads: Reads, name: str, domain_id: str = DEFAULT_DOMAIN_ID) -> str | None:
    """Return the id of the project with this name, or None."""
    row = await projects.find_named(reads, name, domain_id)
    return None if row is None else row.id


async def user_exists(reads: Reads, user_id: str) -> bool:
    """Return whether there is such a user, enabled or not."""
    return await users.find(reads, user_id) is not None


async def find_user_id(reads: Reads, name: str, domain_id: str = DEFAULT_DOMAIN_ID) -> str | None:
    """Return the id of the user with this name, or None."""
    row = await users.find_named(reads, name, domain_id)
    return None if row is None else row.id


def rotate_keys(cloud: Cloud) -> None:
    """Make new tokens with a new key; the tokens that are out stay good."""
    cloud.get(Tokens).keys.rotate(cloud.get(IdentityOptions).keys_kept)


async def rotate_credential_keys(cloud: Cloud) -> int:
    """Encrypt every credential with a new key; return how many there were."""
    vault = cloud.get(Vault)
    vault.keys.rotate(cloud.get(IdentityOptions).keys_kept)
    async with cloud.db.tx() as tx:
        return await vault.seal_anew(tx)
