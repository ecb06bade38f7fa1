"""Probes are answered while every thread waits for a database that somebody else has locked."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest

from adapters.api import operation
from adapters.api.server import ApiServer
from adapters.bootstrap import App, build
from adapters.serving import api_of
from adapters.settings import Settings
from tests.databases.raw import RawDatabase
from tests.last_minute.serving import Threads
from tests.servers.talking import PATIENCE_S
from workflow.clock import SystemClock
from workflow.testing import admin, new_call, officer

pytestmark = pytest.mark.slow

#: How many threads there are; how many requests a door lets in that may each wait for a second.
THREADS, LET_IN = 8, 50
#: How long an answer may take, in seconds: sooner than anybody waits for a lock or a connection (30).
SOON_S: Final = 20.0


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)


class Busy:
    """A server that is full: every thread of it waits for the lock, and so many requests for a thread."""

    def __init__(self, url: str, app: App) -> None:
        where = urlsplit(url)
        self._where = str(where.hostname), where.port
        self.app = app
        key = app.engine.create_key("watcher", roles={"officer"}, actor=admin()).key
        self.key = {"Authorization": f"Bearer {key}"}
        tomorrow = SystemClock().now() + timedelta(days=1)
        self.call_id = app.engine.open_call(new_call(closes_at=tomorrow), actor=officer()).id

    def ask(self, path: str, **headers: str) -> Answer:
        """Return the answer, which must come soon."""
        return self._sent("GET", path, None, headers, SOON_S)

    def draft(self, number: int) -> Answer:
        """Begin an EOI, however long it takes."""
        body = json.dumps({"answers": {}, "applicant": f"URN:{number}"})
        headers = self.key | {"Content-Type": "application/json", "EOI-On-Behalf-Of": "a-head"}
        return self._sent("POST", f"/v1/calls/{self.call_id}/eois", body, headers, PATIENCE_S)

    def _sent(
        self, method: str, path: str, body: str | None, headers: dict[str, str], within_s: float
    ) -> Answer:
        line = HTTPConnection(*self._where, timeout=within_s)
        try:
            line.request(method, path, body, headers)
            answer = line.getresponse()
            return Answer(answer.status, answer.read())
        finally:
            line.close()


@contextmanager
def busy(database: RawDatabase, **changes: Any) -> Iterator[Busy]:
    """Lend a server that is full, until the end; then everybody who was let in must have got in."""
    settings = Settings(database_url=database.url, settle_s=1, lock_timeout_s=60, **changes)
    with ExitStack() as stack:
        app = stack.enter_context(build(settings, sweeps=False, delivers=False))
        api = Threads(api_of(app, settings), THREADS)
        server = ApiServer(api, host="127.0.0.1", port=0)
        stack.callback(server.close)
        server.start()
        served = Busy(server.url, app)
        pool = stack.enter_context(ThreadPoolExecutor(LET_IN))
        lock = stack.enter_context(database.locked())
        waiting = list[Future[Answer]]()
        stack.callback(lambda: [each.result() for each in waiting])
        stack.callback(lock.release)
        for number in range(LET_IN):
            waiting.append(pool.submit(served.draft, number))
        api.wait_for(LET_IN)
        yield served
        lock.release()
        assert {each.result().status for each in waiting} == {201}


def test_probes_are_answered_while_every_thread_waits(database: RawDatabase) -> None:
    """Nobody else is let in; whoever asks how it is is told, with a key or without: it cannot be written."""
    with busy(database, pool_size=THREADS + 8) as served:
        assert served.draft(LET_IN).json["code"] == "overloaded"
        assert served.ask("/healthz").json == {"ok": True}
        ready = served.ask("/readyz")
        assert (ready.status, ready.json) == (503, {"ok": False})
        whole = served.ask("/readyz", **served.key)
        assert (whole.status, whole.json.get("ok"), "ocked" in whole.json.get("last_error", "")) == (
            503,
            False,
            True,
        )
        metrics = served.ask("/metrics", **served.key)
        assert metrics.status == 200
        assert b"eoi_healthy 0.0" in metrics.body
        assert b'eoi_events_total{type="call.opened"} 1.0' in metrics.body


def test_probes_are_answered_while_nobody_is_lent_a_connection(
    database: RawDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is held by who waits: what needs none is told, of the rest that it cannot be known."""
    monkeypatch.setattr(operation, "PATIENCE_S", 0.5)
    with busy(database, pool_size=2, api_metrics_open=True) as served:
        _until(lambda: served.app.engine._database.engine.pool.status().count("Checked out connections: 2"))
        assert served.ask("/healthz").json == {"ok": True}
        for _ in range(3):
            ready = served.ask("/readyz")
            assert (ready.status, ready.json) == (503, {"ok": False})
            known = served.ask("/readyz", **served.key)
            assert (known.status, known.json["code"]) == (503, "database-unavailable")
        metrics = served.ask("/metrics")
        assert metrics.status == 200
        assert b'eoi_events_total{type="call.opened"} 1.0' in metrics.body
        assert b"eoi_healthy" not in metrics.body


def _until(true: Callable[[], object]) -> None:
    turn = threading.Event()
    for _ in range(600):
        if true():
            return
        turn.wait(0.05)
    pytest.fail("it did not happen in time")
