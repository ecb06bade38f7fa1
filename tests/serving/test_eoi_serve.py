"""`eoi serve` answers over HTTP beside the runner: it starts, is stopped in good order, and can be split."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.cli.running import WITHOUT_EXTRA
from tests.servers.talking import PATIENCE_S
from tests.serving.served import EOI, SURROUNDINGS, Served
from workflow import Engine
from workflow.clock import SystemClock
from workflow.testing import engine_in, new_call, officer

pytestmark = pytest.mark.slow

#: Serves as where nothing of the extra is installed.
WITHOUT: Final = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        gone = {"fastapi", "fastapi_offline", "limits", "python_multipart", "starlette", "uvicorn"}
        if name.partition(".")[0] in gone:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
from adapters.cli import main
main()
"""
#: The beginning of a request; ten bytes follow. The server says that it waits for them (RFC 9110, 10.1.1).
SLOW: Final = b"GET /v1/calls/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n"


def test_it_answers_runs_and_ends(tmp_path: Path) -> None:
    """It says where it answers, in words and as JSON; it is ready; it closes calls; SIGTERM ends it."""
    with engine_in(tmp_path) as past:
        call = past.open_call(new_call(), actor=officer())
    with Served(tmp_path, "--json") as served:
        host, port = served.address
        assert (host, port > 0) == ("127.0.0.1", True)
        assert served.get("/healthz") == (200, {"ok": True})
        assert served.get("/readyz") == (200, {"ok": True})
        status, problem = served.get(f"/v1/calls/{call.id}", Authorization="Bearer no-such-key")
        assert (status, problem["code"]) == (401, "unauthenticated")
        served.signal(signal.SIGTERM)
        assert served.end() == 0
        told = json.loads(served.said())
    assert told == {"serving": "eoi.db", "next_due": None, "url": f"http://127.0.0.1:{port}"}
    with Engine(f"sqlite:///{tmp_path / 'eoi.db'}") as engine:
        assert engine.call(call.id).state == "closed"
    assert served.lines[-1].endswith("event=runner.stopped")
    assert [line for line in served.lines if "Traceback" in line] == []


def test_an_idle_server_has_nothing_in_memory_that_it_does_not_need(tmp_path: Path) -> None:
    """On tables that are there: no terminal's colours, no migrations, no other database, no ciphers."""
    engine_in(tmp_path).close()
    with Served(tmp_path, PYTHONPROFILEIMPORTTIME="1") as served:
        assert served.get("/readyz") == (200, {"ok": True})
        served.signal(signal.SIGTERM)
        assert served.end() == 0
    imported = {line.rpartition("|")[2].strip() for line in served.lines if line.startswith("import time:")}
    assert {"httpx", "structlog", "fastapi"} <= imported
    heavy = {
        "rich.console",
        "pygments.util",
        "alembic",
        "sqlalchemy.dialects.postgresql",
        "cryptography",
        "jinja2",
    }
    assert heavy & imported == set()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return one that serves, for several tests."""
    with Served(tmp_path_factory.mktemp("served"), EOI_API_FAILURES="1000") as served:
        yield served


def test_what_is_no_http_is_told_so_as_a_problem(served: Served) -> None:
    """Whatever bytes come: a 400 like any other, and the connection closed."""
    for words in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"x" * 40_000,
    ):
        with served.line() as line:
            status, headers, body = line.send(words).answer()
            assert (status, headers["content-type"]) == (400, "application/problem+json"), words
            assert json.loads(body)["code"] == "bad-request"
            assert (headers["x-content-type-options"], headers["connection"]) == ("nosniff", "close")
            assert "server" not in headers
            assert line.rest() == b""
    assert served.get("/healthz")[0] == 200


@pytest.mark.parametrize("words", [b"GET /healthz", b"POST /nowhere", b"GET /v1/calls"])
def test_a_body_that_breaks_off_into_nonsense_is_no_fault_of_ours(served: Served, words: bytes) -> None:
    """What comes after the answer, or before it, ends the connection; nobody fills the log."""
    head = words + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with served.line() as line:
        line.send(head)
        if b"/v1" not in words:  # what reads no body has answered by now
            assert line.answer()[0] in (200, 404)
        line.send(b"no size\r\n")
        assert line.rest().count(b"HTTP/1.1") == (1 if b"/v1" in words else 0)
    assert served.get("/healthz")[0] == 200
    assert [said for said in served.lines if "Traceback" in said or "Fatal" in said] == []


@pytest.mark.parametrize(
    "words",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"A: " + b"x" * 40_000 + b"\r\n\r\n",
        b"A: b\r\n" * 6_000 + b"\r\n",
    ],
    ids=["a length and chunks", "chunks and a length", "one long header", "many headers"],
)
def test_nothing_is_read_behind_a_head_that_is_refused(served: Served, words: bytes) -> None:
    """Two readers could find the next request in two places, so that none is looked for."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n"
    with served.line() as line:
        status, headers, body = line.send(ask + words + ask + b"\r\n").answer()
        assert (status, json.loads(body).get("code")) == (400, "bad-request")
        assert (headers["connection"], headers["x-content-type-options"]) == ("close", "nosniff")
        assert line.rest() == b""


