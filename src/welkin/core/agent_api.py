"""Where agents connect."""

from __future__ import annotations

from welkin.core import agents
from welkin.core.agents import Hub
from welkin.core.http import Authenticate, Call, Headers, Routes, Service, plain_envelope
from welkin.core.policy import Actor, Rule
from welkin.core.sockets import Socket

service = Service(type="agent", prefix="/agent", envelope=plain_envelope)
routes = Routes(service)

AGENT_ROLE = "agent"
AGENT = Rule("agent", f"role:{AGENT_ROLE}", "What only a host's agent may do; its name is the user's id.")


def authenticator(hub: Hub) -> Authenticate:
    """Return a check that knows agents by their key."""

    async def authenticate(headers: Headers) -> Actor | None:
        if b"x-agent-key" not in headers:
            return None
        host = await agents.host_of(hub, headers)
        return Actor(user_id=host, user_name=host, roles=frozenset({AGENT_ROLE}))

    return authenticate


@routes.websocket("/v1/watch")
async def watch(call: Call, socket: Socket) -> None:
    """Send a host what is wanted of it, and take what it reports, until it leaves."""
    await agents.serve_socket(call.get(Hub), call.headers, socket)
