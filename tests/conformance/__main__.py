"""Run OpenStack's own test suite, unmodified, against a cloud that is started for it and removed after.

python -m tests.conformance                          the smoke tests, with real guests and SSH
python -m tests.conformance --list interop-compute   another list below tests/conformance/lists
python -m tests.conformance --driver memory …        breadth without guests: nothing that looks into one
python -m tests.conformance --keep …                 leave the cloud running, to look at what failed
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.conformance.cloud import Cloud
from tests.conformance.report import report
from tests.conformance.tempest import Tempest

LISTS = Path(__file__).parent / "lists"


def main() -> int:
    """Return 0 when every chosen test passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", default="smoke", help="a list below tests/conformance/lists, or a file")
    parser.add_argument("--regex", help="instead of a list: every test that matches")
    parser.add_argument("--driver", choices=("qemu", "memory"), default="qemu")
    parser.add_argument("--lenient-images", action="store_true", help="switch format enforcement of images off")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path(".conformance"))
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    tempest = Tempest(folder)
    tempest.install()
    cloud = Cloud(folder / "cloud", arguments.driver, strict_images=not arguments.lenient_images)
    cloud.start()
    try:
        tempest.configure(cloud)
        if arguments.regex:
            results = tempest.run_regex(arguments.regex, arguments.workers)
        else:
            results = tempest.run_list(list_file(arguments.list), arguments.workers)
    finally:
        if not arguments.keep:
            cloud.purge()
    return report(results, folder / "report.md", f"{arguments.regex or arguments.list} on {arguments.driver}")


def list_file(name: str) -> Path:
    """Return the file of a list, by its name or path."""
    known = LISTS / f"{name}.txt"
    return known if known.exists() else Path(name)


if __name__ == "__main__":
    sys.exit(main())
