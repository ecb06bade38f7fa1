"""Each guard at its edges, and the words in which it says no."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from states.errors import Refusal
from states.facts import Actor, CallFacts, EoiFacts, Facts
from states.guards import (
    GUARDS,
    Guard,
    applicant_is_own_organisation,
    call_has_closed,
    call_is_open,
    call_was_cancelled,
    closing_is_ahead,
    closing_is_due_or_nobody_has_begun,
    decider_is_not_the_reviewer,
    new_closing_is_later,
    opening_is_not_ahead,
    submission_was_in_flight,
)
from states.names import NOT_YET

#: "By Friday 17 March 2023", in London.
CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
SETTLES_AT: Final = CLOSES_AT + timedelta(seconds=2)
TICK: Final = timedelta(microseconds=1)
HOUR: Final = timedelta(hours=1)
SCHOOL: Final = "URN:121234"
CALL: Final = CallFacts(
    state="open",
    opens_at=CLOSES_AT - timedelta(days=4),
    closes_at=CLOSES_AT,
    settles_at=SETTLES_AT,
    closed_at=None,
    timezone="Europe/London",
    has_eois=True,
)
SWEPT: Final[dict[str, Any]] = {"state": "closed", "closed_at": SETTLES_AT}
OFFICER: Final = Actor("programme.team", {"officer"})
SWEEP: Final = Actor("system", {"system"})


def ask(
    guard: Guard,
    now: datetime,
    *,
    actor: Actor = OFFICER,
    eoi: EoiFacts | None = None,
    new_closes_at: datetime | None = None,
    waited: timedelta = timedelta(),
    **call: Any,
) -> Refusal | None:
    """Ask a guard about a call that is as told, at an instant."""
    facts = replace(CALL, **call)
    asked = Facts(actor=actor, now=now, call=facts, eoi=eoi, new_closes_at=new_closes_at, waited=waited)
    return guard(asked)


def code_of(refusal: Refusal | None) -> str | None:
    """Return the code; None where nothing stands in the way."""
    return None if refusal is None else refusal.code


def said(refusal: Refusal | None) -> str:
    """Return the words."""
    assert refusal is not None
    return refusal.message


EARLY_CLOSE: Final[dict[str, Any]] = {"state": "closed", "closed_at": CLOSES_AT - timedelta(days=1)}
AT_ITS_INSTANT: Final[dict[str, Any]] = {"state": "closed", "closed_at": CLOSES_AT, "settles_at": CLOSES_AT}


@pytest.mark.parametrize(
    ("call", "before", "at", "after"),
    [
        ({}, None, "call-closed", "call-closed"),
        ({"settles_at": CLOSES_AT}, None, "call-closed", "call-closed"),
        (SWEPT, "closed-in-flight", "call-closed", "call-closed"),
        (AT_ITS_INSTANT, "closed-in-flight", "call-closed", "call-closed"),
        (EARLY_CLOSE, "call-closed", "call-closed", "call-closed"),
        ({"state": "cancelled"}, "call-cancelled", "call-cancelled", "call-cancelled"),
        ({**SWEPT, "state": "cancelled"}, "call-cancelled", "call-cancelled", "call-cancelled"),
        ({"state": NOT_YET}, "call-not-open", "call-not-open", "call-not-open"),
    ],
)
def test_the_closing_instant_is_the_first_that_is_too_late(
    call: dict[str, Any], before: str | None, at: str, after: str
) -> None:
    """A microsecond before the deadline is in time; the deadline itself, and a microsecond after, are not."""
    found = [code_of(ask(call_is_open, CLOSES_AT + step, **call)) for step in (-TICK, 0 * TICK, TICK)]
    assert found == [before, at, after]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({}, "closed-in-flight"),
        ({"settles_at": CLOSES_AT}, "closed-in-flight"),
        (SWEPT, "closed-in-flight"),
        (AT_ITS_INSTANT, "closed-in-flight"),
        (EARLY_CLOSE, "call-closed"),
        ({"state": "cancelled"}, "call-cancelled"),
        ({**SWEPT, "state": "cancelled"}, "call-cancelled"),
        ({"state": NOT_YET}, "call-not-open"),
    ],
)
def test_what_may_have_been_there_in_time_is_not_called_late(call: dict[str, Any], code: str) -> None:
    """A microsecond before the deadline is enough; at the deadline itself it was late at the earliest."""
    seen = CLOSES_AT + HOUR
    found = [code_of(ask(call_is_open, seen, waited=HOUR + step, **call)) for step in (TICK, 0 * TICK)]
    assert found == [code, "call-closed" if code == "closed-in-flight" else code]


def test_what_was_seen_in_time_is_in_time_however_long_it_waited() -> None:
    """Nothing that is certain is made doubtful by a wait."""
    assert ask(call_is_open, CLOSES_AT - TICK, waited=timedelta(days=366)) is None


def test_what_may_have_been_there_in_time_is_told_how_it_can_be_let_in() -> None:
    """A school reads when it was seen, that this need not be its own fault, and whom to write to."""
    seen, eoi = CLOSES_AT + timedelta(seconds=1), EoiFacts("draft", SCHOOL)
    refusal = ask(call_is_open, seen, waited=HOUR, eoi=eoi, contact="SEND Team")
    assert refusal == Refusal(
        "closed-in-flight",
        "The call closed at 11:59pm on Friday 17 March 2023; this was seen at 12:00:01am on Saturday 18 "
        "March 2023, and may have been there in time. The attempt is on record, and an officer can "
        "reinstate a submission that was overtaken like this: write to the call's contact (SEND Team).",
        until=CLOSES_AT,
    )


def test_whoever_is_late_is_told_when_it_closed_what_the_time_is_and_whom_to_ask() -> None:
    """A school that submits a second after closing reads both instants, the contact, and what is kept."""
    eoi = EoiFacts("draft", SCHOOL)
    late = ask(
        call_is_open, CLOSES_AT + timedelta(seconds=1), eoi=eoi, contact="Programme Team, 01603 222146"
    )
    assert late == Refusal(
        "call-closed",
        "The call closed at 11:59pm on Friday 17 March 2023; this arrived at 12:00:01am on Saturday 18 March "
        "2023. If the council is to look at it all the same, write to the call's contact (Programme Team, "
        "01603 222146) and say what stood in the way. The attempt is on record.",
        until=CLOSES_AT,
    )
    assert "write to the contact named in the call and say" in said(ask(call_is_open, CLOSES_AT, eoi=eoi))


def test_the_words_tell_the_time_of_the_calls_own_zone() -> None:
    """In summer, and in another zone, both instants are told as the clocks there show them."""
    noon = datetime(2023, 7, 17, 11, tzinfo=UTC)
    assert said(ask(call_is_open, noon + TICK, closes_at=noon)).startswith(
        "The call closed at noon on Monday 17 July 2023; this arrived at noon on Monday 17 July 2023."
    )
    assert said(ask(call_is_open, noon, closes_at=noon, timezone="Asia/Tokyo")).startswith(
        "The call closed at 8pm on Monday 17 July 2023; this arrived at 8pm"
    )


def test_an_officer_who_extends_too_late_is_not_sent_to_the_contact() -> None:
    """Whom a school should write to is of no use to the officer who runs the call."""
    assert said(ask(call_is_open, CLOSES_AT)) == (
        "The call closed at 11:59pm on Friday 17 March 2023; this arrived at midnight at the start of "
        "Saturday 18 March 2023."
    )
    assert said(ask(call_is_open, CLOSES_AT - TICK, **SWEPT)) == (
        "This arrived in time, at 11:59:59pm on Friday 17 March 2023, but the call was closed before it got "
        "through the queue."
    )


def test_what_was_overtaken_by_the_close_is_told_how_it_can_be_let_in() -> None:
    """A submission that arrived in time and waited past the close is told so, and of the way back."""
    refusal = ask(
        call_is_open, CLOSES_AT - TICK, eoi=EoiFacts("lapsed", SCHOOL), contact="SEND Team", **SWEPT
    )
    assert refusal == Refusal(
        "closed-in-flight",
        "This arrived in time, at 11:59:59pm on Friday 17 March 2023, but the call was closed before it got "
        "through the queue. The attempt is on record, and an officer can reinstate a submission that was "
        "overtaken like this: write to the call's contact (SEND Team).",
        until=CLOSES_AT,
    )


def test_a_call_that_was_closed_early_says_when() -> None:
    """Whoever comes to a call that an officer closed early is told the instant of that, not the deadline."""
    assert said(ask(call_is_open, CLOSES_AT, **AT_ITS_INSTANT)).startswith("The call closed at 11:59pm")
    refusal = ask(call_is_open, CLOSES_AT - HOUR, **EARLY_CLOSE)
    words = "The call was closed early, at midnight at the start of Friday 17 March 2023."
    assert refusal == Refusal("call-closed", words, until=CLOSES_AT - timedelta(days=1))


def test_a_call_that_was_called_off_says_so() -> None:
    """Whoever comes to a cancelled call is not told a closing time, which says nothing here."""
    refusal = ask(call_is_open, CLOSES_AT, state="cancelled", closed_at=SETTLES_AT)
    assert refusal == Refusal("call-cancelled", "The call was cancelled; it takes no more.")


def test_nothing_is_assessed_before_the_call_has_closed() -> None:
    """Staff who come too early are told until when; past the deadline, that the queue still drains."""
    running, draining = (ask(call_has_closed, CLOSES_AT + step) for step in (-TICK, 0 * TICK))
    assert running == Refusal(
        "call-still-open", "The call is open until 11:59pm on Friday 17 March 2023.", until=SETTLES_AT
    )
    assert draining == Refusal(
        "call-still-open",
        "The call's deadline was 11:59pm on Friday 17 March 2023; what arrived before it is still being let "
        "through.",
        until=SETTLES_AT,
    )
    assert ask(call_has_closed, CLOSES_AT - TICK, **SWEPT) is None
    cancelled = ask(call_has_closed, CLOSES_AT, state="cancelled")
    assert cancelled == Refusal("call-cancelled", "The call was cancelled.")


@pytest.mark.parametrize(("state", "code"), [("open", "no"), ("closed", "no"), ("cancelled", None)])
def test_an_eoi_is_cancelled_only_with_its_call(state: str, code: str | None) -> None:
    """Only a cancelled call takes its EOIs with it."""
    assert code_of(ask(call_was_cancelled, CLOSES_AT, state=state)) == (code and "call-not-cancelled")


def test_a_call_opens_at_once() -> None:
    """An opening ahead by a microsecond is refused, with the instant; one that is now, or past, is not."""
    opens_at = datetime(2023, 3, 14, 10, tzinfo=UTC)
    found = [
        ask(opening_is_not_ahead, opens_at + step, opens_at=opens_at) for step in (-TICK, 0 * TICK, TICK)
    ]
    assert found[1:] == [None, None]
    assert found[0] == Refusal(
        "opens-in-future",
        "The call is to open at 10am on Tuesday 14 March 2023, which is still ahead. Open it then, or leave "
        "the opening out.",
        field="opens_at",
        until=opens_at,
    )


def test_a_call_is_opened_only_while_somebody_can_answer_it() -> None:
    """A closing that is now, or past, is refused; one ahead by a microsecond is fine."""
    found = [ask(closing_is_ahead, CLOSES_AT + step) for step in (-TICK, 0 * TICK, TICK)]
    words = "Its closing, 11:59pm on Friday 17 March 2023, has passed."
    assert found == [
        None,
        *[Refusal("closing-has-passed", words, field="closes_at", until=CLOSES_AT)] * 2,
    ]


def test_an_extension_never_takes_time_away() -> None:
    """The same closing again is no extension, nor is an earlier one; a microsecond more is."""
    found = [
        ask(new_closing_is_later, CLOSES_AT - HOUR, new_closes_at=CLOSES_AT + step)
        for step in (-TICK, 0 * TICK, TICK)
    ]
    words = "The new closing must be later than the present one, 11:59pm on Friday 17 March 2023."
    refusal = Refusal("closing-not-later", words, field="closes_at", until=CLOSES_AT)
    assert found == [refusal, refusal, None]
    assert ask(new_closing_is_later, CLOSES_AT) is None


@pytest.mark.parametrize(
    ("actor", "has_eois", "codes"),
    [
        # a microsecond before the deadline; at it; a microsecond before the settle time is over; when it is
        (SWEEP, False, ["closing-not-due", "closing-not-due", "closing-not-due", None]),
        (SWEEP, True, ["closing-not-due", "closing-not-due", "closing-not-due", None]),
        (OFFICER, False, [None, None, None, None]),
        (OFFICER, True, ["eois-exist", "closing-not-due", "closing-not-due", None]),
    ],
)
def test_the_sweep_waits_for_the_settle_time(actor: Actor, has_eois: bool, codes: list[str | None]) -> None:
    """The sweep closes at the deadline plus settle; an officer before, but only while nobody has begun."""
    instants = (CLOSES_AT - TICK, CLOSES_AT, SETTLES_AT - TICK, SETTLES_AT)
    found = [
        code_of(ask(closing_is_due_or_nobody_has_begun, now, actor=actor, has_eois=has_eois))
        for now in instants
    ]
    assert found == codes


def test_a_close_that_comes_too_early_is_told_why() -> None:
    """The words say the deadline, who is in the way, and past it, that the queue still drains."""
    guard, deadline = closing_is_due_or_nobody_has_begun, "11:59pm on Friday 17 March 2023"
    assert ask(guard, CLOSES_AT - TICK, actor=SWEEP) == Refusal(
        "closing-not-due", f"The call closes at {deadline}.", until=SETTLES_AT
    )
    assert ask(guard, CLOSES_AT - TICK) == Refusal(
        "eois-exist",
        f"A school has begun an EOI, so the call stays open until {deadline}. An admin can cancel it.",
        until=SETTLES_AT,
    )
    assert ask(guard, CLOSES_AT) == Refusal(
        "closing-not-due",
        f"The deadline was {deadline}; what arrived before it is still being let through.",
        until=SETTLES_AT,
    )


def test_an_early_close_is_not_decided_without_looking() -> None:
    """Facts that do not say whether a school has begun are a programmer's error, never a yes."""
    with pytest.raises(TypeError, match="whether anybody has begun"):
        ask(closing_is_due_or_nobody_has_begun, CLOSES_AT - TICK, has_eois=None)


