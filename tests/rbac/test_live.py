"""Every route is asked by everybody, in a whole cloud and over HTTP: who may not, cannot; who may, can."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.rbac import things
from tests.rbac.bodies import UUID, smallest
from tests.rbac.matrix import right
from tests.rbac.personas import ALLOWED, DENIED, NOBODY, OWNER, PERSONAS
from tests.rbac.stranger import Stranger
from tests.rbac.wire import Answer
from tests.rbac.world import HOST, MARK, Cloud
from welkin import app as assembly
from welkin.core.agent_api import AGENT
from welkin.core.errors import Problem
from welkin.core.http import Answer as Said
from welkin.core.http import App, Call, Receive
from welkin.core.policy import PUBLIC
from welkin.core.routing import Route
from welkin.core.versions import text
from welkin.testing.cloud import running

pytestmark = [pytest.mark.asyncio(loop_scope="module")]
UNSTEADY = re.compile(
    r"/compute/v2.1/(os-services|os-hypervisors|os-simple-tenant-usage|servers/[^/]+/diagnostics)"
    r"|/network/v2.0/(agents|.*/(l3|dhcp)-agents)|/identity/v3/(auth/tokens|OS-REVOKE)|/metrics|/v2.1/os-hosts"
)
"""What changes by itself: heartbeats, hours of use, tokens."""
UNREAD = re.compile("^/v2/agent/|/os-hypervisors/{hypervisor_id}|/os-hosts/{host}/(reboot|shutdown|startup)")
"""Asked for by numbers that older versions had, of a host that is only in memory, or not supported."""
PROVIDERS = re.compile(r'"generation":\d+')
"""How often a host's allocations have changed; a neighbour's server counts too."""
OWNERS = frozenset(
    {
        ("PATCH", "/v3/credentials/{credential_id}"),
        ("DELETE", "/v3/credentials/{credential_id}"),
        ("POST", "/v3/users/{user_id}/credentials/OS-EC2"),
        ("POST", "/v3/users/{user_id}/application_credentials"),
        ("DELETE", "/v2.0/auto-allocated-topology/{project_id}"),
    }
)
"""Whoever owns nothing there is refused: the owner asks for what is there, others are not asked."""
PROVES = frozenset({"/v3/ec2tokens", "/v3/s3tokens"})
"""Answered with 401 to whoever sends no signature, also where the rule allows it."""
EMPTY = re.compile(r'{"(agents|network_ip_availabilities)":\[\]}')
"""Lists in which whoever has no right to them finds nothing."""
GONE = "os_compute_api:gone"


class Watched(App):
    """The app, which also notes whether late routes asked their rule."""

    asked: set[Route]
    unasked: list[str]

    def _note(self, call: Call, problem: Problem | None) -> None:
        route = call.route
        if route is None or not route.late:
            return
        if call.enforced:
            self.asked.add(route)
        elif problem is not None and problem.status not in (400, 401, 404):
            self.unasked.append(f"{route.method} {route.path} {route.action}: {problem.status} {problem}")

    async def _answer(self, call: Call, receive: Receive) -> tuple[object, int]:
        answer = await super()._answer(call, receive)
        self._note(call, None)
        return answer

    def _refusal(self, call: Call, problem: Problem) -> tuple[Said, int]:
        self._note(call, problem)
        return super()._refusal(call, problem)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloud(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cloud]:
    """One cloud for all, with a server that runs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "App", Watched)
        Watched.asked, Watched.unasked = set(), []
        async with running(tmp_path_factory.mktemp("rbac")) as up:
            made = Cloud(up)
            await things.build(made)
            made.agent_key = (up.config.cloud.state_dir / "keys" / f"agent-{HOST}").read_text()
            made.before = await seen(made)
            yield made
            await made.wire.close()


def routes() -> list[Route]:
    """Return every route."""
    return [route for room in assembly.all_routes() for route in room.routes]


