"""Guests that are logged into by ssh, as their owners do."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.contract.waiting import until
from welkin.cli.launch import greets

OPTIONS = (
    "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes -o ConnectTimeout=5 -o LogLevel=ERROR"
)
PREPARE = "set -e; PATH=$PATH:/sbin:/usr/sbin"


class Refused(AssertionError):
    """The command failed, or nobody answered."""


@dataclass(frozen=True)
class Machine:
    """A guest at an address, reached directly or through another."""

    id: str
    address: str
    key: Path
    through: Machine | None = None

    def command(self) -> list[str]:
        """Return the ssh command without what it runs."""
        words = ["ssh", *OPTIONS.split(), "-l", "root", "-i", str(self.key)]
        if self.through is not None:
            words += ["-o", f"ProxyCommand={shlex.join(self.through.command())} -W %h:%p"]
        return [*words, self.address]

    def run(self, script: str, within_s: float = 30) -> str:
        """Run a script in the guest and return what it printed.  Raises Refused."""
        words = [*self.command(), f"{PREPARE}; {script}"]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=within_s, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise Refused(f"{self.address}: {script}: {done.returncode} {done.stdout}{done.stderr}")
        return done.stdout

    def can(self, script: str) -> bool:
        """Return whether a script succeeds."""
        try:
            self.run(script)
        except Refused:
            return False
        return True

    def until_login(self) -> None:
        """Wait until one can log in."""
        if self.through is None:
            until(lambda: greets(self.address), f"ssh greets at {self.address}")
        until(lambda: self.can("true"), f"one can log in at {self.address}")
