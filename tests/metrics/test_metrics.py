"""What Prometheus reads: counted as it happens, asked when it is read."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics import CONTENT_TYPE, MeasuredCourier, Metrics
from scheduler import Runner
from tests.databases.lent import NewEngine
from tests.told import opening
from workflow import EventType
from workflow.errors import DatabaseUnavailable
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import RecordingCourier, new_call, officer

AT = datetime(2023, 3, 17, 9, tzinfo=UTC)
ADDRESS = "head.teacher@sprowston.example"


@dataclass(frozen=True)
class _Health:
    ok: bool = True
    overdue_s: float = 0.0
    oldest_waiting_s: float | None = 12.5
    oldest_job_s: float | None = 7.5
    clock_skew_s: float | None = -0.25


def _read(metrics: Metrics) -> dict[str, float]:
    """Return what Prometheus' own parser finds: `name{label=value}` -> value."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def _delivery() -> Delivery:
    return Delivery(id=1, event=opening(AT), courier="smtp", address=ADDRESS, attempt=1)


def test_every_event_is_counted_by_its_type() -> None:
    """Those that have not happened are told as 0, so that the first one is seen as a rise."""
    metrics = Metrics()
    before = _read(metrics)
    assert {before[f"eoi_events_total{{type={each}}}"] for each in EventType} == {0}
    metrics.event(_delivery().event)
    metrics.event(_delivery().event)
    after = _read(metrics)
    risen = {name: value for name, value in after.items() if value != before[name]}
    assert risen == {"eoi_events_total{type=call.opened}": 2}


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        (Delivered(), "delivered"),
        (Delayed(why="Not now."), "delayed"),
        (Undeliverable(why="Never."), "undeliverable"),
    ],
)
def test_an_attempt_is_counted_and_timed(outcome: Outcome, word: str) -> None:
    """By courier and by how it ended; what it answered is handed on."""
    metrics, ticks = Metrics(["smtp"]), iter([100.0, 100.75])
    courier = MeasuredCourier(
        RecordingCourier(lambda _: outcome), metrics, name="smtp", timer=lambda: next(ticks)
    )
    assert courier.deliver(_delivery()) is outcome
    read = _read(metrics)
    counted = {name: value for name, value in read.items() if name.startswith("eoi_deliveries_total")}
    assert counted == {
        f"eoi_deliveries_total{{courier=smtp,outcome={each}}}": float(each == word)
        for each in ("delivered", "delayed", "undeliverable", "raised")
    }
    assert read["eoi_delivery_seconds_sum{courier=smtp}"] == 0.75
    assert read["eoi_delivery_seconds_bucket{courier=smtp,le=0.5}"] == 0
    assert read["eoi_delivery_seconds_bucket{courier=smtp,le=1.0}"] == 1


def test_a_courier_that_raises_is_counted_too() -> None:
    """The pump gets the exception as it is."""

    def fall(_: Delivery) -> Outcome:
        raise ZeroDivisionError

    metrics = Metrics()
    with pytest.raises(ZeroDivisionError):
        MeasuredCourier(RecordingCourier(fall), metrics, name="smtp").deliver(_delivery())
    assert _read(metrics)["eoi_deliveries_total{courier=smtp,outcome=raised}"] == 1


def test_a_request_is_counted_and_timed() -> None:
    """By method, template of its route and status; of what nobody has asked for nothing is told."""
    metrics = Metrics()
    assert not [name for name in _read(metrics) if "request" in name]
    for status, seconds in (("200", 0.02), ("200", 0.5), ("gone", 20.0)):
        metrics.request("GET", "/v1/calls/{call}", status, seconds)
    read = _read(metrics)
    labels = "method=GET,route=/v1/calls/{call},status"
    assert read[f"eoi_request_seconds_count{{{labels}=200}}"] == 2
    assert read[f"eoi_request_seconds_sum{{{labels}=200}}"] == 0.52
    assert read[f"eoi_request_seconds_bucket{{le=0.025,{labels}=200}}"] == 1
    assert read[f"eoi_request_seconds_bucket{{le=10.0,{labels}=gone}}"] == 0


