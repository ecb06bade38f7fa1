"""Receivers that do not answer as they should: silent, dripping, endless, gone. Each attempt ends in time."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from adapters.outbound.addresses import Allow
from adapters.outbound.webhook import WebhookCourier
from tests.told import opening
from workflow.ports import Delayed, Delivered, Delivery, Outcome
from workflow.testing import FrozenClock

AT = datetime(2023, 3, 17, 9, tzinfo=UTC)
#: How long each step may take here; an attempt, three times that.
TIMEOUT_S = 0.1
#: Much longer than an attempt takes, much shorter than a receiver that drips.
LONG_S = 30.0


def _to(address: str) -> Delivery:
    return Delivery(id=1, event=opening(AT), courier="webhook", address=address, attempt=1)


@pytest.fixture
def courier() -> Iterator[WebhookCourier]:
    """Lend a courier that soon loses patience."""
    courier = WebhookCourier(
        clock=FrozenClock(AT), allow=Allow.parse("127.0.0.1, localhost"), timeout_s=TIMEOUT_S
    )
    yield courier
    courier.close()


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Lend what the receiver's slow answers wait for; it is set when the test is over."""
    over = threading.Event()
    yield over
    over.set()


def _in_time(courier: WebhookCourier, address: str) -> Outcome:
    begun_at = time.monotonic()
    outcome = courier.deliver(_to(address))
    assert time.monotonic() - begun_at < LONG_S
    return outcome


def _why(outcome: Outcome) -> str:
    assert isinstance(outcome, Delayed)
    assert outcome.status is None
    return outcome.why


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"NONSENSE\r\n\r\n",
        b"HTTP/1.1 200\r\n",
        b"HTTP/1.1 999999 X\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbroken\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["none", "empty", "nonsense", "cut", "status", "header", "long", "interim"],
)
def test_an_answer_that_is_none_is_tried_again(receiver: Any, courier: WebhookCourier, answer: bytes) -> None:
    """A receiver that hangs up, or speaks another language, has not taken the event."""

    def speak(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    receiver.answer = speak
    assert _why(_in_time(courier, receiver.url)).startswith("The receiver could not be reached (")


def test_a_receiver_that_never_answers_is_tried_again(
    receiver: Any, courier: WebhookCourier, over: threading.Event
) -> None:
    """Whoever takes the event and says nothing gets it again."""
    receiver.answer = lambda _: over.wait(LONG_S)
    why = _why(_in_time(courier, receiver.url))
    assert why.startswith("The receiver did not answer in time (ReadTimeout")
    over.set()


def test_a_receiver_that_never_takes_the_connection_up_is_tried_again(courier: WebhookCourier) -> None:
    """A port that listens, and where nobody comes, costs no more than the timeout."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=1)) as server:
        assert "ReadTimeout" in _why(_in_time(courier, f"http://127.0.0.1:{server.getsockname()[1]}/"))


def test_a_receiver_that_is_not_there_is_tried_again(courier: WebhookCourier) -> None:
    """A refused connection is told as such."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert "ConnectError" in _why(_in_time(courier, f"http://127.0.0.1:{port}/"))


def test_a_receiver_without_tls_is_not_spoken_to_in_clear(receiver: Any, courier: WebhookCourier) -> None:
    """Where https is meant and the other side has none, nothing of the event leaves."""
    why = _why(_in_time(courier, f"https://{receiver.host}/"))
    assert "ConnectError" in why or "ConnectTimeout" in why  # a busy machine is not done within the timeout
    assert receiver.requests == []


def test_a_tls_handshake_that_hangs_ends(courier: WebhookCourier) -> None:
    """A port that takes the connection and never says who it is costs no more than the timeout."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        assert "ConnectTimeout" in _why(_in_time(courier, f"https://127.0.0.1:{server.getsockname()[1]}/"))


def _drips(handler: BaseHTTPRequestHandler, drop: bytes, over: threading.Event) -> None:
    """Send a drop again and again, each well within the timeout of one step, for sixty attempts' time."""
    try:
        for _ in range(1000):
            if over.wait(TIMEOUT_S / 5):
                break
            handler.wfile.write(drop)
            handler.wfile.flush()
    except OSError:
        pass
    handler.close_connection = True


def test_a_receiver_that_drips_its_headers_is_tried_again(
    receiver: Any, courier: WebhookCourier, over: threading.Event
) -> None:
    """A header every now and then keeps no worker for longer than an attempt may take in all."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        _drips(handler, b"X: y\r\n", over)

    receiver.answer = drip
    assert "ReadTimeout" in _why(_in_time(courier, receiver.url))


def test_a_receiver_that_drips_its_body_has_taken_the_event(
    receiver: Any, courier: WebhookCourier, over: threading.Event
) -> None:
    """The status line has said how it went; nobody waits for the rest."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        _drips(handler, b"x", over)

    receiver.answer = drip
    outcome = _in_time(courier, receiver.url)
    assert isinstance(outcome, Delivered)
    assert (outcome.status, set(outcome.answer) <= {"x"}) == (200, True)


@pytest.mark.parametrize(("status", "outcome"), [(200, Delivered), (500, Delayed)])
def test_an_endless_answer_is_left(receiver: Any, status: int, outcome: type[Outcome]) -> None:
    """Only the beginning of an answer is read; then the connection is dropped, which the receiver sees."""
    patient = WebhookCourier(clock=FrozenClock(AT), allow=Allow.parse("127.0.0.1"), timeout_s=1.3 * LONG_S)
    dropped = threading.Event()

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(2**40))
        handler.end_headers()
        try:
            for _ in range(2**40 // 65536):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            dropped.set()
            handler.close_connection = True

    receiver.answer = pour
    found = _in_time(patient, receiver.url)
    assert isinstance(found, outcome)
    assert found.status == status
    assert dropped.wait(LONG_S)
    patient.close()


def test_after_a_bad_answer_the_next_delivery_has_a_fresh_connection(
    receiver: Any, courier: WebhookCourier, over: threading.Event
) -> None:
    """What is left of a dripping answer is never taken for the answer to the next event."""
    receiver.answer = lambda _: over.wait(LONG_S)
    courier.deliver(_to(receiver.url))
    receiver.answer = receiver.says(201)
    assert courier.deliver(_to(receiver.url)) == Delivered(status=201)
    over.set()
    first, second = receiver.requests
    assert first["from"] != second["from"]
