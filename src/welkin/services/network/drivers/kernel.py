"""Networks by the Linux kernel: namespaces, bridges, taps, VXLAN and nftables, with dnsmasq beside them.

Nothing is remembered that cannot be found again.  Files below the driver's folder say what
filters and servers were last told; they count only while the kernel's own numbers (of the
namespace, of links, of the last change to its filters) are those that were written down.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import assert_never

import msgspec

from welkin.services.network import driver
from welkin.services.network.driver import DhcpService, FoundLink, FoundSpace, LinkStep, ServiceStep, Step
from welkin.services.network.drivers.loaded import Loads
from welkin.services.network.drivers.metadata import Answer, MetadataServer
from welkin.services.network.drivers.names import NameRelay
from welkin.services.network.names import external_bridge, outside_link_name
from welkin.tools import dnsmasq, namespaces, netlink, nft, processes

KINDS = {"bridge", "tun", "veth", "vxlan"}
BRIDGE_FILTERS = Path("/proc/sys/net/bridge")
Server = MetadataServer | NameRelay
OWNER_UID = 0  # the agent, which hands an open tap to a guest


class KernelNetworks:
    """The networks of this host in its kernel."""

    def __init__(self, prefix: str, folder: Path, answer: Answer, name_servers: Sequence[str] = ()) -> None:
        self._prefix, self._folder, self._answer, self._name_servers = prefix, folder, answer, name_servers
        self._were = folder / "settings-were.json"
        self._loads = Loads(prefix, folder / "filters")
        self._listening: dict[str, tuple[Mapping[str, int], dict[driver.Listener, Server]]] = {}
        self._space = re.compile(rf"{re.escape(prefix)}-[nr]-[0-9a-f]{{32}}")
        self._link_of_ours = re.compile(rf"{re.escape(prefix)}-[0-9a-f]{{8,13}}")

    async def look(self) -> dict[str, FoundSpace]:
        """Return what is there."""
        known = namespaces.known()
        spaces = {name: number for name, number in known.items() if self._space.fullmatch(name)}
        found = {"": await self._look_into("", 0)}
        for name, number in spaces.items():
            found[name] = await self._look_into(name, number)
        for name in self._left_over_servers() - set(found):
            found[name] = FoundSpace(there=False, dhcp_remains=True)
        return found

    async def close(self) -> None:
        """Stop listening for metadata; everything else serves on."""
        for space in list(self._listening):
            await self._stop_listening(space)

    async def _look_into(self, space: str, number: int) -> FoundSpace:
        try:
            links, routes, settings, generation = await namespaces.inside(space, self._see)
        except namespaces.NamespaceMissing:
            return FoundSpace(there=False)
        if not space:
            links = {name: link for name, link in links.items() if self._is_ours(name)}
            routes = frozenset()
        indexes = {name: link.index for name, link in links.items()}
        filters = await self._loads.current(space, number, generation, indexes)
        tunnels = [link.name for link in links.values() if link.kind == "vxlan"]
        peers = await namespaces.inside(space, lambda: _peers(tunnels)) if tunnels else {}
        folder = self._server_folder(space)
        return FoundSpace(
            links={name: _found_link(link, peers) for name, link in links.items()},
            routes=routes,
            filters=filters,
            settings=settings,
            dhcp=self._server(space, indexes) if space else None,
            dhcp_remains=bool(space) and folder.exists(),
            listeners=self._listeners(space, {"": number, **indexes}),
        )

    def _see(
        self,
    ) -> tuple[dict[str, netlink.Link], frozenset[driver.Route], dict[str, str], int]:
        with netlink.Netlink() as conversation:
            links = conversation.links()
            routes = conversation.routes()
        links = {name: link for name, link in links.items() if link.kind in KINDS or name == "lo"}
        found = frozenset(driver.Route(each.destination, each.nexthop, each.device) for each in routes)
        return links, found, namespaces.sysctls(list(driver.SETTINGS)), nft.generation()

    def _is_ours(self, name: str) -> bool:
        return name == external_bridge(self._prefix) or self._link_of_ours.fullmatch(name) is not None

    def _left_over_servers(self) -> set[str]:
        folder = self._folder / "dhcp"
        return {each.name for each in folder.iterdir()} if folder.exists() else set()

    def _server_folder(self, space: str) -> Path:
        return self._folder / "dhcp" / (space or "host")

    def _server(self, space: str, indexes: Mapping[str, int]) -> DhcpService | None:
        told = dnsmasq.told(self._server_folder(space), space)
        if told is None or indexes.get(told.device) != told.device_index:
            return None
        leases = frozenset((mac, address) for mac, address in told.leases)
        return DhcpService(device=told.device, options=told.options, files=told.files, leases=leases)

    def _listeners(self, space: str, numbers: Mapping[str, int]) -> frozenset[driver.Listener]:
        """Return where we listen in the very namespace, and on the very links, that have these numbers now."""
        where, servers = self._listening.get(space, ({}, {}))
        same = where.get("") == numbers[""]
        links = {each: each.address.partition("%")[2] for each in servers}
        return frozenset(each for each, link in links.items() if same and where.get(link) == numbers.get(link))

    # Steps.

    async def perform(self, step: Step) -> None:
        """Do one thing."""
        match step:
            case driver.MakeSpace(space):
                await _bring_bridge_filters()
                await asyncio.to_thread(namespaces.create, space)
            case driver.DropSpace(space):
                await self._drop_space(space)
            case driver.LoadFilters(space, filters):
                await self._loads.load(space, filters)
            case driver.SetSettings(space, values):
                await self._set(space, values)
            case driver.ServeDhcp() | driver.StopDhcp() | driver.Listen():
                await self._service(step)
            case driver.MakeLink(space, link) if link.kind == "vxlan":
                await namespaces.inside("", lambda: self._make_vxlan(space, link))
            case _:
                await namespaces.inside(step.space, lambda: _link_step(step))

    async def _drop_space(self, space: str) -> None:
        await self._stop_listening(space)
        if space:
            await self._stop_server(space)
        if not space or space in namespaces.known():
            await namespaces.inside(space, lambda: self._drop_links(space))
        if space:
            await asyncio.to_thread(namespaces.remove, space)
        else:
            self._give_settings_back()
        await self._loads.drop(space)

    async def _set(self, space: str, values: Mapping[str, str]) -> None:
        """Change settings; of the host's own it is written down first what they were before us."""
        if not space:
            kept = {name: value for name, value in namespaces.sysctls(list(values)).items() if value != values[name]}
            self._were.parent.mkdir(parents=True, exist_ok=True)
            self._were.write_bytes(msgspec.json.encode(kept | self._settings_were()))
        await namespaces.inside(space, lambda: namespaces.set_sysctls(values))

    def _settings_were(self) -> dict[str, str]:
        try:
            return msgspec.json.decode(self._were.read_bytes(), type=dict[str, str])
        except (FileNotFoundError, msgspec.MsgspecError):
            return {}

    def _give_settings_back(self) -> None:
        namespaces.set_sysctls(self._settings_were())
        self._were.unlink(missing_ok=True)

    def _drop_links(self, space: str) -> None:
        """Remove links at once, which would else disappear some time after their namespace."""
        with netlink.Netlink() as conversation:
            for link in conversation.links().values():
                if link.kind in KINDS and (space or self._is_ours(link.name)):
                    conversation.delete(link.name)

    def _make_vxlan(self, space: str, link: driver.Link) -> None:
        temporary = outside_link_name(self._prefix, space.rpartition("-")[2])
        with netlink.Netlink() as conversation:
            conversation.add_vxlan(temporary, link.vni, space, link.name)

    async def _service(self, step: ServiceStep) -> None:
        match step:
            case driver.ServeDhcp(space, dhcp):
                await self._serve(space, dhcp)
            case driver.StopDhcp(space):
                await self._stop_server(space)
            case driver.Listen(space, listeners):
                await self._listen(space, listeners)
            case _:
                assert_never(step)

    async def _serve(self, space: str, dhcp: DhcpService) -> None:
        told = dnsmasq.Told(
            device=dhcp.device,
            device_index=await namespaces.inside(space, lambda: _index(dhcp.device)),
            options=dhcp.options,
            files=dhcp.files,
            leases=sorted(dhcp.leases),
        )
        await dnsmasq.serve(self._server_folder(space), space, told)

    async def _stop_server(self, space: str) -> None:
        folder = self._server_folder(space)
        await dnsmasq.stop(folder)
        await asyncio.to_thread(dnsmasq.remove, folder)

    async def _listen(self, space: str, listeners: frozenset[driver.Listener]) -> None:
        await self._stop_listening(space)
        servers: dict[driver.Listener, Server] = {}
        names = {link for each in listeners if (link := each.address.partition("%")[2])}
        links = await namespaces.inside(space, lambda: namespaces.link_indexes(names))
        self._listening[space] = ({"": namespaces.known().get(space, 0), **links}, servers)
        for listener in listeners:
            if listener.serves == "names":
                relay = NameRelay(self._name_servers)
                await relay.start(await namespaces.datagrams(space, listener.address, listener.port))
                servers[listener] = relay  # not before: what is not listened on is tried again
            else:
                server = MetadataServer(dict(listener.networks), self._answer)
                await server.start(await namespaces.listen(space, listener.address, listener.port))
                servers[listener] = server

    async def _stop_listening(self, space: str) -> None:
        _, servers = self._listening.pop(space, ({}, {}))
        for server in servers.values():
            await server.close()


