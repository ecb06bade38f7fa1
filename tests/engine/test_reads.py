"""What can be read, by whom: what is not theirs is not found."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workflow import Actor, BadInput, Engine, EoiError, NotFound, RoleMissing
from workflow.manifest import LARGEST
from workflow.testing import (
    FrozenClock,
    admin,
    auditor,
    decider,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)

SETTLED = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
STAFF = (officer(), reviewer(), decider(), auditor(), admin(), Actor("sweep", {"system"}))
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


def opened(engine: Engine, reference: str = "46/23") -> str:
    """Open a call; return its id."""
    return engine.open_call(new_call(reference=reference), actor=officer()).id


def on_an_eoi(engine: Engine, eoi_id: str, who: Actor) -> list[Callable[[], object]]:
    """Return everything that can be asked of one EOI, reads and commands."""
    triggers = ("submit", "review", "approve", "decline", "withdraw", "reinstate", "cancel", "lapse", "x")
    return [
        lambda: engine.get(eoi_id, actor=who),
        lambda: engine.history(eoi_id, actor=who),
        lambda: engine.attempts(eoi_id, actor=who),
        lambda: engine.allowed(eoi_id, who),
        lambda: engine.explain(eoi_id, "submit", who),
        lambda: engine.save(eoi_id, answers={}, actor=who),
        *(
            lambda trigger=trigger: engine.fire(eoi_id, trigger, actor=who, reason="x")
            for trigger in triggers
        ),
    ]


@pytest.mark.parametrize(
    "stranger",
    [
        school(2),
        Actor("head-of-1", {"applicant"}),
        Actor("head-of-1", {"applicant"}, ["urn:1", "URN:11", "URN: 1"]),
    ],
)
def test_what_is_not_theirs_is_not_found(engine: Engine, tables: Tables, stranger: Actor) -> None:
    """Another school's EOI answers every question and command exactly as one that does not exist."""
    eoi_id = engine.draft(opened(engine), answers={"secret": 1}, actor=school(1)).eoi_id
    before = tables()
    nowhere = "0190b6f0-0000-7000-8000-000000000000"
    for asked, of_nothing in zip(
        on_an_eoi(engine, eoi_id, stranger), on_an_eoi(engine, nowhere, stranger), strict=True
    ):
        with pytest.raises(NotFound) as refused:
            asked()
        with pytest.raises(NotFound) as missing:
            of_nothing()
        assert refused.value.message.replace(eoi_id, nowhere) == missing.value.message
        assert refused.value.facts.keys() == missing.value.facts.keys()
    assert list(engine.find(actor=stranger)) == []
    assert list(engine.find(applicant="URN:1", actor=stranger)) == []
    assert tables() == before
    assert engine.get(eoi_id, actor=school(1)).answers == {"secret": 1}


def test_the_organisation_alone_does_not_make_an_applicant(engine: Engine) -> None:
    """Somebody without a role sees nothing of it, whatever the organisation; nothing is looked up."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    nobody = Actor("nobody", organisations={"URN:1"})
    asked: list[Callable[[], object]] = [
        *on_an_eoi(engine, eoi_id, nobody),
        lambda: engine.get("nonsense", actor=nobody),
        lambda: engine.find(actor=nobody),
        lambda: engine.call("46/23", actor=nobody),
        lambda: engine.call("nonsense", actor=nobody),
        lambda: engine.calls(actor=nobody),
        lambda: engine.history("46/23", actor=nobody),
        lambda: engine.draft("46/23", answers={}, actor=nobody),
        lambda: engine.close_call("46/23", actor=nobody),
        lambda: engine.open_call(new_call(), actor=nobody),
        lambda: engine.endpoints(actor=nobody),
        lambda: engine.deliveries(actor=nobody),
        lambda: engine.retry(actor=nobody),
        lambda: engine.add_endpoint("https://example.org/", actor=nobody),
    ]
    for each in asked:
        with pytest.raises(RoleMissing) as refused:
            each()
        assert [reason.code for reason in refused.value.reasons] == ["role-missing"]


@pytest.mark.parametrize("who", [*STAFF, None, school(1)])
def test_staff_and_the_owner_read_alike(engine: Engine, who: Actor | None) -> None:
    """Every staff role, the host's own code and the school itself read the same EOI and history."""
    eoi_id = submitted(engine, opened(engine), school(1), answers={"a": 1})
    assert engine.get(eoi_id, actor=who) == engine.get(eoi_id)
    assert engine.get(eoi_id).answers == {"a": 1}
    assert engine.history(eoi_id, actor=who) == engine.history(eoi_id)
    assert [each.id for each in engine.find(actor=who)] == [eoi_id]