def path(cloud: Cloud, route: Route, *, missing: bool = False) -> str:
    """Return a route's path to what was made, or with something that is not there as its last argument."""
    parts = (route.service.prefix + route.path).split("/")
    places = [index for index, part in enumerate(parts) if part.startswith("{")]
    found = list(parts)
    for index in places:
        names = (parts[index], f"{route.service.type}/{parts[index - 1]}", parts[index - 1], parts[index].strip("{}"))
        name = next((cloud.things[name] for name in names if name in cloud.things), None)
        if route.rule.name == GONE:
            name = "x"
        assert name is not None, f"tests/rbac/things.py makes nothing for {parts[index]} of {route.path}"
        found[index] = quote(UUID if missing and index == places[-1] else name, safe=":")
    return "/".join(found) or "/"


async def ask(
    cloud: Cloud, who: str, route: Route, *, missing: bool = False, query: dict[str, str] | None = None
) -> Answer:
    """Ask for a route at the newest version that has it."""
    headers = {"X-Subject-Token": cloud.things["subject"]} if route.path == "/v3/auth/tokens" else {}
    if (route.method, route.path) == ("PATCH", "/v2/images/{image_id}"):
        headers["Content-Type"] = "application/openstack-images-v2.1-json-patch"
    versions = route.service.versions
    if versions is not None:
        version = min(route.until, versions.maximum)
        headers["OpenStack-API-Version"] = f"{versions.service} {text(version)}"
    body = smallest(route, cloud)
    if who == "agent":
        headers |= {"X-Agent-Host": HOST, "X-Agent-Key": cloud.agent_key}
    where = path(cloud, route, missing=missing) + ("?" + urlencode(query) if query else "")
    return await cloud.ask(who, route.method, where, body, headers)


def told(route: Route, answer: Answer) -> str:
    """Return one line of a report."""
    words = (route.service.type, route.method, route.path, route.action or "", answer.status, answer.text[:200])
    return " ".join(str(word) for word in words)


async def seen(cloud: Cloud) -> dict[str, str]:
    """Return every thing as the administrator sees it, and every list as the first project's member does."""
    found = {}
    for route in routes():
        if route.method == "GET" and route.rule is not PUBLIC:
            who = "admin" if "{" in route.path else OWNER
            answer = await ask(cloud, who, route)
            if answer.ok and not UNSTEADY.search(answer.path):
                found[f"{answer.path} {route.until}"] = PROVIDERS.sub("", answer.text)
    return found


async def assert_unchanged(cloud: Cloud) -> None:
    """Assert that nothing of the first project's is other than it was."""
    after = await seen(cloud)
    changed = [where for where, body in cloud.before.items() if after.get(where) != body]
    assert not changed, [(where, cloud.before[where], after.get(where)) for where in changed]


def unread(route: Route) -> bool:
    """Return whether nobody can read this, in a cloud in memory."""
    return route.rule.name == GONE or UNREAD.search(route.path) is not None


def denied(who: str) -> Iterator[Route]:
    """Return the routes that somebody has no right to."""
    for route in routes():
        if (route.rule is not PUBLIC) if who == NOBODY else right(route, PERSONAS[who]) == DENIED:
            yield route


async def test_the_world_is_whole(cloud: Cloud) -> None:
    """The administrator or the owner can read one of everything; else what follows would prove nothing."""
    missing = []
    for route in routes():
        if route.method == "GET" and "{" in route.path and route.rule is not PUBLIC and not unread(route):
            answers = [await ask(cloud, who, route) for who in ("admin", OWNER)]
            if not any(answer.ok for answer in answers):
                missing += [told(route, answer) for answer in answers]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("who", [*PERSONAS, NOBODY])
