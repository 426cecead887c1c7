"""The figures beside their budgets and beside OpenStack's."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """At most so much, in a unit; `upstream` is what OpenStack takes for the same."""

    at_most: float
    unit: str
    upstream: float | None = None


class Table:
    """Collects figures and prints them."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, float, Budget]] = []

    @property
    def missed(self) -> list[str]:
        """What took more than its budget."""
        return [name for name, figure, budget in self._rows if figure > budget.at_most]

    def add(self, name: str, figure: float, budget: Budget) -> None:
        """Add one figure."""
        self._rows.append((name, figure, budget))

    def show(self) -> None:
        """Print every row with the ratio to OpenStack's figure."""
        print(f"\n{'':40} {'measured':>10} {'budget':>8} {'unit':12} {'OpenStack':>10} {'ratio':>7}")
        for name, figure, budget in self._rows:
            upstream = f"{budget.upstream:>10g}" if budget.upstream else f"{'':>10}"
            ratio = f"{budget.upstream / figure:>6.0f}x" if budget.upstream and figure else f"{'':>7}"
            mark = "  missed" if figure > budget.at_most else ""
            print(f"{name:40} {figure:>10.3f} {budget.at_most:>8g} {budget.unit:12} {upstream} {ratio}{mark}")
        print(f"\n{len(self._rows) - len(self.missed)} of {len(self._rows)} budgets held")
        load, processors = os.getloadavg()[1], os.cpu_count() or 1
        if load > processors:
            print(f"The machine was busy with other things (load {load:.0f} on {processors} processors): what they")
            print("throw out of its caches makes every figure larger, up to threefold.")
