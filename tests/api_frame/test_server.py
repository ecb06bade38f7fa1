"""The server of our own: it has its port before anything begins, and says what it cannot have."""

import json
import logging
import resource
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.api import protocol, server
from adapters.api.errors import CannotListen, ServerEnded
from adapters.api.protocol import LEFT, MOST
from adapters.api.server import ApiServer, _hear_uvicorn, _Heard
from adapters.api.spells import QUIET_S

#: More than the system keeps of an answer for who does not read it, in bytes.
LARGE = 16 * 1024 * 1024


@pytest.mark.parametrize(
    "host",
    [
        "no-such-host.invalid",
        "203.0.113.7",
        "",
        "x" * 300,
        "127.0.0.1:80",
        "http://127.0.0.1",
        "a\x01b",
        "é" * 99,
        "[]",
        "[::1",
        "::1]",
        "[[::1]]",
        "[::1]:8000",
        "[127.0.0.1]",
        "[localhost]",
    ],
)
def test_a_host_that_is_not_here_is_told(api: FastAPI, host: str) -> None:
    """A name that nobody knows, an address of another machine, or what is neither; never every address."""
    with pytest.raises(CannotListen) as caught:
        ApiServer(api, host=host, port=0)
    assert "port 0: " in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]"])
def test_it_answers_at_the_address_that_it_says(api: FastAPI, host: str) -> None:
    """Whoever follows its URL is answered, over IPv6 too, in brackets or bare; after the end nobody is."""
    serving = ApiServer(api, host=host, port=0)
    serving.start()
    serving.require_alive()
    where = urlsplit(serving.url)
    assert (where.scheme, where.hostname) == ("http", host.strip("[]"))
    connection = HTTPConnection(str(where.hostname), where.port, timeout=60)
    connection.request("GET", "/healthz")
    assert json.loads(connection.getresponse().read()) == {"ok": True}
    connection.close()
    serving.close()
    with pytest.raises(ServerEnded):
        serving.require_alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((str(where.hostname), where.port or 0), 60)


