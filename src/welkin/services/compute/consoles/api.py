"""Consoles over HTTP: the log, tokens, the page with the screen in it, and the sockets behind."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct

from welkin.core import agent_api, agents
from welkin.core.agents import Hub
from welkin.core.answers import File
from welkin.core.errors import Conflict, Invalid, NotFound, Unauthorized, Unavailable
from welkin.core.http import Call, Routes
from welkin.core.policy import PUBLIC
from welkin.core.sockets import Socket, SocketClosed
from welkin.services.compute.consoles import pages
from welkin.services.compute.consoles.sessions import Session, Sessions
from welkin.services.compute.options import ComputeOptions
from welkin.services.compute.servers import policy, transitions
from welkin.services.compute.servers.actions import PATH
from welkin.services.compute.servers.shapes import ConsoleOutput
from welkin.services.compute.servers.tables import ServerRow
from welkin.services.compute.service import service, versions
from welkin.services.compute.values import NoQuery

routes = Routes(service)
agent_routes = Routes(agent_api.service)

CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")
LINES_MAX = 20_000
DIAL_TIMEOUT_S = 10.0
SOCKETS = {"novnc": "vnc", "serial": "serial"}
"""Which of a guest's sockets a type of console needs."""


class Wanted(Struct, forbid_unknown_fields=True):
    """Which console is wanted."""

    protocol: Literal["vnc", "spice", "serial", "rdp", "mks"]
    type: Literal["novnc", "xvpvnc", "spice-html5", "spice-direct", "serial", "rdp-html5", "webmks"]


class WantedBody(Struct, forbid_unknown_fields=True):
    """The body of a request for a console."""

    remote_console: Wanted


class OldVnc(Struct, forbid_unknown_fields=True):
    """The screen, as old versions ask for it."""

    type: Literal["novnc", "xvpvnc"]


class OldSpice(Struct, forbid_unknown_fields=True):
    """A SPICE screen, as old versions ask for it."""

    type: Literal["spice-html5"]


class OldSerial(Struct, forbid_unknown_fields=True):
    """The serial line, as old versions ask for it."""

    type: Literal["serial"]


class TokenRow(Struct):
    """Where a console's token leads, as stored."""

    token_hash: str
    server_id: str
    host: str
    protocol: str
    type: str
    expires_at: float


@routes.action(PATH, "os-getConsoleOutput", rule=policy.CONSOLE_OUTPUT, late=True, status=200)
async def console_output(call: Call, server_id: str, body: ConsoleOutput) -> dict[str, str]:
    """Return the end of what a server wrote to its serial console."""
    server = await transitions.visible(call, call.db, server_id, policy.CONSOLE_OUTPUT)
    host = ready(server)
    length = None if body.length is None else int(body.length)
    lines = LINES_MAX if length is None or length < 0 else min(length, LINES_MAX)
    if lines == 0:
        return {"output": ""}
    question = {"server_id": server_id, "lines": lines}
    text = await call.get(Hub).ask(host, "compute.console_text", question)
    # The line break at the end begins a line, too.
    return {"output": CONTROL.sub("", "\n".join(str(text).split("\n")[-lines:]))}


@routes.post(
    "/v2.1/servers/{server_id}/remote-consoles", rule=policy.REMOTE_CONSOLES, late=True, since="2.6", status=200
)
async def create_console(call: Call, server_id: str, body: WantedBody) -> dict[str, Any]:
    """Return an address at which a browser shows a server's console for a while."""
    wanted = body.remote_console
    url = await open_console(call, server_id, wanted.protocol, wanted.type)
    return {"remote_console": {"protocol": wanted.protocol, "type": wanted.type, "url": url}}


@routes.action(PATH, "os-getVNCConsole", rule=policy.REMOTE_CONSOLES, late=True, status=200, until="2.5")
async def vnc_console(call: Call, server_id: str, body: OldVnc) -> dict[str, Any]:
    """Return an address at which a browser shows a server's screen for a while."""
    return {"console": {"type": body.type, "url": await open_console(call, server_id, "vnc", body.type)}}


@routes.action(PATH, "os-getSPICEConsole", rule=policy.REMOTE_CONSOLES, late=True, status=200, until="2.5")
async def spice_console(call: Call, server_id: str, body: OldSpice) -> dict[str, Any]:
    """Return an address of a server's SPICE screen."""
    return {"console": {"type": body.type, "url": await open_console(call, server_id, "spice", body.type)}}


@routes.action(PATH, "os-getSerialConsole", rule=policy.REMOTE_CONSOLES, late=True, status=200, until="2.5")
async def serial_console(call: Call, server_id: str, body: OldSerial) -> dict[str, Any]:
    """Return the address of a server's serial line for a while."""
    return {"console": {"type": body.type, "url": await open_console(call, server_id, "serial", body.type)}}