def test_counts_are_for_staff(engine: Engine, clock: FrozenClock) -> None:
    """How many others apply is not for schools, neither now nor at the close; who is both is staff."""
    call_id = opened(engine)
    submitted(engine, call_id, school(1))
    engine.draft(call_id, answers={}, actor=school(2))
    whole = engine.call(call_id)
    assert (whole.counts, whole.counts_at_close) == ({"submitted": 1, "draft": 1}, None)
    clock.move_to(SETTLED)
    engine.close_due()
    whole = engine.call(call_id)
    assert (whole.counts, whole.counts_at_close) == ({"submitted": 1, "lapsed": 1},) * 2
    for who in STAFF:
        assert engine.call("46/23", actor=who) == whole
        assert engine.calls(actor=who) == [whole]
    bare = replace(whole, counts=None, counts_at_close=None)
    assert engine.call("46/23", actor=school(1)) == bare
    assert engine.calls(actor=school(1)) == [bare]
    both = Actor("both", {"applicant", "auditor"}, ["URN:1"])
    assert engine.call("46/23", actor=both).counts == {"submitted": 1, "lapsed": 1}


def test_calls_are_listed_by_deadline(engine: Engine) -> None:
    """The latest deadline comes first, each with its own counts."""
    first = opened(engine)
    last = engine.open_call(
        new_call(reference="48/23", closes_at=SETTLED + timedelta(days=9)), actor=officer()
    ).id
    middle = engine.open_call(new_call(reference="47/23", closes_at=SETTLED), actor=officer()).id
    submitted(engine, middle, school(1))
    assert [(each.id, each.counts) for each in engine.calls()] == [
        (last, {}),
        (middle, {"submitted": 1}),
        (first, {}),
    ]


def test_a_call_is_found_by_id_or_reference(engine: Engine) -> None:
    """Blanks around it and its form in Unicode do not matter; its letters do."""
    call_id = opened(engine, "Caf\u00e9/23")
    for name in (call_id, f" {call_id}\n", "Caf\u00e9/23", "  Cafe\u0301/23\u00a0"):
        assert engine.call(name).id == call_id
        assert engine.history(name)[0].target == "open"
        assert engine.attempts(name) == []
        assert engine.find(call=name).items == ()
    for name in ("caf\u00e9/23", "Caf\u00e9", call_id.upper(), call_id[:-1], "", "\x00", "\ud800", "x" * 300):
        for ask in (engine.call, engine.history, engine.attempts, lambda each: engine.find(call=each)):
            with pytest.raises(NotFound):
                ask(name)


def test_attempts_on_a_call_are_for_staff(engine: Engine) -> None:
    """A school sees what it tried on its own EOI, and not what others tried on the call."""
    call_id = opened(engine)
    eoi_id = submitted(engine, call_id, school(1))
    for trigger in ("submit", "review"):
        with pytest.raises(EoiError):
            engine.fire(eoi_id, trigger, actor=school(1))
    with pytest.raises(EoiError):
        engine.close_call(call_id, actor=school(1))
    kept = {(each.eoi_id, each.trigger) for each in engine.attempts("46/23", actor=auditor())}
    assert kept == {(eoi_id, "submit"), (eoi_id, "review"), (None, "close")}
    assert engine.attempts("46/23", actor=school(1)) == []
    assert len(engine.attempts(eoi_id, actor=school(1))) == 2


def test_find_pages_through_everything_once(engine: Engine) -> None:
    """The pages follow the order of making, none twice, none left out; the last says that it is the last."""
    call_id = opened(engine)
    ids = [engine.draft(call_id, answers={}, actor=school(urn)).eoi_id for urn in range(7)]
    seen, after = list[str](), None
    for size in (3, 3, 1):
        page = engine.find(limit=3, after=after)
        assert len(page) == size
        seen += [each.id for each in page]
        after = page.next
    assert (seen, after) == (ids, None)
    assert engine.find(limit=7).next is None
    assert engine.find(limit=6).next == ids[5]
    assert engine.find(limit=1000).items == engine.find().items
    assert engine.find(after=ids[6]).items == ()


