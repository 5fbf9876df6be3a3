"""Figures of a server as Prometheus reads them: requests, answers, steps, what waits. No label holds a text."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from rag.serve.doors import Door

if TYPE_CHECKING:
    from rag.serve.pools import Pools
    from rag.types import Answer

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics(Collector):
    """The figures of one server."""

    def __init__(self, pools: "Pools") -> None:
        self._pools, self._registry = pools, CollectorRegistry()
        given: Any = {"registry": self._registry}
        self._requests = Counter("raghop_http_requests", "Requests.", ["method", "door", "status"], **given)
        self._seconds = Histogram(
            "raghop_http_request_duration_seconds", "Time of requests.", ["method", "door"], buckets=_SECONDS, **given
        )
        self._answers = Counter("raghop_answers", "Answers by level.", ["index", "level"], **given)
        self._steps = Histogram(
            "raghop_step_duration_seconds", "Time of steps.", ["index", "step"], buckets=_SECONDS, **given
        )
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def count_request(self, method: str, door: str, status: int, seconds: float) -> None:
        """A request that was answered."""
        self._requests.labels(method, door, status).inc()
        self._seconds.labels(method, door).observe(seconds)

    def count_question(self, index: str, trace: Sequence[Mapping[str, Any]], answer: "Answer | None") -> None:
        """A question that was answered, or a search."""
        if answer:
            self._answers.labels(index, answer.level).inc()
        for step in trace:
            self._steps.labels(index, step["step"]).observe(step["seconds"])

    def collect(self) -> Iterable[Metric]:
        """What there is now: questions that run or wait, and indexes whose newest generation cannot be used."""
        waiting = GaugeMetricFamily("raghop_questions_pending", "They run or wait.", labels=["index", "pipeline"])
        stuck = GaugeMetricFamily(
            "raghop_generation_stuck", "1: the newest cannot be used.", labels=["index", "pipeline"]
        )
        for names, pool in self._pools.open.items():
            waiting.add_metric(names, pool.pending)
            stuck.add_metric(names, bool(pool.problem))
        running = GaugeMetricFamily("raghop_requests_running", "Requests that are being answered.")
        running.add_metric([], self._pools.drain.running)
        return [waiting, stuck, running]

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)


async def metrics(request: Request) -> Response:
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=CONTENT_TYPE_LATEST)


DOORS = (Door("GET", "/metrics", metrics, "Figures for Prometheus.", role="admin"),)
