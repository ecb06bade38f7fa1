"""Events: what has happened, in words that receivers can rely on."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from states.events import EventType
from states.lifecycle import CALL, EOI
from tests.told import submission

AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
SUBMITTED: Final = submission(AT)


def test_an_event_says_what_it_happened_to() -> None:
    """The subject is the EOI where there is one, and the call otherwise; the id begins with it."""
    closed = replace(SUBMITTED, id="c-1:2", type=EventType.CALL_CLOSED, eoi_id=None, applicant=None)
    assert [event.subject for event in (SUBMITTED, closed)] == ["e-1", "c-1"]
    assert [event.id for event in (SUBMITTED, closed)] == ["e-1:2", "c-1:2"]


def test_event_types_are_things_in_the_past_tense() -> None:
    """Each public type reads `thing.past-tense`, and each is left behind by some move."""
    assert {each for each in EventType if not re.fullmatch(r"(call|eoi)\.[a-z]+(ed|n)", each)} == set()
    assert {move.event for move in (*CALL.moves, *EOI.moves)} == set(EventType)