def test_a_page_ends_early_where_answers_are_long(engine: Engine) -> None:
    """Nobody gets a hundred of the largest at once; page by page each comes once, and one at the least."""
    call_id, long = opened(engine), {"text": "x" * (LARGEST - 100)}
    ids = [
        engine.draft(call_id, answers=long if urn % 2 else {}, actor=school(urn)).eoi_id for urn in range(14)
    ]
    sizes, seen, after = list[int](), list[str](), None
    while after is not None or not seen:
        page = engine.find(limit=12, after=after)
        sizes.append(len(page))
        seen += [each.id for each in page]
        after = page.next
    assert (seen, sizes) == (ids, [9, 5])
    assert len(engine.find(limit=1, after=ids[0])) == 1


def test_find_filters(engine: Engine) -> None:
    """By call, state and applicant, each alone and all together; an applicant stays within its own."""
    calls = [opened(engine, reference) for reference in ("46/23", "47/23")]
    trust = Actor("trust", {"applicant"}, ["URN:1", "caf\u00e9"])
    eois = {}
    for call_id, applicant in itertools.product(calls, ("URN:1", "caf\u00e9", "URN:3")):
        who = school(3) if applicant == "URN:3" else trust
        eois[call_id, applicant] = engine.draft(call_id, answers={}, actor=who, applicant=applicant).eoi_id
    engine.submit(eois[calls[0], "URN:1"], actor=trust)

    def found(**filters: Any) -> set[str]:
        return {each.id for each in engine.find(**filters)}

    assert found() == set(eois.values())
    assert found(call="47/23") == {eois[calls[1], each] for each in ("URN:1", "caf\u00e9", "URN:3")}
    assert found(state="submitted") == {eois[calls[0], "URN:1"]}
    assert found(applicant=" cafe\u0301 ") == {eois[each, "caf\u00e9"] for each in calls}
    assert found(call=calls[0], state="draft", applicant="URN:3") == {eois[calls[0], "URN:3"]}
    assert found(call=calls[1], state="submitted") == set()
    assert found(actor=trust) == {each for (_, who), each in eois.items() if who != "URN:3"}
    assert found(actor=trust, applicant="URN:1") == {eois[each, "URN:1"] for each in calls}
    assert found(actor=trust, applicant="URN:3") == set()
    assert found(actor=reviewer(), applicant="URN:3") == {eois[each, "URN:3"] for each in calls}
    for nothing in ("", " ", "\x00", "\ud800", "x" * 5000):
        assert found(applicant=nothing) == set()


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": True}, "limit"),
        ({"limit": 1.0}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"limit": None}, "limit"),
        ({"limit": 10**5000}, "limit"),
        ({"state": "open"}, "state"),
        ({"state": ""}, "state"),
        ({"state": ["draft"]}, "state"),
        ({"state": 10**5000}, "state"),
        ({"after": "1"}, "after"),
        ({"after": 5}, "after"),
    ],
)
def test_find_refuses_what_it_cannot_page_by(engine: Engine, filters: dict[str, Any], field: str) -> None:
    """A limit beyond 1 to 1000, an unknown state and a false bookmark are refused by name."""
    opened(engine)
    with pytest.raises(BadInput) as refused:
        engine.find(**filters)
    assert refused.value.field == field


def test_calls_are_paged_from_the_newest(engine: Engine) -> None:
    """Each call is on one page, whatever is opened or extended meanwhile; counts are each call's own."""
    ids = [opened(engine, f"{number}/23") for number in range(5)]
    for number, call_id in enumerate(ids):
        for urn in range(number):
            engine.draft(call_id, answers={}, actor=school(urn))
    first = engine.find_calls(limit=2, actor=officer())
    opened(engine, "later/23")
    engine.extend_call(ids[0], closes_at=datetime(2023, 4, 1, tzinfo=UTC), actor=officer(), reason="Strike")
    second = engine.find_calls(limit=2, after=first.next, actor=officer())
    third = engine.find_calls(limit=2, after=second.next, actor=officer())
    assert [each.id for page in (first, second, third) for each in page] == ids[::-1]
    assert [each.counts for page in (first, second, third) for each in page] == [
        {"draft": 4}, {"draft": 3}, {"draft": 2}, {"draft": 1}, {},
    ]  # fmt: skip
    assert third.next is None