async def test_who_may_not_cannot(cloud: Cloud, who: str) -> None:
    """Nobody is answered with 401; others with 403, with 404 where even its being is hidden, or with an empty list."""
    statuses = {401} if who == NOBODY else {403, 404}
    let_in = []
    for route in denied(who):
        answer = await ask(cloud, who, route)
        if answer.status not in statuses and not EMPTY.fullmatch(answer.text):
            let_in.append(told(route, answer))
    assert not let_in, "\n".join(let_in)
    await assert_unchanged(cloud)


async def test_strangers_read_nothing(cloud: Cloud) -> None:
    """Where the rule lets a stranger in, to do the same at home or to see what is everybody's, no secret comes out."""
    leaks = []
    for route in routes():
        if route.method in ("GET", "HEAD") and right(route, PERSONAS["stranger"]) != DENIED:
            for query in queries(cloud) if "{" not in route.path else [{}]:
                answer = await ask(cloud, "stranger", route, query=query)
                if answer.status >= 500 or (answer.ok and leaked(cloud, answer, query)):
                    leaks.append(f"{query} {told(route, answer)}")
    assert not leaks, "\n".join(leaks)


async def test_strangers_change_nothing(cloud: Cloud) -> None:
    """A stranger who may do it at home gets nothing of the first project's in hand, though every reference is to it."""
    leaks = []
    for route in routes():
        if route.method not in ("GET", "HEAD") and right(route, PERSONAS["stranger"]) != DENIED and not proves(route):
            answer = await ask(cloud, "stranger", route)
            if answer.status >= 500 or (answer.ok and leaked(cloud, answer, {})):
                leaks.append(told(route, answer))
    assert not leaks, "\n".join(leaks)
    await assert_unchanged(cloud)


@pytest.mark.parametrize("who", ["steward", "auditor", "drifter", "agent"])
async def test_outsiders_change_nothing(cloud: Cloud, who: str) -> None:
    """Whoever is in no project, of another domain or an agent changes nothing; only the auditor may read."""
    done = []
    for route in routes():
        if proves(route) or route.rule is AGENT or route.path == "/v3/auth/tokens":
            continue
        answer = await ask(cloud, who, route)
        told_secrets = answer.ok and who != "auditor" and leaked(cloud, answer, {})
        if answer.status >= 500 or told_secrets:
            done.append(f"{told_secrets} {told(route, answer)}")
    assert not done, "\n".join(done)
    await assert_unchanged(cloud)


async def test_sockets_ask_who_it_is(cloud: Cloud) -> None:
    """A WebSocket closes on whoever shows neither a token nor a key."""
    paths = [path for room in assembly.all_routes() for path in room.sockets]
    assert paths
    for path in paths:
        for key in ({}, {"X-Agent-Host": HOST, "X-Agent-Key": "wrong"}, {"X-Auth-Token": cloud.tokens["admin"]}):
            url = f"{cloud.running.url.replace('http', 'ws', 1)}{path}?token=wrong&session=wrong"
            with pytest.raises(InvalidStatus):
                async with connect(url, additional_headers=key):
                    pass


@pytest.mark.parametrize("who", ["manager", "stranger", "drifter"])
async def test_the_inside_stays_inside(cloud: Cloud, who: str) -> None:
    """Which hosts there are, and what runs on which, is the administrator's to know, and Prometheus'."""
    told_hosts = []
    for route in routes():
        if route.method == "GET" and route.path != "/metrics":
            answer = await ask(cloud, who, route, query={"subject": cloud.things["servers"]})
            if answer.ok and f'"{HOST}"' in answer.text:
                told_hosts.append(told(route, answer))
    assert not told_hosts, "\n".join(told_hosts)


async def test_readers_change_nothing(cloud: Cloud) -> None:
    """A reader whom a rule lets in, as those of compute's old names for images do, still changes nothing."""
    done = []
    for route in routes():
        if route.method not in ("GET", "HEAD") and right(route, PERSONAS["reader"]) != DENIED and not proves(route):
            answer = await ask(cloud, "reader", route)
            if answer.status >= 500 or (answer.ok and leaked(cloud, answer, {})):
                done.append(told(route, answer))
    assert not done, "\n".join(done)
    await assert_unchanged(cloud)


