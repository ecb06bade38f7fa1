"""Order: of one EOI or call, to one recipient of one endpoint, one goes after the other."""

from datetime import timedelta

import pytest

from tests.outgoing.hand import DOWN, PARK, A, B, Hand, to_people, told, webhook
from workflow import CallView, Contact, Engine
from workflow.testing import FrozenClock, officer, school


@pytest.fixture
def submitted(engine: Engine, call: CallView, hand: Hand) -> tuple[str, str]:
    """Return an endpoint that keeps order and one that does not; an EOI was drafted and submitted."""
    ids = webhook(engine), webhook(engine, B, ordered=False)
    (eoi_id,) = hand.drafts(call.id, 1)
    engine.submit(eoi_id, actor=school(1))
    return ids


def test_an_endpoint_that_keeps_no_order_gets_all_at_once(hand: Hand, submitted: tuple[str, str]) -> None:
    """The other one waits for what it was sent to arrive."""
    assert sorted(told(hand.claim())) == [(A, "eoi.drafted"), (B, "eoi.drafted"), (B, "eoi.submitted")]


def test_what_was_given_back_or_failed_holds_its_line(
    hand: Hand, submitted: tuple[str, str], clock: FrozenClock
) -> None:
    """Until it has arrived, whatever becomes of it meanwhile."""
    hand.arrive(*(each for each in hand.claim() if each.address == B))
    clock.move_by(seconds=60)
    for end in (hand.give_back, lambda each: hand.end(DOWN, each)):
        (delivery,) = hand.claim()
        assert told([delivery]) == [(A, "eoi.drafted")]
        end(delivery)
    assert hand.deliver_all() == [(A, "eoi.drafted"), (A, "eoi.submitted")]


def test_parking_releases_the_line(hand: Hand, submitted: tuple[str, str]) -> None:
    """What a person must look at holds nobody up."""
    hand.end(PARK, *hand.claim())
    assert told(hand.claim()) == [(A, "eoi.submitted")]


@pytest.fixture
def two_people(engine: Engine, call: CallView, hand: Hand) -> None:
    """Put two people on the list of whom a call concerns, and let a call happen to them twice."""
    people = [Contact(organisation=f"URN:{n}", address=f"{n}@school.example") for n in (1, 2)]
    engine.put_contacts("schools", people, actor=officer())
    to_people(engine, "audience")
    for days in (1, 2):
        later = call.closes_at + timedelta(days=days)
        engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")


def test_two_recipients_of_one_call_do_not_hold_each_other_up(hand: Hand, two_people: None) -> None:
    """One mailbox that takes nothing keeps its own letters waiting, and nobody else's."""
    first = {each.address: each for each in hand.claim()}
    assert set(first) == {"1@school.example", "2@school.example"}
    hand.arrive(first["2@school.example"])
    assert [(each.address, each.event.version) for each in hand.claim()] == [("2@school.example", 3)]


def test_each_recipient_is_told_in_order(hand: Hand, two_people: None) -> None:
    """Of one call, the later news comes after the earlier."""
    versions = dict[str, list[int]]()
    while taken := hand.claim():
        for each in taken:
            versions.setdefault(each.address, []).append(each.event.version)
        hand.arrive(*taken)
    assert versions == {"1@school.example": [2, 3], "2@school.example": [2, 3]}


def test_one_person_told_by_two_endpoints_is_told_by_each(engine: Engine, call: CallView, hand: Hand) -> None:
    """A line is an endpoint's own: one that is down holds up nothing of another one's."""
    for _ in range(2):
        to_people(engine, "clerk@council.example")
    (eoi_id,) = hand.drafts(call.id, 1)
    engine.submit(eoi_id, actor=school(1))
    one, two = hand.claim()
    hand.arrive(one)
    (following,) = hand.claim()
    assert (following.endpoint_id, following.event.type) == (one.endpoint_id, "eoi.submitted")
    assert two.event.type == "eoi.drafted"
