"""A Notify that is slow, silent or gone, and many at once: each attempt ends in time."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from adapters.outbound.govuk_notify import LONGEST_TIMEOUT_S, REQUESTS, NotifyCourier
from adapters.outbound.govuk_notify import TIMEOUT_S as PATIENCE_S
from scheduler.pump import BEGIN_WITHIN
from tests.notify.service import KEY, TEMPLATES, Notify, delivery
from workflow.outbox import LEASE_S
from workflow.ports import Delayed, Delivered
from workflow.testing import FrozenClock

TIMEOUT_S = 0.2
#: Much longer than an attempt takes, much shorter than a Notify that drips.
LONG_S = 20.0
NO_ANSWER = "GOV.UK Notify did not answer (ReadTimeout): next it is asked whether it has it."


@pytest.fixture
def hasty(notify: Notify, clock: FrozenClock) -> Iterator[NotifyCourier]:
    """Lend a courier that soon loses patience."""
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=notify.url, timeout_s=TIMEOUT_S)
    yield courier
    courier.close()


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Lend what slow answers wait for; it is set when the test is over."""
    over = threading.Event()
    yield over
    over.set()


def test_an_email_that_was_taken_before_the_timeout_is_not_sent_again(
    notify: Notify, hasty: NotifyCourier, over: threading.Event
) -> None:
    """Notify has it, and is silent; the second attempt finds it there."""
    notify.after = lambda _: over.wait(LONG_S)
    assert hasty.deliver(delivery()) == Delayed(why=NO_ANSWER, retry_after_s=30)
    assert hasty.deliver(delivery(attempt=2)) == Delivered(status=200, answer=notify.taken[0]["id"])
    assert len(notify.given) == 1
    over.set()


def test_a_timeout_while_asking_sends_nothing(
    notify: Notify, hasty: NotifyCourier, over: threading.Event
) -> None:
    """Whoever got no answer to the question does not guess."""
    notify.untold = lambda _: over.wait(LONG_S)
    assert hasty.deliver(delivery(attempt=2)) == Delayed(why=NO_ANSWER, retry_after_s=30)
    assert notify.given == []
    over.set()


@pytest.mark.parametrize("status", [201, 500])
def test_an_answer_that_drips_ends_in_time(
    notify: Notify, hasty: NotifyCourier, over: threading.Event, status: int
) -> None:
    """A byte now and then keeps no worker; the status line has said how it went."""
    notify.after = lambda handler: _drips(handler, over, f"HTTP/1.1 {status} X\r\n\r\n".encode())
    begun_at = time.monotonic()
    assert hasty.deliver(delivery()).status == status
    assert time.monotonic() - begun_at < LONG_S


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize(("asked_s", "longest_s"), [(TIMEOUT_S, LONG_S), (LONG_S, TIMEOUT_S)])
def test_what_an_endpoint_asks_for_counts_up_to_a_limit(
    notify: Notify,
    clock: FrozenClock,
    over: threading.Event,
    *,
    attempt: int,
    asked_s: float,
    longest_s: float,
) -> None:
    """Its own time takes the place of the courier's, for each request; an attempt must end within a lease."""
    courier = NotifyCourier(
        KEY, TEMPLATES, clock=clock, base_url=notify.url, timeout_s=LONG_S, longest_timeout_s=longest_s
    )
    notify.untold = notify.after = lambda _: over.wait(LONG_S)
    begun_at = time.monotonic()
    outcome = courier.deliver(replace(delivery(attempt=attempt), timeout_s=asked_s))
    assert outcome == Delayed(why=NO_ANSWER, retry_after_s=30)
    assert time.monotonic() - begun_at < LONG_S / 2
    over.set()
    courier.close()


def test_two_requests_end_within_what_is_left_of_a_lease() -> None:
    """Whatever an endpoint asks for, no other node sends the same e-mail meanwhile."""
    assert REQUESTS * max(PATIENCE_S, LONGEST_TIMEOUT_S) <= LEASE_S * (1 - BEGIN_WITHIN)


def test_headers_that_drip_end_in_time(notify: Notify, hasty: NotifyCourier, over: threading.Event) -> None:
    """Without a status nothing is known, and Notify is asked next."""
    notify.after = lambda handler: _drips(handler, over, b"HTTP/1.1 201 Created\r\nX: ")
    begun_at = time.monotonic()
    assert hasty.deliver(delivery()) == Delayed(why=NO_ANSWER, retry_after_s=30)
    assert time.monotonic() - begun_at < LONG_S


def _drips(handler: BaseHTTPRequestHandler, over: threading.Event, begin: bytes) -> None:
    """Send a byte again and again, each well within the timeout, for two hundred attempts' time."""
    try:
        handler.wfile.write(begin)
        for _ in range(1000):
            if over.wait(TIMEOUT_S / 5):
                break
            handler.wfile.write(b"x")
    except OSError:
        pass
    handler.close_connection = True


def test_an_endless_answer_is_left(notify: Notify, courier: NotifyCourier) -> None:
    """Only its beginning is read; then the connection is dropped, which Notify sees."""
    dropped = threading.Event()

    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 500 X\r\n\r\n")
        try:
            for _ in range(2**20):
                handler.wfile.write(b"x" * 65536)
        except OSError:
            dropped.set()
            handler.close_connection = True

    notify.after = pour
    begun_at = time.monotonic()
    outcome = courier.deliver(delivery())
    assert time.monotonic() - begun_at < PATIENCE_S
    assert isinstance(outcome, Delayed)
    assert outcome.answer == "x" * 1024
    assert dropped.wait(LONG_S)


def test_a_notify_that_is_not_there_is_tried_again_soon(clock: FrozenClock) -> None:
    """Nothing was sent, so there is nothing to wait for."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=f"http://127.0.0.1:{port}")
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert outcome.why.startswith("GOV.UK Notify could not be reached (ConnectError: ")
    assert (outcome.retry_after_s, outcome.of_receiver) == (None, True)


def test_a_notify_without_tls_is_told_nothing(notify: Notify, clock: FrozenClock) -> None:
    """Where https is meant and the other side has none, neither address nor token leaves."""
    url = notify.url.replace("http:", "https:")
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=url)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert "could not be reached (ConnectError" in outcome.why
    assert notify.requests == []
    courier.close()


def test_many_threads_share_one_courier(notify: Notify, courier: NotifyCourier) -> None:
    """Each e-mail goes to its own address, once."""
    addresses = [f"school-{number}@norfolk.example" for number in range(64)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda address: courier.deliver(delivery(address)), addresses))
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert sorted(each["email_address"] for each in notify.given) == sorted(addresses)
    answered = {each["id"] for each in notify.taken}
    assert {outcome.answer for outcome in outcomes} == answered
