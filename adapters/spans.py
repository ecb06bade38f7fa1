"""Spans for whoever traces with OpenTelemetry; without its SDK nothing happens. The only file that knows it.

A span tells ids, words and numbers: no address, no name, no answers, and of an error its kind alone, for its
text might hold them. Who acts is left out, too: a span goes to other places than history does.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from adapters.version import own_version
from states.errors import EoiError
from workflow.ports import Courier, Delivered, Delivery, Outcome


class Spans:
    """Makes spans. Threads share one."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Trace by this tracer; None: by whatever the host sets up, now or later."""
        self._tracer = tracer or trace.get_tracer("eoi-workflow", own_version())

    @contextmanager
    def command(self, name: str, *, call_id: str | None = None, eoi_id: str | None = None) -> Iterator[None]:
        """Make a span around a command: `submit`, `extend_call`.

        What is refused ends as `error.type` with its code and is no fault; any other exception is one.
        """
        ids = {"eoi.call_id": call_id, "eoi.eoi_id": eoi_id}
        with _current(self._begun(f"eoi {name}", SpanKind.INTERNAL, ids)) as span:
            try:
                yield
            except EoiError as exc:
                span.set_attribute("error.type", exc.code)
                raise
            except BaseException as exc:
                _fail(span, type(exc).__name__)
                raise

    def delivery(self, delivery: Delivery) -> Span:
        """Begin a span around one attempt to deliver."""
        about: dict[str, str | int | None] = {
            "eoi.courier": delivery.courier,
            "eoi.delivery.attempt": delivery.attempt,
            "eoi.event.id": delivery.event.id,
            "eoi.event.type": delivery.event.type.value,
            "eoi.call_id": delivery.event.call_id,
            "eoi.eoi_id": delivery.event.eoi_id,
        }
        return self._begun(f"eoi deliver {delivery.courier}", SpanKind.PRODUCER, about)

    def _begun(self, name: str, kind: SpanKind, about: Mapping[str, str | int | None]) -> Span:
        known = {key: value for key, value in about.items() if value is not None}
        return self._tracer.start_span(
            name, kind=kind, attributes=known, record_exception=False, set_status_on_exception=False
        )


class TracedCourier:
    """Carries by another courier, each attempt in a span."""

    def __init__(self, courier: Courier, spans: Spans) -> None:
        """Stand in front of `courier`."""
        self._courier = courier
        self._spans = spans

    def deliver(self, delivery: Delivery) -> Outcome:
        """Deliver, and say in the span how that ended."""
        begun = self._spans.delivery(delivery)
        if begun is trace.INVALID_SPAN:
            return self._courier.deliver(delivery)  # nobody traces
        with _current(begun) as span:
            try:
                outcome = self._courier.deliver(delivery)
            except BaseException as exc:
                _fail(span, type(exc).__name__)
                raise
            _tell(span, outcome)
            return outcome


def _current(span: Span) -> AbstractContextManager[Span]:
    """Let what is begun meanwhile belong to this span, and end it in the end."""
    return trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False)


def _tell(span: Span, outcome: Outcome) -> None:
    word = type(outcome).__name__.lower()
    span.set_attribute("eoi.delivery.outcome", word)
    if outcome.status is not None:
        span.set_attribute("eoi.delivery.status", outcome.status)
    if not isinstance(outcome, Delivered):
        _fail(span, word)


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))