def test_calls_are_found_by_reference_and_state(engine: Engine) -> None:
    """Each filter alone and both together; nothing is called what no reference can be."""
    ids = {reference: opened(engine, reference) for reference in ("46/23", "caf\u00e9")}
    engine.close_call(ids["46/23"], actor=officer())

    def found(**filters: Any) -> list[str]:
        return [each.id for each in engine.find_calls(**filters)]

    assert found(reference="46/23") == [ids["46/23"]]
    assert found(reference=" cafe\u0301 ") == found(state="open") == [ids["caf\u00e9"]]
    assert found(reference="46/23", state="open") == []
    for nothing in ("", "\x00", "\ud800", "x" * 5000, "46/2"):
        assert found(reference=nothing) == []


def test_applicants_page_through_calls_without_counts(engine: Engine) -> None:
    """Nobody is told by a list how many others apply; nor is anybody without a role told anything."""
    engine.draft(opened(engine), answers={}, actor=school(1))
    (seen,) = engine.find_calls(actor=school(2))
    assert (seen.counts, seen.counts_at_close) == (None, None)
    with pytest.raises(RoleMissing):
        engine.find_calls(actor=Actor("nobody"))


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"state": "draft"}, "state"),
        ({"after": "1"}, "after"),
    ],
)
def test_calls_refuse_what_they_cannot_be_paged_by(
    engine: Engine, filters: dict[str, Any], field: str
) -> None:
    """A limit beyond 1 to 1000, an unknown state and a false bookmark are refused by name."""
    with pytest.raises(BadInput) as refused:
        engine.find_calls(**filters)
    assert refused.value.field == field


def test_options_say_what_is_possible_and_what_is_missing(engine: Engine, clock: FrozenClock) -> None:
    """Every move that leaves the state is there, with what stands in the way and what is to be given."""
    call_id = opened(engine)
    eoi_id = submitted(engine, call_id, school(1))

    def told(who: Actor, at: datetime | None = None) -> dict[str, tuple[bool, tuple[str, ...], list[str]]]:
        return {
            each.trigger: (each.ok, each.needs, [reason.code for reason in each.reasons])
            for each in engine.allowed(eoi_id, who, at=at)
        }

    assert told(school(1)) == {
        "review": (False, (), ["role-missing", "call-still-open"]),
        "withdraw": (True, (), []),
        "cancel": (False, (), ["role-missing", "call-not-cancelled"]),
    }
    clock.move_to(SETTLED)
    engine.close_due()
    engine.review(eoi_id, actor=Actor("ann", {"reviewer"}))
    assert told(decider())["approve"] == (True, ("reason",), [])
    assert told(Actor("ann", {"decider"}))["approve"] == (False, ("reason",), ["reviewed-by-you"])
    given = engine.explain(eoi_id, "approve", decider(), data={"reason": "Best."})
    assert (given.ok, given.needs, given.to, given.label) == (True, (), "approved", "Approve")
    wrong = engine.explain(eoi_id, "submit", school(1))
    assert (wrong.ok, [each.code for each in wrong.reasons]) == (False, ["wrong-state", "call-closed"])


def test_options_as_of_an_instant(engine: Engine) -> None:
    """What will be possible at the deadline, and a moment before it, is told without waiting for it."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    closing = datetime(2023, 3, 18, tzinfo=UTC)
    before = closing - timedelta(microseconds=1)
    assert engine.explain(eoi_id, "submit", school(1), at=before).ok is True
    late = engine.explain(eoi_id, "submit", school(1), at=closing)
    assert [(each.code, each.until) for each in late.reasons] == [("call-closed", closing)]
    saved = {each.trigger: each.ok for each in engine.allowed(eoi_id, school(1), at=closing)}
    assert saved == {"save": False, "submit": False, "withdraw": True, "lapse": False, "cancel": False}


def test_asking_changes_nothing(engine: Engine, tables: Tables) -> None:
    """No read, and no question of what would be, writes a row, not even an attempt."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    before = tables()
    engine.allowed(eoi_id, auditor())
    engine.explain(eoi_id, "approve", auditor())
    engine.get(eoi_id)
    engine.find()
    engine.history(eoi_id)
    engine.attempts("46/23")
    engine.calls()
    assert engine.next_due() == SETTLED
    assert engine.close_due().closed == ()
    assert tables() == before
