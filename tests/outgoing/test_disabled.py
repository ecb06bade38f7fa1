"""Endpoints that get nothing for a while, nothing more, or are gone."""

from datetime import timedelta

import pytest

from tests.outgoing.hand import DOWN, GONE, A, B, Hand, told, webhook
from workflow import CallView, Engine, NobodyToTell, NotFound
from workflow.testing import FrozenClock, admin, officer, school


def _states(engine: Engine, endpoint_id: str) -> list[tuple[str, str]]:
    """Return state and type of each delivery for an endpoint, the oldest first."""
    return [(each.state, each.type) for each in engine.deliveries(endpoint=endpoint_id)][::-1]


def test_what_happens_while_it_is_disabled_is_sent_in_order_afterwards(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Nothing goes there, nothing is lost, and the other one gets its own meanwhile."""
    disabled = webhook(engine)
    (eoi_id,) = hand.drafts(call.id, 1)
    engine.disable_endpoint(disabled, actor=officer(), reason="They move house.")
    webhook(engine, B)
    engine.submit(eoi_id, actor=school(1))
    assert hand.deliver_all() == [(B, "eoi.submitted")]
    clock.move_by(days=30)
    assert hand.claim() == []
    assert _states(engine, disabled) == [("pending", "eoi.drafted"), ("pending", "eoi.submitted")]
    engine.enable_endpoint(disabled, actor=admin())
    assert hand.deliver_all() == [(A, "eoi.drafted"), (A, "eoi.submitted")]


def test_it_is_seen_since_when_and_why_it_is_disabled(engine: Engine, clock: FrozenClock) -> None:
    """The first instant and reason stay; enabling takes them away, and may be said twice."""
    endpoint_id, begun = webhook(engine), clock.now()
    first = engine.disable_endpoint(endpoint_id, actor=officer(), reason=" They move house. ")
    clock.move_by(hours=1)
    again = engine.disable_endpoint(endpoint_id, actor=admin(), reason="Again.")
    assert first == again == engine.endpoint(endpoint_id)
    assert (first.disabled_at, first.disabled_why) == (begun, "They move house.")
    for _ in range(2):
        enabled = engine.enable_endpoint(endpoint_id, actor=officer())
        assert (enabled.disabled_at, enabled.disabled_why) == (None, None)
    assert engine.disable_endpoint(endpoint_id, actor=officer()).disabled_why == "Disabled by hand."


def test_what_is_on_its_way_when_it_is_disabled_may_still_arrive(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """What has been sent has been sent, and is not sent again."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1)
    (delivery,) = hand.claim()
    engine.disable_endpoint(endpoint_id, actor=officer())
    assert hand.arrive(delivery) == [True]
    engine.enable_endpoint(endpoint_id, actor=officer())
    assert hand.deliver_all() == []


def test_a_receiver_that_wants_nothing_more_is_disabled(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """The one that it refused is parked; what waits is kept until somebody has looked."""
    gone = webhook(engine)
    (eoi_id, _) = hand.drafts(call.id, 1, 2)
    engine.submit(eoi_id, actor=school(1))
    (first, _) = taken = hand.claim()
    assert told(taken) == [(A, "eoi.drafted"), (A, "eoi.drafted")]
    assert hand.end(GONE, first) == [True]
    seen = engine.endpoint(gone)
    assert (seen.disabled_at, seen.disabled_why) == (clock.now(), "It wants no more.")
    assert [each for each in _states(engine, gone) if each[0] == "parked"] == [("parked", "eoi.drafted")]
    clock.move_by(days=1)
    assert hand.claim() == []
    engine.enable_endpoint(gone, actor=officer())
    assert sorted(hand.deliver_all()) == [(A, "eoi.drafted"), (A, "eoi.submitted")]


def test_two_answers_at_once_of_which_one_is_gone_disable_it(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """That something else arrived in the same moment changes nothing."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1, 2, 3)
    one, two, three = hand.claim()
    hand.arrive(one)
    hand.end(GONE, two)
    hand.arrive(three)
    assert engine.endpoint(endpoint_id).disabled_at is not None


def test_what_waits_for_a_receiver_that_is_removed_is_parked(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """Also what is on its way, whose outcome is of no interest any more; others go on."""
    removed = webhook(engine)
    webhook(engine, B)
    hand.drafts(call.id, 1, 2)
    under_way = [each for each in hand.claim() if each.address == A][:1]
    before = engine.endpoint(removed)
    assert engine.remove_endpoint(removed, actor=officer()) == before
    assert hand.arrive(*under_way) == [False]
    assert _states(engine, removed) == [("parked", "eoi.drafted")] * 2
    parked = engine.deliveries(endpoint=removed)
    assert {each.last_error for each in parked} == {"Its endpoint was removed."}
    assert [each.url for each in engine.endpoints()] == [B]
    with pytest.raises(NotFound):
        engine.endpoint(removed)


def test_what_has_no_delivery_yet_is_parked_for_a_receiver_that_is_removed(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """It happened while the receiver was there, and no pump has looked since: it is not lost unsaid."""
    removed = webhook(engine)
    hand.drafts(call.id, 1, 2)
    assert engine.deliveries(endpoint=removed) == []
    engine.remove_endpoint(removed, actor=officer())
    assert _states(engine, removed) == [("parked", "eoi.drafted")] * 2
    assert hand.claim() == []


def test_what_was_parked_for_a_receiver_that_is_gone_stays_so(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """Put back into a line that nobody serves, it would wait for ever, and health would tell of it."""
    removed = webhook(engine)
    hand.drafts(call.id, 1)
    hand.claim()
    engine.remove_endpoint(removed, actor=officer())
    (parked,) = engine.deliveries(endpoint=removed)
    assert engine.retry(actor=officer()) == 0
    assert engine.redrive(actor=officer(), endpoint=removed) == 0
    with pytest.raises(NobodyToTell, match="its endpoint was removed"):
        engine.retry(parked.id, actor=officer())
    assert engine.deliveries(endpoint=removed) == [parked]
    assert engine.outbox.oldest_waiting() is None


def test_health_tells_of_no_endpoint_that_is_disabled(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Somebody has decided that it waits; what waits for another one is told of still."""
    first = webhook(engine)
    begun = clock.now()
    hand.drafts(call.id, 1)
    taken = hand.claim()
    clock.move_by(hours=1)
    webhook(engine, B)
    hand.drafts(call.id, 2)
    assert engine.outbox.oldest_waiting() == begun
    engine.disable_endpoint(first, actor=officer())
    assert engine.outbox.oldest_waiting() == begun + timedelta(hours=1)
    hand.claim()
    hand.end(DOWN, *taken)
    assert engine.outbox.oldest_waiting() == begun + timedelta(hours=1)
    hand.deliver_all()
    engine.enable_endpoint(first, actor=officer())
    assert engine.outbox.oldest_waiting() == begun


def test_an_event_that_no_pump_has_looked_at_waits_too(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Whoever it is for: nobody has decided about it yet."""
    engine.disable_endpoint(webhook(engine), actor=officer())
    hand.drafts(call.id, 1)
    assert engine.outbox.oldest_waiting() == clock.now()
    assert hand.claim() == []
    assert engine.outbox.oldest_waiting() is None
