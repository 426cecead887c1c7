"""A driver that only remembers what it was told: everything is plugged at once, and no packet ever moves."""

from __future__ import annotations

from typing import assert_never

import msgspec

from welkin.services.network import driver
from welkin.services.network.driver import FoundLink, FoundSpace, LinkStep, ServiceStep, Step


class MemoryNetworks:
    """The networks of a host that has none."""

    def __init__(self) -> None:
        self.spaces: dict[str, FoundSpace] = {"": FoundSpace()}

    async def look(self) -> dict[str, FoundSpace]:
        """Return what was performed."""
        return dict(self.spaces)

    async def close(self) -> None:
        """Nothing listens."""

    async def perform(self, step: Step) -> None:
        """Remember one thing."""
        match step:
            case driver.MakeSpace(space):
                self.spaces.setdefault(space, FoundSpace(links={"lo": FoundLink(name="lo", up=False)}))
            case driver.DropSpace(space):
                self._drop(space)
            case driver.LoadFilters(space, filters):
                self._change(space, filters=filters)
            case driver.SetSettings(space, values):
                self._change(space, settings=self.spaces[space].settings | values)
            case driver.ServeDhcp() | driver.StopDhcp() | driver.Listen():
                self._service(step)
            case _:
                self._link(step)

    def _service(self, step: ServiceStep) -> None:
        match step:
            case driver.ServeDhcp(space, dhcp):
                self._change(space, dhcp=dhcp, dhcp_remains=True)
            case driver.StopDhcp(space):
                self._change(space, dhcp=None, dhcp_remains=False)
            case driver.Listen(space, listeners):
                self._change(space, listeners=listeners)
            case _:
                assert_never(step)

    def _link(self, step: LinkStep) -> None:
        match step:
            case driver.MakeLink(space, link):
                self._set(space, FoundLink(name=link.name))
                if link.other is not None:
                    self._set(link.other.space, FoundLink(name=link.other.name))
            case driver.DropLink(space, name):
                links = self.spaces[space].links
                self._change(space, links={key: each for key, each in links.items() if key != name})
            case driver.ShapeLink():
                changes = {
                    key: value
                    for key in ("mac", "mtu", "up", "master", "peers")
                    if (value := getattr(step, key)) is not None
                }
                self._set(step.space, msgspec.structs.replace(self.spaces[step.space].links[step.name], **changes))
            case driver.AddAddress(space, name, address):
                found = self.spaces[space].links[name]
                self._set(space, msgspec.structs.replace(found, addresses=found.addresses | {address}))
            case driver.DropAddress(space, name, address):
                found = self.spaces[space].links[name]
                self._set(space, msgspec.structs.replace(found, addresses=found.addresses - {address}))

            case driver.AddRoute(space, route):
                self._change(space, routes=self.spaces[space].routes | {route})
            case driver.DropRoute(space, route):
                self._change(space, routes=self.spaces[space].routes - {route})
            case _:
                assert_never(step)

    def _set(self, space: str, link: FoundLink) -> None:
        self._change(space, links=self.spaces[space].links | {link.name: link})

    def _change(self, space: str, **changes: object) -> None:
        self.spaces[space] = msgspec.structs.replace(self.spaces[space], **changes)

    def _drop(self, space: str) -> None:
        self.spaces.pop(space, None)
        if not space:
            self.spaces[""] = FoundSpace()
