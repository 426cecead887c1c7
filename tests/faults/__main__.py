"""Kill everything at random moments, many seeds, without real guests; a failure is a seed.

python -m tests.faults                 ten seeds
python -m tests.faults --seeds 200     more of them
python -m tests.faults --first 17 --seeds 1
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults.processes import Processes
from tests.faults.story import KILLS, SERVERS, play


def main() -> int:
    """Play every seed; return 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--servers", type=int, default=SERVERS)
    parser.add_argument("--kills", type=int, default=KILLS)
    arguments = parser.parse_args()
    failed = []
    for seed in range(arguments.first, arguments.first + arguments.seeds):
        with tempfile.TemporaryDirectory(prefix="welkin-faults-") as folder:
            began = time.monotonic()
            fault = one(Path(folder), seed, arguments.servers, arguments.kills)
            print(f"seed {seed}: {fault or 'settled'}, {time.monotonic() - began:.0f} s", flush=True)
        if fault:
            failed.append(seed)
    print(f"{arguments.seeds - len(failed)} settled, {len(failed)} failed: {failed}")
    return 1 if failed else 0


def one(folder: Path, seed: int, servers: int, kills: int) -> str:
    """Play one seed in a cloud of its own, and say what went wrong."""
    cloud = Processes(folder / "state")
    try:
        cloud.start()
        play(cloud, seed, servers=servers, kills=kills)
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error} after {cloud.kills}"
    finally:
        cloud.stop()
    return ""


if __name__ == "__main__":
    sys.exit(main())
