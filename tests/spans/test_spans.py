"""Spans by a tracer of our own, which implements OpenTelemetry's interface; and without any."""

from datetime import UTC, datetime
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Span, SpanKind, Status, StatusCode, Tracer

from adapters.spans import Spans, TracedCourier
from tests.told import submission
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import RecordingCourier

AT = datetime(2023, 3, 17, 9, tzinfo=UTC)
ADDRESS = "head.teacher@sprowston.example"


class _Span(Span):
    """Remembers what it is told."""

    def __init__(self, name: str, kind: SpanKind, attributes: dict[str, Any]) -> None:
        self.name, self.kind, self.attributes = name, kind, dict(attributes)
        self.status: StatusCode | None = None
        self.told: list[Any] = []
        self.ended = False

    def end(self, end_time: int | None = None) -> None:
        self.ended = True

    def get_span_context(self) -> trace.SpanContext:
        return INVALID_SPAN_CONTEXT

    def set_attributes(self, attributes: Any) -> None:
        self.attributes.update(attributes)

    def set_attribute(self, key: str, value: Any) -> None:
        self.attributes[key] = value

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        self.told.append((name, attributes))

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return True

    def set_status(self, status: Any, description: str | None = None) -> None:
        assert isinstance(status, Status)
        self.status = status.status_code
        self.told += [each for each in (description, status.description) if each]

    def record_exception(self, exception: BaseException, *args: Any, **more: Any) -> None:
        self.told.append(exception)


class _Tracer(Tracer):
    """Keeps the spans that it made."""

    def __init__(self) -> None:
        self.spans: list[_Span] = []

    def start_span(self, name: str, *args: Any, **more: Any) -> Span:
        span = _Span(name, more["kind"], more["attributes"])
        self.spans.append(span)
        return span

    def start_as_current_span(self, name: str, *args: Any, **more: Any) -> Any:
        raise NotImplementedError


@pytest.fixture
def tracer() -> _Tracer:
    """Return a tracer that keeps its spans."""
    return _Tracer()


def _delivery(eoi_id: str | None = "e-1") -> Delivery:
    event = submission(AT, eoi_id=eoi_id)
    return Delivery(id=1, event=event, courier="smtp", address=ADDRESS, attempt=3)


@pytest.mark.parametrize(
    ("outcome", "status", "ended"),
    [
        (Delivered(status=250), None, {"eoi.delivery.outcome": "delivered", "eoi.delivery.status": 250}),
        (
            Delayed(why=f"{ADDRESS} is busy", answer=ADDRESS),
            StatusCode.ERROR,
            {"eoi.delivery.outcome": "delayed", "error.type": "delayed"},
        ),
        (
            Undeliverable(why=f"No {ADDRESS}", status=550),
            StatusCode.ERROR,
            {
                "eoi.delivery.outcome": "undeliverable",
                "eoi.delivery.status": 550,
                "error.type": "undeliverable",
            },
        ),
    ],
)
def test_an_attempt_to_deliver_is_one_span(
    tracer: _Tracer, outcome: Outcome, status: StatusCode | None, ended: dict[str, object]
) -> None:
    """Ids, words and numbers; neither the address nor what was answered."""
    courier = TracedCourier(RecordingCourier(lambda _: outcome), Spans(tracer))
    assert courier.deliver(_delivery()) is outcome
    (span,) = tracer.spans
    assert (span.name, span.kind, span.status, span.ended) == (
        "eoi deliver smtp",
        SpanKind.PRODUCER,
        status,
        True,
    )
    assert span.told == []
    assert span.attributes == {
        "eoi.courier": "smtp",
        "eoi.delivery.attempt": 3,
        "eoi.event.id": "e-1:2",
        "eoi.event.type": "eoi.submitted",
        "eoi.call_id": "c-1",
        "eoi.eoi_id": "e-1",
        **ended,
    }


def test_an_event_of_a_call_names_no_eoi(tracer: _Tracer) -> None:
    """OpenTelemetry knows no None."""
    TracedCourier(RecordingCourier(), Spans(tracer)).deliver(_delivery(eoi_id=None))
    assert "eoi.eoi_id" not in tracer.spans[0].attributes


def test_a_courier_that_raises_ends_its_span(tracer: _Tracer) -> None:
    """The exception goes on as it is; its text, which may name anybody, stays out of the span."""

    def fall(_: Delivery) -> Outcome:
        raise ValueError(ADDRESS)

    with pytest.raises(ValueError, match=ADDRESS):
        TracedCourier(RecordingCourier(fall), Spans(tracer)).deliver(_delivery())
    (span,) = tracer.spans
    assert (span.attributes["error.type"], span.status, span.told) == ("ValueError", StatusCode.ERROR, [])
    assert span.ended


def test_what_is_done_meanwhile_is_inside_the_span(tracer: _Tracer) -> None:
    """Whatever a courier's library traces hangs below it."""
    seen = []

    def look(_: Delivery) -> Outcome:
        seen.append(trace.get_current_span())
        return Delivered()

    TracedCourier(RecordingCourier(look), Spans(tracer)).deliver(_delivery())
    assert seen == tracer.spans


def test_without_the_sdk_nothing_happens() -> None:
    """Nobody traces, and outcomes pass through."""
    spans = Spans()
    assert not spans.are_wanted
    assert TracedCourier(RecordingCourier(), spans).deliver(_delivery()) == Delivered()
