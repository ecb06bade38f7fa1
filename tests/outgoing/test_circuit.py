"""An endpoint that is not well: it rests, one delivery at a time tries it, and patience has an end."""

from concurrent.futures import Future
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from tests.outgoing.hand import DOWN, LEASE_S, NOT_THIS, PARK, REST_S, A, B, Hand, told, webhook
from workflow import CallView, Engine
from workflow.ports import Delayed, Delivery, Undeliverable
from workflow.testing import FrozenClock, officer

SIX = (1, 2, 3, 4, 5, 6)
PATIENCE = timedelta(hours=75)


@pytest.fixture
def endpoint_id(engine: Engine, call: CallView, hand: Hand) -> str:
    """Return an endpoint for which six events of six EOIs are due."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, *SIX)
    return endpoint_id


def test_after_five_failures_nothing_is_claimed_while_it_rests(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """Four are no reason; the fifth opens the circuit, and then everything that is due waits."""
    hand.fail(4)
    seen = engine.endpoint(endpoint_id)
    assert (seen.failures, seen.failing_since, seen.rest_until) == (4, clock.now(), None)
    hand.fail(1)
    rest_until = clock.now() + timedelta(seconds=REST_S)
    assert engine.endpoint(endpoint_id).rest_until == rest_until
    clock.move_to(rest_until - timedelta(microseconds=1))
    assert hand.claim() == []
    clock.move_to(rest_until)
    assert len(hand.claim()) == 1


def test_failures_count_however_many_are_written_down_at_once(
    engine: Engine, hand: Hand, endpoint_id: str
) -> None:
    """Five that were on their way together open it as five in a row do."""
    taken = hand.claim()
    hand.end(DOWN, *taken[:5])
    hand.give_back(*taken[5:])
    assert engine.endpoint(endpoint_id).failures == 5
    assert hand.claim() == []


@pytest.mark.parametrize("outcome", [NOT_THIS, PARK], ids=["not this one", "parked"])
def test_what_is_wrong_with_one_event_is_no_failure_of_the_receiver(
    engine: Engine, hand: Hand, endpoint_id: str, *, outcome: Delayed | Undeliverable
) -> None:
    """It answered: so it is there, and whatever failed before that is over."""
    hand.fail(4)
    hand.end(outcome, *hand.claim())
    seen = engine.endpoint(endpoint_id)
    assert (seen.failures, seen.failing_since, seen.rest_until) == (0, None, None)


def test_what_was_never_sent_shows_no_receiver_well(engine: Engine, hand: Hand, endpoint_id: str) -> None:
    """An address that cannot be used is parked before anybody is asked; what failed before still counts."""
    hand.fail(4)
    (delivery,) = hand.claim(limit=1)
    hand.end(Undeliverable(why="Its URL may not be gone to."), delivery)
    assert engine.endpoint(endpoint_id).failures == 4


def test_a_receiver_that_asks_for_time_gets_it_from_all_that_waits(
    engine: Engine, call: CallView, hand: Hand, *, endpoint_id: str, clock: FrozenClock
) -> None:
    """The longest counts, though no longer than is honoured; whatever else was on its way changes nothing."""
    first, second, *others = hand.claim()
    hand.end(replace(DOWN, status=429, retry_after_s=40.0), first, again_s=40.0)
    hand.end(replace(DOWN, status=429, retry_after_s=10.0), second, again_s=10.0)
    hand.give_back(*others)
    rest_until = clock.now() + timedelta(seconds=40)
    assert engine.endpoint(endpoint_id).rest_until == rest_until
    clock.move_to(rest_until - timedelta(microseconds=1))
    assert hand.claim() == []
    clock.move_to(rest_until)
    (third, *others) = hand.claim()
    assert len(others) == 5
    hand.end(replace(DOWN, status=503, retry_after_s=1e9), third, again_s=3600.0)
    assert engine.endpoint(endpoint_id).rest_until == clock.now() + timedelta(hours=1)
    asked_until = clock.now() + timedelta(hours=1)
    hand.arrive(others[0])
    hand.end(DOWN, *others[1:])
    assert engine.endpoint(endpoint_id).failures == 4
    assert engine.endpoint(endpoint_id).rest_until == asked_until
    hand.drafts(call.id, 7)
    assert hand.claim() == []


def test_what_still_arrives_does_not_cut_short_what_a_receiver_has_asked_for(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """Five were told to come again in an hour, which opened the circuit; a sixth was slower, and arrives."""
    *asked, slow = hand.claim()
    hand.end(replace(DOWN, status=429, retry_after_s=3600.0), *asked, again_s=3600.0)
    hand.arrive(slow)
    rest_until = clock.now() + timedelta(hours=1)
    seen = engine.endpoint(endpoint_id)
    assert (seen.failures, seen.failing_since, seen.rest_until) == (0, None, rest_until)
    clock.move_to(rest_until)
    assert len(hand.claim()) == 5


def test_what_was_given_back_untried_is_no_failure(engine: Engine, hand: Hand, endpoint_id: str) -> None:
    """Nor does it make an endpoint well that has failed before."""
    hand.fail(4)
    for _ in range(3):
        hand.give_back(*hand.claim())
    assert engine.endpoint(endpoint_id).failures == 4
    hand.fail(1)
    rest_until = engine.endpoint(endpoint_id).rest_until
    assert (rest_until is None, hand.claim()) == (False, [])


def test_one_delivery_at_a_time_tries_it(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """While it is on its way nothing else is sent there; when it fails the endpoint rests again."""
    hand.fail(5)
    clock.move_by(seconds=REST_S)
    probes = hand.claim()
    assert (len(probes), hand.claim()) == (1, [])
    hand.end(DOWN, *probes)
    assert hand.claim() == []
    clock.move_by(seconds=REST_S)
    assert len(hand.claim()) == 1
    assert engine.endpoint(endpoint_id).failures == 6


def test_a_probe_whose_pump_died_is_followed_by_another(
    hand: Hand, endpoint_id: str, clock: FrozenClock
) -> None:
    """Its lease ends by itself."""
    hand.fail(5)
    clock.move_by(seconds=REST_S)
    hand.claim()
    clock.move_by(seconds=LEASE_S)
    assert len(hand.claim()) == 1


def test_two_pumps_that_claim_at_once_send_one_probe(
    hand: Hand, endpoint_id: str, database: RawDatabase, *, clock: FrozenClock, nodes: Nodes
) -> None:
    """Though the other one looks before the first has written down what it takes."""
    hand.fail(5)
    clock.move_by(seconds=REST_S)
    now, others = clock.now(), list[Future[list[Delivery]]]()
    with SlowEngine(database, clock) as slow:
        slow.wire.before_commit = lambda: others.append(
            nodes.start(lambda node: node.outbox.claim(now, limit=9, lease_s=LEASE_S))
        )
        ours = Hand(slow).claim()
    assert len([*ours, *others[0].result()]) == 1


@pytest.mark.parametrize("ends", [None, DOWN], ids=["is on its way", "has failed"])
def test_a_pump_that_was_slow_to_take_a_probe_sees_that_another_one_has(
    hand: Hand, endpoint_id: str, database: RawDatabase, *, clock: FrozenClock, ends: Delayed | None
) -> None:
    """Between its look and its claim: that probe is on its way, or the endpoint rests again."""
    hand.fail(5)
    clock.move_by(seconds=REST_S)
    taken = list[Delivery]()

    def hear(statement: str) -> None:
        if statement.startswith("BEGIN") and not taken:
            taken.extend(hand.claim())
            if ends is not None:
                hand.end(ends, *taken)

    host = database.host(hear=hear)
    late = Hand(Engine(host, clock=clock)).claim()
    host.dispose()
    assert (len(taken), late) == (1, [])


def test_the_first_one_that_arrives_closes_the_circuit(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """All the others go at once, and failures are counted from the beginning."""
    hand.fail(5)
    clock.move_by(seconds=REST_S)
    hand.arrive(*hand.claim())
    seen = engine.endpoint(endpoint_id)
    assert (seen.failures, seen.failing_since, seen.rest_until) == (0, None, None)
    assert len(hand.claim()) == 5


def test_enabling_closes_the_circuit(engine: Engine, hand: Hand, endpoint_id: str) -> None:
    """Who says that it is well again need not wait for its rest to end."""
    hand.fail(5)
    engine.enable_endpoint(endpoint_id, actor=officer())
    assert len(hand.claim()) == 6


def test_a_circuit_that_is_open_leaves_others_alone(
    engine: Engine, call: CallView, hand: Hand, *, endpoint_id: str
) -> None:
    """Another receiver gets all of its own meanwhile."""
    hand.fail(5)
    other = webhook(engine, B)
    hand.drafts(call.id, 7, 8)
    assert hand.deliver_all() == [(B, "eoi.drafted")] * 2
    assert engine.endpoint(other).failures == 0
    assert engine.endpoint(endpoint_id).failures == 5


def _fails_since(hand: Hand, clock: FrozenClock) -> None:
    """Let the endpoint fail, the next of its probes being due just when patience ends."""
    hand.fail(5)
    clock.move_by(seconds=PATIENCE.total_seconds())


def test_what_has_waited_for_75_hours_of_failures_is_parked(
    engine: Engine, call: CallView, hand: Hand, *, endpoint_id: str, clock: FrozenClock
) -> None:
    """With the reason; what happened later waits on, and is tried when the rest is over."""
    since = clock.now()
    _fails_since(hand, clock)
    hand.drafts(call.id, 7)
    (probe,) = hand.claim(limit=1)
    hand.end(DOWN, probe)
    parked = engine.deliveries(state="parked")
    assert len(parked) == len(SIX)
    words = f"Its endpoint has failed without a break since {since:%Y-%m-%d %H:%M} UTC, 6 times."
    assert {(each.endpoint, each.last_error) for each in parked} == {(endpoint_id, words)}
    clock.move_by(seconds=REST_S)
    (younger,) = hand.claim()
    assert younger.event.applicant == "URN:7"


def test_a_microsecond_short_of_75_hours_everything_waits_on(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """Nothing is given up before that."""
    _fails_since(hand, clock)
    clock.move_by(microseconds=-1)
    hand.fail(1)
    assert engine.deliveries(state="parked") == []


def test_one_arrival_in_75_hours_begins_patience_anew(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """Without a break means without a break."""
    hand.fail(5)
    clock.move_by(hours=74)
    hand.arrive(*hand.claim())
    hand.fail(5)
    clock.move_by(hours=2)
    hand.fail(1)
    assert engine.deliveries(state="parked") == []
    assert engine.endpoint(endpoint_id).failures == 6


def test_one_endpoint_that_is_given_up_parks_nothing_of_another(
    engine: Engine, call: CallView, hand: Hand, *, endpoint_id: str, clock: FrozenClock
) -> None:
    """What has waited as long for one that is merely disabled waits on."""
    other = webhook(engine, B)
    hand.drafts(call.id, 7)
    engine.disable_endpoint(other, actor=officer())
    _fails_since(hand, clock)
    hand.fail(1)
    assert {each.endpoint for each in engine.deliveries(state="parked")} == {endpoint_id}
    engine.enable_endpoint(other, actor=officer())
    assert hand.deliver_all() == [(B, "eoi.drafted")]


def test_what_was_given_up_comes_back_when_a_person_says_so(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """In its order, once the receiver is well: enabled, redriven, delivered."""
    _fails_since(hand, clock)
    hand.fail(1)
    engine.enable_endpoint(endpoint_id, actor=officer())
    assert hand.claim() == []
    assert engine.redrive(actor=officer(), endpoint=endpoint_id) == len(SIX)
    assert told(hand.claim()) == [(A, "eoi.drafted")] * len(SIX)


def test_what_is_sent_again_to_one_that_is_not_well_goes_out_behind_one_probe(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """Where nobody has said that it is well again, it has to show it; all the others follow then."""
    _fails_since(hand, clock)
    hand.fail(1)
    engine.redrive(actor=officer())
    assert hand.claim() == []
    clock.move_by(seconds=REST_S)
    probes = hand.claim()
    assert len(probes) == 1
    hand.arrive(*probes)
    assert len(hand.claim()) == len(SIX) - 1


def test_what_is_sent_again_is_given_the_whole_time_again(
    engine: Engine, hand: Hand, endpoint_id: str, *, clock: FrozenClock
) -> None:
    """One more failure parks none of it; 75 hours of them do."""
    _fails_since(hand, clock)
    hand.fail(1)
    assert engine.redrive(actor=officer()) == len(SIX)
    clock.move_by(seconds=PATIENCE.total_seconds() - 1)
    hand.fail(1)
    assert engine.deliveries(state="parked") == []
    clock.move_by(seconds=REST_S)
    hand.fail(1)
    assert len(engine.deliveries(state="parked")) == len(SIX)
