"""What the close overtook on its way to the lock is told so, kept, and let in by an officer."""

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.deadline.moves import CLOSING, HEAD, MOVES, OTHER, SECOND, TICK, Move
from tests.deadline.wire import SlowEngine
from tests.refusals import codes
from workflow import (
    Actor,
    CallClosed,
    CallView,
    ClosedInFlight,
    Engine,
    NotFound,
    Refused,
    StaleVersion,
)
from workflow.testing import FrozenClock, admin, officer


def overtake(slow: SlowEngine, clock: FrozenClock, engine: Engine) -> None:
    """Let the next command's call be closed between its arrival and its lock."""

    def meanwhile() -> None:
        clock.move_to(CLOSING + 2 * SECOND)
        assert len(engine.close_due().closed) == 1

    slow.wire.before_lock = meanwhile


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_what_the_close_overtook_is_refused_as_such_and_kept(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, draft: str, move: Move
) -> None:
    """One who arrived in time and waited past the close hears so, and the attempt is on record."""
    clock.move_to(CLOSING - TICK)
    overtake(slow, clock, engine)
    with pytest.raises(ClosedInFlight) as refused:
        move(slow, draft)
    assert codes(refused)[0] == "closed-in-flight"
    assert "arrived in time, at 11:59:59pm on Friday 17 March 2023" in str(refused.value)
    (attempt,) = engine.attempts("46/23")
    assert (attempt.code, attempt.count, attempt.first_at) == ("closed-in-flight", 1, CLOSING - TICK)
    assert engine.call("46/23").counts == {"lapsed": 1}


def test_an_officer_lets_in_what_was_overtaken(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, broken: Broken, draft: str
) -> None:
    """Once, with a reason: it then counts as submitted when it arrived, and the closing counts stand."""
    clock.move_to(CLOSING - TICK)
    overtake(slow, clock, engine)
    with pytest.raises(ClosedInFlight):
        slow.submit(draft, actor=HEAD)
    for actor, reason, missing in (
        (officer(), None, "reason-missing"),
        (officer(), "  ", "reason-missing"),
        (admin(), "it was in the queue", "role-missing"),
        (HEAD, "it was in the queue", "role-missing"),
    ):
        with pytest.raises(Refused) as refused:
            engine.fire(draft, "reinstate", actor=actor, reason=reason)
        assert codes(refused) == [missing]
    with pytest.raises(NotFound):
        engine.fire(draft, "reinstate", actor=OTHER, reason="it was in the queue")
    receipt = engine.fire(draft, "reinstate", actor=officer(), reason="it was in the queue")
    assert (receipt.source, receipt.state) == ("lapsed", "submitted")
    assert engine.get(draft).submitted_at == CLOSING - TICK
    now = engine.call("46/23")
    assert (now.counts, now.counts_at_close) == ({"submitted": 1}, {"lapsed": 1})
    with pytest.raises(Refused) as refused:
        engine.fire(draft, "reinstate", actor=officer(), reason="again")
    assert codes(refused) == ["wrong-state"]
    assert broken() == []


def test_what_was_overtaken_is_never_merely_stale(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, draft: str
) -> None:
    """The close makes a new version of each draft; who gave the old one can still be let in afterwards."""
    clock.move_to(CLOSING - TICK)
    overtake(slow, clock, engine)
    with pytest.raises(ClosedInFlight):
        slow.submit(draft, actor=HEAD, expected_version=1)
    with pytest.raises(StaleVersion):
        engine.fire(draft, "reinstate", actor=officer(), reason="queue", expected_version=1)
    receipt = engine.fire(draft, "reinstate", actor=officer(), reason="queue", expected_version=2)
    assert receipt.version == 3


def test_the_earliest_arrival_counts_whoever_was_written_down_first(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, database: RawDatabase, draft: str
) -> None:
    """Of two submissions that the close overtook, the reinstated one is that which arrived first."""
    other = SlowEngine(database, clock)
    overtake(other, clock, engine)

    def meanwhile() -> None:
        clock.move_to(CLOSING - TICK)
        with pytest.raises(ClosedInFlight):
            other.submit(draft, actor=HEAD)

    clock.move_to(CLOSING - SECOND)
    slow.wire.before_lock = meanwhile
    with pytest.raises(ClosedInFlight):
        slow.submit(draft, actor=HEAD)
    other.close()
    (attempt,) = engine.attempts(draft)
    assert (attempt.count, attempt.first_at, attempt.last_at) == (2, CLOSING - SECOND, CLOSING - TICK)
    engine.fire(draft, "reinstate", actor=officer(), reason="queue")
    assert engine.get(draft).submitted_at == CLOSING - SECOND


def test_only_the_school_itself_can_have_been_overtaken(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, draft: str
) -> None:
    """A submission that was nobody's to make is not let in because it came in time."""
    clock.move_to(CLOSING - TICK)
    overtake(slow, clock, engine)
    meddler = Actor("governor", {"officer", "applicant"}, {"URN:2"})
    with pytest.raises(Refused) as refused:
        slow.submit(draft, actor=meddler)
    assert codes(refused)[0] == "not-your-organisation"
    with pytest.raises(Refused) as refused:
        engine.fire(draft, "reinstate", actor=officer(), reason="queue")
    assert codes(refused) == ["not-in-flight"]


def test_what_was_late_is_not_let_in_afterwards(
    engine: Engine, clock: FrozenClock, call: CallView, draft: str
) -> None:
    """Neither what came after the deadline nor what came after the close can be reinstated."""
    clock.move_to(CLOSING)
    with pytest.raises(CallClosed):
        engine.submit(draft, actor=HEAD)
    clock.move_by(seconds=2)
    engine.close_due()
    with pytest.raises(CallClosed):
        engine.submit(draft, actor=HEAD)
    (attempt,) = engine.attempts(draft)
    assert (attempt.code, attempt.count) == ("call-closed", 2)
    with pytest.raises(Refused) as refused:
        engine.fire(draft, "reinstate", actor=officer(), reason="please")
    assert codes(refused) == ["not-in-flight"]
    assert engine.get(draft).state == "lapsed"


def test_what_a_cancelling_overtook_is_not_in_flight(
    engine: Engine, slow: SlowEngine, draft: str, call: CallView
) -> None:
    """A submission that meets a cancelled call hears that, and nothing brings it back."""
    slow.wire.before_lock = lambda: engine.cancel_call(call.id, actor=admin(), reason="no money")
    with pytest.raises(Refused) as refused:
        slow.submit(draft, actor=HEAD, expected_version=1)
    assert codes(refused) == ["call-cancelled", "wrong-state"]
