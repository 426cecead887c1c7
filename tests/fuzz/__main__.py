"""Send bad input to every route, made from the OpenAPI document: no 5xx, no hang.

python -m tests.fuzz                       every route, 30 requests each
python -m tests.fuzz --examples 500        more of them
python -m tests.fuzz --path /compute       only paths that start so
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tests.conformance.cloud import Cloud
from tests.environment import Environment

TIMEOUT_S = 10


def main() -> int:
    """Return 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=30)
    parser.add_argument("--path", default="/")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"))
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    environment = Environment(folder / "venv", Path("requirements/fuzz.txt"))
    environment.install()
    cloud = Cloud(folder / "cloud", "memory", strict_images=True)
    cloud.start()
    try:
        admin = cloud.admin()
        admin.log_in()
        command = [str(environment.bin / "schemathesis"), "run", f"{cloud.url}/welkin/v1/openapi.json"]
        command += ["--checks", "not_a_server_error", "--request-timeout", str(TIMEOUT_S), "--mode", "all"]
        command += ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed)]
        command += ["--header", f"X-Auth-Token: {admin.token}", "--include-path-regex", f"^{arguments.path}"]
        command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
        return subprocess.run(command, cwd=folder, check=False).returncode
    finally:
        cloud.purge()


if __name__ == "__main__":
    sys.exit(main())
