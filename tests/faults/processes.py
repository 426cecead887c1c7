"""The parts of a cloud as processes of their own, to be killed, with guests in memory or real ones."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from welkin.cli.launch import answers
from welkin.client import Api
from welkin.core.server import bind
from welkin.testing.cloud import read_passwords

PARTS = ("api", "central", "agent")
START_TIMEOUT_S = 60.0
PREFIX, EXTERNAL = "wq", "172.24.12.1/24"


class Processes:
    """One cloud in three processes on a free port."""

    def __init__(self, folder: Path, driver: str = "memory", **environment: str) -> None:
        self.folder = folder
        with bind("127.0.0.1", 0) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "WELKIN_CLOUD__STATE_DIR": str(folder),
            "WELKIN_CLOUD__DRIVER": driver,
            "WELKIN_CLOUD__HOST": "host-1",
            "WELKIN_CLOUD__PREFIX": PREFIX,
            "WELKIN_NETWORK__EXTERNAL_ADDRESS": EXTERNAL,
            "WELKIN_HTTP__PORT": str(self.port),
            **environment,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: list[str] = []

    def start(self) -> None:
        """Start every part and wait for the first answer."""
        self._spawn("api")
        self.until_answering()
        for part in PARTS[1:]:
            self._spawn(part)

    def kill_one(self, dice: random.Random) -> None:
        """Kill one part without warning and start it again."""
        part = dice.choice(PARTS)
        self.kills.append(part)
        process = self._running[part]
        process.send_signal(signal.SIGKILL)
        process.wait()
        self._spawn(part)

    def until_answering(self) -> None:
        """Wait until the API answers."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.url):
            assert time.monotonic() < deadline, "the API did not start"
            time.sleep(0.02)

    def describe(self) -> str:
        """Say which part lives."""
        return ", ".join(f"{part} {process.pid} {process.poll()}" for part, process in self._running.items())

    def stop(self) -> None:
        """End every part."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            process.wait(20)

    def run(self, *words: str) -> str:
        """Run one of the commands that users type, and return what it printed."""
        command = [sys.executable, "-m", "welkin", *words]
        environment = {**self._environment, "HOME": str(self.folder.parent)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    def api(self, user: str) -> Api:
        """Return the cloud as `user` sees it."""
        return Api(self.url, user, read_passwords(self.folder)[user], user)

    def _spawn(self, part: str) -> None:
        log = (self.folder.parent / f"{part}.log").open("ab")
        command = [sys.executable, "-m", "welkin", part]
        self._running[part] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)
        log.close()
