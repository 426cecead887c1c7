"""Numbers about the running process, for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from welkin.core.routing import Route

SECONDS_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

steps = Counter("welkin_steps_total", "Steps of reconcilers, by kind of work and outcome.", ("kind", "outcome"))
troubles = Gauge("welkin_host_troubles", "What is not as it shall be on a host, as it tells itself.", ("host", "kind"))
"""Set from the hosts' facts, for an agent serves no metrics of its own."""


class Times:
    """How long the requests to one service took."""

    def __init__(self) -> None:
        self.counts = [0] * (len(SECONDS_BUCKETS) + 1)
        self.seconds = 0.0


class Requests(Collector):
    """Counts requests in plain numbers, much cheaper than the library's; they get labels when somebody reads them."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Route | None, int], int] = {}
        self._times: dict[str, Times] = {}

    def record(self, route: Route | None, status: int, seconds: float) -> None:
        """Count one request that took `seconds`; one without a route is counted under the empty path."""
        key = (route, status)
        self._counts[key] = self._counts.get(key, 0) + 1
        service = route.service.type if route is not None else ""
        times = self._times.get(service)
        if times is None:
            times = self._times[service] = Times()
        times.counts[bisect_left(SECONDS_BUCKETS, seconds)] += 1
        times.seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """Return the numbers as Prometheus knows them."""
        count = CounterMetricFamily(
            "welkin_requests", "Requests answered.", labels=("service", "method", "path", "status")
        )
        for (route, status), number in self._counts.items():
            place = ("", "", "") if route is None else (route.service.type, route.method, route.path)
            count.add_metric((*place, str(status)), number)
        yield count
        seconds = HistogramMetricFamily("welkin_request_seconds", "Time to answer.", labels=("service",))
        for service, times in self._times.items():
            buckets, total = [], 0
            for limit, number in zip((*map(str, SECONDS_BUCKETS), "+Inf"), times.counts, strict=True):
                total += number
                buckets.append((limit, float(total)))
            seconds.add_metric((service,), buckets, times.seconds)
        yield seconds


requests = Requests()
"""Those of this process."""
REGISTRY.register(requests)


def exposition() -> bytes:
    """Return every metric of this process in Prometheus' text format."""
    return generate_latest(REGISTRY)
