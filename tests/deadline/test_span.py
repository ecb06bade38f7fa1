"""What may have been there in time and was seen too late: never let in, flagged, kept with both instants."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from tests.answers import answer
from tests.clock import now, sleep_until
from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.deadline.moves import CLOSING, HEAD, MOVES, SECOND, TICK, Move
from tests.refusals import codes
from workflow import Arrival, BadInput, CallClosed, CallView, ClosedInFlight, Engine, Refused
from workflow.clock import RunningClock
from workflow.testing import FrozenClock, new_call, officer

REASON: Final = "It lay in the queue."
MILLISECOND: Final = timedelta(milliseconds=1)


def seen_at(engine: Engine, clock: FrozenClock, at: datetime, waited: timedelta) -> Arrival:
    """Return the arrival of something that is seen at an instant, and may have waited for so long."""
    clock.move_to(at)
    return engine.arrival().may_have_waited(waited)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_may_have_come_in_time_is_flagged_and_kept(
    *, engine: Engine, clock: FrozenClock, broken: Broken, draft: str, move: Move, closed: bool
) -> None:
    """Seen at the deadline or after it, it is refused; what was there a tick before it is not called late."""
    arrival = seen_at(engine, clock, CLOSING + SECOND, SECOND + TICK)
    if closed:
        clock.move_to(CLOSING + 2 * SECOND)
        engine.close_due()
    before = engine.history(draft)
    assert answer(lambda: move(engine, draft, arrival=arrival)) == "closed-in-flight"
    (kept,) = engine.attempts("46/23")
    assert (kept.code, kept.first_at, kept.last_at) == ("closed-in-flight", CLOSING - TICK, CLOSING + SECOND)
    assert engine.history(draft) == before
    assert broken() == []


@pytest.mark.parametrize("waited", [0 * TICK, SECOND - TICK, SECOND])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_came_too_late_at_the_earliest_is_late(
    engine: Engine, clock: FrozenClock, draft: str, move: Move, waited: timedelta
) -> None:
    """Whoever came at the deadline itself was late, however short or long the wait was."""
    arrival = seen_at(engine, clock, CLOSING + SECOND, waited)
    assert answer(lambda: move(engine, draft, arrival=arrival)) == "call-closed"
    (kept,) = engine.attempts("46/23")
    assert (kept.first_at, kept.last_at) == (CLOSING + SECOND - waited, CLOSING + SECOND)


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_was_seen_in_time_counts_as_of_then(
    engine: Engine, clock: FrozenClock, draft: str, move: Move
) -> None:
    """The receipt has the instant that is certain, not the earliest one."""
    arrival = seen_at(engine, clock, CLOSING - TICK, SECOND)
    assert move(engine, draft, arrival=arrival).at == CLOSING - TICK


def test_an_officer_lets_in_what_may_have_come_in_time(
    engine: Engine, clock: FrozenClock, broken: Broken, draft: str
) -> None:
    """It then counts as of the earliest instant at which it can have come; before the close it is no move."""
    arrival = seen_at(engine, clock, CLOSING + SECOND, 2 * SECOND)
    with pytest.raises(ClosedInFlight, match=r"was seen at 12:00:01am .* and may have been there in time"):
        engine.submit(draft, actor=HEAD, arrival=arrival)
    with pytest.raises(Refused) as refused:
        engine.fire(draft, "reinstate", actor=officer(), reason=REASON)
    assert "call-still-open" in codes(refused)
    clock.move_to(CLOSING + 2 * SECOND)
    engine.close_due()
    assert engine.fire(draft, "reinstate", actor=officer(), reason=REASON).state == "submitted"
    assert engine.get(draft).submitted_at == CLOSING - SECOND
    assert broken() == []


def test_both_instants_are_kept_however_often_it_was_tried(
    engine: Engine, clock: FrozenClock, draft: str
) -> None:
    """The earliest of all that were tried, and the latest of all, stand on record."""
    arrivals = [
        seen_at(engine, clock, CLOSING + late * SECOND, waited * SECOND)
        for late, waited in ((2, 2.5), (1, 2), (3, 3.5))
    ]
    for each in (arrivals[0], arrivals[2], arrivals[1]):
        with pytest.raises(ClosedInFlight):
            engine.submit(draft, actor=HEAD, arrival=each)
    (kept,) = engine.attempts(draft)
    assert (kept.count, kept.first_at, kept.last_at) == (3, CLOSING - SECOND, CLOSING + 3 * SECOND)


def test_a_call_that_was_closed_early_has_no_span(engine: Engine, clock: FrozenClock, call: CallView) -> None:
    """What waited past an early close hears of that; the record says from when it may have been there."""
    engine.close_call(call.id, actor=officer())
    arrival = engine.arrival().may_have_waited(SECOND)
    with pytest.raises(CallClosed, match="closed early"):
        engine.draft(call.id, answers={}, actor=HEAD, arrival=arrival)
    (kept,) = engine.attempts(call.id)
    assert (kept.code, kept.last_at - kept.first_at) == ("call-closed", SECOND)
    assert kept.last_at == engine.call(call.id).closed_at
    arrival = seen_at(engine, clock, CLOSING, SECOND)
    with pytest.raises(CallClosed, match="closed early"):
        engine.draft(call.id, answers={}, actor=HEAD, arrival=arrival)


def test_it_is_the_same_in_a_hosts_transaction(
    engine: Engine, clock: FrozenClock, database: RawDatabase, draft: str
) -> None:
    """A host whose own queue was long says so; the attempt is part of its transaction."""
    host = database.host()
    arrival = seen_at(engine, clock, CLOSING + SECOND, 2 * SECOND)
    with Session(host) as session:
        with pytest.raises(ClosedInFlight):
            engine.submit(draft, actor=HEAD, session=session, arrival=arrival)
        session.commit()
    host.dispose()
    (kept,) = engine.attempts(draft)
    assert (kept.code, kept.first_at) == ("closed-in-flight", CLOSING - SECOND)


@pytest.mark.parametrize(
    "waited",
    [-TICK, timedelta(days=367), timedelta.max, timedelta.min, 3, 0.5, None, "1s", True, float("nan")],
)
def test_a_wait_that_is_none_is_refused(engine: Engine, waited: Any) -> None:
    """Nobody waits for less than nothing, or for years; a bare number does not say what it counts."""
    with pytest.raises(BadInput, match="waited must be a timedelta from 0 to 366 days") as refused:
        engine.arrival().may_have_waited(waited)
    assert refused.value.field == "waited"


def test_the_last_word_on_a_wait_counts(engine: Engine) -> None:
    """Two doors behind one another say one wait, not two."""
    arrival = engine.arrival()
    assert arrival.waited == timedelta()
    assert arrival.may_have_waited(9 * SECOND).may_have_waited(SECOND).waited == SECOND


def test_a_clock_that_is_asked_says_how_long_that_took() -> None:
    """What another clock showed, it showed at some instant of the question."""
    until = now() + 5 * MILLISECOND

    def ask(_: float) -> datetime:
        sleep_until(until)
        return datetime(2023, 3, 17, tzinfo=UTC)

    began = now()
    clock = RunningClock(ask, since_s=0.0)
    assert until - began <= clock.took + TICK
    assert clock.took <= now() - began + TICK


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_a_slow_answer_of_the_databases_clock_is_not_charged_to_the_school(database: RawDatabase) -> None:
    """Where the deadline passes while the database is asked for the time, nobody knows; that is flagged."""
    held = list[datetime]()

    def hear(statement: str) -> None:
        if held and "clock_timestamp" in statement:
            sleep_until(held.pop())

    host = database.host(hear=hear)
    with Engine(host) as engine:
        closes_at = engine.clock.now() + SECOND
        call = engine.open_call(new_call(closes_on=None, closes_at=closes_at), actor=officer())
        eoi_id = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
        held.append(closes_at + 50 * MILLISECOND)
        told = [answer(lambda: engine.submit(eoi_id, actor=HEAD)) for _ in range(2)]
        kept = {each.code: each for each in engine.attempts(eoi_id)}
    host.dispose()
    assert told == ["closed-in-flight", "call-closed"]
    assert kept["closed-in-flight"].first_at < closes_at < kept["closed-in-flight"].last_at
