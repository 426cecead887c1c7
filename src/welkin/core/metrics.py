"""Numbers about the running process, for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from welkin.core.routing import Route

SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

_count = Counter("welkin_requests_total", "Requests answered.", ("service", "method", "path", "status"))
_seconds = Histogram("welkin_request_seconds", "Time to answer.", ("service",), buckets=SECONDS_BUCKETS)
steps = Counter("welkin_steps_total", "Steps of reconcilers, by kind of work and outcome.", ("kind", "outcome"))

troubles = Gauge("welkin_host_troubles", "What is not as it shall be on a host, as it tells itself.", ("host", "kind"))
"""Set from the hosts' facts, for an agent serves no metrics of its own."""


class Requests:
    """Counts requests; the labelled children are kept, which makes a count four times cheaper."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int], Counter] = {}
        self._seconds: dict[str, Histogram] = {}

    def record(self, route: Route | None, method: str, status: int, seconds: float) -> None:
        """Count one request that took `seconds`; one without a route is counted under the empty path."""
        key = (id(route), status)
        count = self._counts.get(key)
        service = route.service.type if route is not None else ""
        if count is None:
            path = route.path if route is not None else ""
            count = self._counts[key] = _count.labels(service, route.method if route is not None else "", path, status)
        count.inc()
        timer = self._seconds.get(service)
        if timer is None:
            timer = self._seconds[service] = _seconds.labels(service)
        timer.observe(seconds)


def exposition() -> bytes:
    """Return every metric of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)
