"""A table of moves that contradicts itself is refused when it is built: each way with a planted one."""

import subprocess
import sys
from dataclasses import replace
from typing import Any, Final, cast

import pytest

from states.errors import BadLifecycle, Refusal
from states.events import EventType
from states.facts import Facts
from states.guards import GUARDS, NEEDS, call_is_open
from states.lifecycle import CALL, EOI, Lifecycle, Move
from states.names import NOT_YET, Role

OFFICER: Final = frozenset({Role.OFFICER})


def move(trigger: str, source: str, target: str, **changes: Any) -> Move:
    """Return a sound row, with what is changed in it."""
    fields: dict[str, Any] = {
        "trigger": trigger,
        "sources": (source,),
        "target": target,
        "roles": OFFICER,
        "label": trigger.capitalize(),
        "event": EVENTS[trigger],
    }
    return Move(**(fields | changes))


EVENTS: Final = {
    "draft": EventType.EOI_DRAFTED,
    "save": EventType.EOI_SAVED,
    "submit": EventType.EOI_SUBMITTED,
    "withdraw": EventType.EOI_WITHDRAWN,
}
DRAFT: Final = move("draft", NOT_YET, "draft")
SUBMIT: Final = move("submit", "draft", "submitted")
SOUND: Final = [DRAFT, SUBMIT]


def refusal(moves: list[Move], *, final: tuple[str, ...] = ("submitted",)) -> str:
    """Return what is said about a table."""
    with pytest.raises(BadLifecycle) as caught:
        Lifecycle("eoi", moves, final=final)
    assert (caught.value.code, caught.value.facts) == ("bad-lifecycle", {"lifecycle": "eoi"})
    return caught.value.message.removeprefix("The lifecycle of eoi is wrong: ")


def no_guard_of_ours(facts: Facts) -> Refusal | None:
    """Stand outside the register of guards."""
    raise AssertionError(facts)


def test_a_sound_table_is_built() -> None:
    """The table from which all the bad ones are made is itself without fault."""
    lifecycle = Lifecycle("eoi", SOUND, final=("submitted",))
    assert lifecycle.states == ("draft", "submitted")
    assert lifecycle.moves_from("draft") == [SUBMIT]


PLANTED: Final = {
    "It has no moves.": [],
    "Two rows answer one trigger in one state.": [*SOUND, move("submit", "draft", "draft")],
    "Submit leaves no state.": [DRAFT, replace(SUBMIT, sources=())],
    "Nobody may submit.": [DRAFT, replace(SUBMIT, roles=frozenset())],
    "Unknown role oficer.": [DRAFT, replace(SUBMIT, roles=OFFICER | {cast("Role", "oficer")})],
    "Unknown guard no_guard_of_ours.": [DRAFT, replace(SUBMIT, guards=(call_is_open, no_guard_of_ours))],
    "Unknown need raeson.": [DRAFT, replace(SUBMIT, needs=("reason", "raeson"))],
    "Submit leaves call.closed behind, which happens to something else.": [
        DRAFT,
        replace(SUBMIT, event=EventType.CALL_CLOSED),
    ],
    "Two triggers leave one event behind.": [
        *SOUND,
        move("save", "draft", "draft", event=EventType.EOI_SUBMITTED),
    ],
    "A move leads to not-yet.": [*SOUND, move("withdraw", "draft", NOT_YET)],
    "Nothing reaches withdrawn.": [*SOUND, move("save", "withdrawn", "draft")],
    "Nothing reaches draft.": [move("draft", "submitted", "draft"), SUBMIT],
    "No way out of lapsed.": [*SOUND, move("withdraw", "draft", "lapsed")],
    "No way out of b.": [*SOUND, move("save", "draft", "b"), move("withdraw", "b", "b")],
}


@pytest.mark.parametrize("said", PLANTED)
def test_a_table_that_contradicts_itself_is_refused(said: str) -> None:
    """Whoever writes a wrong row is told at once, when the table is built, and which row it is."""
    assert refusal(PLANTED[said]) == said[0].lower() + said[1:]


def test_a_source_named_twice_in_one_row_is_refused() -> None:
    """A row that leaves the same state twice answers one question twice."""
    twice = replace(SUBMIT, sources=("draft", "draft"))
    assert refusal([DRAFT, twice]) == "two rows answer one trigger in one state."


def test_a_resting_place_that_no_row_leads_to_is_refused() -> None:
    """A state named as final, which no move reaches, is a slip of the pen."""
    assert refusal(SOUND, final=("submitted", "approved")) == "nothing reaches approved."


def test_a_circle_that_never_comes_to_rest_is_refused() -> None:
    """States that lead only to each other keep an EOI for ever: each must lead to a final one."""
    circle = [move("save", "draft", "a"), move("withdraw", "a", "b", sources=("a", "b"))]
    assert refusal([*SOUND, *circle]) == "no way out of a."


def test_a_table_without_resting_places_is_refused() -> None:
    """A lifecycle in which nothing is ever done with is none."""
    assert refusal([DRAFT], final=()) == "no way out of draft."


def test_one_trigger_may_lead_to_several_states() -> None:
    """Two rows of one trigger from different states are one answer each, and share their event."""
    again = move("submit", "submitted", "submitted")
    lifecycle = Lifecycle("eoi", [*SOUND, again], final=("submitted",))
    assert [lifecycle.move("submit", source) for source in ("draft", "submitted")] == [SUBMIT, again]
    assert lifecycle.moves_of("submit") == [SUBMIT, again]


@pytest.mark.parametrize("lifecycle", [CALL, EOI])
def test_every_guard_and_need_is_used(lifecycle: Lifecycle) -> None:
    """The registers hold no guard and no need that no table asks for."""
    moves = [*CALL.moves, *EOI.moves]
    assert {guard for move in moves for guard in move.guards} == GUARDS
    assert {need for move in moves for need in move.needs} == NEEDS.keys()
    assert {move.label for move in lifecycle.moves if not move.label[0].isupper()} == set()


def test_the_rule_book_holds_the_machines_log_quiet() -> None:
    """A host that logs everything is not flooded by the state machine's own debug lines."""
    program = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "from datetime import UTC, datetime\n"
        "from states.decisions import decide\n"
        "from states.facts import Actor, CallFacts, Facts\n"
        "from states.lifecycle import CALL\n"
        "at = datetime(2023, 3, 14, tzinfo=UTC)\n"
        "call = CallFacts('open', at, at, at, None, 'Europe/London')\n"
        "actor = Actor('a', {'admin'})\n"
        "print(decide(CALL, 'cancel', Facts(actor, at, call, reason='r')).to)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cancelled\n", "")
