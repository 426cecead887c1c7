"""`welkin up` and `welkin down`."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from ipaddress import ip_interface
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from rich.console import Console

from welkin import starter
from welkin.app import Config
from welkin.cli import clouds, prefix
from welkin.cli.parts import own_url
from welkin.cli.trouble import Trouble
from welkin.client import Api
from welkin.core.server import bind
from welkin.services.network.public import external_bridge
from welkin.tools import processes
from welkin.tools.guest_image import builder
from welkin.tools.processes import Launch

START_TIMEOUT_S = 30.0
FREE_MIB_MIN = 64
SERVER_TIMEOUT_S = 180.0
LOGIN_TIMEOUT_S = 180.0
ResultT = TypeVar("ResultT")


def run_dir(config: Config) -> Path:
    """Return where records and sockets of running parts are."""
    return config.cloud.state_dir / "run"


def record(config: Config) -> Path:
    """Return the supervisor's record."""
    return run_dir(config) / "supervisor.json"


async def up(config: Config, console: Console, *, server: bool) -> None:
    """Start what does not run, make what is missing, and say how to use it.  Changes nothing the second time."""
    if config.cloud.driver == "qemu" and os.geteuid() != 0:
        raise Trouble("Real servers need root.  Run this as root, or set WELKIN_CLOUD__DRIVER=memory.")
    started = await start(config)
    if started:
        console.print(f"[green]✓[/green] The control plane answers at {own_url(config)}")
    passwords = read_passwords(config)
    file = clouds.write(own_url(config), config.cloud.region, passwords)
    admin = Api(own_url(config), "admin", passwords["admin"], "admin")
    member = Api(own_url(config), "demo", passwords["demo"], "demo")
    steps = Steps(console)
    await steps.take("Flavors", lambda: starter.flavors(admin))
    external_id = await steps.take("Network public", lambda: starter.external_network(admin, external(config)))
    network_id = await steps.take(
        "Network private and its router", lambda: starter.private_network(member, external_id)
    )
    image_id = await steps.take("Image tiny", lambda: starter.image(admin, guest_image(config)))
    await steps.take("Key pair and security group", lambda: starter.access(member, public_key(config)))
    if not server:
        console.print(page(config, file, None), soft_wrap=True)
        return
    await steps.take("This machine is a host", lambda: until_host(admin))
    server_id, address = await steps.take(
        "First server", lambda: starter.server(member, network_id, image_id, external_id)
    )
    await steps.take("First server is active", lambda: until_active(member, server_id))
    if config.cloud.driver == "qemu":
        await steps.take("SSH answers", lambda: until_login(address))
    console.print(page(config, file, address), soft_wrap=True)


async def down(config: Config, console: Console) -> None:
    """Stop the supervisor and with it the parts."""
    supervisor = processes.find(record(config))
    if supervisor is None:
        console.print("Welkin is not running.")
        return
    await processes.stop(supervisor, grace_s=15)
    record(config).unlink(missing_ok=True)
    console.print("Stopped.  Guests live on; `make up` finds them again.")


async def start(config: Config) -> bool:
    """Start the supervisor unless it runs, and wait for the first answer; return whether it was started."""
    running = processes.find(record(config)) is not None
    if not running:
        check_room(config)
        check_port(config)
        check_external(config)
        prefix.claim(config.cloud)
        run_dir(config).mkdir(parents=True, exist_ok=True)
        config.cloud.state_dir.chmod(0o711)
        log = config.cloud.state_dir / "welkin.log"
        argv = [sys.executable, "-m", "welkin", "supervise"]
        await processes.start(Launch(argv=argv, record=record(config), log=log))
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(own_url(config)):
        if time.monotonic() > deadline or processes.find(record(config)) is None:
            log = config.cloud.state_dir / "welkin.log"
            raise Trouble(f"The control plane did not start; the end of {log} says: {last_words(log)}")
        await asyncio.sleep(0.05)
    return not running


def check_external(config: Config) -> None:
    """Make sure that nobody else has the range of the network outside.  Raises Trouble."""
    if config.cloud.driver != "qemu":
        return
    wanted = ip_interface(config.network.external_address).network
    listed = subprocess.run(["ip", "-json", "address", "show"], capture_output=True, check=False)
    for link in json.loads(listed.stdout or b"[]"):
        for each in link.get("addr_info", ()):
            used = ip_interface(f"{each['local']}/{each['prefixlen']}").network
            if link["ifname"] != external_bridge(config.cloud.prefix) and used.overlaps(wanted):
                raise Trouble(
                    f"The network outside is to be {wanted}, but {link['ifname']} has {each['local']}. "
                    "Choose another range: WELKIN_NETWORK__EXTERNAL_ADDRESS=172.24.5.1/24, or the option in the file."
                )


def check_room(config: Config) -> None:
    """Refuse to start where not even the database has room."""
    folder = config.cloud.state_dir
    while not folder.exists():
        folder = folder.parent
    free_mib = shutil.disk_usage(folder).free >> 20
    if free_mib < FREE_MIB_MIN:
        raise Trouble(f"Only {free_mib} MiB are free below {folder}: make room, or set cloud.state_dir elsewhere.")


