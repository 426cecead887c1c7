"""The unmodified `openstack` command, as one of the clouds in clouds.yaml."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANY = Path(__file__).with_name("many_commands.py")


class CommandFailed(AssertionError):
    """The command ended with another code than 0; the message is what it printed."""


class Client:
    """`openstack` with OS_CLOUD set; HOME is where clouds.yaml is."""

    def __init__(self, python: Path, home: Path, cloud: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        environment |= {"HOME": str(home), "OS_CLOUD": cloud, "COLUMNS": "200", "PYTHONWARNINGS": "ignore"}
        self.environment: Mapping[str, str] = environment
        self._process = subprocess.Popen(
            [str(python), str(MANY)],
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def do(self, command: str) -> str:
        """Run a command and return what it printed.  Raises CommandFailed."""
        return self._run(shlex.split(command))

    def get(self, command: str) -> Any:
        """Run a command that shows or lists something and return that, decoded from JSON.  Raises CommandFailed."""
        return json.loads(self._run([*shlex.split(command), "-f", "json"]))

    def refused(self, command: str) -> str:
        """Run a command that must fail, and return its complaint."""
        try:
            printed = self.do(command)
        except CommandFailed as failed:
            return str(failed)
        raise AssertionError(f"openstack {command} was not refused: {printed}")

    def close(self) -> None:
        """End the client, and what it may be doing still."""
        self._process.terminate()
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait(20)

    def _run(self, arguments: list[str]) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["code"] != 0:
            words = shlex.join(arguments)
            raise CommandFailed(f"openstack {words}: {answer['code']} {answer['complained']}{answer['printed']}")
        return str(answer["printed"])
