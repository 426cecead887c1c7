"""Measure what requests cost, how fast the cloud starts and what it weighs, against the budgets.

    python -m tests.bench            everything
    python -m tests.bench --small    without the thousand servers and providers
    python -m tests.bench --qemu     a real boot as well (root)

Costs are CPU time of every process of the control plane, children included: they do not
depend on what else the machine does.  The figures beside them are OpenStack's own on a
machine of the same kind (Keystone, Nova, Neutron and Placement on uWSGI and MariaDB).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.bench import boot, micro
from tests.bench.table import Budget, Table
from tests.conformance.cloud import Cloud, Place

HERE = Path(__file__).parent
PLACE = Place(18874, "wb", "172.24.9.1/24", (("WELKIN_COMPUTE__CPU_RATIO", "32"),))
"""One host in memory has to take a thousand servers."""
IDLE_S = 10.0
MS = "ms CPU"

REQUESTS = {
    "validate token": Budget(0.06, MS, 5.7),
    "password token": Budget(25, MS, 255),
    "GET server": Budget(0.15, MS, 67),
    "GET server, oldest version": Budget(0.2, MS, 67),
    "servers/detail of 100": Budget(2, MS, 769),
    "servers/detail of 1000": Budget(15, MS),
    "POST port": Budget(2, MS, 195),
    "GET ports of 100": Budget(5, MS, 87),
    "allocation candidates, 1000 providers": Budget(5, MS, 171),
    "POST server to ACTIVE": Budget(20, MS, 2078),
}
ACTIVE_WALL = Budget(50, "ms wall")
START = Budget(2, "s wall")
MEMORY = Budget(150, "MiB PSS", 2016)
PROCESSES = Budget(3, "processes", 33)
IDLE_CPU = Budget(1, "% of a core", 3)


def main() -> int:
    """Print the table; return 1 when a budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--qemu", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(".bench"))
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed cloud has its bytecode
    table = Table()
    micro.measure(table)
    cloud = Cloud(arguments.folder.absolute() / "cloud", "memory", strict_images=True, place=PLACE)
    cloud.start()
    try:
        restart(cloud, table)
        weigh(cloud, table)
        for scenario in ("api",) if arguments.small else ("api", "scale"):
            load(cloud, scenario, table)
    finally:
        cloud.purge()
    if arguments.qemu:
        boot.measure(arguments.folder.absolute(), PLACE, table)
    table.show()
    return 1 if table.missed else 0


def restart(cloud: Cloud, table: Table) -> None:
    """Time an installed cloud from nothing to its first answer."""
    cloud.run("down")
    started = time.perf_counter()
    cloud.run("up", "--no-server", "--bare")
    table.add("up to the first 200", time.perf_counter() - started, START)


def weigh(cloud: Cloud, table: Table) -> None:
    """Weigh the idle control plane."""
    time.sleep(IDLE_S)
    tree = processes(cloud)
    before = sum(cpu_s(each) for each in tree)
    time.sleep(IDLE_S)
    busy = sum(cpu_s(each) for each in tree) - before
    table.add("idle memory", sum(each.memory_full_info().pss for each in tree) / (1 << 20), MEMORY)
    table.add("idle processes", len(tree), PROCESSES)
    table.add("idle CPU", 100 * busy / IDLE_S, IDLE_CPU)


def load(cloud: Cloud, scenario: str, table: Table) -> None:
    """Run one scenario of the load generator and take its figures."""
    results = cloud.folder.with_name(f"{scenario}.jsonl")
    results.unlink(missing_ok=True)
    command = [sys.executable, str(HERE / "load.py"), str(HERE / f"{scenario}.json"), "--base", cloud.url]
    command += ["--pids", str(processes(cloud)[0].pid), "--var", f"password={cloud.admin().password}"]
    subprocess.run([*command, "--out", str(results)], check=True)
    for line in results.read_text().splitlines():
        result = json.loads(line)
        table.add(result["step"], result["cpu_ms"], REQUESTS[result["step"]])
        if result["step"] == "POST server to ACTIVE":
            table.add("POST server to ACTIVE, when idle", result["p50_ms"], ACTIVE_WALL)


def processes(cloud: Cloud) -> list[psutil.Process]:
    """Return the supervisor and its children."""
    record = json.loads((cloud.folder / "run" / "supervisor.json").read_text())
    supervisor = psutil.Process(record["pid"])
    return [supervisor, *supervisor.children(recursive=True)]


def cpu_s(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
