"""A body in chunks of a byte each, or a head of thousands of lines, keeps nobody else waiting."""

import json
import select
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.serving.served import Line, Served
from workflow.testing import admin, engine_in, new_call, officer

pytestmark = pytest.mark.slow


def crumbs(body: bytes) -> bytes:
    """Return a body in chunks of a byte each, and its end."""
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return one that serves, with a call that is open, and a key of an officer's."""
    folder = tmp_path_factory.mktemp("crumbs")
    with engine_in(folder) as engine:
        engine.open_call(new_call(), actor=officer())
        key = engine.create_key("officer", roles={"officer"}, actor=admin()).key
    with Served(folder) as served:
        yield served, f"Authorization: Bearer {key}\r\n".encode()


def test_who_sends_crumbs_keeps_nobody_waiting(served: tuple[Served, bytes]) -> None:
    """While forty thousand of them are read, others ask and are answered, one request after the other."""
    server, _ = served
    head = b"POST /v1/calls HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ExitStack() as stack:
        slow = stack.enter_context(socket.create_connection(server.address))
        other = stack.enter_context(server.line())
        slow.sendall(head + crumbs(b"x" * 40_000))
        for _ in range(10):
            assert other.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").answer()[0] == 200
        assert select.select([slow], [], [], 0)[0] == []
        assert Line(slow).answer()[0] == 401


def test_crumbs_are_read_whole_and_in_order(served: tuple[Served, bytes]) -> None:
    """What they come to is the body, and what follows on the connection is the next request."""
    server, key = served
    title = "".join(chr(97 + number % 26) for number in range(150))
    body = b'{"reference": "crumbs", "title": "%s", "closes_on": "2090-03-17"}' % title.encode()
    head = b"POST /v1/calls HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + key
    with server.line() as line:
        line.send(head, b"Transfer-Encoding: chunked\r\n\r\n", crumbs(body))
        line.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        status, _, answer = line.answer()
        assert (status, f'"title": "{title}"' in answer.decode()) == (201, True)
        assert line.answer()[0] == 200


def test_what_follows_an_answer_in_crumbs_is_passed_over(served: tuple[Served, bytes]) -> None:
    """A body that nobody reads, of many pieces, ends where it ends: the next request is answered."""
    server, _ = served
    with server.line() as line:
        line.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert line.answer()[0] == 200
        line.send(crumbs(b"x" * 1_000), b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert line.answer()[0] == 200


def test_a_head_has_a_hundred_lines_and_no_more(served: tuple[Served, bytes]) -> None:
    """So many headers are heeded, whatever lines the body has; one more is told as that, and none is read."""
    server, key = served
    head = b"POST /v1/calls HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + key
    body = b'{"reference": "lines",%s "title": "t", "closes_on": "2090-03-17"}' % (b"\n" * 200)
    head += b"Content-Length: %d\r\n" % len(body) + b"A:\r\n" * 95
    with server.line() as line:
        assert line.send(head, b"A:\r\n\r\n", body).answer()[0] == 201
        for number in range(1, 4):  # however it comes apart
            line.send(head, b"A:\r\n\r\n"[:-number])
            assert line.send(b"A:\r\n\r\n"[-number:], body).answer()[0] == 409
        status, headers, told = line.send(head, b"A:\r\nA:\r\n\r\n", body).answer()
        assert (status, json.loads(told)["detail"]) == (400, "A request has 100 headers at the most.")
        assert (headers["connection"], line.rest()) == ("close", b"")


def test_a_head_that_is_too_long_is_not_read(served: tuple[Served, bytes]) -> None:
    """It is refused by its lines alone, before it has come to an end."""
    server, _ = served
    with server.line() as line:
        assert line.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"A:\r\n" * 100).answer()[0] == 400
