"""Requests as spans, by OpenTelemetry's own SDK: which use case, of which trace, and nothing of anybody."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.spans import Spans
from tests.api_frame.asgi import JSON, ask, key
from tests.api_frame.conftest import MakeApi, call, make_api, program
from workflow import CallView

__all__ = ["call", "make_api", "program"]  # the fixtures of the door

TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
SPAN: Final = "b7ad6b7169203331"
PARENT: Final = f"00-{TRACE}-{SPAN}-01"
#: What an exception may say of anybody.
TEXT: Final = "The head of Sprowston failed."
ADDRESS: Final = "head.teacher@sprowston.example"


class Traced:
    """A program whose spans are kept."""

    def __init__(self, make_api: MakeApi, **changes: Any) -> None:
        self._exporter = InMemorySpanExporter()
        self._provider = TracerProvider()
        self._provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.api: FastAPI = make_api(spans=Spans(self._provider.get_tracer("test")), **changes)

    @property
    def spans(self) -> list[ReadableSpan]:
        """Return those that have ended."""
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def traced(make_api: MakeApi) -> Traced:
    """Return the program behind the door, traced."""
    return Traced(make_api)


def test_a_request_is_one_span_of_its_use_case(traced: Traced, call: CallView) -> None:
    """It is named by the route's template, tells status and ids, and ends well."""
    assert ask(traced.api, "GET", f"/v1/calls/{call.id}", key("school-key")).status == 200
    (span,) = traced.spans
    assert (span.name, span.kind, span.status.status_code) == (
        "GET /v1/calls/{call}",
        SpanKind.SERVER,
        StatusCode.UNSET,
    )
    assert (dict(span.attributes or {}), span.events) == (
        {
            "http.request.method": "GET",
            "http.route": "/v1/calls/{call}",
            "http.response.status_code": 200,
            "eoi.call_id": call.id,
        },
        (),
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "name", "status"),
    [
        ("GET", "/v1/eois/1%40b", [key("school-key")], "GET /v1/eois/{eoi}", 422),
        ("GET", f"/v1/calls/{ADDRESS}", [key("no-such-key")], "GET /v1/calls/{call}", 401),
        ("HEAD", f"/v1/calls/{ADDRESS}", [key("school-key")], "HEAD /v1/calls/{call}", 422),
        ("POST", f"/{ADDRESS}", [], "POST", 404),
        ("BREW", "/v1/calls", [], "other /v1/calls", 405),
        ("OPTIONS", "/v1/calls", [], "OPTIONS /v1/calls", 204),
    ],
)
def test_what_is_refused_is_no_fault_and_tells_of_nobody(
    traced: Traced, *, method: str, path: str, headers: list[tuple[str, str]], name: str, status: int
) -> None:
    """Neither what was asked for, nor who asked, nor what they said, stands in a span."""
    said = [("User-Agent", ADDRESS), ("EOI-On-Behalf-Of", ADDRESS), *headers]
    assert ask(traced.api, method, path, *said, query=f"a={ADDRESS}".encode()).status == status
    (span,) = traced.spans
    assert (span.name, span.status.status_code) == (name, StatusCode.UNSET)
    assert (span.attributes or {})["http.response.status_code"] == status
    told = span.to_json()
    assert [word for word in (ADDRESS, "school", "no-such-key", "203.0.113") if word in told] == []


def test_a_fault_of_ours_is_told_by_its_status(make_api: MakeApi, call: CallView) -> None:
    """Whatever raised, its text stays out of the span; the answer is `internal`."""

    def falls(_: str) -> Any:
        raise ZeroDivisionError(TEXT)

    traced = Traced(make_api, knows=falls)
    assert ask(traced.api, "GET", f"/v1/calls/{call.id}", key("school-key")).code == "internal"
    (span,) = traced.spans
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes or {})["error.type"] == "500"
    assert TEXT not in span.to_json()


def test_what_cuts_an_answer_off_is_told_by_its_kind(traced: Traced) -> None:
    """An answer that was begun and cannot be ended: a fault, though its status was 200."""

    async def breaks(_: Request) -> Response:
        async def half() -> AsyncIterator[bytes]:
            yield b"half"
            raise ZeroDivisionError(TEXT)

        return StreamingResponse(half())

    traced.api.router.add_route("/breaks", breaks)
    with pytest.raises(ZeroDivisionError):
        ask(traced.api, "GET", "/breaks")
    (span,) = traced.spans
    told = span.attributes or {}
    assert (told["http.response.status_code"], told["error.type"]) == (200, "ZeroDivisionError")
    assert (span.status.status_code, TEXT in span.to_json()) == (StatusCode.ERROR, False)


def test_whoever_goes_has_a_span_without_a_status(traced: Traced) -> None:
    """A client that goes before it has said all it wanted gets no answer, and that is no fault."""
    body = b'{"trigger": '
    ask(traced.api, "POST", "/v1/calls", key("officer-key"), JSON, body=body, then="goes")
    (span,) = traced.spans
    assert (span.name, span.status.status_code) == ("POST /v1/calls", StatusCode.UNSET)
    assert "http.response.status_code" not in (span.attributes or {})


def test_it_is_part_of_the_trace_that_it_names(traced: Traced) -> None:
    """`traceparent` and `tracestate` are heard; two of the first, or what is none, are passed over."""
    state = ("tracestate", "a=1,b=2")
    ask(traced.api, "GET", "/v1/calls", ("traceparent", PARENT), state)
    ask(traced.api, "GET", "/v1/calls", ("Traceparent", PARENT), ("traceparent", PARENT))
    for odd in ("", "x", PARENT[:-1], PARENT.replace("00-", "ff-"), f"00-{'0' * 32}-{SPAN}-01", "1" * 999):
        assert ask(traced.api, "GET", "/v1/calls", ("traceparent", odd)).status == 401
    first, *others = traced.spans
    assert first.parent is not None
    assert (f"{first.parent.trace_id:032x}", f"{first.parent.span_id:016x}") == (TRACE, SPAN)
    assert (first.parent.is_remote, dict(first.parent.trace_state)) == (True, {"a": "1", "b": "2"})
    assert [each.parent for each in others] == [None] * 7


def test_what_is_done_meanwhile_is_inside_the_span(make_api: MakeApi) -> None:
    """What a host traces in the engine hangs below the request, in the thread that answers it."""
    seen = list[int]()

    def look(_: str) -> Any:
        seen.append(get_current_span().get_span_context().span_id)
        raise LookupError

    traced = Traced(make_api, knows=look)
    ask(traced.api, "GET", "/v1/calls", key("school-key"))
    (span,) = traced.spans
    assert [f"0x{each:016x}" for each in seen] == [json.loads(span.to_json())["context"]["span_id"]]


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_no_spans(traced: Traced, path: str) -> None:
    """They come every few seconds, and say nothing of any use case."""
    ask(traced.api, "GET", path)
    assert traced.spans == []


def test_who_sets_the_sdk_up_later_is_heard() -> None:
    """Nobody traces until a host, or `opentelemetry-instrument`, says so; from then on requests are spans."""
    script = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from adapters.spans import Spans
spans, exporter = Spans(), InMemorySpanExporter()
before = spans.are_wanted
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
with spans.request("GET", []):
    pass
print(before, spans.are_wanted, [each.name for each in exporter.get_finished_spans()])
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False True ['GET']\n"
