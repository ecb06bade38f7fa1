"""Every attempt is kept: its number, when, how long, and what came of it."""

from datetime import timedelta
from typing import Any

import pytest

from scheduler.pump import Pump
from tests.outgoing.hand import DOWN, LEASE_S, PARK, A, B, Hand, webhook
from workflow import BadInput, CallView, DeliveryDetail, Engine, NotFound, TryView
from workflow.ports import ANSWER, Delayed, Delivered, Outcome, Undeliverable
from workflow.testing import FrozenClock, RecordingCourier, auditor, officer


@pytest.fixture
def delivery_id(engine: Engine, call: CallView, hand: Hand) -> int:
    """Return the id of a delivery that is due."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1)
    hand.give_back(*hand.claim())
    return engine.deliveries(endpoint=endpoint_id)[0].id


def _numbers(engine: Engine, delivery_id: int) -> list[int]:
    return [each.number for each in engine.delivery(delivery_id).tries]


def test_each_attempt_is_kept_with_all_that_is_known(
    engine: Engine, hand: Hand, delivery_id: int, *, clock: FrozenClock
) -> None:
    """Those that failed as well as the one that arrived, in order."""
    ends = (
        Delayed(why="It is down.", status=503, answer="Sorry."),
        Delayed(why="No answer."),
        Delivered(status=202, answer="thank you"),
    )
    begun = clock.now()
    for each in ends:
        hand.end(each, *hand.claim())
        clock.move_by(minutes=1)
    minute = timedelta(minutes=1)
    seen = engine.delivery(delivery_id, actor=auditor())
    assert seen.tries == (
        TryView(number=1, at=begun, duration_s=0.25, status=503, error="It is down.", answer="Sorry."),
        TryView(number=2, at=begun + minute, duration_s=0.25, status=None, error="No answer.", answer=""),
        TryView(number=3, at=begun + 2 * minute, duration_s=0.25, status=202, error=None, answer="thank you"),
    )
    assert (seen.state, seen.attempts, seen.delivered_at) == ("delivered", 3, begun + 2 * minute)


def test_one_delivery_shows_what_the_list_shows(engine: Engine, hand: Hand, delivery_id: int) -> None:
    """And its attempts besides; none is none."""
    (listed,) = engine.deliveries(state="pending")
    seen = engine.delivery(delivery_id)
    assert seen == DeliveryDetail(
        **{name: getattr(listed, name) for name in listed.__dataclass_fields__}, tries=()
    )


@pytest.mark.parametrize("delivery_id", [0, 10**6])
def test_a_delivery_that_is_not_there_is_not_found(engine: Engine, hand: Hand, delivery_id: int) -> None:
    """However plausible its number."""
    with pytest.raises(NotFound):
        engine.delivery(delivery_id)


def test_what_was_given_back_is_no_attempt(
    engine: Engine, hand: Hand, delivery_id: int, *, clock: FrozenClock
) -> None:
    """It is due as it was, under the number that it had."""
    hand.fail(1)
    before = engine.deliveries()
    for _ in range(3):
        hand.give_back(*hand.claim())
    assert engine.deliveries() == before
    assert _numbers(engine, delivery_id) == [1]
    (delivery,) = hand.claim()
    assert delivery.attempt == 2


def test_after_a_retry_numbers_go_on(engine: Engine, hand: Hand, delivery_id: int) -> None:
    """The gaps begin anew, as for a first attempt; what was tried before is still there to see."""
    hand.fail(1)
    hand.end(PARK, *hand.claim())
    engine.retry(delivery_id, actor=officer())
    (delivery,) = hand.claim()
    assert (delivery.attempt, delivery.earlier_attempts) == (1, 2)
    hand.give_back(delivery)
    hand.fail(1)
    hand.arrive(*hand.claim())
    seen = engine.delivery(delivery_id)
    assert [(each.number, each.status) for each in seen.tries] == [(1, 503), (2, 400), (3, 503), (4, 204)]
    assert seen.attempts == 4


def test_what_is_sent_again_to_one_that_lost_it_keeps_its_attempts(
    engine: Engine, hand: Hand, delivery_id: int, *, clock: FrozenClock
) -> None:
    """It is on its way once more, and no longer said to have arrived."""
    hand.arrive(*hand.claim())
    with pytest.raises(BadInput, match=r"^Say since when"):  # else it would be all that ever arrived
        engine.redrive(delivered=True, actor=officer())
    assert engine.redrive(since=clock.now(), delivered=True, actor=officer()) == 2  # and what went to the log
    again = engine.delivery(delivery_id)
    assert (again.state, again.delivered_at, again.due_at) == ("pending", None, clock.now())
    hand.arrive(*hand.claim())
    assert _numbers(engine, delivery_id) == [1, 2]


def test_an_outcome_that_came_too_late_is_no_attempt_on_record(
    engine: Engine, hand: Hand, delivery_id: int, *, clock: FrozenClock
) -> None:
    """Whoever has it since says what came of it, under a number of their own."""
    (late,) = hand.claim()
    clock.move_by(seconds=LEASE_S)
    (ours,) = hand.claim()
    assert hand.end(DOWN, late) == [False]
    assert hand.arrive(ours) == [True]
    assert _numbers(engine, delivery_id) == [2]


ODD: list[tuple[str, Any, str]] = [
    ("plain", "thank you", "thank you"),
    ("long", "x" * 5000, "x" * ANSWER),
    ("wide", "é" * 5000, "é" * (ANSWER // 2)),
    ("cut in a letter", "x" + "é" * 5000, "x" + "é" * ((ANSWER - 1) // 2)),
    ("nought", "a\0b", "ab"),
    ("half a character", "a\ud800b", "a?b"),
    ("not a text", 7, "7"),
    ("lines", "a\r\nb\t\x1b[0m", "a\r\nb\t\x1b[0m"),
]


@pytest.mark.parametrize(("given", "kept"), [row[1:] for row in ODD], ids=[row[0] for row in ODD])
@pytest.mark.parametrize("kind", [Delivered, Delayed, Undeliverable])
def test_of_an_answer_the_first_kilobyte_is_kept_whatever_it_is(
    engine: Engine, hand: Hand, delivery_id: int, *, kind: Any, given: Any, kept: str
) -> None:
    """What no database stores is left out; a letter is not cut in two."""
    words = {} if kind is Delivered else {"why": given}
    outcome: Outcome = kind(status=200, answer=given, **words)
    Pump(engine.outbox, {"webhook": RecordingCourier(lambda _: outcome)}, clock=engine.clock).once()
    (attempt,) = engine.delivery(delivery_id).tries
    assert (attempt.answer, attempt.status) == (kept, 200)


def test_a_pump_says_when_an_attempt_began_and_how_long_it_took(
    engine: Engine, hand: Hand, delivery_id: int, *, clock: FrozenClock
) -> None:
    """By the clock that everybody goes by: it began at the latest when its end was written down."""
    Pump(engine.outbox, {"webhook": RecordingCourier()}, clock=clock).once()
    (attempt,) = engine.delivery(delivery_id).tries
    assert clock.now() - timedelta(seconds=20) < attempt.at <= clock.now()
    assert 0 <= attempt.duration_s <= (clock.now() - attempt.at).total_seconds() + 0.001


def test_stats_count_what_there_is(
    engine: Engine, call: CallView, hand: Hand, *, delivery_id: int, clock: FrozenClock
) -> None:
    """By endpoint: what waits and since when, what is parked, what arrived and when, and every attempt."""
    endpoint_id, begun = engine.delivery(delivery_id).endpoint, clock.now()
    clock.move_by(hours=1)
    hand.drafts(call.id, 2, 3)
    one, two, three = hand.claim()
    hand.end(DOWN, one)
    hand.end(PARK, two)
    hand.arrive(three)
    (stats,) = [each for each in engine.delivery_stats() if each.endpoint == endpoint_id]
    assert (stats.pending, stats.parked, stats.delivered, stats.attempts) == (1, 1, 1, 3)
    assert (stats.oldest_pending_at, stats.last_delivered_at) == (begun, clock.now())
    assert stats.to_be_made == 0


def test_stats_tell_of_who_has_no_delivery_yet(
    engine: Engine, call: CallView, hand: Hand, clock: FrozenClock
) -> None:
    """An endpoint that is new is there with noughts, and with what happened and is still to be sent to it."""
    every, extended = webhook(engine), webhook(engine, B, events=["call.extended"])
    hand.drafts(call.id, 1, 2)
    later = webhook(engine, events=["eoi.*"])

    def told() -> dict[str, tuple[str, int, int]]:
        return {each.endpoint: (each.url, each.to_be_made, each.pending) for each in engine.delivery_stats()}

    others = {extended: (B, 0, 0), later: (A, 0, 0), "log": ("", 0, 0)}
    assert told() == {every: (A, 2, 0), **others}
    hand.claim()
    assert told() == {every: (A, 0, 2), **others}


def test_stats_tell_of_what_the_log_is_still_to_get(engine: Engine, call: CallView) -> None:
    """Nobody else was there when it happened."""
    assert call.state == "open"
    (stats,) = engine.delivery_stats()
    assert (stats.endpoint, stats.to_be_made, stats.pending) == ("log", 1, 0)
    Hand(engine).deliver_all()
    (stats,) = engine.delivery_stats()
    assert (stats.to_be_made, stats.delivered) == (0, 1)
