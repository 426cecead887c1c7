"""The only file that knows every room: it puts a control plane and an agent together."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from welkin import __version__
from welkin.core import agent_api, agents, events, openapi, schema
from welkin.core.agent import Agent, websocket_link
from welkin.core.answers import Answer
from welkin.core.cloud import Cloud, ControlPlane, Host, Room
from welkin.core.config import CloudOptions, HttpOptions
from welkin.core.db import Database, SqliteDatabase
from welkin.core.errors import Forbidden
from welkin.core.events import Event
from welkin.core.http import App, Call, Parts, Routes, Service, plain_envelope
from welkin.core.metrics import exposition
from welkin.core.policy import PUBLIC, Policy, Rule
from welkin.core.routing import Route
from welkin.core.server import Server
from welkin.core.wake import Wakeups
from welkin.core.world import World
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.room import ROOM as COMPUTE
from welkin.services.identity import public as identity
from welkin.services.identity.options import IdentityOptions
from welkin.services.identity.room import ROOM as IDENTITY
from welkin.services.image.options import ImageOptions
from welkin.services.image.room import ROOM as IMAGE
from welkin.services.network.options import NetworkOptions
from welkin.services.network.room import ROOM as NETWORK
from welkin.services.placement.room import ROOM as PLACEMENT

FIRST_USERS = ("admin", "demo")
PASSWORD_BYTES = 12
AGENT_KEY_BYTES = 32


class Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Every option, in groups."""

    cloud: CloudOptions = msgspec.field(default_factory=CloudOptions)
    http: HttpOptions = msgspec.field(default_factory=HttpOptions)
    identity: IdentityOptions = msgspec.field(default_factory=IdentityOptions)
    image: ImageOptions = msgspec.field(default_factory=ImageOptions)
    network: NetworkOptions = msgspec.field(default_factory=NetworkOptions)
    compute: ComputeOptions = msgspec.field(default_factory=ComputeOptions)

    def groups(self) -> list[msgspec.Struct]:
        """Return each group of options."""
        return [getattr(self, name) for name in self.__struct_fields__]


ROOMS: tuple[Room, ...] = (IDENTITY, PLACEMENT, IMAGE, NETWORK, COMPUTE)

LOOPBACK = ("127.0.0.1", "::1")

root = Routes(Service(type="", prefix="", envelope=plain_envelope))


@root.get("/healthcheck", rule=PUBLIC)
async def healthcheck(call: Call) -> Answer:
    """Say that requests are answered and the database can be read."""
    await call.db.value("SELECT 1")
    return Answer(body=b"OK", content_type="text/plain")


@root.get("/metrics", rule=PUBLIC)
async def show_metrics(call: Call) -> Answer:
    """Return the numbers of this process for Prometheus: to this machine, and to administrators."""
    if call.client_address not in LOOPBACK and not call.actor.is_admin:
        raise Forbidden("Numbers are for this machine and for administrators.")
    return Answer(body=exposition(), content_type="text/plain; version=0.0.4")


EVENTS = Rule("welkin:events", "role:reader", "Read what happened to something of one's own project.")
ALL_EVENTS = Rule("welkin:events:all_projects", "role:admin", "Read what happened to anything, and on which host.")
OF_HOSTS = frozenset({"host", "hosts", "filters", "smallest_change"})
"""Facts about the cloud's inside: where things run, and how full which host is."""


class EventsQuery(msgspec.Struct, kw_only=True):
    """Whose events are asked for: the id of a server, a network, …."""

    subject: str


@root.get("/welkin/v1/events", rule=EVENTS)
async def list_events(call: Call, query: EventsQuery) -> dict[str, list[Event]]:
    """Return everything that happened to one thing, oldest first."""
    found = await events.timeline(call.db, query.subject)
    if not call.allowed(ALL_EVENTS):
        own = [event for event in found if event.project_id is not None and event.project_id == call.actor.project_id]
        found = [msgspec.structs.replace(event, facts=without(event.facts, OF_HOSTS)) for event in own]
    return {"events": found}


def without(facts: dict[str, object], names: frozenset[str]) -> dict[str, object]:
    """Return `facts` but those of `names`."""
    return {name: value for name, value in facts.items() if name not in names}


@root.get("/welkin/v1/openapi.json", rule=PUBLIC)
async def show_openapi(call: Call) -> Answer:
    """Return every route as an OpenAPI document."""
    return Answer(body=openapi_document(tuple(call.get(Cloud).app.router.routes)))


