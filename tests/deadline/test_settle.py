"""The settle time: whoever arrived in time gets through the queue before the call is closed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from tests.databases.lent import Broken, NewEngine
from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from workflow import Engine, Refused
from workflow.testing import FrozenClock, new_call, officer, school

CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
SETTLED = CLOSING + 2 * SECOND
HEAD = school(1)
#: How long a thread may take to get anywhere, in seconds; it takes milliseconds.
PATIENCE_S = 30.0


@pytest.mark.parametrize("settle_s", [0, 0.5, 2, 3600])
def test_a_call_is_closed_at_its_deadline_plus_settle(
    engine: Engine, new_engine: NewEngine, clock: FrozenClock, settle_s: float
) -> None:
    """A microsecond before it a sweep does nothing; at it the call is closed."""
    settling = new_engine(settle_s=settle_s)
    call = engine.open_call(new_call(), actor=officer())
    due = CLOSING + timedelta(seconds=settle_s)
    assert settling.next_due() == due
    clock.move_to(due - TICK)
    assert settling.close_due().closed == ()
    assert settling.call(call.id).state == "open"
    clock.move_to(due)
    (closed,) = settling.close_due().closed
    assert (closed.state, closed.closed_at, settling.next_due()) == ("closed", due, None)
    settling.close()


def test_without_settle_the_deadline_is_both_the_close_and_too_late(
    engine: Engine, new_engine: NewEngine, clock: FrozenClock
) -> None:
    """What arrives at the very instant of the close was late, and not overtaken by it."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    clock.move_to(CLOSING)
    with new_engine(settle_s=0) as hasty:
        assert [each.closed_at for each in hasty.close_due().closed] == [CLOSING]
    with pytest.raises(Refused) as refused:
        engine.submit(draft, actor=HEAD)
    assert [reason.code for reason in refused.value.reasons] == ["call-closed", "wrong-state"]


def test_next_due_is_the_earliest_of_all(engine: Engine, clock: FrozenClock) -> None:
    """Nothing is due without calls; then the earliest of those that are open."""
    assert engine.next_due() is None
    later = engine.open_call(new_call(reference="2"), actor=officer())
    assert engine.next_due() == SETTLED
    sooner = engine.open_call(new_call(reference="1", closes_at=CLOSING - SECOND), actor=officer())
    assert engine.next_due() == SETTLED - SECOND
    engine.extend_call(sooner.id, closes_at=CLOSING + SECOND, actor=officer(), reason="snow")
    assert engine.next_due() == SETTLED
    engine.close_call(later.id, actor=officer())
    assert engine.next_due() == SETTLED + SECOND
    clock.move_to(SETTLED + SECOND)
    engine.close_due()
    assert engine.next_due() is None


def test_while_a_call_settles_nothing_begins_and_nothing_is_reviewed(
    engine: Engine, clock: FrozenClock
) -> None:
    """Between deadline and close the call is open in name only: neither schools nor staff act on it."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    engine.submit(draft, actor=HEAD)
    clock.move_to(SETTLED - TICK)
    found = {}
    for trigger in ("submit", "review"):
        with pytest.raises(Refused) as refused:
            engine.fire(draft, trigger, actor=HEAD if trigger == "submit" else officer())
        found[trigger] = {reason.code for reason in refused.value.reasons}
    assert found == {"submit": {"call-closed", "wrong-state"}, "review": {"call-still-open"}}
    with pytest.raises(Refused) as refused:
        engine.extend_call(call.id, closes_at=SETTLED, actor=officer(), reason="snow")
    assert refused.value.code == "call-closed"


def test_the_old_alarm_after_an_extension_does_nothing(
    engine: Engine, clock: FrozenClock, broken: Broken
) -> None:
    """Whoever was told of the first deadline closes nothing at it; the call goes on to the second."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    first_alarm = engine.next_due()
    assert first_alarm == SETTLED
    engine.extend_call(call.id, closes_at=CLOSING + 3600 * SECOND, actor=officer(), reason="snow")
    clock.move_to(first_alarm)
    report = engine.close_due()
    assert (report.closed, report.lapsed, report.failed) == ((), 0, {})
    assert engine.submit(draft, actor=HEAD).state == "submitted"
    clock.move_to(SETTLED + 3600 * SECOND)
    assert [each.counts for each in engine.close_due().closed] == [{"submitted": 1}]
    assert broken() == []


def test_an_extension_that_is_quicker_than_the_sweep_holds(
    engine: Engine, slow: SlowEngine, clock: FrozenClock
) -> None:
    """A sweep that saw the call due, and then waits for the lock behind its extension, leaves it open."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id

    def meanwhile() -> None:
        clock.move_to(CLOSING - TICK)  # It arrived before the deadline, and waited for the lock since.
        engine.extend_call(call.id, closes_at=CLOSING + 3600 * SECOND, actor=officer(), reason="snow")
        clock.move_to(SETTLED)

    clock.move_to(SETTLED)
    slow.wire.before_lock = meanwhile
    report = slow.close_due()
    assert (report.closed, report.lapsed, report.failed) == ((), 0, {})
    assert (engine.call(call.id).state, engine.get(draft).state) == ("open", "draft")


@pytest.mark.parametrize("commits", [True, False], ids=["commit", "rollback"])
def test_a_close_waits_for_a_hosts_transaction_that_is_in_flight_across_the_deadline(
    engine: Engine,
    slow: SlowEngine,
    clock: FrozenClock,
    broken: Broken,
    database: RawDatabase,
    *,
    commits: bool,
) -> None:
    """A submission in a host's transaction counts if that is committed, however long after the deadline."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    waiting = threading.Event()
    slow.wire.before_lock = waiting.set
    host = database.host()
    with ThreadPoolExecutor() as pool:
        with Session(host) as session:
            clock.move_to(CLOSING - TICK)
            receipt = engine.submit(draft, actor=HEAD, session=session)
            clock.move_to(SETTLED + 3600 * SECOND)
            closing = pool.submit(slow.close_due)
            assert waiting.wait(PATIENCE_S)
            assert engine.call(call.id).state == "open"
            if commits:
                session.commit()
        (closed,) = closing.result(PATIENCE_S).closed
    host.dispose()
    assert receipt.at == CLOSING - TICK
    assert closed.counts_at_close == ({"submitted": 1} if commits else {"lapsed": 1})
    assert broken() == []


def test_a_submission_waits_behind_whoever_holds_the_lock(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, database: RawDatabase
) -> None:
    """With two real connections: it arrived in time, got the lock after the deadline, and counts."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    waiting = threading.Event()
    slow.wire.before_lock = waiting.set
    host = database.host()
    clock.move_to(CLOSING - TICK)
    with ThreadPoolExecutor() as pool:
        with Session(host) as session:
            engine.save(draft, answers={"places": 2}, actor=HEAD, session=session)  # It holds what is needed.
            submitting = pool.submit(slow.submit, draft, actor=HEAD)
            assert waiting.wait(PATIENCE_S)
            clock.move_to(SETTLED - TICK)
            session.commit()
        assert submitting.result(PATIENCE_S).at == CLOSING - TICK
    host.dispose()
    clock.move_to(SETTLED)
    assert [each.counts for each in engine.close_due().closed] == [{"submitted": 1}]