def test_a_connection_is_kept_for_the_next_request(served: Served) -> None:
    """Two requests on one connection, the second sent before the first is answered."""
    ask = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with served.line() as line:
        line.send(ask, ask)
        assert [line.answer()[0] for _ in range(2)] == [200, 200]
        assert line.send(ask).answer()[0] == 200


def test_head_and_huge_bodies_over_the_wire(served: Served) -> None:
    """HEAD has a length and no body; what says that it is huge is answered, and the connection closed."""
    with served.line() as line:
        line.send(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        status, headers, _ = line.answer(has_body=False)
        assert (status, headers["content-length"], line.answer()[2]) == (200, "12", b'{"ok": true}')
    with served.line() as line:
        head = b"POST /v1/calls/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
        assert line.send(head).answer()[0] == 405
    with served.line() as line:
        head = b"GET /v1/calls/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
        status, headers, _ = line.send(head).answer()
        assert (status, headers["connection"], line.rest()) == (413, "close", b"")


def test_a_little_too_much_is_read_before_it_is_refused(served: Served) -> None:
    """A client that first sends all of it, as most do, reads why it was too much."""
    with served.line() as line:
        size = 3 * 1024 * 1024
        head = f"GET /v1/calls/x HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode()
        assert line.send(head, b"x" * size).answer()[0] == 413


def test_it_believes_no_forwarded_address_by_itself(tmp_path: Path) -> None:
    """Whoever makes up X-Forwarded-For is counted where they are; a proxy that is trusted is believed."""
    for trusted, third in (("", 429), ("127.0.0.1", 401)):
        with Served(tmp_path, EOI_API_FAILURES="2", EOI_API_TRUSTED_PROXIES=trusted) as served:
            told = [
                served.get(
                    "/v1/calls/x", **{"Authorization": "Bearer guess", "X-Forwarded-For": f"203.0.113.{each}"}
                )[0]
                for each in range(3)
            ]
            assert told == [401, 401, third]


def test_sigterm_lets_a_request_in_flight_end(tmp_path: Path) -> None:
    """Its body is still coming: no other is taken, this one is answered, then the process ends with 0."""
    with Served(tmp_path) as served, served.line() as line:
        address = served.address
        assert line.send(SLOW).answer()[0] == 100
        line.send(b"half,")
        served.signal(signal.SIGTERM)
        served.wait_for("Stopping")
        _wait(lambda: not _listens(address))
        assert served.process.poll() is None
        status, _, body = line.send(b" half").answer()
        assert (status, json.loads(body)["code"], line.rest()) == (401, "unauthenticated", b"")
        assert served.end() == 0
        assert served.lines[-1].endswith("event=runner.stopped")


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 5).close()
    except OSError:
        return False
    return True


def test_sigterm_does_not_wait_for_who_only_listens(tmp_path: Path) -> None:
    """Connections that are kept open and ask for nothing are closed; it ends at once."""
    with Served(tmp_path) as served, served.line() as idle, served.line() as used:
        used.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").answer()
        served.signal(signal.SIGTERM)
        assert served.end() == 0
        assert (idle.rest(), used.rest()) == (b"", b"")


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Whoever does not want to wait for a request in flight says so again."""
    with Served(tmp_path) as served, served.line() as line:
        assert line.send(SLOW).answer()[0] == 100
        served.signal(signal.SIGTERM)
        served.wait_for("Stopping")
        served.signal(signal.SIGTERM)
        assert served.end() == -signal.SIGTERM


def refused(folder: Path, *words: str, **env: str) -> str:
    """Return what `eoi serve` says that does not start; nothing was made."""
    ran = subprocess.run(
        [EOI, "serve", *words],
        cwd=folder,
        env=SURROUNDINGS | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (1, ""), ran.stderr
    assert list(folder.iterdir()) == []
    return ran.stderr


def test_a_port_that_is_taken_stops_the_start(tmp_path: Path) -> None:
    """One line says which and why; no database is made, no thread runs."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(tmp_path, "--port", str(port))
    why = f"Requests cannot be taken at 127.0.0.1, port {port}: Address already in use."
    assert said == f"Not done: {why} [cannot-listen]\n"


def test_a_misspelt_setting_is_told(tmp_path: Path) -> None:
    """It serves, and says first which variable changes nothing."""
    with Served(tmp_path, "--no-api", EOI_API_RATES="5") as served:
        served.wait_for("Serving")
        assert served.lines[0] == "EOI_API_RATES is no setting, and changes nothing. Was EOI_API_RATE meant?"


