"""What would have left the house is remembered: what, to whom, when; and receivers answer as a test likes."""

import pytest

from workflow import BadInput, CallView, Contact
from workflow.ports import Delayed, Delivered, Outcome, Undeliverable
from workflow.testing import Kit, Sent, admin, officer, school, submitted

A, B = "https://a.example/eoi?of=[1]", "https://b.example/eoi"
DOWN, NO = Delayed(why="down"), Undeliverable(why="no")


def told(sent: list[Sent]) -> list[tuple[str, str]]:
    """Return of each what it told of, and where it went."""
    return [(str(each.event.type), each.address) for each in sent]


def ends(kit: Kit) -> list[tuple[str, str]]:
    """Return of each attempt where it went, and how it ended."""
    return [(each.address, type(each.outcome).__name__) for each in kit.sent]


@pytest.fixture
def eoi_id(kit: Kit, call: CallView) -> str:
    """Add two receivers, and hand something in."""
    kit.tick()
    for url in (A, B):
        kit.engine.add_endpoint(url, actor=officer())
    kit.sent.clear()
    return submitted(kit.engine, call.id, school())


def test_what_arrived_is_found_by_what_it_tells_of_and_where_it_went(kit: Kit, eoi_id: str) -> None:
    """A host asks for one kind of event, or for one receiver, and gets that in order."""
    kit.tick()
    first, second = kit.engine.endpoints()
    assert sorted(told(kit.delivered("eoi.submitted"))) == [("eoi.submitted", A), ("eoi.submitted", B)]
    in_order = ["eoi.drafted", "eoi.submitted"]
    for whom, address in ((A, A), (second.id, B), ("https://b.*", B)):
        assert told(kit.delivered("eoi.*", to=whom)) == [(each, address) for each in in_order]
    assert len(kit.delivered(to="webhook")) == len(kit.delivered()) == 4
    assert kit.delivered("call.*") == []
    one = kit.delivered("eoi.submitted", to=first.id)[0]
    assert (one.at, one.event.id, one.delivery.attempt) == (kit.now, f"{eoi_id}:2", 1)


def test_without_an_endpoint_the_log_gets_it(kit: Kit, call: CallView) -> None:
    """A test that adds no receiver sees every event all the same."""
    kit.tick()
    assert told(kit.delivered(to="log")) == [("call.opened", "")]


def test_letters_are_kept_for_each_of_the_people(kit: Kit, call: CallView) -> None:
    """Of an endpoint that stands for people each address is seen, with what the letter would tell."""
    people = [Contact(organisation="URN:121234", address=f"{name}@school.example") for name in "ab"]
    kit.engine.put_contacts("schools", people, actor=officer())
    kit.engine.add_endpoint("applicant", via="smtp", actor=officer())
    submitted(kit.engine, call.id, school())
    kit.tick()
    letters = kit.delivered("eoi.submitted", to="smtp")
    assert sorted(each.address for each in letters) == ["a@school.example", "b@school.example"]
    assert {each.delivery.about.title for each in letters if each.delivery.about} == {call.title}


def test_answers_are_given_in_order_and_then_all_is_well(kit: Kit, eoi_id: str) -> None:
    """Of one receiver the first two attempts fail; the other one notices nothing."""
    kit.answer(DOWN, NO, to=A, of="eoi.drafted")
    kit.move(minutes=1)
    assert [end for address, end in ends(kit) if address == A] == ["Delayed", "Undeliverable", "Delivered"]
    assert [end for address, end in ends(kit) if address == B] == ["Delivered", "Delivered"]
    assert [each.type for each in kit.engine.deliveries(state="parked")] == ["eoi.drafted"]
    assert told(kit.delivered(to=A)) == [("eoi.submitted", A)]


def test_the_latest_choice_counts_first(kit: Kit, eoi_id: str) -> None:
    """A receiver that is down for good fails once more in another way, and is back when that is said."""
    kit.answer(DOWN, to=A, for_good=True)
    kit.answer(Delayed(why="once"), to="*", of="eoi.drafted")
    kit.move(seconds=20)
    at_a = [each.outcome for each in kit.sent if each.address == A]
    assert set(at_a[1:]) == {DOWN}
    assert len(at_a) > 2
    kit.answer(Delivered(status=204), to=A, for_good=True)
    kit.move(minutes=1)
    assert [each.outcome for each in kit.delivered(to=A)] == [Delivered(status=204)] * 2


def test_a_receiver_that_wants_no_more_is_disabled(kit: Kit, eoi_id: str) -> None:
    """What couriers say is written down as the pump would."""
    kit.answer(Undeliverable(why="Gone.", status=410, gone=True), to=A)
    kit.tick()
    assert [each.disabled_why for each in kit.engine.endpoints()] == ["Gone.", None]
    kit.engine.retry(actor=admin())
    assert len(kit.engine.deliveries(state="pending")) == 2


def test_a_function_may_answer(kit: Kit, eoi_id: str) -> None:
    """Who wants more than a list says of each delivery how it ends."""
    kit.answer(lambda delivery: DOWN if delivery.attempt < 3 else Delivered(status=201), to=A, for_good=True)
    kit.move(minutes=1)
    at_a = [(each.delivery.attempt, each.outcome) for each in kit.sent if each.address == A]
    assert at_a == [(1, DOWN), (2, DOWN), (3, Delivered(status=201))] * 2


@pytest.mark.parametrize("answers", [(), ("Delivered",), (Delivered, DOWN), (DOWN, None)])
def test_what_is_no_answer_is_refused(kit: Kit, answers: tuple[Outcome, ...]) -> None:
    """A class instead of an outcome, a word, or nothing at all is told at once, not at the delivery."""
    with pytest.raises(BadInput) as refused:
        kit.answer(*answers)
    assert refused.value.field == "answers"


def test_a_function_that_says_nothing_is_told(kit: Kit, eoi_id: str) -> None:
    """Nothing is taken for an arrival that was none."""
    kit.answer(lambda _: None)  # type: ignore[arg-type]  # what a test may forget
    with pytest.raises(BadInput, match=r"Delayed\(why=…\)"):
        kit.tick()
    assert kit.sent == []


def test_a_misspelt_event_is_refused(kit: Kit) -> None:
    """Whoever asks for an event that there is none of is told, and does not get an empty list."""
    with pytest.raises(BadInput, match=r"eoi\.submitted"):
        kit.delivered("eoi.submited")
    with pytest.raises(BadInput, match=r"eoi\.submitted"):
        kit.answer(DOWN, of="submitted")
