"""A cloud that is started by the same command that users type, beside whatever else runs on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from welkin.client import Api


class Installed:
    """A cloud with a folder, a home, a port, a prefix and a range outside that are its own."""

    def __init__(self, folder: Path, *, driver: str, port: int, prefix: str, external: str) -> None:
        self.folder, self.home = folder / "state", folder / "home"
        self.driver, self.port, self.prefix, self.external = driver, port, prefix, external
        self.url = f"http://127.0.0.1:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """What configures this cloud and no other; the home is its own, so nobody's clouds.yaml is touched."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WELKIN_", "OS_"))}
        return {
            **inherited,
            "HOME": str(self.home),
            "WELKIN_CLOUD__STATE_DIR": str(self.folder),
            "WELKIN_CLOUD__PREFIX": self.prefix,
            "WELKIN_CLOUD__DRIVER": self.driver,
            "WELKIN_HTTP__PORT": str(self.port),
            "WELKIN_NETWORK__EXTERNAL_ADDRESS": self.external,
        }

    def run(self, *words: str) -> str:
        """Run one of the commands that users type, and return what it printed."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "welkin", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def api(self, user: str, project: str = "") -> Api:
        """Return the cloud as `user` sees it, in the project of the same name or in another."""
        passwords = json.loads((self.folder / "keys" / "passwords.json").read_text())
        return Api(self.url, user, passwords[user], project or user)