async def _bring_bridge_filters() -> None:
    """Load the module that shows bridged packets to filters, where the kernel does not have it yet.

    The host's own bridges stay as they were before: their packets are not filtered.
    """
    if BRIDGE_FILTERS.exists():
        return
    await processes.run(["modprobe", "br_netfilter"])
    off = {f"net/bridge/bridge-nf-call-{each}": "0" for each in ("iptables", "ip6tables", "arptables")}
    await namespaces.inside("", lambda: namespaces.set_sysctls(off))


def _link_step(step: LinkStep) -> None:
    """Do something to a link or a route of the namespace that the calling thread is in."""
    with netlink.Netlink() as conversation:
        match step:
            case driver.MakeLink(_, link):
                _make(conversation, link)
            case driver.DropLink(_, name):
                conversation.delete(name)
            case driver.ShapeLink():
                _shape(conversation, step)
            case driver.AddAddress(_, name, address, announce):
                conversation.add_address(name, address)
                if announce:
                    netlink.announce(name, conversation.links()[name].mac, address.split("/")[0])
            case driver.DropAddress(_, name, address):
                conversation.delete_address(name, address)
            case driver.AddRoute(_, route):
                conversation.add_route(netlink.Route(route.destination, route.nexthop, route.device))
            case driver.DropRoute(_, route):
                conversation.delete_route(netlink.Route(route.destination, route.nexthop, route.device))
            case _:
                assert_never(step)