async def open_console(call: Call, server_id: str, protocol: str, type: str) -> str:
    """Make a token for a server's console and return the address with it.  Raises Invalid, Conflict."""
    server = await transitions.visible(call, call.db, server_id, policy.REMOTE_CONSOLES)
    host = ready(server)
    sockets = (server.seen or {}).get("consoles", {})
    if SOCKETS.get(type) != protocol or not isinstance(sockets, dict) or not sockets.get(protocol):
        raise Invalid(f"Unavailable console type {type}.")
    token = call.world.secret(24).hex()
    now = call.world.now()
    row = TokenRow(token_hash(token), server_id, host, protocol, type, now + call.get(ComputeOptions).console_token_s)
    async with call.db.tx() as tx:
        await tx.run("DELETE FROM console_tokens WHERE expires_at < $1", now)
        await tx.insert("console_tokens", row)
    path = f"{service.prefix.strip('/')}/console/websockify?token={token}"
    if type == "serial":
        return f"{call.origin.replace('http', 'ws', 1)}/{path}"
    return f"{call.base_url}/console/{pages.VNC}?path={quote(path, safe='')}"


def ready(server: ServerRow) -> str:
    """Return the host of a server that has a console.  Raises Conflict."""
    if server.host is None or server.vm_state == "building":
        raise Conflict(f"Instance {server.id} is not ready")
    return server.host


def token_hash(token: str) -> str:
    """Return what is stored of a token; it is long and random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


async def find_token(call: Call, token: str) -> TokenRow | None:
    """Return where a token leads, if it is good still."""
    sql = "SELECT token_hash, server_id, host, protocol, type, expires_at FROM console_tokens WHERE token_hash = $1"
    row = await call.db.one(TokenRow, sql, token_hash(token))
    return row if row is not None and row.expires_at > call.world.now() else None


@routes.get("/v2.1/os-console-auth-tokens/{token}", rule=policy.CONSOLE_TOKEN)
async def show_token(call: Call, token: str, query: NoQuery) -> dict[str, Any]:
    """Show where a console's token leads."""
    row = await find_token(call, token)
    if row is None:
        raise NotFound("Token not found")
    return {
        "console": {
            "instance_uuid": row.server_id,
            "host": row.host,
            "port": 0,
            "tls_port": None,
            "internal_access_path": None,
        }
    }


@versions.answer_before("2.99", show_token)
def without_tls_port(body: dict[str, Any]) -> dict[str, Any]:
    """Show a token without its second port."""
    body["console"].pop("tls_port", None)
    return body


@versions.answer_before("2.31", show_token)
def for_rdp_only(_body: dict[str, Any]) -> dict[str, Any]:
    """Refuse: the first versions knew consoles of one kind alone, which is gone."""
    raise Unauthorized("The requested console type details are not accessible")


versions.query_before("2.99", show_token)(lambda _args: {})


async def show_page(call: Call, **parts: str) -> File:
    """Serve the page with the screen, and what it is made of."""
    page = pages.find("/".join(parts.values()))
    if page is None:
        raise NotFound("The resource could not be found.")
    return File(path=page, content_type=pages.content_type(page), headers={"Cache-Control": "no-cache"})


for depth in range(1, pages.DEPTH_MAX + 1):
    names = "/".join(f"{{part{number}}}" for number in range(depth))
    routes.get(f"/console/{names}", rule=PUBLIC)(show_page)


@routes.websocket("/console/websockify")
async def carry_console(call: Call, socket: Socket) -> None:
    """Carry a console's bytes between a browser and the agent that dials back."""
    row = await find_token(call, next(iter(call.args.get("token", [])), ""))
    if row is None:
        raise Unauthorized("The token is not good, or not any more.")
    sessions = call.get(Sessions)
    async with sessions.opened(call.world, row.host) as session:
        question = {"session": session.id, "server_id": row.server_id, "protocol": row.protocol}
        await call.get(Hub).ask(row.host, "compute.console", question)
        far = await dialled(session)
        await socket.accept()
        await carry(socket, far)


async def dialled(session: Session) -> Socket:
    """Return the socket of the agent that dials back.  Raises Unavailable."""
    try:
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            return await session.dialled
    except TimeoutError:
        raise Unavailable(f"Host {session.host} did not dial back within {DIAL_TIMEOUT_S:g} s.") from None


@agent_routes.websocket("/v1/consoles")
async def dial_back(call: Call, socket: Socket) -> None:
    """Take the agent's end of a console that was asked for."""
    host = await agents.host_of(call.get(Hub), call.headers)
    session = call.get(Sessions).find(next(iter(call.args.get("session", [])), ""), host)
    await socket.accept()
    await session.carry(socket)


async def carry(near: Socket, far: Socket) -> None:
    """Carry messages both ways until one side leaves."""
    ways = [asyncio.create_task(one_way(near, far)), asyncio.create_task(one_way(far, near))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
            with contextlib.suppress(asyncio.CancelledError, SocketClosed, RuntimeError):
                await way
        with contextlib.suppress(SocketClosed, RuntimeError):
            await near.close()


async def one_way(source: Socket, target: Socket) -> None:
    """Carry messages one way."""
    while True:
        await target.send(await source.receive())
