"""What one step of the edge costs by itself, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.bench import samples
from tests.bench.table import Budget, Table

OLDEST = Budget(50, "us CPU")
ROUNDS, REPEATS = 2000, 5


def measure(table: Table) -> None:
    """Time what the oldest version of a server costs beyond the newest, encoding included."""
    answer = samples.server()
    older = best_us(lambda: samples.oldest(answer)) - best_us(lambda: samples.newest(answer))
    table.add("a server down to compute 2.1", older, OLDEST)


def best_us(work: Callable[[], object]) -> float:
    """Return the CPU microseconds of one call, the best of some rounds."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.process_time()
        for _ in range(ROUNDS):
            work()
        best = min(best, (time.process_time() - started) / ROUNDS)
    return best * 1e6
