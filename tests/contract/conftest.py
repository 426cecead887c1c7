"""Two clouds that the tests of this folder share, with real guests and without, and the clients that use them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.client import Client
from tests.environment import Environment
from tests.installed import Installed
from welkin.core.server import bind
from welkin.tools.guest_image.builder import build

LOCK = Path("requirements/openstackclient.txt")
CACHE = Path.home() / ".cache" / "welkin"


@dataclass(frozen=True)
class Site:
    """A cloud, and its two users with the unmodified client."""

    cloud: Installed
    client: Environment
    member: Client
    admin: Client

    @property
    def key(self) -> Path:
        """The private key that fits the key pair `welkin`."""
        return self.cloud.folder / "keys" / "first_server"


@pytest.fixture(scope="session")
def client_environment() -> Environment:
    """The client, installed once for each content of its lock."""
    made = Environment(CACHE / "openstackclient", LOCK)
    made.install()
    return made


@pytest.fixture(scope="session")
def memory_site(client_environment: Environment) -> Iterator[Site]:
    """A cloud whose guests and networks are in memory only."""
    with site(client_environment, "memory", "wd", "172.24.31.1/24") as made:
        yield made


@pytest.fixture(scope="session")
def real_site(client_environment: Environment) -> Iterator[Site]:
    """A cloud with real guests."""
    with site(client_environment, "qemu", "wc", "172.24.32.1/24") as made:
        yield made


@contextmanager
def site(environment: Environment, driver: str, prefix: str, external: str) -> Iterator[Site]:
    """Run a cloud as `welkin up` makes it, with the guest's disk that other tests built already."""
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir="/tmp"))  # short: it is part of sockets' names
    folder.chmod(0o711)
    with bind("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    cloud = Installed(folder, driver=driver, port=port, prefix=prefix, external=external)
    try:
        build(CACHE / "guest-image")
        shutil.copytree(CACHE / "guest-image", cloud.folder / "guest")
        cloud.run("up", "--no-server")
        python = environment.bin / "python"
        member, admin = (Client(python, cloud.home, name) for name in ("welkin", "welkin-admin"))
        yield Site(cloud, environment, member, admin)
        member.close()
        admin.close()
    finally:
        cloud.run("purge")
        left = [*cloud.folder.rglob("*"), *in_kernel(prefix), *processes_of(folder)]
        shutil.rmtree(folder)
    assert not left, f"purge left {left}"


def in_kernel(prefix: str) -> list[str]:
    """Return the namespaces, links and nft tables of this machine whose names begin with `prefix`."""
    if os.geteuid() != 0:
        return []
    listed = [("ip", "netns", "list"), ("ip", "-brief", "link"), ("nft", "list", "tables")]
    words = [word for command in listed for word in subprocess.check_output(command, text=True).split()]
    return [word for word in words if word.startswith((f"{prefix}-", f"welkin_{prefix}"))]


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of processes that name `folder`."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(folder) in line]
