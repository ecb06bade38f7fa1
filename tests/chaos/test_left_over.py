"""What a receiver sends beyond its answer is no answer to what is sent to it next."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import httpcore
import pytest

from adapters.outbound.transport import PunctualTransport, Way
from tests.chaos.faults import answer
from tests.webhooks.making import courier, delivery, trusting_nobody

NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


def answered(listening: socket.socket, *answers: bytes) -> list[int]:
    """Answer a request with each of these; return by which connection each came."""
    found = list[int]()
    with ExitStack() as stack:
        connections = list[socket.socket]()
        for each in answers:
            while not (connections and connections[-1].recv(65536)):
                connections.append(stack.enter_context(listening.accept()[0]))
            found.append(len(connections))
            connections[-1].sendall(each)
    return found


@pytest.mark.parametrize(
    ("first", "connections"),
    [
        (NOTHING, [1, 1]),
        (answer(200, b"ok"), [1, 1]),
        (CHUNKED, [1, 1]),
        (answer(200, b"ok") + NOTHING, [1, 2]),
        (answer(200, b"ok") + b"nonsense", [1, 2]),
        (NOTHING + answer(200, b"ok"), [1, 2]),
        (CHUNKED + NOTHING, [1, 2]),
    ],
)
def test_what_is_left_over_answers_nothing(first: bytes, connections: list[int]) -> None:
    """By a connection that brought more than an answer nothing is sent again; by any other, everything is."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        answers = pool.submit(answered, listening, first, answer(500))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/eoi"
        with closing(courier()) as sender:
            outcomes = [sender.deliver(delivery(url)) for _ in range(2)]
            assert [each.status for each in outcomes] == [int(first[9:12]), 500]
            assert answers.result() == connections


def test_what_is_left_over_answers_nothing_that_was_to_wait_for_it() -> None:
    """The pool may choose a connection for two requests: the second one waits, and then looks for itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        listening.settimeout(20)
        port = listening.getsockname()[1]
        answers = pool.submit(answered, listening, answer(200, b"ok") + NOTHING, answer(500))
        with closing(PunctualTransport(context=trusting_nobody())) as transport:
            transport._under_way.way = Way(("127.0.0.1",), time.monotonic() + 20)
            request = httpcore.Request("POST", f"http://127.0.0.1:{port}/eoi", headers={"Host": "x"})
            chosen = transport._pool.create_connection(request.url.origin)
            with closing(chosen.handle_request(request)) as response:
                assert response.read() == b"ok"
            assert chosen.is_idle()
            with pytest.raises(httpcore.ConnectionNotAvailable):
                chosen.handle_request(request)
            assert chosen.is_closed()
            with closing(transport._pool.create_connection(request.url.origin)) as other:
                assert other.handle_request(request).status == 500
        assert answers.result() == [1, 2]
