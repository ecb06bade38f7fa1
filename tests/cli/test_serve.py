"""`eoi serve` as the operator runs it: a process beside others, on one file."""

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from adapters.cli.running import UNSEALED
from tests.servers.talking import PATIENCE_S, Program
from workflow import CallView, Engine, HistoryView
from workflow.clock import SystemClock
from workflow.testing import engine_in, new_call, officer, school, submitted

ROOT = Path(__file__).resolve().parents[2]
SETTLE_S = 0.2

pytestmark = pytest.mark.slow


class Receiver:
    """A real HTTP receiver, which answers only while its gate is open."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self._came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver._came:
                    receiver.events.append(event)
                    receiver._came.notify_all()
                receiver.gate.wait(PATIENCE_S)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/eoi"

    def wait_for(self, *types: str) -> None:
        """Wait until events of these types have come."""
        with self._came:
            assert self._came.wait_for(lambda: {*types} <= {*self.types}, PATIENCE_S), self.types

    @property
    def types(self) -> list[str]:
        """Return the types of what has come, in order."""
        return [event["type"] for event in self.events]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()


class Served(Program):
    """A process `eoi serve`, and what it writes to stderr."""

    def __init__(self, folder: Path, *words: str) -> None:
        surroundings = {
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "EOI_SETTLE_S": str(SETTLE_S),
            "EOI_WEBHOOK_ALLOW": "127.0.0.1",
        }
        eoi = Path(sys.executable).parent / "eoi"
        super().__init__([eoi, "serve", "--no-api", *words], folder=folder, env=surroundings)


def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again, for as long as anybody's patience lasts."""
    turn = threading.Event()
    for _ in range(round(PATIENCE_S * 20)):
        if true():
            return
        turn.wait(0.05)
    pytest.fail("it did not happen in time")


@dataclass
class Day:
    """What happened while two processes served one file."""

    #: The call whose deadline passed while nothing ran, and the one that was opened by another process.
    overdue: CallView
    opened: CallView
    histories: dict[str, list[HistoryView]]
    received: list[dict[str, Any]]
    #: Of each process: exit status, stdout, stderr by lines.
    ends: list[tuple[int, str, list[str]]] = field(default_factory=list)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Return the tale of two `serve` beside an engine in this process, ended by SIGTERM and by SIGINT."""
    folder = tmp_path_factory.mktemp("served")
    with Receiver() as receiver, engine_in(folder) as past:
        overdue = past.open_call(new_call(), actor=officer())
        past.draft(overdue.id, answers={}, actor=school(1))
        submitted(past, overdue.id, school(2))
        past.add_endpoint(receiver.url, actor=officer())
        with (
            Served(folder) as first,
            Served(folder, "--json") as second,
            Engine(f"sqlite:///{folder / 'eoi.db'}", settle_s=SETTLE_S) as engine,
        ):
            first.wait_for("Serving eoi.db.")
            second.wait_for("Serving eoi.db.")
            closes_at = SystemClock().now() + timedelta(seconds=3)
            opened = engine.open_call(
                new_call(reference="1/26", closes_at=closes_at, contact=None), actor=officer()
            )
            engine.draft(opened.id, answers={}, actor=school(3))
            wait_until(lambda: engine.call(opened.id).state == "closed")
            wait_until(lambda: engine.outbox.oldest_waiting() is None)
            served = Day(
                overdue=engine.call(overdue.id),
                opened=engine.call(opened.id),
                histories={each: engine.history(each) for each in (overdue.id, opened.id)},
                received=receiver.events,
            )
            first.signal(signal.SIGTERM)
            second.signal(signal.SIGINT)
            served.ends = [(each.end(), each.said(), each.lines) for each in (first, second)]
        yield served


def test_a_call_of_another_process_is_closed_within_a_second(day: Day) -> None:
    """Open for three seconds, it is closed within a second after its settle time, its draft lapsed."""
    assert day.opened.closed_at is not None
    late = day.opened.closed_at - day.opened.closes_at - timedelta(seconds=SETTLE_S)
    assert timedelta(0) <= late < timedelta(seconds=1)
    assert day.opened.counts_at_close == {"lapsed": 1}


def test_what_fell_due_while_nothing_ran_is_closed_at_the_start(day: Day) -> None:
    """A call of years ago is closed at the start; its history says the planned and the actual instant."""
    assert (day.overdue.state, day.overdue.counts_at_close) == ("closed", {"lapsed": 1, "submitted": 1})
    *_, close = day.histories[day.overdue.id]
    assert (close.trigger, close.at, close.via) == ("close", day.overdue.closes_at, "sweep")
    assert close.recorded_at == day.overdue.closed_at
    assert close.recorded_at < day.opened.opens_at


def test_two_that_serve_close_and_tell_once(day: Day) -> None:
    """Two processes on one file: one close in each history, and each event once at the receiver, in order."""
    for history in day.histories.values():
        assert [each.trigger for each in history].count("close") == 1
    told = [(event["subject"], event["data"]["version"]) for event in day.received]
    assert len(told) == len(set(told))
    by_subject: dict[str, list[int]] = {}
    for subject, version in told:
        by_subject.setdefault(subject, []).append(version)
    assert all(versions == sorted(versions) for versions in by_subject.values())
    assert sorted(event["type"] for event in day.received) == [
        "call.closed",
        "call.closed",
        "call.opened",
        "eoi.drafted",
        "eoi.lapsed",
        "eoi.lapsed",
    ]


def test_sigterm_and_sigint_end_it_well(day: Day) -> None:
    """Told to stop by either signal, it ends with 0, says so, and no traceback is to be seen."""
    assert [status for status, _, _ in day.ends] == [0, 0]
    for _, _, lines in day.ends:
        assert "Stopping: what is on its way ends first." in lines
        assert lines[-1].endswith("event=runner.stopped")


def test_its_log_is_one_line_an_event_on_stderr(day: Day) -> None:
    """Stdout has nothing but the document that `--json` asks for; the log tells each close and notice."""
    (_, plain, lines), (_, as_json, more) = day.ends
    assert (plain, json.loads(as_json)) == ("", {"serving": "eoi.db", "next_due": None, "url": None})
    asides = (
        UNSEALED,
        "Serving eoi.db. No call is open. Ctrl-C stops.",
        "Stopping: what is on its way ends first.",
    )
    for each in (lines, more):
        assert [line for line in each if not line.startswith("timestamp=")] == list(asides)
    both = [*lines, *more]
    assert sum("event=call.closed" in line for line in both) == 2
    assert sum("event=delivery.delivered" in line and "courier=webhook" in line for line in both) == len(
        day.received
    )


def test_what_is_on_its_way_is_delivered_before_it_ends(tmp_path: Path) -> None:
    """Told to stop while a receiver takes its time, it waits for the answer, and writes down that it came."""
    with Receiver() as receiver, Served(tmp_path) as served:
        served.wait_for("There was no database yet, so it was made: eoi.db")
        served.wait_for("Serving eoi.db.")
        receiver.gate.clear()
        with Engine(f"sqlite:///{tmp_path / 'eoi.db'}") as engine:
            engine.add_endpoint(receiver.url, actor=officer())
            closes_at = SystemClock().now() + timedelta(days=1)
            engine.open_call(new_call(closes_at=closes_at), actor=officer())
            receiver.wait_for("call.opened")
            served.signal(signal.SIGTERM)
            served.wait_for("Stopping")
            assert [each.state for each in engine.deliveries()] == ["pending"]
            receiver.gate.set()
            assert (served.end(), served.said()) == (0, "")
            assert [(each.state, each.attempts) for each in engine.deliveries()] == [("delivered", 1)]
