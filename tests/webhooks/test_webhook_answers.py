"""What a receiver's answer means, and how much of it is kept."""

import socket
import struct
import time
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.answers import words
from tests.webhooks.making import courier, delivery
from tests.webhooks.receivers import Receiver, says
from workflow.ports import ANSWER, Delayed, Delivered, Outcome, Undeliverable

SECRET = "s3cret" * 3
LONG_S = 30.0


def _outcome(receiver: Receiver) -> Outcome:
    sender = courier()
    outcome = sender.deliver(delivery(receiver.url()))
    sender.close()
    return outcome


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 226, 299])
def test_any_2xx_is_an_arrival_and_its_answer_is_kept(receiver: Receiver, status: int) -> None:
    """What a receiver says besides helps whoever looks for an event there."""
    receiver.answer = says(status, b'{"ticket": 7}')
    assert _outcome(receiver) == Delivered(status=status, answer='{"ticket": 7}')


def test_gone_means_that_nothing_more_is_wanted(receiver: Receiver) -> None:
    """410 disables the endpoint. Source: Standard Webhooks, "Status codes"."""
    receiver.answer = says(410, b"we moved away", Retry_After="5")
    assert _outcome(receiver) == Undeliverable(
        why="The receiver answered 410 Gone. It wants no more events.",
        status=410,
        answer="we moved away",
        gone=True,
    )


@pytest.mark.parametrize(
    ("of_receiver", "statuses"),
    [
        (False, [400, 402, 404, 405, 406, 409, 411, 413, 415, 418, 422, 431, 451, 499]),
        (True, [300, 301, 304, 308, 401, 403, 408, 425, 429, 500, 501, 502, 503, 504, 520, 599, 600, 999]),
    ],
)
def test_a_failure_is_of_one_event_or_of_the_receiver_as_a_whole(
    receiver: Receiver, of_receiver: bool, statuses: list[int]
) -> None:
    """A receiver that does not like one event may like the next; one that is ill is left alone."""
    for status in statuses:
        receiver.answer = says(status)
        outcome = _outcome(receiver)
        assert isinstance(outcome, Delayed)
        assert (outcome.status, outcome.of_receiver) == (status, of_receiver)


@pytest.mark.parametrize(
    ("status", "asked_s"),
    [(400, 7), (413, 7), (429, 7), (500, 7), (503, 7), (301, None), (304, None), (307, None)],
)
def test_who_asks_for_time_gets_it(receiver: Receiver, status: int, asked_s: int | None) -> None:
    """With any error; but a redirect means the request that is not made. Source: RFC 9110, 10.2.3."""
    receiver.answer = says(status, Retry_After="7")
    outcome = _outcome(receiver)
    assert isinstance(outcome, Delayed)
    assert outcome.retry_after_s == asked_s


@pytest.mark.parametrize(
    ("beginning", "text"),
    [
        (b"", ""),
        (b" thank you\r\n", "thank you"),
        (b"one\r\n\ttwo\n\nthree", "one two three"),
        (b"a\x00b\x1b[31mc\x7fd\x08", "ab[31mcd"),
        ("a\x85b\u2028c\u202ed\u2066e".encode(), "abcde"),
        ("Dŵr 学校 🏫".encode(), "Dŵr 学校 🏫"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"caf\xe9", "caf\ufffd"),
        (b"cut \xc5", "cut \ufffd"),
        (b"x" * 2000, "x" * 1024),
        (b"x" * 1023 + "ŵ".encode(), "x" * 1023),
        (b"x" * 1022 + "ŵy".encode(), "x" * 1022 + "ŵ"),
        (b"\xff" * 1024, "\ufffd" * 341),
        (b"x" * 1024 + b"\x00" * 5000, "x" * 1024),
        (b"\x00" * 1024 + b"x", ""),
    ],
)
def test_the_beginning_of_an_answer_is_kept_as_text(receiver: Receiver, beginning: bytes, text: str) -> None:
    """At most a kilobyte, of which every database and every terminal bears all."""
    receiver.answer = says(500, beginning)
    outcome = _outcome(receiver)
    assert isinstance(outcome, Delayed)
    assert outcome.answer == text
    assert len(receiver.taken) == 1


@given(st.binary(max_size=3000))
def test_whatever_an_answer_holds_fits(beginning: bytes) -> None:
    """No more bytes than are allowed, no control character, nothing that UTF-8 cannot carry."""
    text = words(beginning)
    assert len(text.encode()) <= ANSWER
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in text)
    assert words(text.encode()) == text


def test_an_answer_in_many_pieces_is_kept_whole(receiver: Receiver) -> None:
    """Chunk after chunk, up to a kilobyte; and the connection is used again."""

    def in_chunks(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for number in range(1000):
            piece = b"%04d" % number
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        handler.wfile.write(b"0\r\n\r\n")

    receiver.answer = in_chunks
    sender = courier()
    for _ in range(2):
        assert sender.deliver(delivery(receiver.url())) == Delivered(
            status=200, answer="".join(f"{number:04d}" for number in range(256))
        )
    assert len({each.peer for each in receiver.taken}) == 1
    sender.close()


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "x-anything"])
def test_an_answer_that_is_packed_is_not_kept(receiver: Receiver, coding: str) -> None:
    """Nobody asked for that, and nobody unpacks what might be a bomb."""
    receiver.answer = says(200, b"\x1f\x8b\x08\x00", Content_Encoding=coding)
    assert _outcome(receiver) == Delivered(status=200)
    assert receiver.taken[0].header("accept-encoding") == "identity"


@pytest.mark.parametrize(
    "answer",
    [
        f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n".encode(),
        f"HTTP/1.1 {SECRET}\r\n\r\n".encode(),
        f"{SECRET}\r\n\r\n".encode(),
        b"HTTP/1.1 200 OK\r\nContent-Length: " + SECRET.encode() + b"\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    ],
)
def test_what_is_no_answer_is_not_repeated(receiver: Receiver, answer: bytes) -> None:
    """Only what this machine says of it is told; what came might be anything."""

    def speak(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(answer)
        handler.close_connection = True

    receiver.answer = speak
    outcome = _outcome(receiver)
    assert isinstance(outcome, Delayed)
    assert outcome.of_receiver
    assert SECRET not in repr(outcome)


def test_a_connection_that_is_reset_is_tried_again(receiver: Receiver) -> None:
    """Whoever hangs up in the middle has not said whether it arrived."""

    def reset(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200")
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(handler.connection.detach())
        handler.close_connection = True

    receiver.answer = reset
    outcome = _outcome(receiver)
    assert isinstance(outcome, Delayed)
    assert outcome.why == (
        "The receiver could not be reached (ReadError: [Errno 104] Connection reset by peer)"
    )


@pytest.mark.parametrize("asked_s", [0.1, 1e-9, None, 0.0, -5.0, float("nan"), float("inf"), 1e12])
def test_a_delivery_may_ask_for_another_patience(asked_s: float | None) -> None:
    """Up to what the courier allows; what makes no sense counts as not asked."""
    sensible = asked_s in (0.1, 1e-9, 1e12)
    sender = courier(timeout_s=LONG_S if sensible else 0.1, longest_timeout_s=0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        begun_at = time.monotonic()
        outcome = sender.deliver(delivery(url, timeout_s=asked_s))
    assert isinstance(outcome, Delayed)
    assert time.monotonic() - begun_at < LONG_S
    sender.close()