def check_port(config: Config) -> None:
    """Refuse to start where somebody else answers."""
    address, port = config.http.address, config.http.port
    try:
        bind(address, port).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Trouble(f"Port {port} of {address} is taken by another program: set http.port to another.") from None
        raise Trouble(f"{address} port {port} cannot be listened on: {error.strerror or error}.") from None


def last_words(log: Path) -> str:
    """Return the end of what a part said before it died."""
    line = (processes.tail(log).splitlines() or ["nothing"])[-1]
    try:
        return str(json.loads(line)["message"])
    except (ValueError, LookupError, TypeError):
        return line


def answers(url: str) -> bool:
    """Return whether the control plane answers."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=2)
    try:
        connection.request("GET", "/healthcheck")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def read_passwords(config: Config) -> dict[str, str]:
    """Return the passwords that the first start made, by user."""
    file = config.cloud.state_dir / "keys" / "passwords.json"
    try:
        return dict(json.loads(file.read_text()))
    except FileNotFoundError:
        raise Trouble(f"{file} is missing; is this cloud another user's?") from None


def external(config: Config) -> starter.External:
    """Return the range of the network outside, from the host's address in it."""
    interface = ip_interface(config.network.external_address)
    network = interface.network
    return starter.External(str(network), str(interface.ip), str(network[10]), str(network[-2]))


def guest_image(config: Config) -> Path:
    """Return the tiny guest's disk, built once."""
    return builder.build(config.cloud.state_dir / "guest").disk


def key_file(config: Config) -> Path:
    """Return the private key that fits the first server."""
    return config.cloud.state_dir / "keys" / "first_server"


def public_key(config: Config) -> str:
    """Return the public half of a key of this cloud's own, made once."""
    file = key_file(config)
    if not file.exists():
        command = ["ssh-keygen", "-q", "-t", "ecdsa", "-b", "384", "-N", "", "-C", "welkin", "-f", str(file)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return file.with_suffix(".pub").read_text().strip()


def until_host(admin: Api) -> None:
    """Wait until a host has joined that takes servers."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not any(host["state"] == "up" for host in admin.get("/compute/v2.1/os-hypervisors")["hypervisors"]):
        if time.monotonic() > deadline:
            raise Trouble("No host has joined the cloud; see the log of the agent in welkin.log.")
        time.sleep(0.05)


def until_active(member: Api, server_id: str) -> None:
    """Wait until the server runs."""
    deadline = time.monotonic() + SERVER_TIMEOUT_S
    while True:
        server = member.get(f"/compute/v2.1/servers/{server_id}")["server"]
        if server["status"] == "ACTIVE":
            return
        if server["status"] == "ERROR":
            raise Trouble(f"The first server failed: {server.get('fault', {}).get('message')}")
        if server["status"] not in ("BUILD", "REBOOT", "HARD_REBOOT"):
            return  # somebody stopped or paused it, and may have meant it
        if time.monotonic() > deadline:
            raise Trouble("The first server takes too long; `welkin why first` tells what it waits for.")
        time.sleep(0.2)


def until_login(address: str) -> None:
    """Wait until the server's SSH greets."""
    deadline = time.monotonic() + LOGIN_TIMEOUT_S
    while time.monotonic() < deadline:
        if greets(address):
            return
        time.sleep(0.3)
    raise Trouble(f"SSH does not answer at {address}; `openstack console log show first` tells how far the guest came.")


def greets(address: str) -> bool:
    """Return whether an SSH server greets at this address."""
    import socket

    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


class Steps:
    """Shows what is being done, and that it is done when it took noticeable time."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def take(self, name: str, work: Callable[[], ResultT]) -> ResultT:
        """Do one step in a thread and return its result."""
        started = time.monotonic()
        with self._console.status(name):
            result = await asyncio.to_thread(work)
        took = time.monotonic() - started
        if took > 1.0 or not self._console.is_terminal:
            self._console.print(f"[green]✓[/green] {name} [dim]{took:.1f} s[/dim]")
        return result


def page(config: Config, file: Path, address: str | None) -> str:
    """Return what a user needs to go on."""
    lines = [
        "",
        f"[bold]Welkin is up at {own_url(config)}[/bold]",
        f"  clients      {file} has the clouds [bold]{clouds.MEMBER}[/bold] and [bold]{clouds.ADMIN}[/bold]",
    ]
    if address is not None:
        lines += [
            f"  first server {address}",
            "",
            "Go on with:",
            f"  ssh -i {key_file(config)} root@{address}",
        ]
    lines += [
        "  pip install python-openstackclient; export OS_CLOUD=welkin",
        "  openstack server create --flavor m1.nano --image tiny --network private --key-name welkin --wait mine",
        "  .venv/bin/welkin status; .venv/bin/welkin why first",
        "  make down (guests live on), make purge (nothing is left)",
    ]
    return "\n".join(lines)
