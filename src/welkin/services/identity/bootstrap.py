"""What every cloud has from its first start: a domain, three projects, the roles, two users, the catalog."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping

from welkin.core.cloud import Cloud
from welkin.core.config import CloudOptions
from welkin.core.db import Transaction
from welkin.core.world import World
from welkin.services.identity import changes
from welkin.services.identity.assignments import rows as assignments
from welkin.services.identity.assignments.rows import AssignmentRow
from welkin.services.identity.catalog.register import register
from welkin.services.identity.hashing import Hashing
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.roles.rows import RoleRow
from welkin.services.identity.users import rows as users
from welkin.services.identity.users.rows import PasswordRow, UserRow

DOMAIN_ID = projects.DEFAULT_DOMAIN_ID
DOMAIN_NAME = "Default"
PROJECTS = {
    "admin": "The administrators' own project.",
    "demo": "A project to try things in.",
    "service": "The project of the services themselves.",
}
ROLES = ("admin", "manager", "member", "reader", "service", "ResellerAdmin")
IMPLIES = {"admin": "manager", "manager": "member", "member": "reader"}
USERS = {"admin": "admin", "demo": "demo"}
"""Each user's default project."""
PASSWORD_BYTES = 15
LOCK = "identity.bootstrap"


async def ensure_cloud(cloud: Cloud, passwords: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make what is missing of the domain, projects, roles, users and catalog.  Safe to repeat.

    passwords  by user name; a random one is made for a user who has none here.
    Returns    the passwords of the users that were made now, and only those.
    """
    wanted = await _missing_users(cloud)
    chosen = {name: (passwords or {}).get(name) or _password(cloud.world) for name in wanted}
    hashes = {name: await cloud.get(Hashing).hash(password) for name, password in chosen.items()}
    async with cloud.db.tx() as tx:
        await tx.lock(LOCK)
        await _ensure_projects(tx, cloud.world)
        role_ids = await _ensure_roles(tx, cloud.world)
        made = [name for name in wanted if await _ensure_user(tx, cloud.world, name, hashes[name])]
        for name in made:
            await _assign(tx, name, role_ids)
        await register(tx, cloud.world, cloud.get(CloudOptions).region, offered(cloud))
    return {name: chosen[name] for name in made}


def offered(cloud: Cloud) -> Iterable[tuple[str, str]]:
    """Return the type and the prefix of each service that this cloud serves."""
    services = {route.service.type: route.service for route in cloud.app.router.routes}
    return [(name, service.prefix) for name, service in services.items()]


async def _missing_users(cloud: Cloud) -> list[str]:
    return [name for name in USERS if await users.find_named(cloud.db, name, DOMAIN_ID) is None]


def _password(world: World) -> str:
    return base64.urlsafe_b64encode(world.secret(PASSWORD_BYTES)).decode()


async def _ensure_projects(tx: Transaction, world: World) -> None:
    if await projects.find(tx, DOMAIN_ID) is None:
        await tx.insert("identity_projects", projects.new_domain(DOMAIN_ID, DOMAIN_NAME, "The default domain"))
        await changes.advance(tx)
    for name, description in PROJECTS.items():
        if await projects.find_named(tx, name, DOMAIN_ID) is None:
            row = projects.new_project(world.new_hex(), name, DOMAIN_ID, description)
            await tx.insert("identity_projects", row)
            await changes.advance(tx)


async def _ensure_roles(tx: Transaction, world: World) -> dict[str, str]:
    ids: dict[str, str] = {}
    fresh = set()
    for name in ROLES:
        row = await roles.find_named(tx, name)
        if row is None:
            row = RoleRow(world.new_hex(), name, "", None, {"immutable": True}, {})
            await tx.insert("identity_roles", row)
            await changes.advance(tx)
            fresh.add(name)
        ids[name] = row.id
    for prior, implied in IMPLIES.items():
        if prior in fresh or implied in fresh:
            sql = "INSERT INTO identity_inferences (prior_id, implied_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
            await tx.run(sql, ids[prior], ids[implied])
    return ids


async def _ensure_user(tx: Transaction, world: World, name: str, hashed: str) -> bool:
    """Make a user who is not there; return whether it was made."""
    if await users.find_named(tx, name, DOMAIN_ID) is not None:
        return False
    project = await projects.find_named(tx, USERS[name], DOMAIN_ID)
    now = world.now()
    row = UserRow(
        id=world.new_hex(),
        name=name,
        domain_id=DOMAIN_ID,
        default_project_id=project.id if project is not None else None,
        created_at=now,
    )
    await tx.insert("identity_users", row)
    password = PasswordRow(id=world.new_hex(), user_id=row.id, hash=hashed, created_at=now)
    await tx.insert("identity_passwords", password)
    await changes.advance(tx)
    return True


async def _assign(tx: Transaction, name: str, role_ids: Mapping[str, str]) -> None:
    """Give the administrator the role admin everywhere, and others the role member on the project demo."""
    user = await users.find_named(tx, name, DOMAIN_ID)
    demo = await projects.find_named(tx, "demo", DOMAIN_ID)
    home = await projects.find_named(tx, "admin", DOMAIN_ID)
    assert user is not None and demo is not None and home is not None
    grants = [AssignmentRow("user", user.id, "project", demo.id, role_ids["member"])]
    if name == "admin":
        admin = role_ids["admin"]
        grants = [
            AssignmentRow("user", user.id, "project", home.id, admin),
            AssignmentRow("user", user.id, "project", demo.id, admin),
            AssignmentRow("user", user.id, "domain", DOMAIN_ID, admin),
            AssignmentRow("user", user.id, "system", assignments.SYSTEM, admin),
        ]
    for grant in grants:
        await tx.insert("identity_assignments", grant)