@pytest.mark.parametrize("words", [b"", b"GET /healthz HTTP/1.1\r\nHost: a\r\n", b"\r\n"])
def test_whoever_never_says_what_they_want_is_not_waited_for(
    api: FastAPI, monkeypatch: pytest.MonkeyPatch, words: bytes
) -> None:
    """A connection that says nothing, or half of a head, is closed; of a second request as of the first."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.2)
    ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    serving = ApiServer(api, host="127.0.0.1", port=0)
    serving.start()
    where = ("127.0.0.1", urlsplit(serving.url).port or 0)
    for before in (b"", ask):
        with socket.create_connection(where, 20) as connection:
            connection.sendall(before + words)
            told = _until_closed(connection)
            assert told is not None
            assert told.count(b"HTTP/1.1 200") == (1 if before else 0)
    serving.close()


def _until_closed(connection: socket.socket) -> bytes | None:
    """Return what comes until the other end closes it; None where it does not."""
    try:
        return connection.makefile("rb").read()
    except TimeoutError:
        return None


def test_whoever_takes_their_time_over_a_body_is_not_cut_off(
    api: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is on heads: bodies have one of their own."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.02)
    serving = ApiServer(api, host="127.0.0.1", port=0)
    serving.start()
    with socket.create_connection(("127.0.0.1", urlsplit(serving.url).port or 0), 60) as connection:
        connection.sendall(b"GET /v1/calls/x HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\n")
        turn = threading.Event()
        for _ in range(20):
            connection.sendall(b"x")
            turn.wait(0.01)
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 401")
    serving.close()


class _Large(FastAPI):
    """A program with one answer, larger than the system keeps for who does not read it."""

    def __init__(self) -> None:
        super().__init__()
        body = b"x" * LARGE
        self.get("/large")(lambda: Response(body))


@pytest.mark.parametrize("closing", [b"", b"Connection: close\r\n"], ids=["kept", "closing"])
def test_an_answer_that_nobody_reads_is_given_up(monkeypatch: pytest.MonkeyPatch, closing: bytes) -> None:
    """Whoever asks and does not read holds no connection for good; whoever reads on gets all of it."""
    monkeypatch.setattr(protocol, "HEAD_S", 0.3)
    serving = ApiServer(_Large(), host="127.0.0.1", port=0)
    serving.start()
    where = ("127.0.0.1", urlsplit(serving.url).port or 0)
    ask = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection(where, 60) as deaf, socket.create_connection(where, 60) as reading:
        deaf.sendall(ask.replace(b"\r\n\r\n", b"\r\n" + closing + b"\r\n"))
        reading.sendall(ask + ask)
        turn, read = threading.Event(), 0
        while read < 2 * LARGE:
            read += len(reading.recv(LARGE // 20, socket.MSG_WAITALL))
            turn.wait(0.03)
        assert _until_cut_off(deaf) < LARGE
    serving.close()


def _until_cut_off(connection: socket.socket) -> int:
    """Return how many bytes come until the other end cuts it off."""
    read = 0
    with suppress(ConnectionResetError):
        while more := connection.recv(LARGE):
            read += len(more)
    return read


def test_there_are_so_many_connections_and_no_more(
    monkeypatch: pytest.MonkeyPatch, api: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    """One too many is cut off at once, before it costs anything; when one goes, the next one is answered."""
    monkeypatch.setattr(server, "most_connections", lambda: 3)
    serving = ApiServer(api, host="127.0.0.1", port=0)
    serving.start()
    where = ("127.0.0.1", urlsplit(serving.url).port or 0)
    ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with caplog.at_level(logging.INFO), ExitStack() as ends:
        there = [ends.enter_context(socket.create_connection(where, 60)) for _ in range(3)]
        assert all(_answered(each, ask) for each in there)
        for _ in range(3):
            with socket.create_connection(where, 60) as one_too_many:
                assert not _answered(one_too_many, ask)
        there[0].shutdown(socket.SHUT_WR)
        _until_cut_off(there[0])
        with socket.create_connection(where, 60) as next_one:
            assert _answered(next_one, ask)
    serving.close()
    assert [each.getMessage() for each in caplog.records if each.name == "eoi.api"] == ["server.full"]


def _answered(connection: socket.socket, ask: bytes) -> bool:
    try:
        connection.sendall(ask)
        return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


@pytest.mark.parametrize(("files", "most"), [(64, 1), (200, 72), (1024, 896), (1_000_000, MOST)])
def test_a_process_never_runs_out_of_descriptors(files: int, most: int) -> None:
    """There are fewer connections than files, and some are left for the database and for receivers."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and files > hard:
        files, most = hard, min(MOST, hard - LEFT)
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
        "from adapters.api.protocol import most_connections; print(most_connections())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) == most


async def what_was_asked(scope: Scope, receive: Receive, send: Send) -> None:
    """Say what a request is for, as the program is told."""
    raw, query = scope["raw_path"].decode(), scope["query_string"].decode()
    hosts = [value.decode() for name, value in scope["headers"] if name == b"host"]
    await JSONResponse([scope["path"], raw, query, hosts])(scope, receive, send)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (
            "http://council.example/v1/calls?limit=1",
            ["/v1/calls", "/v1/calls", "limit=1", ["council.example"]],
        ),
        ("HTTP://council.example:8000/a%2Fb", ["/a/b", "/a%2Fb", "", ["council.example:8000"]]),
        ("https://[::1]:8000/v1", ["/v1", "/v1", "", ["[::1]:8000"]]),
        ("http://user@council.example/v1", ["/v1", "/v1", "", ["council.example"]]),
        ("http://council.example", ["/", "/", "", ["council.example"]]),
        ("http://council.example?x=1", ["/", "/", "x=1", ["council.example"]]),
        ("http://council.example/http://b/c", ["/http://b/c", "/http://b/c", "", ["council.example"]]),
        ("/http://b/c?http://d/e", ["/http://b/c", "/http://b/c", "http://d/e", ["a"]]),
        ("http:///v1/calls", ["http:///v1/calls", "http:///v1/calls", "", ["a"]]),
        ("http://a@/v1", ["http://a@/v1", "http://a@/v1", "", ["a"]]),
        ("ftp://b/v1", ["ftp://b/v1", "ftp://b/v1", "", ["a"]]),
        ("//b/v1", ["//b/v1", "//b/v1", "", ["a"]]),
        ("*", ["*", "*", "", ["a"]]),
    ],
)
def test_a_request_may_name_the_whole_address(target: str, told: list[object]) -> None:
    """As clients do to proxies: the path counts, and the host that is named there (RFC 9112, 3.2.2)."""
    assert _asked(what_was_asked, f"GET {target} HTTP/1.1\r\nHost: a\r\n") == (200, told)


