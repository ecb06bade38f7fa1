"""Who is told of what: an applicant's contacts, a call's whole audience, a list, an office."""

from concurrent.futures import Future
from itertools import repeat

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from tests.outgoing.hand import Hand, to_people, told
from workflow import BadInput, CallView, Contact, Engine
from workflow.testing import FrozenClock, admin, new_call, officer, school


def _contact(urn: int, address: str, name: str | None = None) -> Contact:
    return Contact(organisation=f"URN:{urn}", address=address, name=name)


def _put(engine: Engine, name: str, *people: Contact) -> None:
    engine.put_contacts(name, people, actor=officer())


HEAD, OFFICE, OTHER = (f"{name}@school.example" for name in ("head", "office", "other"))


def test_an_applicant_is_told_by_every_contact_of_its_organisation_once(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """In whichever lists they stand; nobody of another school, and nothing of the call."""
    _put(engine, "schools", _contact(1, HEAD, "A. Head"), _contact(2, OTHER))
    _put(engine, "heads", _contact(1, HEAD, "Alex Head"), _contact(1, OFFICE))
    to_people(engine, "applicant")
    (eoi_id,) = hand.drafts(call.id, 1)
    assert sorted(hand.deliver_all()) == [(HEAD, "eoi.drafted"), (OFFICE, "eoi.drafted")]
    engine.submit(eoi_id, actor=school(1))
    engine.extend_call(call.id, closes_at=call.closes_at.replace(year=2024), actor=officer(), reason="Snow.")
    assert sorted(hand.deliver_all()) == [(HEAD, "eoi.submitted"), (OFFICE, "eoi.submitted")]


def test_a_call_is_told_to_its_whole_audience_also_to_those_who_never_began(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """Opened, extended, closed: each of them to each of them, once."""
    _put(engine, "nurseries", _contact(1, HEAD), _contact(2, OFFICE))
    _put(engine, "schools", _contact(3, OTHER))
    to_people(engine, "audience")
    other = engine.open_call(new_call(reference="47/23", audience="nurseries"), actor=officer())
    hand.drafts(other.id, 1)
    later = other.closes_at.replace(day=20)
    engine.extend_call(other.id, closes_at=later, actor=officer(), reason="Snow.")
    clock.move_to(later)
    clock.move_by(seconds=2)
    assert len(engine.close_due().closed) == 1
    kinds = ("call.closed", "call.extended", "call.opened")
    assert sorted(hand.deliver_all()) == [(who, kind) for who in (HEAD, OFFICE) for kind in kinds]


def test_who_has_begun_hears_of_a_new_deadline_though_they_are_on_no_list_of_the_audience(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """As the audience does, and once; nobody else of the lists that they are on, and no other call's people.

    In Leadbitter v Devon [2009] EWHC 930 the extension stood since everybody had been told of it.
    """
    _put(engine, "schools", _contact(1, HEAD), _contact(3, "third@school.example"))
    _put(engine, "heads", _contact(1, HEAD.upper()), _contact(2, OTHER), _contact(4, OFFICE))
    other = engine.open_call(new_call(reference="47/23"), actor=officer())
    hand.drafts(call.id, 1, 2)
    hand.drafts(other.id, 4)
    hand.deliver_all()
    to_people(engine, "audience")
    later = call.closes_at.replace(month=6)
    engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")
    told = [who.lower() for who, _ in hand.deliver_all()]
    assert sorted(told) == sorted([HEAD, OTHER, "third@school.example"])
    engine.extend_call(other.id, closes_at=later, actor=officer(), reason="Snow.")
    assert hand.deliver_all() == [(OFFICE, "call.extended")]


def test_a_call_without_an_audience_is_told_to_nobody(engine: Engine, call: CallView, hand: Hand) -> None:
    """Unless somebody has begun; one delivery without a recipient, parked, says so."""
    _put(engine, "schools", _contact(1, HEAD))
    endpoint_id = to_people(engine, "audience")
    engine.open_call(new_call(reference="47/23"), actor=officer())
    assert hand.deliver_all() == []
    (parked,) = engine.deliveries(endpoint=endpoint_id)
    assert (parked.state, parked.type, parked.attempts) == ("parked", "call.opened", 0)


@pytest.mark.parametrize(
    ("whom", "why"),
    [
        ("applicant", "has no contact on any list"),
        ("audience", "on the list that is the call's audience"),
        ("officers", "on this list"),
        ("list:governors", "on this list"),
    ],
)
def test_where_nobody_is_there_one_delivery_says_so(
    engine: Engine, call: CallView, hand: Hand, *, whom: str, why: str
) -> None:
    """It is parked without an attempt, and says what to do; whom it is for stands in the list."""
    endpoint_id = to_people(engine, whom)
    hand.drafts(call.id, 1)
    engine.extend_call(call.id, closes_at=call.closes_at.replace(year=2024), actor=officer(), reason="Snow.")
    assert hand.claim() == []
    parked = engine.deliveries(endpoint=endpoint_id)
    known = {"applicant": 1, "audience": 1}
    assert [(each.state, each.attempts) for each in parked] == [("parked", 0)] * known.get(whom, 2)
    assert {each.address for each in parked} == {engine.endpoint(endpoint_id).url}
    assert all(why in (each.last_error or "") and "import" in (each.last_error or "") for each in parked)


@pytest.mark.parametrize(("whom", "name"), [("officers", "officers"), ("list:governors", "governors")])
def test_a_list_is_told_of_everything(
    engine: Engine, call: CallView, hand: Hand, *, whom: str, name: str
) -> None:
    """Of calls and of EOIs; nobody who stands in another list."""
    _put(engine, name, _contact(8, HEAD), _contact(9, OFFICE))
    _put(engine, "schools", _contact(1, OTHER))
    to_people(engine, whom)
    hand.drafts(call.id, 1)
    engine.open_call(new_call(reference="47/23", audience="schools"), actor=officer())
    kinds = ("call.opened", "eoi.drafted")
    assert sorted(hand.deliver_all()) == [(who, kind) for who in (HEAD, OFFICE) for kind in kinds]


@pytest.mark.parametrize("whom", ["audience", "list:schools"])
def test_one_address_for_two_schools_is_told_once(
    engine: Engine, call: CallView, hand: Hand, *, whom: str
) -> None:
    """A trust's office stands on the list for each of its schools, and gets one letter of one event."""
    _put(engine, "schools", _contact(1, OFFICE), _contact(2, OFFICE), _contact(2, OTHER))
    to_people(engine, whom)
    engine.open_call(new_call(reference="47/23", audience="schools"), actor=officer())
    assert sorted(hand.deliver_all()) == [(OFFICE, "call.opened"), (OTHER, "call.opened")]


@pytest.mark.parametrize("whom", ["audience", "list:schools", "applicant"])
def test_one_mailbox_in_two_spellings_is_told_once(
    engine: Engine, call: CallView, hand: Hand, *, whom: str
) -> None:
    """Capital letters make no other mailbox of it."""
    _put(engine, "schools", _contact(1, "Office@School.example"), _contact(1, OFFICE))
    to_people(engine, whom)
    hand.drafts(call.id, 1)
    engine.extend_call(call.id, closes_at=call.closes_at.replace(year=2024), actor=officer(), reason="Snow.")
    kinds = {"audience": 1, "list:schools": 2, "applicant": 1}
    gone = [to.lower() for to, _ in hand.deliver_all()]
    assert gone == [OFFICE] * kinds[whom]


def test_a_fixed_address_gets_everything(engine: Engine, call: CallView, hand: Hand) -> None:
    """Whoever stands on lists."""
    _put(engine, "schools", _contact(1, HEAD))
    to_people(engine, "clerk@council.example", events=["eoi.drafted", "call.opened"])
    (eoi_id,) = hand.drafts(call.id, 1)
    engine.submit(eoi_id, actor=school(1))
    assert hand.deliver_all() == [("clerk@council.example", "eoi.drafted")]


def test_a_webhook_that_is_called_like_people_is_none_of_theirs(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """Where a URL leads, no list is looked into."""
    _put(engine, "schools", _contact(1, HEAD))
    url = "https://audience.example/list:schools"
    engine.add_endpoint(url, actor=officer())
    hand.drafts(call.id, 1)
    assert hand.deliver_all() == [(url, "eoi.drafted")]


def test_who_comes_later_is_told_of_what_comes_later(engine: Engine, call: CallView, hand: Hand) -> None:
    """A contact gets no news that had gone out before; one who was taken off gets no more."""
    _put(engine, "schools", _contact(1, HEAD))
    to_people(engine, "audience")
    for days in (1, 2):
        later = call.closes_at.replace(year=2023 + days)
        engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")
        assert told(hand.claim(limit=1)) == [(HEAD if days == 1 else OTHER, "call.extended")]
        _put(engine, "schools", _contact(2, OTHER))


def test_an_endpoint_gets_nothing_that_happened_before_it(engine: Engine, call: CallView, hand: Hand) -> None:
    """Also of what no pump had looked at when it was added."""
    _put(engine, "schools", _contact(1, HEAD))
    hand.drafts(call.id, 1)
    endpoint_id = to_people(engine, "list:schools")
    assert engine.events().items != ()
    assert engine.deliveries(endpoint=endpoint_id) == []


def test_a_list_holds_those_and_nobody_else(engine: Engine) -> None:
    """What is put takes the place of what was there; the last of two with one address counts."""
    first = [_contact(2, OTHER), _contact(1, HEAD, "A. Head")]
    assert engine.put_contacts("schools", first, actor=admin()) == 2
    assert engine.contacts("schools") == first[::-1]
    people = [_contact(1, HEAD, "A. Head"), _contact(1, HEAD, "Alex Head")]
    assert engine.put_contacts("schools", people, actor=admin()) == 1
    assert engine.contacts("schools") == people[1:]
    assert engine.contact_lists() == {"schools": 1}
    assert engine.put_contacts("schools", [], actor=admin()) == 0
    assert (engine.contact_lists(), engine.contacts("schools")) == ({}, [])


@pytest.mark.parametrize(
    "bad",
    [
        Contact(organisation="", address=HEAD),
        Contact(organisation="URN:1", address="head"),
        Contact(organisation="URN:1", address="a@b.example,c@d.example"),
        Contact(organisation="URN:1", address="secret@school"),
        Contact(organisation="URN:1", address="secret@school..example"),
        Contact(organisation="URN:1", address="secret.@school.example"),
        Contact(organisation="URN:1", address="secret@127.0.0.1"),
        Contact(organisation="URN:1", address=HEAD, name=""),
        HEAD,
    ],
)
def test_one_bad_contact_changes_nothing(engine: Engine, bad: Contact) -> None:
    """The list stays as it was, and the number of the one that is wrong is told, but no address.

    Nobody could write to what is no mailbox, and of a list that would show when it is too late.
    """
    _put(engine, "schools", _contact(1, HEAD))
    with pytest.raises(BadInput, match="Number 2") as refused:
        engine.put_contacts("schools", [_contact(2, OTHER), bad], actor=officer())
    assert (refused.value.field, "secret" in refused.value.message) == ("contacts", False)
    assert engine.contacts("schools") == [_contact(1, HEAD)]


def test_of_two_who_replace_a_list_at_once_the_later_one_counts(
    engine: Engine, database: RawDatabase, nodes: Nodes, clock: FrozenClock
) -> None:
    """Neither sees what the other one is about to commit; whoever one of them took off must not be told."""
    others = list[Future[object]]()
    with SlowEngine(database, clock) as slow:
        slow.wire.before_commit = lambda: others.append(
            nodes.start(lambda node: _put(node, "schools", _contact(2, OFFICE)))
        )
        _put(slow, "schools", _contact(1, HEAD), _contact(3, OTHER))
    others[0].result()
    assert engine.contacts("schools") == [_contact(2, OFFICE)]


def test_a_list_holds_so_many_and_no_more(engine: Engine) -> None:
    """Whoever gives more is told, and the list stays what it was, however often the same one stands in it."""
    _put(engine, "schools", _contact(1, HEAD))
    with pytest.raises(BadInput, match="200,000 contacts at the most"):
        engine.put_contacts("schools", repeat(_contact(2, OTHER), 200_001), actor=officer())
    assert engine.contacts("schools") == [_contact(1, HEAD)]
