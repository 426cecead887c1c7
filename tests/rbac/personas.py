"""The people whose rights are looked at, and the things of one project that they ask for."""

from __future__ import annotations

from welkin.core.policy import Actor, Target

PROJECT = "first-project"
OTHER_PROJECT = "second-project"
THIRD_PROJECT = "third-project"
DOMAIN = "domain"
ALLOWED, OWN_ONLY, DENIED = "yes", "own", "no"


def person(name: str, project_id: str, *roles: str) -> Actor:
    """Return somebody with a token for a project; all are of one domain."""
    return Actor(
        user_id=name,
        user_domain_id=DOMAIN,
        project_id=project_id,
        project_domain_id=DOMAIN,
        roles=frozenset(roles),
        is_admin="admin" in roles,
    )


PERSONAS = {
    "admin": person("admin", "admin-project", "admin", "manager", "member", "reader"),
    "manager": person("manager", PROJECT, "manager", "member", "reader"),
    "member": person("member", PROJECT, "member", "reader"),
    "reader": person("reader", PROJECT, "reader"),
    "stranger": person("stranger", OTHER_PROJECT, "member", "reader"),
}
NOBODY = "nobody"
OWNER = "member"
"""Whose a thing is that belongs to a person and not to a project: a key pair, a credential, a trust."""


def thing(project_id: str, user_id: str) -> Target:
    """Return what a rule is told of a private thing of a project, in every room's words."""
    in_project = ("project_id", "owner", "target.project.id", "target.limit.project_id")
    parents = ("network:project_id", "security_group:project_id", "ext_parent:project_id")
    of_user = ("user_id", "target.user.id", "target.token.user_id", "target.credential.user_id")
    of_domain = ("project", "user", "group", "limit.project")
    return {
        **dict.fromkeys(in_project + parents, project_id),
        **dict.fromkeys((*of_user, "target.trust.trustor_user_id"), user_id),
        "target.trust.trustee_user_id": "friend",
        **{f"target.{kind}.domain_id": DOMAIN for kind in of_domain},
        "target.domain.id": DOMAIN,
        "target.domain_id": DOMAIN,
        "target.limit.domain.id": DOMAIN,
        "domain_id": None,
        "target.role.domain_id": None,
        "target.role.name": "ordinary",
        # An image is shared with the third project, and nothing is shared with everybody.
        "member_id": THIRD_PROJECT,
        "visibility": "private",
        "shared": False,
        "router:external": False,
    }
