"""decide, explain and options: all reasons at once, and always of one mind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Final

import pytest

from states.decisions import Decision, Option, decide, explain, options
from states.errors import (
    CallClosed,
    ClosedInFlight,
    Refused,
    RoleMissing,
    UnknownTrigger,
    WrongState,
)
from states.events import EventType
from states.facts import Actor, CallFacts, EoiFacts, Facts
from states.guards import NEEDS
from states.lifecycle import CALL, EOI, Lifecycle
from states.names import NOT_YET, CallState, CallTrigger, EoiState, EoiTrigger, Role
from workflow.testing import race, results

CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
BEFORE: Final = CLOSES_AT - timedelta(microseconds=1)
SCHOOL: Final = "URN:121234"
HEAD: Final = Actor("head", {"applicant"}, {SCHOOL})
DECIDER: Final = Actor("panel-chair", {"decider"})


def call(state: str = "open", *, swept: bool = False) -> CallFacts:
    """Return the call, with nobody having begun an EOI."""
    return CallFacts(
        state=state,
        opens_at=CLOSES_AT - timedelta(days=4),
        closes_at=CLOSES_AT,
        settles_at=CLOSES_AT + timedelta(seconds=2),
        closed_at=CLOSES_AT + timedelta(seconds=2) if swept else None,
        timezone="Europe/London",
        has_eois=False,
    )


def of_eoi(state: str, *, actor: Actor = HEAD, now: datetime = BEFORE, **changes: Any) -> Facts:
    """Return a question about an EOI whose call is open or, from the deadline on, closed."""
    asked = Facts(
        actor=actor,
        now=now,
        call=call() if now < CLOSES_AT else call("closed", swept=True),
        eoi=EoiFacts(state, SCHOOL),
    )
    return replace(asked, **changes)


def refusal(lifecycle: Lifecycle, trigger: str, facts: Facts) -> Refused:
    """Return the refusal."""
    with pytest.raises(Refused) as caught:
        decide(lifecycle, trigger, facts)
    return caught.value


def codes(refused: Refused) -> list[str]:
    """Return the codes of all reasons."""
    return [reason.code for reason in refused.reasons]


def test_everything_that_stands_in_the_way_is_said_at_once() -> None:
    """Whoever lacks the role, comes from the wrong state, too early and without a reason hears all of it."""
    stranger = Actor("stranger", {"auditor"})
    refused = refusal(EOI, "reinstate", of_eoi("draft", actor=stranger))
    assert codes(refused) == [
        "role-missing",
        "wrong-state",
        "call-still-open",
        "not-in-flight",
        "reason-missing",
    ]
    assert refused.message == (
        "It takes the role officer to reinstate; stranger has: auditor. It is draft; to reinstate it must be "
        "lapsed. The call is open until 11:59pm on Friday 17 March 2023. No submission of this EOI was "
        "refused as closed-in-flight. Say why: a reason is kept with this decision."
    )
    assert str(refused) == refused.message


def test_a_late_submission_by_the_wrong_person_says_both() -> None:
    """The school that one does not act for comes before the deadline that has passed."""
    foreign = Actor("other", {"applicant"}, {"URN:999999"})
    refused = refusal(EOI, "submit", of_eoi("draft", actor=foreign, now=CLOSES_AT))
    assert codes(refused) == ["not-your-organisation", "call-closed"]


def test_an_attempt_by_a_stranger_is_no_submission_in_flight() -> None:
    """Nobody opens the way to a reinstatement by submitting for a school that is not theirs."""
    foreign = Actor("officer-and-head", {"officer", "applicant"}, {"URN:999999"})
    overtaken = of_eoi("lapsed", actor=foreign, call=call("closed", swept=True))
    assert codes(refusal(EOI, "submit", overtaken)) == [
        "not-your-organisation",
        "closed-in-flight",
        "wrong-state",
    ]
    assert codes(refusal(EOI, "submit", replace(overtaken, actor=HEAD))) == [
        "closed-in-flight",
        "wrong-state",
    ]


@pytest.mark.parametrize(
    ("trigger", "facts", "error", "code"),
    [
        ("submit", of_eoi("draft", now=CLOSES_AT), CallClosed, "call-closed"),
        ("submit", of_eoi("lapsed", now=CLOSES_AT), CallClosed, "call-closed"),
        ("save", of_eoi("lapsed", now=CLOSES_AT), CallClosed, "call-closed"),
        ("submit", of_eoi("draft", call=call("closed", swept=True)), ClosedInFlight, "closed-in-flight"),
        ("submit", of_eoi("draft", actor=DECIDER), RoleMissing, "role-missing"),
        ("submit", of_eoi("submitted"), WrongState, "wrong-state"),
        ("submit", of_eoi("cancelled", call=call("cancelled")), Refused, "call-cancelled"),
        ("approve", of_eoi("reviewed", now=CLOSES_AT, actor=DECIDER), Refused, "reason-missing"),
    ],
)
def test_the_first_reason_gives_the_class_and_the_code(
    trigger: str, facts: Facts, error: type[Refused], code: str
) -> None:
    """A host can catch the class, or read the code: both say the most telling reason."""
    refused = refusal(EOI, trigger, facts)
    assert (type(refused), refused.code, refused.reasons[0].code) == (error, code, code)


@pytest.mark.parametrize("state", ["submitted", "reviewed", "approved", "declined", "withdrawn"])
def test_a_second_click_after_the_close_is_not_told_to_write_to_the_council(state: str) -> None:
    """A school whose EOI is handed in hears first that it is, not that the call closed before it."""
    refused = refusal(EOI, "submit", of_eoi(state, now=CLOSES_AT))
    assert codes(refused) == ["wrong-state", "call-closed"]
    assert refused.reasons[0].message == f"It is {state}; to submit it must be draft."


@pytest.mark.parametrize(
    ("lifecycle", "trigger", "facts", "words"),
    [
        (EOI, "withdraw", of_eoi("approved"), "to withdraw it must be draft or submitted or reviewed."),
        (EOI, "draft", of_eoi("draft"), "It is there already, and draft; to draft is to begin a new one."),
        (EOI, "submit", of_eoi(NOT_YET), "It does not exist yet; to submit it must be draft."),
        (
            CALL,
            "close",
            Facts(HEAD, CLOSES_AT, call("cancelled")),
            "It is cancelled; to close it must be open.",
        ),
    ],
)
def test_the_wrong_state_is_told_in_words(
    lifecycle: Lifecycle, trigger: str, facts: Facts, words: str
) -> None:
    """Whoever fires from the wrong state reads which it is, and which it would have to be."""
    (wrong,) = [each for each in refusal(lifecycle, trigger, facts).reasons if each.code == "wrong-state"]
    assert wrong.message.endswith(words)
    assert wrong.field == "state"


@pytest.mark.parametrize(
    "trigger", ["", "sumbit", "SUBMIT", "submit ", "open", "x" * 999, "a\x1b[2J", 7, ["a"]]
)
@pytest.mark.parametrize("ask", [decide, explain])
def test_a_trigger_that_nobody_knows_is_refused_with_the_list(ask: Any, trigger: Any) -> None:
    """A slip of the pen, a call's trigger or no word at all is answered with the triggers that there are."""
    with pytest.raises(UnknownTrigger) as caught:
        ask(EOI, trigger, of_eoi("draft"))
    assert caught.value.code == "unknown-trigger"
    assert caught.value.message == (
        f"There is no trigger {str(trigger)[:60]!r} in the lifecycle of eoi. Triggers are: draft, save, "
        "submit, review, approve, decline, withdraw, lapse, reinstate, cancel."
    )


