"""Requests that wait for a thread: judged by when they were there, and never too many of them."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import pytest

from adapters.api.turns import ALWAYS
from tests.clock import now, sleep_until
from tests.databases.lent import NewEngine
from tests.last_minute.serving import PATIENCE_S, Answer, Served, serving
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, new_call, officer, school

#: How many threads there are, and for how long each request holds one, in seconds.
THREADS, HOLDS_S = 2, 0.05
#: For how long a request lies there that nobody looks at.
UNSEEN: Final = timedelta(milliseconds=300)
#: How long a request may wait, in seconds; and how much longer an answer may take on a busy machine.
WAIT_S, BIT_S = 0.5, 1.5


def test_who_waits_for_a_thread_was_there_when_they_came(new_engine: NewEngine, clock: FrozenClock) -> None:
    """Every thread is busy when it comes, and for so long that the deadline passes: it counts as it came."""
    engine, free = new_engine(), threading.Event()
    call = engine.open_call(new_call(), actor=officer())
    eois = [engine.draft(call.id, answers={}, actor=school(number)).eoi_id for number in range(2)]
    came_at = call.closes_at - timedelta(microseconds=1)
    with (
        serving(engine, threads=1, hold=lambda: free.wait(PATIENCE_S)) as served,
        ThreadPoolExecutor() as pool,
    ):
        busy = pool.submit(served.ask, "GET", f"/v1/calls/{call.id}")
        served.threads.wait_for(1)
        clock.move_to(came_at)
        in_time = pool.submit(served.submit, eois[0])
        served.threads.wait_for(2)
        clock.move_to(call.closes_at + timedelta(seconds=1))
        late = pool.submit(served.submit, eois[1], school=1)
        served.threads.wait_for(3)
        free.set()
        assert (busy.result().status, in_time.result().status) == (200, 200)
        assert (late.result().status, late.result().body["code"]) == (409, "call-closed")
    assert engine.get(eois[0]).submitted_at == came_at


@pytest.mark.parametrize("kept_alive", [False, True])
def test_who_waits_for_the_server_to_look_is_flagged_and_not_late(
    new_engine: NewEngine, clock: FrozenClock, *, kept_alive: bool
) -> None:
    """The deadline passes while the server's loop is held up; whoever comes once it runs again is late."""
    engine, free = new_engine(), threading.Event()
    call = engine.open_call(new_call(), actor=officer())
    eois = [engine.draft(call.id, answers={}, actor=school(number)).eoi_id for number in range(2)]
    with serving(engine, threads=2, hold=int) as served, served.line() as kept, served.line() as new:
        kept.send("GET", f"/v1/calls/{call.id}")
        assert kept.answer().status == 200
        line = kept if kept_alive else new
        served.threads.hold_up(lambda: free.wait(PATIENCE_S))
        clock.move_to(call.closes_at - timedelta(seconds=9))
        line.send("POST", f"/v1/eois/{eois[0]}/transitions", body={"trigger": "submit"})
        sleep_until(now() + UNSEEN)
        clock.move_to(call.closes_at + UNSEEN / 2)
        free.set()
        unseen = line.answer()
        clock.move_to(call.closes_at + timedelta(seconds=1))
        late = served.submit(eois[1], school=1)
    assert (unseen.status, unseen.body["code"]) == (409, "closed-in-flight")
    assert (late.status, late.body["code"]) == (409, "call-closed")
    on_record = {attempt.code: attempt for attempt in engine.attempts(call.id)}
    assert on_record["closed-in-flight"].first_at <= call.closes_at - UNSEEN / 2
    assert on_record["closed-in-flight"].last_at == call.closes_at + UNSEEN / 2
    assert on_record["call-closed"].first_at >= call.closes_at


