"""When and by whom a call is ended, what history says of it, and what stands afterwards."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.databases.lent import Broken, NewEngine
from tests.deadline.wire import SlowEngine
from workflow import CallClosed, CallView, Engine, Refused
from workflow.testing import (
    FrozenClock,
    admin,
    decider,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
SETTLED = CLOSING + timedelta(seconds=2)
MONDAY = datetime(2023, 3, 20, 9, tzinfo=UTC)
HEAD = school(1)


def open_call(engine: Engine, reference: str = "46/23") -> CallView:
    """Open a call by the real sheet's deadline."""
    return engine.open_call(new_call(reference=reference), actor=officer())


def test_a_clock_that_is_set_back_closes_no_call_before_its_deadline(
    engine: Engine, slow: SlowEngine, clock: FrozenClock
) -> None:
    """A sweep that was due stays due while it waits for the lock; the call is not said to be closed early."""
    call = open_call(engine)
    clock.move_to(SETTLED)
    slow.wire.before_lock = lambda: clock.move_to(NOON)
    (closed,) = slow.close_due().closed
    assert closed.closed_at == SETTLED
    clock.move_to(SETTLED)
    with pytest.raises(CallClosed, match="The call closed at 11:59pm on Friday 17 March 2023"):
        engine.draft(call.id, answers={}, actor=HEAD)


def test_what_fell_due_while_nothing_ran_is_closed_at_the_next_start(
    engine: Engine, clock: FrozenClock, new_engine: NewEngine
) -> None:
    """History then says both when it was to close and when it did; the deadline itself has not moved."""
    call = open_call(engine)
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    engine.close()
    clock.move_to(MONDAY)
    with new_engine() as started, pytest.raises(CallClosed):
        started.submit(draft, actor=HEAD)
    with new_engine() as started:
        (closed,) = started.close_due().closed
        assert (closed.closes_at, closed.closed_at) == (CLOSING, MONDAY)
        for subject in (call.id, draft):
            last = started.history(subject)[-1]
            assert (last.at, last.recorded_at, last.actor, last.via) == (CLOSING, MONDAY, "system", "sweep")


def test_an_officer_closes_early_only_while_nobody_has_begun(
    engine: Engine, clock: FrozenClock, broken: Broken
) -> None:
    """A call without any EOI may be closed before its time; one withdrawn EOI is enough to keep it open."""
    call, begun = open_call(engine), open_call(engine, "begun")
    engine.withdraw(engine.draft(begun.id, answers={}, actor=HEAD).eoi_id, actor=HEAD)
    for actor in (admin(), reviewer(), HEAD):
        with pytest.raises(Refused) as refused:
            engine.close_call(call.id, actor=actor)
        assert refused.value.code == "role-missing"
    with pytest.raises(Refused) as refused:
        engine.close_call(begun.id, actor=officer())
    assert [reason.code for reason in refused.value.reasons] == ["eois-exist"]
    early = engine.close_call(call.id, actor=officer())
    assert (early.state, early.closed_at, early.counts_at_close) == ("closed", NOON, {})
    assert [(row.at, row.recorded_at) for row in engine.history(call.id)] == [(NOON, NOON)] * 2
    with pytest.raises(CallClosed, match="The call was closed early, at noon on Thursday 16 March 2023"):
        engine.draft(call.id, answers={}, actor=HEAD)
    clock.move_to(SETTLED)
    assert [each.id for each in engine.close_due().closed] == [begun.id]
    assert broken() == []


def test_an_officer_may_close_by_hand_what_is_due(engine: Engine, clock: FrozenClock) -> None:
    """Where no scheduler runs an officer closes it, from the settled deadline on, as of the deadline."""
    call = open_call(engine)
    draft = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    clock.move_to(SETTLED - timedelta(microseconds=1))
    with pytest.raises(Refused) as refused:
        engine.close_call(call.id, actor=officer())
    assert refused.value.code == "closing-not-due"
    clock.move_to(SETTLED)
    assert engine.close_call(call.id, actor=officer()).counts_at_close == {"lapsed": 1}
    last = engine.history(draft)[-1]
    assert (last.trigger, last.actor, last.at) == ("lapse", "programme.team", CLOSING)


def test_the_counts_at_close_stand_whatever_comes_later(
    engine: Engine, clock: FrozenClock, broken: Broken
) -> None:
    """Reviews, decisions and a late withdrawal change the counts of now, and never those of the close."""
    call = open_call(engine)
    eois = [submitted(engine, call.id, school(number)) for number in range(4)]
    engine.draft(call.id, answers={}, actor=school(9))
    clock.move_to(SETTLED)
    engine.close_due()
    for eoi in eois[:3]:
        engine.review(eoi, actor=reviewer())
    engine.approve(eois[0], actor=decider(), reason="near the station")
    engine.decline(eois[1], actor=decider(), reason="no room")
    engine.withdraw(eois[3], actor=school(3))
    found = engine.call(call.id)
    assert found.counts_at_close == {"submitted": 4, "lapsed": 1}
    assert found.counts == {"approved": 1, "declined": 1, "reviewed": 1, "withdrawn": 1, "lapsed": 1}
    engine.cancel_call(call.id, actor=admin(), reason="no money")
    found = engine.call(call.id)
    assert found.counts_at_close == {"submitted": 4, "lapsed": 1}
    assert found.counts == {"approved": 1, "declined": 1, "cancelled": 1, "withdrawn": 1, "lapsed": 1}
    assert broken() == []


def test_cancelling_an_open_call_takes_what_is_live_with_it(engine: Engine, broken: Broken) -> None:
    """Drafts and submissions are cancelled with the admin's reason; what was withdrawn stays withdrawn."""
    call = open_call(engine)
    draft = engine.draft(call.id, answers={}, actor=school(1)).eoi_id
    submission = submitted(engine, call.id, school(2))
    withdrawn = submitted(engine, call.id, school(3))
    engine.withdraw(withdrawn, actor=school(3))
    before = engine.history(withdrawn)
    engine.cancel_call(call.id, actor=admin(), reason="no money")
    for eoi, source in ((draft, "draft"), (submission, "submitted")):
        last = engine.history(eoi)[-1]
        assert (last.trigger, last.source, last.target, last.actor, last.reason) == (
            "cancel",
            source,
            "cancelled",
            "admin-1",
            "no money",
        )
    assert engine.history(withdrawn) == before
    assert engine.next_due() is None
    assert broken() == []