def test_a_missing_reason_is_a_need_and_no_refusal_until_it_is_fired() -> None:
    """Who asks what can be done sees a need on an allowed move; firing without the reason is refused."""
    facts = of_eoi("reviewed", actor=DECIDER, now=CLOSES_AT)
    assert explain(EOI, "approve", facts) == Option(
        trigger="approve", label="Approve", to="approved", ok=True, needs=("reason",), reasons=()
    )
    assert refusal(EOI, "approve", facts).reasons == (NEEDS["reason"],)
    given = replace(facts, reason="The panel agreed.")
    assert explain(EOI, "approve", given).needs == ()
    assert decide(EOI, "approve", given) == Decision(
        "approve", "reviewed", "approved", EventType.EOI_APPROVED
    )


def test_an_extension_needs_a_reason_and_a_closing() -> None:
    """An officer who extends without saying why, and until when, is asked for both at once."""
    facts = Facts(Actor("officer", {"officer"}), BEFORE, call(), reason="")
    assert explain(CALL, "extend", facts).needs == ("reason", "closes_at")
    assert codes(refusal(CALL, "extend", facts)) == ["reason-missing", "closes-at-missing"]
    new = replace(facts, reason="Snow", new_closes_at=CLOSES_AT + timedelta(days=1))
    assert decide(CALL, "extend", new) == Decision("extend", "open", "open", EventType.CALL_EXTENDED)


