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

from tests.conformance.cloud import Cloud, Place
from tests.environment import Environment

TIMEOUT_S = 10
SETTINGS = """
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "501"]
"""
"""What OpenStack has and Welkin has not is answered with 501."""
PLACE = Place(19074, "wf", "172.24.11.1/24")


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
    cloud = Cloud(folder / "cloud", "memory", strict_images=True, place=PLACE)
    cloud.start()
    try:
        admin = cloud.admin()
        admin.log_in()
        settings = folder / "schemathesis.toml"
        settings.write_text(SETTINGS)
        program = [str(environment.bin / "schemathesis"), "--config-file", str(settings)]
        command = [*program, "run", f"{cloud.url}/welkin/v1/openapi.json"]
        command += ["--checks", "not_a_server_error", "--request-timeout", str(TIMEOUT_S), "--mode", "all"]
        command += ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed)]
        command += ["--header", f"X-Auth-Token: {admin.token}", "--include-path-regex", f"^{arguments.path}"]
        command += ["--phases", "examples,coverage,fuzzing", "--continue-on-failure"]
        return subprocess.run(command, cwd=folder, check=False).returncode
    finally:
        cloud.purge()


if __name__ == "__main__":
    sys.exit(main())