def test_a_port_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    """So is to leave out all of its parts."""
    nothing = ("--no-api", "--no-scheduler", "--no-delivery", "--no-jobs")
    for words in (("--port", "65536"), ("--port", "-1"), nothing):
        ran = subprocess.run(
            [EOI, "serve", *words],
            cwd=tmp_path,
            env=SURROUNDINGS,
            capture_output=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert (ran.returncode, list(tmp_path.iterdir())) == (2, [])


def test_without_the_extra_it_says_so_and_runs_on(tmp_path: Path) -> None:
    """One line; calls are closed and events delivered all the same."""
    with Served(tmp_path, "--json", script=WITHOUT) as served:
        served.wait_for("Serving eoi.db.")
        assert WITHOUT_EXTRA in served.lines
        served.signal(signal.SIGTERM)
        assert served.end() == 0
        assert json.loads(served.said())["url"] is None


@pytest.mark.parametrize("door", ["adapters.embedding", "adapters.asgi"])
def test_without_the_extra_a_host_is_told_what_to_install(door: str) -> None:
    """In the error's own words, and not only that some module is not there."""
    script = WITHOUT.replace("from adapters.cli import main\nmain()", f"import {door}")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.endswith(
        "ImportError: The HTTP door needs its extra: pip install 'eoi-workflow[api]'.\n"
    )


@pytest.mark.parametrize(
    ("words", "closes", "delivers"),
    [(("--no-scheduler",), False, True), (("--no-delivery",), True, False), (("--no-api",), True, True)],
)
def test_its_parts_can_be_split(tmp_path: Path, words: tuple[str, ...], closes: bool, delivers: bool) -> None:
    """Each part that is left out is not done, the others are, and it is ready all the same."""
    with engine_in(tmp_path) as past:
        call = past.open_call(new_call(), actor=officer())
    with Served(tmp_path, *words) as served, Engine(f"sqlite:///{tmp_path / 'eoi.db'}") as engine:
        served.wait_for("Serving")
        if "--no-api" not in words:
            assert served.get("/readyz") == (200, {"ok": True})
        closes_at = SystemClock().now() + timedelta(days=1)
        engine.open_call(new_call(reference="2/26", closes_at=closes_at), actor=officer())
        if delivers:
            _wait(lambda: engine.outbox.oldest_waiting() is None)
        served.signal(signal.SIGTERM)
        assert served.end() == 0
        assert (engine.call(call.id).state == "closed", engine.outbox.oldest_waiting() is None) == (
            closes,
            delivers,
        )


def _wait(true: Callable[[], bool]) -> None:
    turn = threading.Event()
    for _ in range(1200):
        if true():
            return
        turn.wait(0.05)
    pytest.fail("it did not happen in time")


def test_two_serve_one_database_side_by_side(tmp_path: Path) -> None:
    """Any number may: each at a port of its own."""
    with Served(tmp_path) as first, Served(tmp_path) as second:
        assert first.address != second.address
        assert [each.get("/readyz")[0] for each in (first, second)] == [200, 200]


def test_a_server_of_ones_own_runs_it(tmp_path: Path) -> None:
    """`uvicorn --factory adapters.asgi:create`: it tells a misspelt setting, makes tables, runs and ends."""
    script = (
        "import sys, uvicorn; uvicorn.run('adapters.asgi:create', factory=True, port=0, log_level='info', "
        "server_header=False)"
    )
    with Served(tmp_path, script=script, EOI_API_RATES="a secret") as served:
        served.wait_for("Uvicorn running on")
        (said,) = (line for line in served.lines if "event=setting.unheard" in line)
        assert "EOI_API_RATES is no setting, and changes nothing. Was EOI_API_RATE meant?" in said
        assert not any("a secret" in line for line in served.lines)
        (line,) = (line for line in served.lines if "running on" in line)
        port = int(line.split("127.0.0.1:")[1].split()[0])
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 200")
        served.signal(signal.SIGTERM)
        served.end()
        assert any("event=runner.started" in line for line in served.lines)
        assert any("event=runner.stopped" in line for line in served.lines)
    assert (tmp_path / "eoi.db").exists()


@pytest.mark.skipif(os.name != "posix", reason="a user with rights is one of POSIX")
def test_a_port_for_the_mighty_is_told_so(tmp_path: Path) -> None:
    """Without the right to bind below 1024, one line says that it is not permitted."""
    # CAP_NET_BIND_SERVICE (10), given up by PR_CAPBSET_DROP (24).
    bound = (
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 10, 0, 0, 0); "
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", bound, EOI, "serve", "--port", "80"],
        cwd=tmp_path,
        env=SURROUNDINGS,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "port 80: Permission denied. [cannot-listen]" in ran.stderr
