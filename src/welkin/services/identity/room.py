"""The room put together: what identity brings to the cloud."""

from __future__ import annotations

from welkin.core import quota
from welkin.core.cloud import Cloud, Room
from welkin.core.config import CloudOptions
from welkin.services.identity import discovery
from welkin.services.identity.application_credentials import api as application_credentials
from welkin.services.identity.assignments import api as assignments
from welkin.services.identity.assignments import listing_api as assignment_lists
from welkin.services.identity.catalog import api as catalog
from welkin.services.identity.catalog.document import Catalog
from welkin.services.identity.credentials import api as credentials
from welkin.services.identity.credentials import ec2_api as ec2_keys
from welkin.services.identity.credentials.vault import Vault
from welkin.services.identity.domains import api as domains
from welkin.services.identity.groups import api as groups
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.limits import api as limits
from welkin.services.identity.limits.source import Limits
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.policies import api as policies
from welkin.services.identity.projects import api as projects
from welkin.services.identity.projects import tags_api as project_tags
from welkin.services.identity.roles import api as roles
from welkin.services.identity.tables import MIGRATIONS
from welkin.services.identity.tokens import api as tokens_api
from welkin.services.identity.tokens import revocations_api as revocations
from welkin.services.identity.tokens import signed_api as signed_requests
from welkin.services.identity.tokens.issue import Issuer
from welkin.services.identity.tokens.keys import KeyRing
from welkin.services.identity.tokens.proof import Prover
from welkin.services.identity.tokens.verifier import Tokens
from welkin.services.identity.trusts import api as trusts
from welkin.services.identity.users import api as users


def central(cloud: Cloud) -> None:
    """Open the keys, and let the app ask us who its callers are."""
    options = cloud.get(IdentityOptions)
    folder = cloud.get(CloudOptions).state_dir / "keys"
    hashing = Hashing(options.hash_threads, options.hash_memory_kib, options.hash_passes)
    tokens = Tokens(cloud.db, cloud.world, options, KeyRing(folder / "tokens", cloud.world))
    vault = Vault(KeyRing(folder / "credentials", cloud.world))
    prover = Prover(cloud.db, cloud.world, options, hashing, tokens, vault)
    for part in (hashing, tokens, vault, prover, Issuer(prover), Catalog(cloud.db)):
        cloud.parts.add(part)
    cloud.app.authenticators.append(tokens.authenticate)
    if cloud.get(CloudOptions).unified_limits:
        quota.unify(cloud.db, Limits(cloud.get(CloudOptions).region))


RESOURCES = (
    discovery,
    tokens_api,
    projects,
    project_tags,
    domains,
    users,
    roles,
    assignments,
    assignment_lists,
    groups,
    catalog,
    credentials,
    ec2_keys,
    signed_requests,
    application_credentials,
    trusts,
    limits,
    policies,
    revocations,
)

ROOM = Room(
    name="identity",
    migrations=MIGRATIONS,
    routes=tuple(resource.routes for resource in RESOURCES),
    central=central,
)