@pytest.mark.slow
def test_whoever_could_not_be_answered_in_time_is_told_so_and_gets_in_later(
    new_engine: NewEngine, long: bool, tell: Callable[[str], None]
) -> None:
    """Two threads, and far more schools than they can serve: some are told 503, nobody waits, all get in."""
    engine, schools = new_engine(clock=SystemClock()), 400 if long else 60
    call = engine.open_call(new_call(closes_at=SystemClock().now() + timedelta(hours=1)), actor=officer())
    eois = [engine.draft(call.id, answers={}, actor=school(number)).eoi_id for number in range(schools)]
    turn, waits_s, refused = threading.Event(), list[float](), list[Answer]()

    def submit(number: int) -> Answer:
        while True:
            began_s = time.monotonic()
            answer = served.submit(eois[number], school=number, key=f"the-one-of-{number}")
            waits_s.append(time.monotonic() - began_s)
            if answer.status != 503:
                return answer
            refused.append(answer)
            turn.wait(int(answer.retry_after or "0"))

    # A thread that is held is busy for as long as a slow database would keep it.
    with serving(engine, threads=THREADS, hold=lambda: turn.wait(HOLDS_S), wait_s=WAIT_S) as served:
        _learn(served, call.id)
        with ThreadPoolExecutor(schools) as pool:
            told = list(pool.map(submit, range(schools)))
    waits_s.sort()
    tell(f"{schools} schools, {len(refused)} times told 503; an answer took at the most {waits_s[-1]:.2f} s")
    assert {answer.status for answer in told} == {200}
    assert refused != []
    assert {(each.body["code"], int(each.retry_after or "0") >= 1) for each in refused} == {
        ("overloaded", True)
    }
    assert waits_s[-1] < WAIT_S + BIT_S
    assert engine.call(call.id).counts == {"submitted": schools}


@pytest.mark.slow
def test_probes_are_answered_while_everybody_waits(new_engine: NewEngine, clock: FrozenClock) -> None:
    """With every thread busy and the door shut, whoever asks how it is is told, and who else comes, 503."""
    engine, free = new_engine(), threading.Event()
    call = engine.open_call(new_call(), actor=officer())
    asked: Final = f"/v1/calls/{call.id}"
    with (
        serving(engine, threads=1, hold=lambda: free.wait(PATIENCE_S), wait_s=0.001) as served,
        ThreadPoolExecutor(ALWAYS) as pool,
    ):
        free.set()
        _learn(served, call.id)
        free.clear()
        waiting = [pool.submit(served.ask, "GET", asked) for _ in range(ALWAYS)]
        served.threads.wait_for(LEARNT + len(waiting))
        assert served.ask("GET", "/healthz").body == {"ok": True}
        assert (served.ask("GET", asked).status, served.ask("GET", asked).retry_after) == (503, "1")
        free.set()
        assert {each.result().status for each in waiting} == {200}


@pytest.mark.slow
def test_who_was_told_to_come_again_is_flagged_and_not_late(
    new_engine: NewEngine, clock: FrozenClock
) -> None:
    """Who came in time, was told 503, comes again after the deadline under their key; others are late."""
    engine, free = new_engine(), threading.Event()
    call = engine.open_call(new_call(), actor=officer())
    eois = [engine.draft(call.id, answers={}, actor=school(number)).eoi_id for number in range(2)]
    with (
        serving(engine, threads=1, hold=lambda: free.wait(PATIENCE_S), wait_s=0.001) as served,
        ThreadPoolExecutor(ALWAYS) as pool,
    ):
        waiting = [pool.submit(served.ask, "GET", f"/v1/calls/{call.id}") for _ in range(ALWAYS)]
        served.threads.wait_for(len(waiting))
        clock.move_to(call.closes_at - timedelta(seconds=9))
        assert served.submit(eois[0], key="mine").status == 503
        sleep_until(now() + UNSEEN)
        free.set()
        assert {each.result().status for each in waiting} == {200}
        clock.move_to(call.closes_at + UNSEEN / 2)
        late = [served.submit(eois[1], school=1, key="mine"), served.submit(eois[0], key="another")]
        again = served.submit(eois[0], key="mine")
    assert {(each.status, each.body["code"]) for each in late} == {(409, "call-closed")}
    assert (again.status, again.body["code"]) == (409, "closed-in-flight")
    (flagged,) = (each for each in engine.attempts(call.id) if each.code == "closed-in-flight")
    assert flagged.first_at < call.closes_at
    clock.move_to(call.closes_at + timedelta(minutes=1))
    engine.close_due()
    engine.fire(eois[0], "reinstate", actor=officer(), reason="It was told to come again.")
    assert engine.get(eois[0]).submitted_at == flagged.first_at


#: So many requests it takes until the door knows how long one takes.
LEARNT: Final = 60


def _learn(served: Served, call_id: str) -> None:
    """Let the door see how long a request takes."""
    for _ in range(LEARNT):
        served.ask("GET", f"/v1/calls/{call_id}")
