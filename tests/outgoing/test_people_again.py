"""What is sent again to people: to who is there still, to who is there now, to nobody who is gone."""

import pytest

from tests.outgoing.hand import PARK, A, Hand, to_people, webhook
from workflow import BadInput, CallView, Contact, Engine, NobodyToTell, NotFound
from workflow.testing import FrozenClock, admin, officer, school

HEAD, OFFICE, OTHER = (f"{name}@school.example" for name in ("head", "office", "other"))
WHOM = ("audience", "list:schools", "applicant")


def _put(engine: Engine, *addresses: str, name: str = "schools") -> None:
    people = [Contact(organisation="URN:1", address=each) for each in addresses]
    engine.put_contacts(name, people, actor=officer())


def _happen(engine: Engine, call: CallView, hand: Hand, whom: str) -> str:
    """Let one event happen that concerns them; return its type."""
    if whom == "applicant":
        hand.drafts(call.id, 1)
        return "eoi.drafted"
    engine.extend_call(call.id, closes_at=call.closes_at.replace(year=2024), actor=officer(), reason="Snow.")
    return "call.extended"


def _states(engine: Engine, endpoint_id: str) -> list[tuple[str, str]]:
    return sorted((each.address, each.state) for each in engine.deliveries(endpoint=endpoint_id))


@pytest.mark.parametrize("whom", WHOM)
@pytest.mark.parametrize("which", ["the one", "all"])
def test_who_had_no_address_is_told_once_it_is_known(
    engine: Engine, call: CallView, hand: Hand, *, whom: str, which: str
) -> None:
    """Each contact that there is now gets it; what stood for nobody is gone."""
    endpoint_id = to_people(engine, whom)
    kind = _happen(engine, call, hand, whom)
    assert hand.deliver_all() == []
    (parked,) = engine.deliveries(endpoint=endpoint_id)
    _put(engine, HEAD, OFFICE)
    assert engine.retry(parked.id if which == "the one" else None, actor=officer()) == 2
    assert sorted(hand.deliver_all()) == [(HEAD, kind), (OFFICE, kind)]
    assert _states(engine, endpoint_id) == [(HEAD, "delivered"), (OFFICE, "delivered")]
    assert engine.retry(actor=officer()) == 0


