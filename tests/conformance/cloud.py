"""A cloud of the suite's own: other port, prefix and folder than the one that `make up` starts."""

from __future__ import annotations

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from welkin import starter
from welkin.client import Api

IMAGE_ALT = "tiny-alt"
POOL = {
    "name": "automatic",
    "prefixes": ["10.96.0.0/14"],
    "default_prefixlen": 26,
    "shared": True,
    "is_default": True,
}
"""Where the subnets of networks that are made by themselves, for servers that ask for one, come from."""


@dataclass(frozen=True)
class Place:
    """What two clouds of one machine must not share."""

    port: int
    prefix: str
    external: str
    """The host's address in the network outside."""
    options: tuple[tuple[str, str], ...] = ()
    """Environment variables with other options of this cloud."""


OF_SUITES = Place(18774, "wt", "172.24.8.1/24")


class Cloud:
    """Started by the same command that users type."""

    def __init__(self, folder: Path, driver: str, *, strict_images: bool, place: Place = OF_SUITES) -> None:
        self.folder, self.driver, self.strict_images, self.place = folder, driver, strict_images, place
        self.url = f"http://127.0.0.1:{place.port}"
        self.home = folder.with_name("home")
        self.fixtures = self._serve_fixtures()

    @property
    def environment(self) -> dict[str, str]:
        """What configures this cloud and no other; the home is its own, so nobody's clouds.yaml is touched."""
        return {
            **os.environ,
            "HOME": str(self.home),
            "WELKIN_CLOUD__STATE_DIR": str(self.folder),
            "WELKIN_CLOUD__PREFIX": self.place.prefix,
            "WELKIN_CLOUD__DRIVER": self.driver,
            "WELKIN_HTTP__PORT": str(self.place.port),
            "WELKIN_NETWORK__EXTERNAL_ADDRESS": self.place.external,
            "WELKIN_IDENTITY__LOCKOUT_FAILURES": "2",
            "WELKIN_IDENTITY__LOCKOUT_S": "5",
            "WELKIN_IDENTITY__PASSWORD_HISTORY": "2",
            "WELKIN_IMAGE__FORMAT_ENFORCEMENT": str(self.strict_images),
            **dict(self.place.options),
            "WELKIN_IMAGE__IMPORT_NETWORKS": "127.0.0.0/8",
            "WELKIN_IMAGE__IMPORT_PORTS": f"80,443,{self.fixtures.rpartition(':')[2]}",
        }

    def start(self) -> None:
        """Start it afresh and give it what the suite needs."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.run("purge")
        self.run("up", "--no-server")
        api = self.admin()
        if starter.named(api, "/image/v2/images", "images", IMAGE_ALT) is None:
            wanted = {"name": IMAGE_ALT, "disk_format": "qcow2", "container_format": "bare", "visibility": "public"}
            image = api.post("/image/v2/images", wanted)
            api.upload(f"/image/v2/images/{image['id']}/file", self.image_file)
        if starter.named(api, "/network/v2.0/subnetpools", "subnetpools", POOL["name"]) is None:
            api.post("/network/v2.0/subnetpools", {"subnetpool": POOL})

    def purge(self) -> None:
        """Leave nothing of it."""
        self.run("purge")

    def admin(self) -> Api:
        """Return the cloud as its administrator sees it."""
        passwords = json.loads((self.folder / "keys" / "passwords.json").read_text())
        return Api(self.url, "admin", passwords["admin"], "admin")

    @property
    def image_file(self) -> Path:
        """The tiny guest's disk."""
        return self.folder / "guest" / "disk.qcow2"

    def run(self, *words: str) -> None:
        """Run one of the commands that users type."""
        subprocess.run([sys.executable, "-m", "welkin", *words], env=self.environment, check=True)

    def _serve_fixtures(self) -> str:
        """Serve two small files over HTTP, for the tests that import from a URL; return where."""
        folder = self.folder.with_name("fixtures")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tiny.raw").write_bytes(b"welkin" * 1000)
        command = ["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "tiny.qcow2"), "1M"]
        subprocess.run(command, check=True)
        handler = functools.partial(Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