def test_the_api_is_found_by_its_whole_address(api: FastAPI) -> None:
    """The program answers there as at the path alone; a slash in disguise is none there either."""
    for target, status in (
        ("http://a/healthz", 200),
        ("http://a/v1/calls/x", 401),
        ("http://a/v1/calls%2Fx", 404),
    ):
        assert _asked(api, f"GET {target} HTTP/1.1\r\nHost: a\r\n")[0] == status


@pytest.mark.parametrize("wanted", ["websocket", "h2c", "no such thing"])
def test_who_asks_for_another_protocol_is_answered_in_this_one(
    api: FastAPI, caplog: pytest.LogCaptureFixture, wanted: str
) -> None:
    """Without a word in the log: anybody could fill it with advice to install what is not wanted."""
    with caplog.at_level(logging.DEBUG, logger="eoi"):
        head = f"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: {wanted}\r\n"
        assert _asked(api, head) == (200, {"ok": True})
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []


def _asked(api: ASGIApp, head: str) -> tuple[int, object]:
    """Return the status and the document with which a server answers to a request's head."""
    serving = ApiServer(api, host="127.0.0.1", port=0)
    serving.start()
    with socket.create_connection(("127.0.0.1", urlsplit(serving.url).port or 0), 60) as connection:
        connection.sendall(f"{head}\r\n".encode())
        answer = HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())
    serving.close()
    return answer.status, body


def test_one_that_was_never_started_gives_its_port_back(api: FastAPI) -> None:
    """Where the start fails elsewhere, nothing is held."""
    serving = ApiServer(api, host="127.0.0.1", port=0)
    port = urlsplit(serving.url).port
    serving.close()
    serving.close()
    socket.create_server(("127.0.0.1", port or 0)).close()


def test_two_do_not_share_a_port(api: FastAPI) -> None:
    """The second one is told at once, though the first has not begun to answer."""
    first = ApiServer(api, host="127.0.0.1", port=0)
    port = urlsplit(first.url).port or 0
    assert "already in use" in _why_not(api, port)
    first.close()
    assert _why_not(api, port) == ""


def _why_not(api: FastAPI, port: int) -> str:
    """Return why one cannot have this port; nothing where one can."""
    try:
        ApiServer(api, host="127.0.0.1", port=port).close()
    except CannotListen as exc:
        return exc.message
    return ""


def test_what_is_no_http_fills_no_log(
    api: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often somebody sends it, it is one line, until nobody has for some time; each is answered."""
    seconds = [0.0]
    monkeypatch.setattr(logging.getLogger("uvicorn"), "handlers", [_Heard(lambda: seconds[0])])
    serving = ApiServer(api, host="127.0.0.1", port=0)
    serving.start()
    where = urlsplit(serving.url)
    for now_s in (0.0, 0.0, QUIET_S - 1, QUIET_S, 2 * QUIET_S):
        seconds[0] = now_s
        with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
            connection.sendall(b"GET\0 /x HTTP/1.1\r\n\r\n")
            assert connection.makefile("rb").readline() == b"HTTP/1.1 400 \r\n"
    serving.close()
    assert [each.getMessage() for each in caplog.records if each.name == "eoi.api"] == ["server.said"] * 2


def test_what_uvicorn_warns_of_is_heard_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    """Once each, however many servers there were; what it merely tells is left out."""
    _hear_uvicorn()
    _hear_uvicorn()
    with caplog.at_level(logging.INFO, logger="eoi"):
        logging.getLogger("uvicorn.error").warning("Invalid %s", "request")
        logging.getLogger("uvicorn.error").info("Started")
    ours = [each for each in caplog.records if each.name == "eoi.api"]
    assert [(each.getMessage(), vars(each)["said"]) for each in ours] == [("server.said", "Invalid request")]