def test_who_has_begun_is_told_of_the_call_once_an_address_is_known(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """On whichever list it is imported; and once, where it is on that of the audience, too."""
    endpoint_id = to_people(engine, "audience")
    hand.drafts(call.id, 1)
    kind = _happen(engine, call, hand, "audience")
    assert hand.deliver_all() == []
    _put(engine, HEAD, name="heads")
    _put(engine, HEAD.upper(), OFFICE)
    assert engine.retry(actor=officer()) == 2
    assert sorted(hand.deliver_all()) == [(HEAD.upper(), kind), (OFFICE, kind)]
    assert len(engine.deliveries(endpoint=endpoint_id)) == 2


@pytest.mark.parametrize("whom", WHOM)
def test_where_still_nobody_is_there_it_stays_parked(
    engine: Engine, call: CallView, hand: Hand, *, whom: str
) -> None:
    """Whoever sends that one again is told what to do first."""
    endpoint_id = to_people(engine, whom)
    _happen(engine, call, hand, whom)
    hand.deliver_all()
    (parked,) = engine.deliveries(endpoint=endpoint_id)
    with pytest.raises(NobodyToTell, match=rf"Delivery {parked.id} stays parked.*eoi contact import"):
        engine.retry(parked.id, actor=officer())
    assert engine.retry(actor=officer()) == 0
    assert engine.deliveries(endpoint=endpoint_id) == [parked]


@pytest.mark.parametrize("whom", WHOM)
def test_a_corrected_address_is_told_in_the_place_of_the_wrong_one(
    engine: Engine, call: CallView, hand: Hand, *, whom: str
) -> None:
    """Who had it already has it once; who is on the list in other letters is who they were."""
    _put(engine, HEAD, OFFICE, "wrong@school.example")
    endpoint_id = to_people(engine, whom)
    kind = _happen(engine, call, hand, whom)
    taken = {each.address: each for each in hand.claim()}
    hand.arrive(taken[HEAD])
    hand.end(PARK, taken[OFFICE], taken["wrong@school.example"])
    _put(engine, HEAD, OFFICE.upper(), OTHER)
    assert engine.retry(actor=officer()) == 2
    assert hand.deliver_all() == [(OFFICE, kind), (OTHER, kind)]
    assert _states(engine, endpoint_id) == [(each, "delivered") for each in (HEAD, OFFICE, OTHER)]


def test_who_was_taken_off_the_list_gets_nothing_again(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Neither what they had, nor what was parked; and what they had is no reason to write to others."""
    _put(engine, HEAD, OFFICE, OTHER)
    endpoint_id, begun = to_people(engine, "audience"), clock.now()
    _happen(engine, call, hand, "audience")
    taken = {each.address: each for each in hand.claim()}
    hand.arrive(taken[HEAD], taken[OFFICE])
    hand.end(PARK, taken[OTHER])
    _put(engine, HEAD)
    assert engine.redrive(since=begun, endpoint=endpoint_id, delivered=True, actor=officer()) == 1
    assert hand.deliver_all() == [(HEAD, "call.extended")]
    assert _states(engine, endpoint_id) == [(HEAD, "delivered"), (OFFICE, "delivered"), (OTHER, "parked")]
    _put(engine, HEAD, "new@school.example")
    assert engine.redrive(since=begun, endpoint=endpoint_id, delivered=True, actor=officer()) == 2


def test_what_nobody_takes_the_place_of_is_kept(engine: Engine, call: CallView, hand: Hand) -> None:
    """Left out of a list by mistake, and put back: what was parked for them is there, and goes out."""
    _put(engine, HEAD, OFFICE)
    endpoint_id = to_people(engine, "audience")
    _happen(engine, call, hand, "audience")
    taken = {each.address: each for each in hand.claim()}
    hand.end(PARK, taken[OFFICE])
    _put(engine, HEAD)
    assert engine.retry(actor=officer()) == 0
    assert _states(engine, endpoint_id) == [(HEAD, "pending"), (OFFICE, "parked")]
    _put(engine, HEAD, OFFICE)
    assert engine.retry(actor=officer()) == 1


def test_who_has_had_it_is_not_told_again_after_years(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """While one of them has it parked, what the others had is not forgotten."""
    _put(engine, HEAD, OFFICE, "wrong@school.example")
    to_people(engine, "audience")
    _happen(engine, call, hand, "audience")
    taken = {each.address: each for each in hand.claim()}
    hand.arrive(taken[HEAD], taken[OFFICE])
    hand.end(PARK, taken["wrong@school.example"])
    clock.move_by(days=1000)
    engine.forget_deliveries()
    _put(engine, HEAD, OFFICE, OTHER)
    assert engine.retry(actor=officer()) == 1
    assert hand.deliver_all() == [(OTHER, "call.extended")]
    clock.move_by(days=1000)
    assert engine.forget_deliveries() == 3


def test_what_one_endpoint_has_parked_keeps_nothing_of_another(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Of one event only who was told by the same endpoint is remembered, until what is parked is dropped."""
    _put(engine, HEAD, OFFICE)
    _put(engine, OTHER, name="governors")
    schools, governors = to_people(engine, "audience"), to_people(engine, "list:governors")
    _happen(engine, call, hand, "audience")
    taken = {each.address: each for each in hand.claim()}
    hand.arrive(taken[HEAD], taken[OTHER])
    hand.end(PARK, taken[OFFICE])
    clock.move_by(days=1000)
    engine.forget_deliveries()
    assert _states(engine, governors) == []
    assert _states(engine, schools) == [(HEAD, "delivered"), (OFFICE, "parked")]
    engine.drop_delivery(taken[OFFICE].id, actor=officer())
    assert (engine.forget_deliveries(), engine.deliveries()) == (1, [])


def test_it_is_counted_what_waits_and_what_is_parked_by_courier(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """What metrics tell of, on either database."""
    to_people(engine, "applicant")
    webhook(engine, A)
    hand.drafts(call.id, 1, 2)
    hand.end(PARK, *(each for each in hand.claim() if each.event.applicant == "URN:1"))
    expected = {("smtp", "parked"): 2, ("webhook", "parked"): 1, ("webhook", "pending"): 1}
    assert engine.outbox.waiting() == expected


@pytest.mark.parametrize(
    "whom", ["audience:Norfolk", "applicant:head@school.example", "applicant:", "list", "list:", "officers:x"]
)
def test_a_word_for_people_with_more_or_less_to_it_is_refused(engine: Engine, whom: str) -> None:
    """It would be taken for the whole audience, or for nobody."""
    with pytest.raises(BadInput):
        to_people(engine, whom)
    assert engine.endpoints() == []


def test_the_attempts_of_what_is_replaced_go_with_it(engine: Engine, call: CallView, hand: Hand) -> None:
    """An address that nobody is written to any more is kept nowhere."""
    _put(engine, "wrong@school.example")
    endpoint_id = to_people(engine, "audience")
    _happen(engine, call, hand, "audience")
    (delivery,) = hand.claim()
    hand.end(PARK, delivery)
    _put(engine, HEAD)
    assert engine.retry(delivery.id, actor=officer()) == 1
    with pytest.raises(NotFound):
        engine.delivery(delivery.id)
    assert _states(engine, endpoint_id) == [(HEAD, "pending")]


def test_only_the_receiver_and_the_time_that_were_named_are_sent_again(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """To people as to others: what another endpoint has parked, and what is older, stays so."""
    first, second = to_people(engine, "audience"), to_people(engine, "list:schools", events=["call.*"])
    _happen(engine, call, hand, "audience")
    hand.deliver_all()
    clock.move_by(hours=1)
    later = clock.now()
    engine.extend_call(call.id, closes_at=call.closes_at.replace(year=2025), actor=officer(), reason="Ice.")
    hand.deliver_all()
    _put(engine, HEAD)
    assert engine.redrive(endpoint=first, since=later, actor=officer()) == 1
    assert _states(engine, second) == [("list:schools", "parked")] * 2
    assert _states(engine, first) == [("audience", "parked"), (HEAD, "pending")]


def test_a_line_that_goes_on_is_in_order(engine: Engine, call: CallView, hand: Hand) -> None:
    """Two events that nobody was there for come one after the other."""
    to_people(engine, "applicant")
    (eoi_id,) = hand.drafts(call.id, 1)
    engine.submit(eoi_id, actor=school(1))
    hand.deliver_all()
    _put(engine, HEAD)
    assert engine.retry(actor=officer()) == 2
    assert hand.deliver_all() == [(HEAD, "eoi.drafted"), (HEAD, "eoi.submitted")]


def test_what_nobody_needs_any_more_is_dropped(engine: Engine, call: CallView, hand: Hand) -> None:
    """One, or all that one receiver has parked; what waits or arrived is not touched."""
    _put(engine, HEAD, OFFICE, OTHER)
    endpoint_id, other = to_people(engine, "applicant"), webhook(engine, A)
    hand.drafts(call.id, 1)
    taken = {each.address: each for each in hand.claim()}
    hand.end(PARK, taken[HEAD], taken[OFFICE], taken[A])
    assert engine.drop_delivery(taken[HEAD].id, actor=officer()) == 1
    assert _states(engine, endpoint_id) == [(OFFICE, "parked"), (OTHER, "pending")]
    for never in (taken[HEAD].id, taken[OTHER].id):
        with pytest.raises(NotFound, match=f"No parked delivery has the id {never}"):
            engine.drop_delivery(never, actor=officer())
    with pytest.raises(NotFound):
        engine.drop_delivery(taken[OFFICE].id, endpoint=other, actor=officer())
    assert engine.drop_delivery(endpoint=endpoint_id, actor=admin()) == 1
    assert _states(engine, endpoint_id) == [(OTHER, "pending")]
    assert _states(engine, other) == [(A, "parked")]
    assert engine.drop_delivery(actor=officer()) == 1
    assert engine.drop_delivery(actor=officer()) == 0