async def test_strangers_use_nothing(cloud: Cloud) -> None:
    """A stranger's own things are not made of, put on or joined to those of the first project."""
    stranger = Stranger(cloud)
    await stranger.move_in()
    done = []
    for method, path, body in stranger.attempts():
        answer = await cloud.ask("stranger", method, path, body, stranger.version(body))
        if answer.status not in (400, 403, 404, 409):
            done.append(f"{method} {path} {body}: {answer.status} {answer.text[:200]}")
    assert not done, "\n".join(done)
    await assert_unchanged(cloud)


async def test_colleagues_read_nothing_personal(cloud: Cloud) -> None:
    """What belongs to a person is not shown to others of the same project either."""
    names = ("os-keypairs", "credentials", "OS-EC2", "application_credentials", "access_rules", "trusts")
    personal = {cloud.things[name] for name in names}
    leaks = []
    for who in ("manager", "reader"):
        for route in routes():
            if route.method == "GET" and route.service.type in ("identity", "compute") and "{" not in route.path:
                for query in queries(cloud):
                    answer = await ask(cloud, who, route, query=query)
                    leaks += [f"{who} {query} {told(route, answer)}" for each in personal if f'"{each}"' in answer.text]
    leaks = [leak for leak in leaks if "/v2.1/servers/detail" not in leak]  # a server tells its key pair's name
    assert not leaks, "\n".join(leaks)


@pytest.mark.parametrize("who", PERSONAS)
async def test_who_may_can(cloud: Cloud, who: str) -> None:
    """Whoever has the right is not refused; what would destroy or change is asked of what is not there."""
    shut_out = []
    for route in routes():
        owners = (route.method, route.path) in OWNERS
        if right(route, PERSONAS[who]) != ALLOWED or proves(route) or (owners and who != OWNER):
            continue
        query = {"project_id": cloud.projects["first"]} if route.path.endswith("/os-migrations") else {}
        missing = route.method not in ("GET", "HEAD") and not owners
        answer = await ask(cloud, who, route, missing=missing, query=query)
        if answer.status in (401, 403, 500):
            shut_out.append(told(route, answer))
    assert not shut_out, "\n".join(shut_out)


async def test_late_routes_asked_their_rule(cloud: Cloud) -> None:
    """A route that leaves its rule to the handler asks it before it tells anything, whether it succeeds or refuses."""
    assert not Watched.unasked, "\n".join(Watched.unasked)
    never = [route for route in routes() if route.late and route not in Watched.asked]
    assert not never, [f"{route.service.type} {route.method} {route.path} {route.action}" for route in never]


def proves(route: Route) -> bool:
    """Return whether a route answers 401 to whoever proves nothing in the body."""
    return (route.rule is PUBLIC and route.method == "POST") or route.path in PROVES


def queries(cloud: Cloud) -> list[dict[str, str]]:
    """Return the ways in which somebody may try to have another project's things listed."""
    first = cloud.projects["first"]
    own = ({"all_tenants": "1"}, {"all_projects": "true"}, {"user_id": cloud.users[OWNER]}, {"owner": first})
    theirs = ({"project_id": first}, {"tenant_id": first}, {"visibility": "shared", "member_status": "all"})
    named = ({"id": cloud.things["networks"]}, {"device_id": cloud.things["servers"]})
    return [{}, *own, *theirs, *named, {"subject": cloud.things["servers"]}, {"name": f"private-{MARK}"}]


def leaked(cloud: Cloud, answer: Answer, query: dict[str, str]) -> set[str]:
    """Return the secrets in an answer that the question did not hold."""
    told = answer.text
    for value in query.values():
        told = told.replace(value, "")  # links to the list itself say what was asked
    return {secret for secret in cloud.secrets if secret in told}
