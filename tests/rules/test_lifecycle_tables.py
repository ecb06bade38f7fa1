"""Every state × trigger × role, held against tables written by hand, from what the council asked for."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from states.decisions import Decision, decide
from states.errors import Refused
from states.events import EventType
from states.facts import Actor, CallFacts, EoiFacts, Facts
from states.lifecycle import CALL, EOI, Lifecycle
from states.names import NOT_YET, CallState, CallTrigger, EoiState, EoiTrigger, Role

CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
SETTLES_AT: Final = CLOSES_AT + timedelta(seconds=2)
RUNNING: Final = CLOSES_AT - timedelta(days=2)
AFTERWARDS: Final = SETTLES_AT + timedelta(days=3)

#: Who may, and nobody else.
CALL_ROLES: Final = {
    "open": {"officer"},
    "extend": {"officer"},
    "close": {"officer", "system"},
    "cancel": {"admin"},
}
EOI_ROLES: Final = {
    "draft": {"applicant"},
    "save": {"applicant"},
    "submit": {"applicant"},
    "review": {"officer", "reviewer"},
    "approve": {"decider"},
    "decline": {"decider"},
    "withdraw": {"applicant"},
    "lapse": {"system"},
    "reinstate": {"officer"},
    "cancel": {"system"},
}
#: One role each; nobody; and everybody at once.
HOLDERS: Final = {
    **{
        role: {role} for role in ("applicant", "officer", "reviewer", "decider", "auditor", "admin", "system")
    },
    "nobody": set[str](),
    "everybody": {"applicant", "officer", "reviewer", "decider", "auditor", "admin", "system"},
}

#: The cells: `->` a state, or what stands in the way of somebody who holds the role, in this order.
WORDS: Final = {
    "W": "wrong-state",
    "C": "call-closed",
    "O": "call-still-open",
    "X": "call-cancelled",
    "N": "call-not-cancelled",
    "F": "not-in-flight",
    "U": "call-not-open",
    "P": "closing-has-passed",
}

# The call is open before its deadline for not-yet and draft, cancelled for cancelled, closed for the others.
# `late` is a draft whose deadline has passed and that no sweep has reached yet; `flown` lapsed, after its
# submission was refused as closed-in-flight.
EOI_GRID: Final = """
          draft   save    submit      review     approve    decline    withdraw    lapse reinstate   cancel
not-yet   ->draft W       W           W,O        W          W          W           W,O   W,O,F       W,N
draft     W       ->draft ->submitted W,O        W          W          ->withdrawn O     W,O,F       N
late      W,C     C       C           W,O        W          W          ->withdrawn O     W,O,F       N
submitted W,C     W,C     W,C         ->reviewed W          W          ->withdrawn W     W,F         N
reviewed  W,C     W,C     W,C         W          ->approved ->declined ->withdrawn W     W,F         N
approved  W,C     W,C     W,C         W          W          W          W           W     W,F         W,N
declined  W,C     W,C     W,C         W          W          W          W           W     W,F         W,N
withdrawn W,C     W,C     W,C         W          W          W          W           W     W,F         W,N
lapsed    C,W     C,W     C,W         W          W          W          W           W     F           N,W
flown     C,W     C,W     C,W         W          W          W          W           W     ->submitted N,W
cancelled X,W     X,W     X,W         X,W        W          W          W           X,W   X,F,W       W
"""

# Nobody has begun an EOI. `due` is open after its deadline and the settle time, when no sweep has come yet.
CALL_GRID: Final = """
            open    extend  close      cancel