def _make(conversation: netlink.Netlink, link: driver.Link) -> None:
    if link.kind == "bridge":
        conversation.add_bridge(link.name)
    elif link.kind == "tap":
        conversation.add_tap(link.name, OWNER_UID)
    elif link.kind == "veth" and link.other is not None:
        conversation.add_veth(link.name, link.other.space, link.other.name)


def _shape(conversation: netlink.Netlink, step: driver.ShapeLink) -> None:
    changes = {key: value for key in ("mac", "mtu", "master", "up") if (value := getattr(step, key)) is not None}
    if changes:
        conversation.set(step.name, **changes)
    if step.peers is not None:
        conversation.set_flood_peers(step.name, step.peers)


def _peers(names: list[str]) -> dict[str, frozenset[str]]:
    with netlink.Netlink() as conversation:
        return {name: conversation.flood_peers(name) for name in names}


def _index(name: str) -> int:
    with netlink.Netlink() as conversation:
        return conversation.index(name)


def _found_link(link: netlink.Link, peers: Mapping[str, frozenset[str]]) -> FoundLink:
    return FoundLink(
        name=link.name,
        mac=link.mac,
        mtu=link.mtu,
        up=link.up,
        master=link.master,
        addresses=link.addresses,
        peers=peers.get(link.name, frozenset()),
    )
