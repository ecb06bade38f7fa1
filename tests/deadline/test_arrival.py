"""Arrival decides, the lock settles: what came in time counts, however long it waited for the lock."""

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.deadline.moves import CLOSING, HEAD, MOVES, OTHER, SECOND, TICK, Move
from tests.deadline.wire import SlowEngine
from tests.refusals import codes
from workflow import (
    CallClosed,
    CallView,
    DatabaseLocked,
    Engine,
    Refused,
)
from workflow.testing import FrozenClock, new_call, officer, school, submitted


def _ending(do: Callable[[], object]) -> object:
    """Return what comes of it, or the code of its refusal."""
    try:
        return do()
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_a_microsecond_before_the_deadline_is_in_time(
    engine: Engine, clock: FrozenClock, draft: str, move: Move
) -> None:
    """Whatever arrives in the last microsecond counts, as of that microsecond."""
    clock.move_to(CLOSING - TICK)
    assert move(engine, draft).at == CLOSING - TICK


@pytest.mark.parametrize("late", [0 * TICK, TICK, SECOND])
@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_deadline_itself_is_too_late(
    engine: Engine, clock: FrozenClock, draft: str, move: Move, late: timedelta
) -> None:
    """Whatever arrives at the deadline or after it is refused, though nobody has closed the call yet."""
    before = engine.history(draft)
    clock.move_to(CLOSING + late)
    with pytest.raises(CallClosed) as refused:
        move(engine, draft)
    assert codes(refused) == ["call-closed"]
    assert refused.value.reasons[0].until == CLOSING
    assert (engine.history(draft), engine.call("46/23").counts) == (before, {"draft": 1})


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_waiting_for_the_lock_is_not_charged_to_the_school(
    slow: SlowEngine, clock: FrozenClock, draft: str, move: Move
) -> None:
    """What arrived in time and was locked after the deadline counts, as of its arrival."""
    clock.move_to(CLOSING - TICK)
    slow.wire.before_lock = lambda: clock.move_to(CLOSING + SECOND)
    receipt = move(slow, draft)
    last = slow.history(receipt.eoi_id)[-1]
    assert (receipt.at, last.at, last.recorded_at) == (CLOSING - TICK, CLOSING - TICK, CLOSING + SECOND)


def test_the_instant_of_arrival_is_the_instant_of_submission(
    slow: SlowEngine, clock: FrozenClock, draft: str, database: RawDatabase
) -> None:
    """The school reads when it submitted, not when the database had time for it."""
    clock.move_to(CLOSING - TICK)
    slow.wire.before_lock = lambda: clock.move_to(CLOSING + SECOND)
    slow.submit(draft, actor=HEAD)
    assert slow.get(draft).submitted_at == CLOSING - TICK


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_the_late_are_refused_at_once_though_the_lock_is_held(
    engine: Engine,
    new_engine: NewEngine,
    database: RawDatabase,
    clock: FrozenClock,
    draft: str,
    *,
    move: Move,
) -> None:
    """Who is late waits for nobody; that the attempt cannot be kept then changes no answer."""
    with new_engine(lock_timeout_s=0) as hurried:
        with database.locked(), pytest.raises(DatabaseLocked):
            move(hurried, draft)
        clock.move_to(CLOSING)
        with database.locked(), pytest.raises(CallClosed) as unkept:
            move(hurried, draft)
        assert engine.attempts("46/23") == []
        with pytest.raises(CallClosed) as kept:
            move(hurried, draft)
    assert unkept.value.reasons == kept.value.reasons
    assert [attempt.count for attempt in engine.attempts("46/23")] == [1]


