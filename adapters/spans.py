"""Spans for whoever traces with OpenTelemetry; without its SDK nothing happens. The only file that knows it.

A span tells ids, words and numbers: no address, no name, no answers, and of an error its kind alone, for its
text might hold them. Who acts is left out, too: a span goes to other places than history does.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.trace import (
    NoOpTracerProvider,
    ProxyTracerProvider,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adapters.version import own_version
from workflow.ports import Courier, Delivered, Delivery, Outcome

#: The first status that is a fault of ours, and no answer to a request.
_FAULT: Final = 500
#: Headers that say of which trace a request is part. Source: W3C Trace Context.
_TRACE: Final = (b"traceparent", b"tracestate")
_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Answered:
    """What is to be known of a request in the end, for its span."""

    def __init__(self) -> None:
        """Know nothing yet."""
        #: The route's template; empty: no route answered.
        self.route = ""
        #: The status that was sent; 0: none was, since whoever asked has gone.
        self.status = 0
        #: Name -> id of what it was about: `eoi.call_id`.
        self.ids: Mapping[str, str] = {}


class Spans:
    """Makes spans. Threads share one."""

    def __init__(self, tracer: Tracer | None = None) -> None:
        """Trace by this tracer; None: by whatever the host sets up, now or later."""
        self._is_given = tracer is not None
        self._tracer = tracer or trace.get_tracer("eoi-workflow", own_version())

    @property
    def are_wanted(self) -> bool:
        """Whether anybody traces."""
        nobody = (ProxyTracerProvider, NoOpTracerProvider)
        return self._is_given or not isinstance(trace.get_tracer_provider(), nobody)

    @contextmanager
    def request(self, method: str, headers: Sequence[tuple[bytes, bytes]]) -> Iterator[Answered]:
        """Make a span around a request; fill in what is lent.

        It is part of the trace that the request names, if it names one. Only what goes wrong here is a fault.

        Args:
            method: one of those that are known, or `other`.
            headers: as ASGI has them; only those that name a trace are looked at.
        """
        span = self._begun(method, SpanKind.SERVER, {"http.request.method": method}, _context(headers))
        answered = Answered()
        with _current(span):
            try:
                yield answered
            except BaseException as exc:
                _fail(span, type(exc).__name__)
                raise
            finally:
                _tell_request(span, method, answered)

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

    def _begun(
        self,
        name: str,
        kind: SpanKind,
        about: Mapping[str, str | int | None],
        context: Context | None = None,
    ) -> Span:
        known = {key: value for key, value in about.items() if value is not None}
        return self._tracer.start_span(
            name,
            context,
            kind=kind,
            attributes=known,
            record_exception=False,
            set_status_on_exception=False,
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


def _context(headers: Sequence[tuple[bytes, bytes]]) -> Context | None:
    """Return of which trace a request is part; None: of that which goes on here, if any does.

    Two parents are none, and what is no parent is passed over, as the source has it.
    """
    parents, states = ([said.decode("latin-1") for each, said in headers if each == name] for name in _TRACE)
    if len(parents) != 1:
        return None
    told = {"traceparent": parents} | ({"tracestate": states} if states else {})
    return _PROPAGATOR.extract(told, get_current())


def _tell_request(span: Span, method: str, answered: Answered) -> None:
    """Name it by the route's template, as OpenTelemetry's conventions for HTTP have it."""
    span.set_attributes(dict(answered.ids))
    if answered.route:
        span.update_name(f"{method} {answered.route}")
        span.set_attribute("http.route", answered.route)
    if answered.status:
        span.set_attribute("http.response.status_code", answered.status)
    if answered.status >= _FAULT:
        _fail(span, str(answered.status))


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
