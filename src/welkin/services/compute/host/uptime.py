"""How long a machine has been up and how busy it is, in the words of the program `uptime`, which clients take apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

UPTIME = Path("/proc/uptime")
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400


def of_machine(now: float) -> str:
    """Return the words for this machine at the time `now`."""
    return words(now, float(UPTIME.read_text().split()[0]), os.getloadavg())


def words(now: float, up_s: float, loads: Sequence[float]) -> str:
    """Return a line such as ` 10:52:12 up 1 day,  2:03,  0 users,  load average: 0.35, 0.24, 0.28`.

    Whoever is logged in does not count: a host of guests has no users of its own.
    """
    clock = datetime.fromtimestamp(now, UTC).strftime("%H:%M:%S")
    days, rest_s = divmod(int(up_s), DAY_S)
    hours, rest_s = divmod(rest_s, HOUR_S)
    minutes = rest_s // MINUTE_S
    since = f"{hours:2}:{minutes:02}" if hours else f"{minutes} min"
    if days:
        since = f"{days} day{'s' if days > 1 else ''}, {since}"
    return f" {clock} up {since},  0 users,  load average: {', '.join(f'{load:.2f}' for load in loads)}"
