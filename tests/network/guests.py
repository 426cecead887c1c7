"""Guests for tests of the data plane: a namespace whose eth0 is joined to a port's tap by copying frames.

What runs in it are real programs: a DHCP client, ping, sockets.  Nothing in it knows
that it is no virtual machine.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from welkin.services.network.names import namespace_of_network, tap_name
from welkin.tools import namespaces, netlink, taps

SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev $interface ;;
bound|renew)
  ip addr replace $ip/$mask dev $interface
  [ -n "$mtu" ] && ip link set dev $interface mtu $mtu
  set -- $staticroutes
  [ $# = 0 ] && [ -n "$router" ] && ip route replace default via $router
  while [ $# -ge 2 ]; do ip route replace $1 via $2; shift 2; done
  echo "$hostname $dns $mtu" >"$LEASE"
esac
"""


class Guest:
    """A guest behind one port."""

    def __init__(self, name: str, prefix: str, network_id: str, port_id: str, mac: str) -> None:
        self.name, self._closing = name, threading.Event()
        self.servers: list[subprocess.Popen[bytes]] = []
        namespaces.create(name)

        def make() -> int:
            with netlink.Netlink() as conversation:
                conversation.add_tap("eth0", 0)
                handle = taps._open("", "eth0")
                conversation.set("eth0", mac=mac, up=True)
                conversation.set("lo", up=True)
            return handle

        outer = namespaces.in_thread(lambda: taps._open(namespace_of_network(prefix, network_id), tap_name(port_id)))
        self._handles = (namespaces.run(name, make), outer)
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def _copy(self) -> None:
        inner, outer = self._handles
        while not self._closing.is_set():
            with contextlib.suppress(OSError):
                for handle in select.select([inner, outer], [], [], 0.05)[0]:
                    frame = os.read(handle, 70000)
                    os.write(outer if handle == inner else inner, frame)

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        for handle in self._handles:
            os.close(handle)
        namespaces.remove(self.name)

    def run(self, *argv: str, timeout_s: float = 20, **environment: str) -> subprocess.CompletedProcess[str]:
        command = namespaces.command(self.name, list(argv))
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env=os.environ | environment, check=False
        )

    def ok(self, *argv: str) -> bool:
        return self.run(*argv).returncode == 0

    def pings(self, address: str, *words: str) -> bool:
        """Say whether an answer comes, within a few tries."""
        return any(self.ok("ping", "-c1", "-W1", *words, address) for _ in range(3))

    def is_deaf_to(self, address: str, *words: str) -> bool:
        return not self.ok("ping", "-c2", "-i0.2", "-W1", *words, address)

    def set(self, address: str, gateway: str = "") -> None:
        """Configure by hand, as a guest without DHCP would."""
        self.run("ip", "addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        if gateway:
            self.run("ip", "route", "replace", "default", "via", gateway)

    def lease(self, folder: Path) -> str:
        """Ask for an address; return what came with it: host name, name server, MTU."""
        script, lease = folder / "udhcpc.script", folder / f"{self.name}.lease"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        lease.unlink(missing_ok=True)
        words = ["busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "8", "-T", "1", "-s", str(script)]
        words += ["-O", "staticroutes", "-O", "mtu", "-O", "hostname"]
        done = self.run(*words, LEASE=str(lease), timeout_s=30)
        assert done.returncode == 0, done.stderr
        return lease.read_text().strip()

    def lease6(self, mac: str) -> str:
        """Ask for an IPv6 address and return the one that is offered."""
        return self.run(sys.executable, "-c", SOLICIT, mac.replace(":", "")).stdout.strip()

    def addresses(self) -> str:
        return self.run("ip", "-o", "addr", "show", "dev", "eth0").stdout

    def listens(self, port: int) -> subprocess.Popen[bytes]:
        """Start a server that answers every connection with the address it came from."""
        server = subprocess.Popen(namespaces.command(self.name, [sys.executable, "-c", ECHO, str(port)]))
        self.servers.append(server)
        return server

    def keeps_pinging(self, address: str) -> Pinging:
        """Ping without an end."""
        return Pinging(namespaces.command(self.name, ["ping", "-i0.2", address]))

    def reaches(self, address: str, port: int) -> str:
        """Connect and return what the server says; "" when nobody answers."""
        done = self.run(sys.executable, "-c", CONNECT, address, str(port))
        return done.stdout.strip()


class Pinging:
    """A ping that goes on until it is left."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)

    def __enter__(self) -> Pinging:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def answered(self) -> bool:
        """Say whether an answer comes within some seconds."""
        return any(b"ttl=" in line for line in self._lines(5.0))

    def falls_silent(self) -> bool:
        """Say whether a second passes without an answer, after those that were on their way."""
        list(self._lines(0.3))
        return not any(b"ttl=" in line for line in self._lines(1.0))

    def _lines(self, seconds: float) -> Iterator[bytes]:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([handle], [], [], left)[0]:
                yield os.read(handle, 4096)


ECHO = """
import socket, sys
server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, peer = server.accept()
    connection.sendall(peer[0].removeprefix("::ffff:").encode())
    connection.close()
"""
CONNECT = """
import socket, sys, time
for _ in range(3):
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.0) as connection:
            print(connection.recv(100).decode())
            break
    except OSError:
        time.sleep(0.2)
"""
SOLICIT = """
import os, socket, struct, sys
option = lambda code, body: struct.pack("!HH", code, len(body)) + body
identity = option(1, bytes.fromhex("00030001" + sys.argv[1]))
message = bytes.fromhex("01abcdef") + identity + option(8, b"\\0\\0") + option(3, struct.pack("!III", 1, 0, 0))
index = socket.if_nametoindex("eth0")
with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
    channel.bind(("::", 546))
    channel.settimeout(1)
    for _ in range(5):
        try:
            channel.sendto(message, ("ff02::1:2", 547, 0, index))
            answer = channel.recv(2000)
        except OSError:
            continue
        place = answer.find(struct.pack("!HH", 5, 24))
        if answer[0] == 2 and place > 0:
            print(socket.inet_ntop(socket.AF_INET6, answer[place + 4 : place + 20]))
            break
"""