def test_an_attempt_that_cannot_be_kept_is_logged(
    new_engine: NewEngine,
    database: RawDatabase,
    clock: FrozenClock,
    draft: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever runs it reads that an attempt is missing from the record, and why."""
    clock.move_to(CLOSING)
    with (
        new_engine(lock_timeout_s=0) as hurried,
        database.locked(),
        caplog.at_level(logging.INFO, "eoi.engine"),
        pytest.raises(CallClosed),
    ):
        hurried.submit(draft, actor=HEAD)
    told = [(record.message, vars(record)["code"], vars(record)["eoi_id"]) for record in caplog.records]
    assert told == [
        ("command.refused", "call-closed", draft),
        ("attempt.not-kept", "database-locked", draft),
    ]


def test_the_refusal_says_when_it_closed_what_the_time_is_and_whom_to_ask(
    engine: Engine, clock: FrozenClock, draft: str
) -> None:
    """A school that submits one second after closing reads all that it needs."""
    clock.move_to(CLOSING + SECOND)
    with pytest.raises(CallClosed) as refused:
        engine.submit(draft, actor=HEAD)
    assert str(refused.value) == (
        "The call closed at 11:59pm on Friday 17 March 2023; "
        "this arrived at 12:00:01am on Saturday 18 March 2023. "
        "If the council is to look at it all the same, write to the call's contact "
        "(Programme Management Team) and say what stood in the way. The attempt is on record."
    )


def test_a_lapsed_eoi_says_that_the_call_has_closed(engine: Engine, clock: FrozenClock, draft: str) -> None:
    """After the close a school hears of the deadline first, not of the state that its draft came to."""
    clock.move_to(CLOSING + 2 * SECOND)
    engine.close_due()
    for move in (MOVES["save"], MOVES["submit"]):
        with pytest.raises(CallClosed) as refused:
            move(engine, draft)
        assert codes(refused) == ["call-closed", "wrong-state"]
        assert refused.value.reasons[0].until == CLOSING


def test_a_replay_ends_with_the_first_answer_after_the_close_too(
    engine: Engine, clock: FrozenClock, draft: str
) -> None:
    """A client that lost the answer and sends again after the deadline learns that it was in time."""
    receipt = engine.submit(draft, actor=HEAD, idempotency_key="k")
    clock.move_to(CLOSING + 2 * SECOND)
    engine.close_due()
    again = engine.submit(draft, actor=HEAD, idempotency_key="k")
    assert (again.at, again.version, again.replayed) == (receipt.at, receipt.version, True)
    assert engine.attempts(draft) == []


def test_a_refusal_leaves_its_key_free(
    engine: Engine, clock: FrozenClock, call: CallView, draft: str
) -> None:
    """A request that was refused too early is carried out later, under the same key."""
    del draft  # It is there: that is why the call cannot be closed early.
    with pytest.raises(Refused) as refused:
        engine.close_call(call.id, actor=officer(), idempotency_key="k")
    assert codes(refused) == ["eois-exist"]
    clock.move_to(CLOSING + 2 * SECOND)
    assert engine.close_call(call.id, actor=officer(), idempotency_key="k").state == "closed"


def test_withdrawing_has_no_deadline(engine: Engine, clock: FrozenClock, call: CallView) -> None:
    """A school may take back what it submitted after the close as before it."""
    first, second = submitted(engine, call.id, HEAD), submitted(engine, call.id, OTHER)
    clock.move_to(CLOSING + SECOND)
    assert engine.withdraw(first, actor=HEAD).state == "withdrawn"
    clock.move_by(seconds=1)
    engine.close_due()
    assert engine.withdraw(second, actor=OTHER).state == "withdrawn"
    assert engine.call(call.id).counts_at_close == {"withdrawn": 1, "submitted": 1}


def test_explain_knows_the_deadline_to_the_microsecond(engine: Engine, draft: str) -> None:
    """A form can tell beforehand until when its button works, as of any instant."""
    found = {
        at: [reason.code for reason in engine.explain(draft, "submit", HEAD, at=at).reasons]
        for at in (CLOSING - TICK, CLOSING, CLOSING + TICK)
    }
    assert found == {CLOSING - TICK: [], CLOSING: ["call-closed"], CLOSING + TICK: ["call-closed"]}
    last = [option.trigger for option in engine.allowed(draft, HEAD, at=CLOSING - TICK) if option.ok]
    then = [option.trigger for option in engine.allowed(draft, HEAD, at=CLOSING) if option.ok]
    assert (last, then) == (["save", "submit", "withdraw"], ["withdraw"])


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_a_door_noted_is_the_arrival(engine: Engine, clock: FrozenClock, draft: str, move: Move) -> None:
    """What came in on time counts, as of then, though the engine was called after the deadline."""
    clock.move_to(CLOSING - TICK)
    arrival = engine.arrival()
    clock.move_to(CLOSING + SECOND)
    assert _ending(lambda: move(engine, draft, arrival=arrival).at) == CLOSING - TICK
    now = engine.arrival()
    assert _ending(lambda: engine.draft("46/23", answers={}, actor=school(3), arrival=now)) == "call-closed"


def test_what_a_door_noted_is_the_arrival_by_the_clock_of_all_nodes(new_engine: NewEngine) -> None:
    """By how long it has waited since: on PostgreSQL, this machine's clock is not asked what time it is."""
    real = new_engine(clock=None)
    call = real.open_call(new_call(closes_on=None, closes_at=real.clock.now() + 60 * SECOND), actor=officer())
    arrival = real.arrival()
    draft = real.draft(call.id, answers={}, actor=HEAD)
    saved = real.save(draft.eoi_id, answers={}, actor=HEAD)
    receipt = real.submit(draft.eoi_id, actor=HEAD, arrival=arrival)
    assert call.opens_at < receipt.at < saved.at