not-yet     ->open  U,W     W          W
open        W       ->open  ->closed   ->cancelled
due         P,W     C       ->closed   ->cancelled
closed      P,W     C,W     W          ->cancelled
cancelled   W       X,W     W          W
"""
#: Where the deadline is still ahead, only an officer closes early.
STILL_RUNNING: Final = {"not-yet", "open", "cancelled"}


def _cells(grid: str) -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in grid.strip().splitlines())
    return {(row[0], trigger): cell for row in rows for trigger, cell in zip(head, row[1:], strict=True)}


EOI_CELLS: Final = _cells(EOI_GRID)
CALL_CELLS: Final = _cells(CALL_GRID)


def _actor(roles: set[str]) -> Actor:
    return Actor("somebody", roles, organisations={"URN:121234"})


def _call(state: str, closed_at: datetime | None = None) -> CallFacts:
    return CallFacts(
        state=state,
        opens_at=CLOSES_AT - timedelta(days=4),
        closes_at=CLOSES_AT,
        settles_at=SETTLES_AT,
        closed_at=closed_at,
        timezone="Europe/London",
        has_eois=False,
    )


def _question_of_call(situation: str, roles: set[str]) -> Facts:
    return Facts(
        actor=_actor(roles),
        now=RUNNING if situation in STILL_RUNNING else AFTERWARDS,
        call=_call(
            "open" if situation == "due" else situation, SETTLES_AT if situation == "closed" else None
        ),
        reason="because",
        new_closes_at=AFTERWARDS + timedelta(days=7),
    )


def _question_of_eoi(situation: str, roles: set[str]) -> Facts:
    call = {
        "not-yet": _call("open"),
        "draft": _call("open"),
        "late": _call("open"),
        "cancelled": _call("cancelled"),
    }.get(situation, _call("closed", SETTLES_AT))
    assessed = situation in {"reviewed", "approved", "declined"}
    eoi = EoiFacts(
        state={"late": "draft", "flown": "lapsed"}.get(situation, situation),
        applicant="URN:121234",
        reviewed_by="somebody-else" if assessed else None,
        refused_in_flight_at=CLOSES_AT - timedelta(seconds=1) if situation == "flown" else None,
    )
    now = RUNNING if situation in {"not-yet", "draft"} else AFTERWARDS
    return Facts(actor=_actor(roles), now=now, call=call, eoi=eoi, reason="because")


def _outcome(lifecycle: Lifecycle, trigger: str, facts: Facts) -> str:
    """Return `->state`, or the codes in the way."""
    try:
        return f"->{decide(lifecycle, trigger, facts).to}"
    except Refused as refused:
        return ",".join(reason.code for reason in refused.reasons)


def _expected(cell: str, *more: str) -> str:
    codes = [] if cell.startswith("->") else [WORDS[letter] for letter in cell.split(",")]
    return ",".join([*more, *codes]) or cell


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(("situation", "trigger"), EOI_CELLS)
def test_an_eoi_does_what_the_council_asked_for(situation: str, trigger: str, holder: str) -> None:
    """In every state, each trigger is allowed to whoever may, and refused to all others with every reason."""
    lacks = [] if HOLDERS[holder] & EOI_ROLES[trigger] else ["role-missing"]
    outcome = _outcome(EOI, trigger, _question_of_eoi(situation, HOLDERS[holder]))
    assert outcome == _expected(EOI_CELLS[situation, trigger], *lacks)


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(("situation", "trigger"), CALL_CELLS)
def test_a_call_does_what_the_council_asked_for(situation: str, trigger: str, holder: str) -> None:
    """In every state, each trigger is allowed to whoever may, and refused to all others with every reason."""
    lacks = [] if HOLDERS[holder] & CALL_ROLES[trigger] else ["role-missing"]
    if trigger == "close" and situation in STILL_RUNNING and "officer" not in HOLDERS[holder]:
        lacks.append("closing-not-due")
    outcome = _outcome(CALL, trigger, _question_of_call(situation, HOLDERS[holder]))
    assert outcome == _expected(CALL_CELLS[situation, trigger], *lacks)


@pytest.mark.parametrize("trigger", EOI_ROLES)
def test_no_role_includes_another(trigger: str) -> None:
    """Whoever holds every role but the one that may is refused, in whichever state the move could be made."""
    others = HOLDERS["everybody"] - EOI_ROLES[trigger]
    outcomes = {
        _outcome(EOI, trigger, _question_of_eoi(situation, others))
        for (situation, each), cell in EOI_CELLS.items()
        if each == trigger and cell.startswith("->")
    }
    # To lapse and to be cancelled happen to all EOIs of a call at once, in no situation to one alone.
    assert outcomes == (set() if trigger in {"lapse", "cancel"} else {"role-missing"})


@pytest.mark.parametrize(("trigger", "call_state"), [("lapse", "closed"), ("cancel", "cancelled")])
@pytest.mark.parametrize("state", ["draft", "submitted", "reviewed"])
def test_what_befalls_an_eoi_with_its_call(trigger: str, call_state: str, state: str) -> None:
    """With a closed call a draft lapses, with a cancelled one every live EOI is cancelled, by the system."""
    outcomes = {
        holder: _outcome(
            EOI,
            trigger,
            Facts(
                actor=_actor(roles),
                now=AFTERWARDS,
                call=_call(call_state, SETTLES_AT),
                eoi=EoiFacts(state, "URN:121234"),
            ),
        )
        for holder, roles in HOLDERS.items()
    }
    refused = trigger == "lapse" and state != "draft"
    to = "wrong-state" if refused else f"->{'lapsed' if trigger == 'lapse' else 'cancelled'}"
    lacking = "role-missing,wrong-state" if refused else "role-missing"
    assert outcomes == {holder: to if "system" in roles else lacking for holder, roles in HOLDERS.items()}


def test_the_grids_leave_nothing_out() -> None:
    """The tables above speak of every state, trigger and role that there is."""
    assert (
        {state for state, _ in EOI_CELLS} - {"late", "flown"}
        == {NOT_YET, *EoiState}
        == {NOT_YET, *EOI.states}
    )
    assert {trigger for _, trigger in EOI_CELLS} == set(EoiTrigger) == EOI_ROLES.keys()
    assert {state for state, _ in CALL_CELLS} - {"due"} == {NOT_YET, *CallState} == {NOT_YET, *CALL.states}
    assert {trigger for _, trigger in CALL_CELLS} == set(CallTrigger) == CALL_ROLES.keys()
    assert HOLDERS.keys() - {"nobody", "everybody"} == set(Role) == HOLDERS["everybody"]


@pytest.mark.parametrize(
    ("lifecycle", "final"),
    [
        (CALL, {"closed", "cancelled"}),
        (EOI, {"approved", "declined", "withdrawn", "lapsed", "cancelled"}),
    ],
)
def test_it_comes_to_rest_where_the_council_says(lifecycle: Lifecycle, final: set[str]) -> None:
    """A call and an EOI may rest for good only in the states where nobody waits for anything."""
    assert lifecycle.final == final


EVENTS: Final = {
    "draft": EventType.EOI_DRAFTED,
    "save": EventType.EOI_SAVED,
    "submit": EventType.EOI_SUBMITTED,
    "review": EventType.EOI_REVIEWED,
    "approve": EventType.EOI_APPROVED,
    "decline": EventType.EOI_DECLINED,
    "withdraw": EventType.EOI_WITHDRAWN,
    "reinstate": EventType.EOI_REINSTATED,
}


@pytest.mark.parametrize("trigger", EVENTS)
def test_a_decision_says_from_where_to_where_and_what_to_tell(trigger: str) -> None:
    """What was decided names the trigger, both states and the event in the past tense."""
    situation, cell = next(
        (situation, cell)
        for (situation, each), cell in EOI_CELLS.items()
        if each == trigger and cell.startswith("->")
    )
    facts = _question_of_eoi(situation, HOLDERS["everybody"])
    assert facts.eoi is not None
    assert decide(EOI, trigger, facts) == Decision(
        trigger=trigger, source=facts.eoi.state, to=cell.removeprefix("->"), event=EVENTS[trigger]
    )