@pytest.mark.parametrize(
    ("organisations", "allowed"),
    [
        ({SCHOOL}, True),
        ({"URN:1", SCHOOL}, True),
        ({"urn:121234"}, False),
        ({"URN:12123"}, False),
        ((), False),
    ],
)
def test_an_applicant_acts_for_its_own_organisations_alone(organisations: Any, allowed: bool) -> None:
    """An organisation is an exact id: another case, or a part of it, is another organisation."""
    actor = Actor("head", {"applicant"}, organisations)
    refusal = ask(applicant_is_own_organisation, CLOSES_AT, actor=actor, eoi=EoiFacts("draft", SCHOOL))
    words = "head does not act for URN:121234."
    assert refusal == (None if allowed else Refusal("not-your-organisation", words, field="organisation"))


def test_only_what_was_overtaken_can_be_reinstated() -> None:
    """A draft that nobody tried to submit in time stays lapsed."""
    lapsed = EoiFacts("lapsed", SCHOOL)
    assert ask(submission_was_in_flight, CLOSES_AT, eoi=lapsed) == Refusal(
        "not-in-flight", "No submission of this EOI was refused as closed-in-flight."
    )
    overtaken = replace(lapsed, refused_in_flight_at=CLOSES_AT - TICK)
    assert ask(submission_was_in_flight, CLOSES_AT, eoi=overtaken) is None


@pytest.mark.parametrize(
    "guard", [applicant_is_own_organisation, decider_is_not_the_reviewer, submission_was_in_flight]
)
def test_a_guard_about_an_eoi_does_not_pass_a_call(guard: Guard) -> None:
    """A table that asks a call what only an EOI knows is a programmer's error, never a yes."""
    with pytest.raises(TypeError, match="only a call"):
        ask(guard, CLOSES_AT)


def test_every_guard_says_what_must_be_true() -> None:
    """A guard's first line is a whole sentence: docs/lifecycle.md prints it to programme officers."""
    lines = {guard.__name__: (guard.__doc__ or "").split("\n", 1)[0] for guard in GUARDS}
    assert {name for name, line in lines.items() if not (line[:1].isupper() and line.endswith("."))} == set()
    assert len(set(lines.values())) == len(GUARDS)