@functools.lru_cache(maxsize=1)
def openapi_document(routes: tuple[Route, ...]) -> bytes:
    """Return the OpenAPI document, which is made once: anybody may ask for it, and it takes a while."""
    return msgspec.json.encode(openapi.document(routes, "Welkin", __version__))


def all_routes() -> list[Routes]:
    """Return the routes of every room."""
    return [root, agent_api.routes, *(routes for room in ROOMS for routes in room.routes)]


def host_name(options: CloudOptions) -> str:
    """Return this machine's name in the cloud."""
    return options.host or socket.gethostname()


@asynccontextmanager
async def open_cloud(config: Config, world: World) -> AsyncIterator[Cloud]:
    """Open the database, bring its tables up to date, and put every room's central half together."""
    wakeups = Wakeups()
    config.cloud.state_dir.mkdir(parents=True, exist_ok=True)
    database = await open_database(config.cloud, world, wakeups)
    await database.migrate({"core": schema.MIGRATIONS} | {room.name: room.migrations for room in ROOMS})
    app = App(all_routes(), database, world, Policy.load(config.cloud.policy_file))
    app.trust_forwarded = config.http.trust_forwarded
    cloud = Cloud(database, world, wakeups, app)
    for group in config.groups():
        cloud.parts.add(group)
    app.authenticators.append(agent_api.authenticator(cloud.hub))
    for room in ROOMS:
        if room.central is not None:
            room.central(cloud)
    wakeups.open(config.cloud.state_dir / "run" / "wake")
    try:
        yield cloud
    finally:
        wakeups.close()
        await database.close()


async def prepare(cloud: Cloud) -> None:
    """Write what must be there before the first request is answered."""
    await identity.ensure_cloud(cloud, first_passwords(cloud))
    for room in ROOMS:
        if room.ensure is not None:
            await room.ensure(cloud)


def first_passwords(cloud: Cloud) -> dict[str, str]:
    """Return the passwords of the first users, made at the first start and kept where only the owner reads them."""
    file = cloud.get(CloudOptions).state_dir / "keys" / "passwords.json"
    if not file.exists():
        chosen = {name: cloud.world.secret(PASSWORD_BYTES).hex() for name in FIRST_USERS}
        write_secret(file, msgspec.json.encode(chosen))
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str])


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(file)


async def open_database(options: CloudOptions, world: World, wakeups: Wakeups) -> Database:
    """Open PostgreSQL where a URL is given, else the SQLite file below the state directory."""
    if not options.database:
        return SqliteDatabase(options.state_dir / "welkin.sqlite", world, wakeups.send)
    from welkin.core.db_postgres import PostgresDatabase  # its driver costs 0.1 s to import: only where it is used

    database = await PostgresDatabase.connect(options.database, wakeups.send)
    await database.listen(wakeups.hear)
    return database


async def run_control(
    cloud: Cloud, options: HttpOptions, sockets: Sequence[socket.socket], *, workers: bool = True
) -> None:
    """Serve the APIs, and where asked do the central work, until cancelled; then finish what is under way."""
    server = Server(cloud.app, options)
    serving = asyncio.create_task(server.serve(sockets))
    working = [asyncio.create_task(cloud.workers.run())] if workers else []
    try:
        # Unlike gather, wait leaves the tasks alone when it is cancelled: the server has yet to answer and to close.
        done, _ = await asyncio.wait((serving, *working), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        server.stop()
        for task in working:
            task.cancel()
        await asyncio.gather(serving, *working, return_exceptions=True)


async def run_agent(config: Config, world: World, url: str, key: str) -> None:
    """Serve one host until cancelled, on behalf of the control plane at `url`."""
    name = host_name(config.cloud)
    agent = Agent(world, lambda: websocket_link(url, name, key))
    parts = Parts(world, ControlPlane(url, name, key), *config.groups())
    host = Host(name, world, agent, parts)
    for room in ROOMS:
        if room.host is not None:
            room.host(host)
    await agent.run()


async def purge_host(config: Config) -> None:
    """Remove what every room made in this machine's kernel."""
    for room in ROOMS:
        if room.purge is not None:
            await room.purge(Parts(World(), *config.groups()))


async def agent_key(cloud: Cloud, host: str, path: Path) -> str:
    """Return the key of this machine's own agent, made and enrolled at the first start."""
    if not path.exists():
        write_secret(path, cloud.world.secret(AGENT_KEY_BYTES).hex().encode())
    key = path.read_text()
    async with cloud.db.tx() as tx:
        await agents.enrol(tx, cloud.world, host, key)
    return key
