"""A real race: three processes submit around many deadlines by the real clock, and all sweep all the time."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.deadline.ledger import broken_promises
from workflow import Engine
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, engine_in, new_call, officer, school

RACER = Path(__file__).with_name("racer.py")
PROCESSES = 3
#: How long the race may take at most, in seconds.
PATIENCE_S = 120
MILLISECOND = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
#: From the first deadline to the next, and from now to the first.
APART, START = 100 * MILLISECOND, 500 * MILLISECOND


class Job(NamedTuple):
    """One EOI, to be submitted at an instant."""

    instant: datetime
    closes_at: datetime
    eoi_id: str
    urn: str


def plan(engine: Engine, clock: FrozenClock, *, calls: int, each: int) -> list[Job]:
    """Open calls that close one after the other, and draft EOIs to be submitted around the deadlines.

    All of it is done on a clock that stands an hour back. Only then are the calls extended to instants that
    are near by the real clock, so that a slow machine has no less time for the race.
    """
    drafts = []
    for number in range(calls):
        new = new_call(reference=f"{number}", closes_at=clock.now() + MILLISECOND)
        call = engine.open_call(new, actor=officer())
        schools = [f"{number}-{school_number}" for school_number in range(each)]
        drafts.append(
            (call, [(engine.draft(call.id, answers={}, actor=school(urn)).eoi_id, urn) for urn in schools])
        )
    jobs, first = [], SystemClock().now() + START
    for number, (call, eois) in enumerate(drafts):
        closes_at = first + number * APART
        engine.extend_call(call.id, closes_at=closes_at, actor=officer(), reason="the race")
        around = [(4 * place - 3 * each) * APART / (4 * each) for place in range(each)]
        jobs += [
            Job(closes_at + away, closes_at, eoi_id, f"URN:{urn}")
            for away, (eoi_id, urn) in zip(around, eois, strict=True)
        ]
    return sorted(jobs)


@contextmanager
def racers() -> Iterator[list[subprocess.Popen[str]]]:
    """Start the processes, and go on once each is ready for its plan."""
    with ExitStack() as stack:
        started = []
        for _ in range(PROCESSES):
            racer = subprocess.Popen(
                [sys.executable, RACER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            started.append(stack.enter_context(racer))
            stack.callback(racer.kill)
        for racer in started:
            assert racer.stdout
            assert racer.stdout.readline() == "ready\n"
        yield started


def race(started: list[subprocess.Popen[str]], file: Path, jobs: list[Job]) -> list[dict[str, Any]]:
    """Let the processes share the jobs; return what each says of itself."""
    for number, racer in enumerate(started):
        mine = [(job.instant.isoformat(), job.eoi_id, job.urn) for job in jobs[number::PROCESSES]]
        given = {"database": f"sqlite:///{file}", "plan": mine}
        assert racer.stdin
        racer.stdin.write(json.dumps(given) + "\n")
        racer.stdin.flush()
    return [json.loads(racer.communicate(timeout=PATIENCE_S)[0]) for racer in started]


def wronged(answers: list[dict[str, str]], jobs: list[Job]) -> list[dict[str, str]]:
    """Return every answer that cannot be right, by nothing but the client's own clock around it.

    The arrival lies somewhere between the two readings. What began at the deadline was late for certain;
    what ended before it was in time.
    """
    closings = {job.eoi_id: job.closes_at for job in jobs}
    wrong = []
    for answer in answers:
        closes_at = closings[answer["eoi"]]
        surely_late = datetime.fromisoformat(answer["before"]) >= closes_at
        surely_in_time = datetime.fromisoformat(answer["after"]) < closes_at
        right = {"done", "closed-in-flight", "call-closed"}
        right -= {"done", "closed-in-flight"} if surely_late else set()
        right -= {"call-closed"} if surely_in_time else set()
        if answer["answer"] not in right:
            wrong.append(answer)
    return wrong


@pytest.mark.slow
def test_nobody_is_wronged_when_many_submit_around_the_deadline(tmp_path: Path, long: bool) -> None:
    """None late is accepted, none in time refused but as overtaken, none lost; each call is closed once."""
    calls, each = (200, 60) if long else (20, 18)
    clock, file = FrozenClock(SystemClock().now() - HOUR), tmp_path / "eoi.db"
    with racers() as started, engine_in(tmp_path, clock=clock) as engine:
        jobs = plan(engine, clock, calls=calls, each=each)
        results = race(started, file, jobs)
    answers = [answer for result in results for answer in result["answers"]]
    told = Counter(answer["answer"] for answer in answers)
    print(f"{len(answers)} submissions to {calls} calls in {PROCESSES} processes: {dict(told)}")
    print(f"closed by each process: {[len(result['closed']) for result in results]}")
    assert wronged(answers, jobs) == []
    assert (len(answers), told["done"] > 0, told["call-closed"] > 0) == (calls * each, True, True)
    assert [result["failed"] for result in results] == [{}] * PROCESSES
    assert sum(len(result["closed"]) for result in results) == calls
    with closing(sqlite3.connect(file)) as database:
        kept = database.execute("SELECT id, submitted_at FROM eoi_eoi WHERE state = 'submitted'").fetchall()
        attempts = database.execute(
            "SELECT code, count(*), sum(count) FROM eoi_attempt GROUP BY code"
        ).fetchall()
        early = database.execute(
            "SELECT a.first_at, c.closes_at FROM eoi_attempt a JOIN eoi_call c ON c.id = a.call_id "
            "WHERE a.code = 'call-closed' AND a.first_at < c.closes_at"
        ).fetchall()
        open_still = database.execute("SELECT count(*) FROM eoi_call WHERE state <> 'closed'").fetchone()
    accepted = {answer["eoi"]: datetime.fromisoformat(answer["at"]) for answer in answers if answer["at"]}
    assert {eoi: datetime.fromisoformat(f"{at}+00:00") for eoi, at in kept} == accepted
    refused = {code: told[code] for code in told if code != "done"}
    assert sorted(attempts) == sorted((code, many, many) for code, many in refused.items())
    assert early == []
    assert open_still == (0,)
    assert broken_promises(file) == []
