"""What was delivered long ago is forgotten; what happened never is."""

from datetime import timedelta

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.outgoing.hand import DOWN, PARK, A, B, Hand, webhook
from workflow import BadInput, CallView, Engine, NotFound
from workflow.ports import Delivered, Undeliverable
from workflow.testing import FrozenClock, officer

KEEP_DAYS = 30


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine that keeps what was delivered for thirty days."""
    return new_engine(keep_deliveries_days=KEEP_DAYS)


def _tries(database: RawDatabase) -> list[tuple[int, ...]]:
    return database.ask("SELECT delivery_id, number FROM eoi_try ORDER BY delivery_id, number")


def test_what_was_delivered_is_forgotten_when_its_time_is_over_and_not_before(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock, database: RawDatabase
) -> None:
    """With every attempt; the event stays in the feed, and the books agree."""
    webhook(engine)
    hand.drafts(call.id, 1)
    hand.fail(1)
    hand.arrive(*hand.claim())
    events = engine.events().items
    clock.move_by(days=KEEP_DAYS, microseconds=-1)
    assert engine.forget_deliveries() == 0
    assert [number for _, number in _tries(database)] == [1, 1, 2]
    clock.move_by(microseconds=1)
    assert engine.forget_deliveries() == 2
    assert (engine.deliveries(), _tries(database)) == ([], [])
    assert engine.events().items == events
    assert engine.forget_deliveries() == 0
    assert engine.check() == []


def test_what_waits_or_is_parked_is_kept_however_old(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock, database: RawDatabase
) -> None:
    """Somebody is to get it still, or to look at it; also where only the log would have had it."""
    hand.drafts(call.id, 9)
    hand.end(PARK, *hand.claim())
    webhook(engine)
    hand.drafts(call.id, 1, 2, 3)
    waits, parked, arrived = hand.claim()
    hand.end(DOWN, waits)
    hand.end(PARK, parked)
    hand.arrive(arrived)
    clock.move_by(days=10 * KEEP_DAYS)
    assert engine.forget_deliveries() == 2
    assert sorted(each.state for each in engine.deliveries()) == ["parked", "parked", "pending"]
    with pytest.raises(NotFound):
        engine.delivery(arrived.id)
    assert len(_tries(database)) == 3
    assert engine.check() == []


def test_what_is_parked_for_a_receiver_that_is_gone_is_forgotten(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Nobody can send it any more; what is parked for one that is there is kept."""
    gone, kept = webhook(engine), webhook(engine, B)
    hand.drafts(call.id, 1, 2)
    hand.end(PARK, *(each for each in hand.claim() if each.address == B or each.event.applicant == "URN:1"))
    engine.remove_endpoint(gone, actor=officer())
    clock.move_by(days=KEEP_DAYS, microseconds=-1)
    assert engine.forget_deliveries() == 0
    clock.move_by(microseconds=1)
    assert engine.forget_deliveries() == 3
    assert [(each.endpoint, each.state) for each in engine.deliveries()] == [(kept, "parked")] * 2
    assert engine.check() == []


def test_what_is_sent_again_is_kept_from_then_on(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """It has not arrived until it has arrived."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1)
    begun = clock.now()
    hand.deliver_all()
    clock.move_by(days=KEEP_DAYS)
    engine.redrive(since=begun, endpoint=endpoint_id, delivered=True, actor=officer())
    assert engine.forget_deliveries() == 1  # what went to the log
    assert hand.deliver_all() == [(A, "eoi.drafted")]
    clock.move_by(days=1)
    assert engine.forget_deliveries() == 0
    assert [each.delivered_at for each in engine.deliveries()] == [begun + timedelta(days=KEEP_DAYS)]


def test_who_keeps_nothing_forgets_at_once(new_engine: NewEngine, call: CallView) -> None:
    """Nought days are no time at all; the feed has it still."""
    engine = new_engine(keep_deliveries_days=0)
    Hand(engine).deliver_all()
    assert (engine.forget_deliveries(), engine.deliveries()) == (1, [])
    assert len(engine.events()) == 1


@pytest.mark.parametrize("days", [-1, float("nan"), "30", None, 36501])
def test_a_time_that_is_none_is_refused(new_engine: NewEngine, days: object) -> None:
    """Before anything is forgotten by mistake."""
    with pytest.raises(BadInput) as refused:
        new_engine(keep_deliveries_days=days)
    assert refused.value.field == "keep_deliveries_days"


def test_what_cannot_be_sent_again_is_only_what_is_gone(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Forgotten deliveries are no business of a redrive; the rest of it comes back."""
    webhook(engine)
    begun = clock.now()
    hand.drafts(call.id, 1)
    hand.deliver_all()
    clock.move_by(days=KEEP_DAYS)
    engine.forget_deliveries()
    hand.drafts(call.id, 2)
    hand.end(Undeliverable(why="no"), *hand.claim())
    assert engine.redrive(since=begun, delivered=True, actor=officer()) == 1
    hand.end(Delivered(), *hand.claim())
    assert [each.state for each in engine.deliveries()] == ["delivered"]
