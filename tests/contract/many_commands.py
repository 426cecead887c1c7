"""Runs many `openstack` commands without loading Python anew for each: one fork a command.

It is started by the client's own Python, in the client's own environment, and calls what the
program `openstack` calls.  Each line of standard input is a JSON list of arguments, each line of
standard output a JSON object with the exit code and what the command printed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from typing import IO

from openstackclient import shell


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as complained:
            pid = os.fork()
            if pid == 0:
                os._exit(command(json.loads(line), printed, complained))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            printed.seek(0)
            complained.seek(0)
            answer = {"code": code, "printed": printed.read(), "complained": complained.read()}
        print(json.dumps(answer), flush=True)


def command(arguments: list[str], printed: IO[str], complained: IO[str]) -> int:
    """Run one command with its output in files, and return its exit code."""
    for number, target in ((0, open(os.devnull)), (1, printed), (2, complained)):  # noqa: PTH123, SIM115
        os.dup2(target.fileno(), number)
    try:
        code = shell.main(arguments)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code or 0)


if __name__ == "__main__":
    main()
