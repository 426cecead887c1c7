"""A user who insists, a killer who does not, and what must be true when both are done."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

from tests.faults.processes import EXTERNAL, Processes
from welkin import starter
from welkin.cli import launch
from welkin.client import Api, Refused

SERVERS = 50
KILLS = 15
QUOTA = {"instances": -1, "cores": -1, "ram": -1}
SETTLE_TIMEOUT_S = 60.0


class User:
    """Creates and deletes servers, and asks again when nobody answers."""

    def __init__(self, cloud: Processes, network_id: str, image_id: str) -> None:
        self.cloud, self.api = cloud, cloud.api("demo")
        self.network_id, self.image_id = network_id, image_id
        self.wanted: set[str] = set()

    def create(self, name: str, **more: str) -> None:
        server = {
            **more,
            "name": name,
            "flavorRef": "42",
            "imageRef": self.image_id,
            "networks": [{"uuid": self.network_id}],
        }
        if not self.find(name):  # the answer to an earlier try may have been lost
            self.insist("POST", "/compute/v2.1/servers", {"server": server})
        self.wanted.add(name)

    def delete(self, name: str) -> None:
        for server in self.find(name):
            self.insist("DELETE", f"/compute/v2.1/servers/{server['id']}")
        self.wanted.discard(name)

    def act(self, name: str, action: dict[str, Any]) -> None:
        """Ask for an action on a server; who finds it under way already has asked before."""
        try:
            self.insist("POST", f"/compute/v2.1/servers/{self.id_of(name)}/action", action)
        except Refused as refused:
            if refused.status != 409:
                raise

    def id_of(self, name: str) -> str:
        """Return a server's id."""
        return str(self.find(name)[0]["id"])

    def find(self, name: str) -> list[dict[str, Any]]:
        servers = self.insist("GET", "/compute/v2.1/servers/detail")["servers"]
        return [server for server in servers if server["name"] == name]

    def servers(self) -> dict[str, str]:
        servers = self.insist("GET", "/compute/v2.1/servers/detail")["servers"]
        assert len({server["name"] for server in servers}) == len(servers)
        return {server["name"]: server["status"] for server in servers}

    def insist(self, method: str, path: str, body: object = None) -> Any:
        """Ask until there is an answer; a refusal is one, but for what may pass by itself."""
        failure: Exception | None = None
        deadline = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < deadline:
            try:
                return self.api.ask(method, path, body)
            except Refused as refused:
                if refused.status == 404 and method == "DELETE":
                    return None
                if refused.status != 503:
                    raise
                failure = refused
            except (OSError, http.client.HTTPException) as error:
                failure = error
                if method == "POST" and isinstance(body, dict) and "server" in body:
                    self.cloud.until_answering()
                    if self.find(body["server"]["name"]):
                        return None
            time.sleep(0.05)
        raise AssertionError(f"nobody answers {method} {path}: {failure!r}, {self.cloud.describe()}")


def tiny_disk(folder: Path) -> Path:
    """Return a disk that holds nothing."""
    disk = folder / "tiny.raw"
    disk.write_bytes(bytes(1 << 16))
    return disk


def furnish(cloud: Processes, disk: Path) -> User:
    """Give the cloud what servers need."""
    admin, member = cloud.api("admin"), cloud.api("demo")
    interface = ip_interface(EXTERNAL)
    network = interface.network
    starter.flavors(admin)
    external = starter.External(str(network), str(interface.ip), str(network[10]), str(network[-2]))
    network_id = starter.private_network(member, starter.external_network(admin, external))
    image_id = starter.image(admin, disk, disk_format="raw" if disk.suffix == ".raw" else "qcow2")
    admin.ask("PUT", f"/compute/v2.1/os-quota-sets/{member.project_id}", {"quota_set": QUOTA})
    launch.until_host(admin)
    return User(cloud, network_id, image_id)


def play(cloud: Processes, seed: int, *, servers: int = SERVERS, kills: int = KILLS) -> None:
    """Create and delete servers while parts of the cloud are killed; then everything must be as wanted."""
    dice = random.Random(seed)
    user = furnish(cloud, tiny_disk(cloud.folder))
    with killing(cloud, random.Random(seed + 1000)):
        storm(user, dice, servers, lambda: len(cloud.kills) >= kills)
    until(lambda: user.servers(), dict.fromkeys(user.wanted, "ACTIVE"))
    check_nothing_leaks(cloud, user)
    for name in sorted(user.wanted):
        user.delete(name)
    until(lambda: user.servers(), {})
    check_nothing_leaks(cloud, user)


@contextmanager
def killing(cloud: Processes, dice: random.Random) -> Iterator[None]:
    """Kill one part after the other, at random moments, while the body runs."""
    stop = threading.Event()
    killer = threading.Thread(target=kill_until, args=(cloud, dice, stop))
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join()


def storm(user: User, dice: random.Random, servers: int, enough: Callable[[], bool]) -> None:
    """Create servers and delete about as many, some at once, until enough has been killed meanwhile."""
    number = 0
    while number < servers or not enough():
        user.create(f"s{number}")
        number += 1
        if dice.random() < 0.5 or len(user.wanted) >= servers:
            user.delete(dice.choice(sorted(user.wanted)))


def kill_until(cloud: Processes, dice: random.Random, stop: threading.Event) -> None:
    """Kill one part after the other, at random moments."""
    while not stop.wait(dice.uniform(0.1, 1.2)):
        cloud.until_answering()  # a part that is killed while it starts, again and again, proves nothing
        cloud.kill_one(dice)


def until(look: Callable[[], object], wanted: object, timeout_s: float = SETTLE_TIMEOUT_S) -> None:
    """Wait until the world is as wanted."""
    deadline = time.monotonic() + timeout_s
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"it does not settle: {found}"
        time.sleep(0.2)


def check_nothing_leaks(cloud: Processes, user: User) -> None:
    """Count what servers use, each by another way than the code that writes it."""
    count = len(user.wanted)
    admin = cloud.api("admin")
    until(lambda: server_ports(admin), count)
    usages = f"/placement/usages?project_id={user.api.project_id}"
    expected = {"VCPU": count, "MEMORY_MB": 128 * count, "DISK_GB": count} if count else {}
    until(
        lambda: {
            name: used
            for name, used in admin.get(usages, OpenStack_API_Version="placement 1.9")["usages"].items()
            if used
        },
        expected,
    )
    limits = user.insist("GET", "/compute/v2.1/limits")["limits"]["absolute"]
    assert limits["totalInstancesUsed"] == count
    assert limits["totalCoresUsed"] == count
    until(lambda: items_of_hosts(cloud), count)


def server_ports(admin: Api) -> int:
    """Return how many ports belong to servers."""
    ports = admin.get("/network/v2.0/ports")["ports"]
    return sum(port["device_owner"].startswith("compute:") for port in ports)


def items_of_hosts(cloud: Processes) -> int:
    """Return how many servers hosts are told of."""
    with sqlite3.connect(cloud.folder / "welkin.sqlite") as connection:
        sql = "SELECT COUNT(*) FROM host_items WHERE kind = 'compute.server'"
        return int(connection.execute(sql).fetchone()[0])
