"""What Prometheus is told. The only file that knows prometheus_client.

Each `Metrics` keeps a registry of its own: a host's stays as it is. Labels are words from fixed lists, never
an id, an address or a name. docs/operations.md lists the metrics.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from states.errors import EoiError
from states.events import Event, EventType
from workflow.log import get_log
from workflow.ports import Courier, Delayed, Delivered, Delivery, Outcome, Undeliverable

#: What `Metrics.text` is written in.
CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
#: Where the histogram of deliveries counts, in seconds; an attempt takes 30 at the most.
BUCKETS_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: The same of requests; most are answered within a hundredth of a second.
REQUESTS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
#: What an attempt comes to, each by its word; a courier that raised has no outcome.
OUTCOMES: Final[Mapping[type[Outcome], str]] = {
    Delivered: "delivered",
    Delayed: "delayed",
    Undeliverable: "undeliverable",
}
RAISED: Final = "raised"

_log = get_log("metrics")


class Health(Protocol):
    """What is read of a runner's health."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        ...

    @property
    def overdue_s(self) -> float:
        """How long a call has been due to be closed and is not, in seconds."""
        ...

    @property
    def oldest_waiting_s(self) -> float | None:
        """How long the oldest event has been waiting, in seconds."""
        ...

    @property
    def oldest_job_s(self) -> float | None:
        """How long the oldest job has been waiting that nobody has begun, in seconds."""
        ...

    @property
    def clock_skew_s(self) -> float | None:
        """How far this machine's clock is ahead of the database's, in seconds."""
        ...


#: Courier and state (`pending`, `parked`) -> how many deliveries.
Waiting = Mapping[tuple[str, str], int]
#: State (`queued`, `running`) -> how many jobs.
Jobs = Mapping[str, int]


class Metrics:
    """Counts what happens, and tells it beside how things stand. Threads share one."""

    def __init__(self, couriers: Iterable[str] = ()) -> None:
        """Begin with nothing counted.

        Args:
            couriers: their names; what they carry is told as 0 from the start, so that rates are right.
        """
        self._registry = CollectorRegistry()
        self._standing = CollectorRegistry()
        self._events = Counter(
            "eoi_events_total", "Events that this process has committed.", ["type"], registry=self._registry
        )
        self._deliveries = Counter(
            "eoi_deliveries_total",
            "Attempts to deliver an event, by how they ended.",
            ["courier", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "eoi_delivery_seconds",
            "How long an attempt took, in seconds.",
            ["courier"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._requests = Histogram(
            "eoi_request_seconds",
            "How long a request took, from its head to the end of its answer, in seconds.",
            ["method", "route", "status"],
            buckets=REQUESTS_S,
            registry=self._registry,
        )
        for type_ in EventType:
            self._events.labels(type_.value)
        for courier in couriers:
            self._seconds.labels(courier)
            for word in (*OUTCOMES.values(), RAISED):
                self._deliveries.labels(courier, word)

    def event(self, event: Event) -> None:
        """Count an event; a hook for `engine.on("*", …)`."""
        self._events.labels(event.type.value).inc()

    def delivery(self, courier: str, outcome: Outcome | None, *, seconds: float) -> None:
        """Count an attempt to deliver.

        Args:
            courier: its name.
            outcome: how it ended; None: the courier raised.
            seconds: how long it took.
        """
        word = RAISED if outcome is None else OUTCOMES.get(type(outcome), RAISED)
        self._deliveries.labels(courier, word).inc()
        self._seconds.labels(courier).observe(seconds)

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count a request that this process has answered.

        Args:
            method: `GET`…, or `other`.
            route: the template of the route that answered, never what was asked for.
            status: `200`…, or `gone`.
            seconds: how long it took.
        """
        self._requests.labels(method, route, status).observe(seconds)

    def watch(
        self, health: Callable[[], Health], waiting: Callable[[], Waiting], jobs: Callable[[], Jobs] = dict
    ) -> None:
        """Ask, each time that somebody reads, how the runner is and what waits.

        What cannot be answered, since the database is away, is left out; the rest is told.
        """
        self._standing.register(_Standing(health, waiting, jobs))

    def text(self) -> bytes:
        """Return all of it as Prometheus reads it: `CONTENT_TYPE`."""
        return self.counted() + generate_latest(self._standing)

    def counted(self) -> bytes:
        """Return what this process has counted: as much of it as asks nobody."""
        return generate_latest(self._registry)


class MeasuredCourier:
    """Carries by another courier, and counts what becomes of it."""

    def __init__(
        self,
        courier: Courier,
        metrics: Metrics,
        *,
        name: str,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stand in front of `courier`, which is told as `name`."""
        self._courier = courier
        self._metrics = metrics
        self._name = name
        self._timer = timer

    def deliver(self, delivery: Delivery) -> Outcome:
        """Deliver, and count it, also where the courier raises."""
        begun_s, outcome = self._timer(), None
        try:
            outcome = self._courier.deliver(delivery)
        finally:
            self._metrics.delivery(self._name, outcome, seconds=self._timer() - begun_s)
        return outcome


class _Standing(Collector):
    """Asks how things stand."""

    def __init__(
        self, health: Callable[[], Health], waiting: Callable[[], Waiting], jobs: Callable[[], Jobs]
    ) -> None:
        self._health = health
        self._waiting = waiting
        self._jobs = jobs

    def describe(self) -> Iterable[Metric]:
        """Tell nothing ahead: nobody is asked before somebody reads."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield what could be asked."""
        for ask in (self._of_health, self._of_deliveries, self._of_jobs):
            try:
                yield from ask()
            except EoiError as exc:
                _log.warning("metrics.left-out", code=exc.code)

    def _of_health(self) -> list[Metric]:
        health = self._health()
        told = [
            ("eoi_healthy", "Whether all of the runner's work is done in time.", float(health.ok)),
            ("eoi_call_overdue_seconds", "How long a call has been due to be closed.", health.overdue_s),
            (
                "eoi_oldest_waiting_seconds",
                "How long the oldest event has been waiting for a receiver.",
                health.oldest_waiting_s,
            ),
            (
                "eoi_oldest_job_seconds",
                "How long the oldest job has been waiting that nobody has begun.",
                health.oldest_job_s,
            ),
            (
                "eoi_clock_skew_seconds",
                "How far this machine's clock is ahead of the database's.",
                health.clock_skew_s,
            ),
        ]
        return [GaugeMetricFamily(name, what, value) for name, what, value in told]

    def _of_deliveries(self) -> list[Metric]:
        gauge = GaugeMetricFamily(
            "eoi_deliveries_waiting", "Deliveries that have not arrived.", labels=["courier", "state"]
        )
        for labels, count in sorted(self._waiting().items()):
            gauge.add_metric(labels, count)
        return [gauge]

    def _of_jobs(self) -> list[Metric]:
        gauge = GaugeMetricFamily("eoi_jobs_open", "Jobs that have not ended.", labels=["state"])
        for state, count in ({"queued": 0, "running": 0} | dict(self._jobs())).items():
            gauge.add_metric([state], count)
        return [gauge]