def test_how_things_stand_is_asked_at_each_reading() -> None:
    """Not once at the start, and not in between."""
    metrics, asked = Metrics(), [0]

    def waiting() -> dict[tuple[str, str], int]:
        asked[0] += 1
        return {("webhook", "pending"): asked[0], ("smtp", "parked"): 3}

    metrics.watch(_Health, waiting, lambda: {"queued": 2})
    assert asked == [0]
    for time in (1, 2):
        read = _read(metrics)
        assert {name: value for name, value in read.items() if "events" not in name} == {
            "eoi_healthy{}": 1,
            "eoi_call_overdue_seconds{}": 0,
            "eoi_oldest_waiting_seconds{}": 12.5,
            "eoi_oldest_job_seconds{}": 7.5,
            "eoi_jobs_open{state=queued}": 2,
            "eoi_jobs_open{state=running}": 0,
            "eoi_clock_skew_seconds{}": -0.25,
            "eoi_deliveries_waiting{courier=smtp,state=parked}": 3,
            "eoi_deliveries_waiting{courier=webhook,state=pending}": time,
        }


def test_what_is_not_known_is_left_out() -> None:
    """Nothing waits, and SQLite has no clock of its own: 0 would say something else."""
    metrics = Metrics()
    metrics.watch(lambda: _Health(ok=False, oldest_waiting_s=None, clock_skew_s=None), dict)
    read = _read(metrics)
    assert read["eoi_healthy{}"] == 0
    assert not {"eoi_oldest_waiting_seconds{}", "eoi_clock_skew_seconds{}"} & read.keys()


def test_a_database_that_is_away_leaves_the_rest_readable(caplog: pytest.LogCaptureFixture) -> None:
    """What was counted is told all the same; what is missing is in the log."""

    def away() -> dict[tuple[str, str], int]:
        raise DatabaseUnavailable

    metrics = Metrics()
    metrics.watch(_Health, away)
    read = _read(metrics)
    assert read["eoi_healthy{}"] == 1
    assert read["eoi_events_total{type=call.opened}"] == 0
    assert "metrics.left-out" in caplog.text
    assert not [name for name in read if name.startswith("eoi_deliveries_waiting")]


def test_a_hosts_own_metrics_stay_as_they_are() -> None:
    """Two engines in one process count apart, and neither touches the registry that all share."""
    before = list(prometheus_client.REGISTRY.collect())
    one, other = Metrics(["smtp"]), Metrics(["smtp"])
    one.event(_delivery().event)
    assert _read(other)["eoi_events_total{type=call.opened}"] == 0
    names = {family.name for family in prometheus_client.REGISTRY.collect()}
    assert names == {family.name for family in before}
    assert not [name for name in names if name.startswith("eoi")]


def test_it_is_written_as_prometheus_reads_it() -> None:
    """Each family with its help and type; no address and no id in it."""
    metrics = Metrics(["smtp"])
    MeasuredCourier(RecordingCourier(), metrics, name="smtp").deliver(_delivery())
    text = metrics.text().decode()
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"
    assert re.findall("# TYPE (eoi_(?!.*_created).*)", text) == [
        "eoi_events_total counter",
        "eoi_deliveries_total counter",
        "eoi_delivery_seconds histogram",
        "eoi_request_seconds histogram",
    ]
    assert not [each for each in (ADDRESS, "c-1", "46/23") if each in text]


def test_an_engine_and_its_runner_can_be_watched(new_engine: NewEngine) -> None:
    """The hook and the health check fit as they are."""
    engine = new_engine()
    metrics, runner = Metrics(["log"]), Runner(engine, {"log": RecordingCourier()})
    engine.on("*", metrics.event)
    metrics.watch(runner.health, dict)
    engine.open_call(new_call(), actor=officer())
    read = _read(metrics)
    assert read["eoi_events_total{type=call.opened}"] == 1
    assert read["eoi_call_overdue_seconds{}"] == 0