def test_options_are_the_moves_that_leave_the_present_state() -> None:
    """A school sees what could be done with its draft, in the table's order, and what not, and why."""
    found = options(EOI, of_eoi("draft"))
    assert {option.trigger: [reason.code for reason in option.reasons] for option in found} == {
        "save": [],
        "submit": [],
        "withdraw": [],
        "lapse": ["role-missing", "call-still-open"],
        "cancel": ["role-missing", "call-not-cancelled"],
    }
    assert [option.ok for option in found] == [True, True, True, False, False]
    assert options(EOI, of_eoi("approved")) == []


def questions() -> Iterator[tuple[Lifecycle, Facts]]:
    """Yield every state of call and EOI × instant × role × with and without what can be given along."""
    instants = (BEFORE, CLOSES_AT, CLOSES_AT + timedelta(seconds=2))
    givens: list[dict[str, Any]] = [{}, {"reason": "r", "new_closes_at": CLOSES_AT + timedelta(days=1)}]
    holders = [(), *((role,) for role in Role), tuple(Role)]
    for call_state, now, roles, given in product((NOT_YET, *CallState), instants, holders, givens):
        actor = Actor("somebody", roles, {SCHOOL})
        asked = Facts(actor, now, call(call_state, swept=call_state == "closed"), **given)
        yield CALL, asked
        for state, in_flight, reviewer in product(
            (NOT_YET, *EoiState), (None, BEFORE), ("somebody", "somebody else")
        ):
            eoi = EoiFacts(state, SCHOOL, reviewed_by=reviewer, refused_in_flight_at=in_flight)
            yield EOI, replace(asked, eoi=eoi)


def disagreement(lifecycle: Lifecycle, trigger: str, facts: Facts, offered: dict[str, Option]) -> object:
    """Return in what decide, explain and options differ; None where they are of one mind."""
    option = explain(lifecycle, trigger, facts)
    needs = tuple(NEEDS[need] for need in option.needs)
    try:
        decision = decide(lifecycle, trigger, facts)
    except Refused as refused:
        same = refused.reasons == option.reasons + needs and option.ok == (not option.reasons)
    else:
        same = option.ok and not needs and (decision.trigger, decision.to) == (trigger, option.to)
    wrong_state = any(reason.code == "wrong-state" for reason in option.reasons)
    listed = offered.get(trigger) == (None if wrong_state else option)
    return None if same and listed else (trigger, facts, option)


@pytest.mark.slow
def test_what_is_explained_is_what_happens() -> None:
    """Over the whole product, explain and options say exactly what decide then does."""
    asked = 0
    for lifecycle, facts in questions():
        offered = {option.trigger: option for option in options(lifecycle, facts)}
        for trigger in EoiTrigger if lifecycle is EOI else CallTrigger:
            assert disagreement(lifecycle, trigger, facts, offered) is None
            asked += 1
    assert asked == 4 * 3 * 9 * 2 * (4 + 9 * 2 * 2 * 10)


def outcome(facts: Facts) -> str:
    """Return what submitting comes to."""
    try:
        return decide(EOI, "submit", facts).to
    except Refused as refused:
        return ",".join(codes(refused))


def test_threads_share_the_machine() -> None:
    """Eight threads that decide at once on one machine get each its own answer, every time."""
    asked = [
        of_eoi("draft"),
        of_eoi("draft", now=CLOSES_AT),
        of_eoi("lapsed", now=CLOSES_AT),
        of_eoi("draft", actor=DECIDER),
    ]
    expected = [outcome(facts) for facts in asked]
    assert expected[:2] == ["submitted", "call-closed"]

    def run(start: int) -> list[str]:
        return [outcome(asked[(start + step) % 4]) for step in range(400)]

    found = results(race(run, 8))
    assert found == [[expected[(start + step) % 4] for step in range(400)] for start in range(8)]
