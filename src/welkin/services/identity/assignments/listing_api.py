"""The list of assignments over HTTP: as they were made, or as they take effect."""

from __future__ import annotations

from welkin.core.errors import Invalid
from welkin.core.http import Call, Routes
from welkin.services.identity import discovery
from welkin.services.identity.assignments import effective, policy
from welkin.services.identity.assignments.effective import Effective
from welkin.services.identity.groups import rows as groups
from welkin.services.identity.projects import rows as projects
from welkin.services.identity.projects.rows import ProjectRow
from welkin.services.identity.roles import rows as roles
from welkin.services.identity.users import rows as users
from welkin.services.identity.wire import View, asked, collection

routes = Routes(discovery.service)


@routes.get("/v3/role_assignments", rule=policy.LIST_ASSIGNMENTS, late=True)
async def list_assignments(call: Call) -> View:
    """List assignments: filtered, with names, with all below a project, or as they take effect."""
    wanted = _wanted(call)
    subtree = asked(call, "include_subtree")
    domain_id = call.actor.domain_id
    rule = policy.LIST_FOR_TREE if subtree else policy.LIST_ASSIGNMENTS
    if subtree and wanted.project_id is None:
        raise Invalid("scope.project.id must be specified if include_subtree is also specified")
    call.enforce(rule, **({} if domain_id is None else {"target.domain_id": domain_id}))
    found = await effective.find(call.db, wanted, subtree=subtree)
    names = Names(call)
    if domain_id is not None:
        found = [each for each in found if await names.domain_of(each) == domain_id]
    views = [await _view(call, each, names) for each in found]
    return collection(call, "role_assignments", views)


class Names:
    """Looks up names, each once for one list."""

    def __init__(self, call: Call) -> None:
        self._db = call.db
        self.wanted = asked(call, "include_names")
        self._projects: dict[str, ProjectRow | None] = {}
        self._people: dict[tuple[str, str], View] = {}
        self._roles: dict[str, View] = {}

    async def project(self, id: str) -> ProjectRow | None:
        """Return a project or a domain."""
        if id not in self._projects:
            self._projects[id] = await projects.find(self._db, id)
        return self._projects[id]

    async def domain_of(self, each: Effective) -> str | None:
        """Return the domain that an assignment's target is, or is in."""
        row = await self.project(each.target_id)
        return None if row is None else row.domain_id or row.id

    async def domain(self, id: str) -> View:
        """Return the id and the name of a domain."""
        row = await self.project(id)
        return {"id": id, "name": row.name if row is not None else ""}

    async def person(self, kind: str, id: str) -> View:
        """Return the names of a user or a group; of one that is gone, empty ones."""
        if (kind, id) not in self._people:
            row = await (users.find if kind == "user" else groups.find)(self._db, id)
            domain: View = {"id": "", "name": ""} if row is None else await self.domain(row.domain_id)
            self._people[kind, id] = {"id": id, "name": row.name if row is not None else "", "domain": domain}
        return self._people[kind, id]

    async def role(self, id: str) -> View:
        """Return a role's name, and the domain of one that is a domain's own."""
        if id not in self._roles:
            row = await roles.find(self._db, id)
            view: View = {"id": id, "name": row.name if row is not None else ""}
            if row is not None and row.domain_id:
                view["domain"] = await self.domain(row.domain_id)
            self._roles[id] = view
        return self._roles[id]


def _wanted(call: Call) -> effective.Wanted:
    """Read the filters.  Raises Invalid for those that contradict each other."""
    one = {name: values[-1] for name, values in call.args.items()}
    wanted = effective.Wanted(
        user_id=one.get("user.id"),
        group_id=one.get("group.id"),
        role_id=one.get("role.id"),
        project_id=one.get("scope.project.id"),
        domain_id=one.get("scope.domain.id"),
        system=one.get("scope.system") == "all",
        inherited="scope.OS-INHERIT:inherited_to" in one,
        effective=asked(call, "effective"),
    )
    if wanted.user_id and wanted.group_id:
        raise Invalid("Specify either user or group, not both.")
    if len([1 for scope in (wanted.project_id, wanted.domain_id, wanted.system) if scope]) > 1:
        raise Invalid("Specify either project, domain or system, not several.")
    if wanted.effective and wanted.group_id:
        raise Invalid("Combining effective and group filter will always result in an empty list.")
    if wanted.effective and wanted.inherited and wanted.domain_id:
        raise Invalid("Combining effective, domain and inherited filters will always result in an empty list.")
    return wanted


async def _view(call: Call, each: Effective, names: Names) -> View:
    kind = each.actor_kind
    view: View = {
        "role": await names.role(each.role_id) if names.wanted else {"id": each.role_id},
        kind: await names.person(kind, each.actor_id) if names.wanted else {"id": each.actor_id},
        "scope": await _scope(each, names),
    }
    base = f"{call.base_url}/v3"
    links = {"assignment": base + each.source.path()}
    if each.group_id is not None:
        links["membership"] = f"{base}/groups/{each.group_id}/users/{each.actor_id}"
    if each.prior_role_id is not None:
        links["prior_role"] = f"{base}/prior_role/{each.prior_role_id}/implies/{each.role_id}"
    return {**view, "links": links}


async def _scope(each: Effective, names: Names) -> View:
    if each.target_kind == "system":
        return {"system": {"all": True}}
    target: View = {"id": each.target_id}
    if names.wanted and each.target_kind == "domain":
        target = await names.domain(each.target_id)
    elif names.wanted:
        row = await names.project(each.target_id)
        domain = {} if row is None else await names.domain(row.domain_id or row.id)
        target = {"id": each.target_id, "name": row.name if row is not None else "", "domain": domain}
    scope: View = {each.target_kind: target}
    if each.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
    return scope
