"""A running control plane, a running host, and what a room brings to each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from welkin.core.agent import Agent
from welkin.core.agents import Hub
from welkin.core.config import CloudOptions
from welkin.core.db import Database
from welkin.core.http import App, Parts
from welkin.core.routing import Routes
from welkin.core.wake import Wakeups
from welkin.core.work import Workers
from welkin.core.world import World

PartT = TypeVar("PartT")


class Cloud:
    """The control plane of one process: what every room's central half works with."""

    def __init__(self, database: Database, world: World, wakeups: Wakeups, app: App) -> None:
        self.db, self.world, self.wakeups, self.app = database, world, wakeups, app
        self.hub = Hub(database, world, wakeups)
        self.workers = Workers(database, world, wakeups)
        self.parts: Parts = app.parts
        for part in (self.hub, self.workers, wakeups, self):
            self.parts.add(part)

    def get(self, kind: type[PartT]) -> PartT:
        """Return the shared part of this type: options, hubs, drivers."""
        return self.parts.get(kind)


class ControlPlane(msgspec.Struct, frozen=True):
    """Where a host finds the control plane, and how it proves who it is."""

    url: str
    host: str
    key: str

    def headers(self) -> dict[str, str]:
        """Return the headers that every request of the agent carries."""
        return {"X-Agent-Host": self.host, "X-Agent-Key": self.key}


class Host:
    """One host of the cloud: what every room's host half works with."""

    def __init__(self, name: str, world: World, agent: Agent, parts: Parts) -> None:
        self.name, self.world, self.agent, self.parts = name, world, agent, parts

    def get(self, kind: type[PartT]) -> PartT:
        """Return the shared part of this type."""
        return self.parts.get(kind)

    @property
    def options(self) -> CloudOptions:
        """What concerns the whole cloud."""
        return self.parts.get(CloudOptions)


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """What one service brings: tables, routes, and what it does in the control plane and on hosts."""

    name: str
    migrations: tuple[str, ...]
    routes: tuple[Routes, ...]
    central: Callable[[Cloud], None] | None = None
    """Adds reconcilers to the workers, sources to the hub, and parts."""
    ensure: Callable[[Cloud], Awaitable[None]] | None = None
    """Writes what must be there before the first request, such as the first user; safe to repeat."""
    host: Callable[[Host], None] | None = None
    """Adds the host halves to the agent."""
    purge: Callable[[Parts], Awaitable[None]] | None = None
    """Removes what the room made in this machine's kernel; its processes are gone already, its files go after."""
