"""Events as tests make them up: one submission, of which each test says what is otherwise."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from workflow import Event, EventType


def submission(at: datetime, /, **changes: Any) -> Event:
    """Return a submission; arrival, record and deadline are one instant, unless changes say otherwise."""
    made = Event(
        id="e-1:2",
        type=EventType.EOI_SUBMITTED,
        call_id="c-1",
        call_reference="46/23",
        eoi_id="e-1",
        applicant="URN:121234",
        source="draft",
        state="submitted",
        version=2,
        at=at,
        recorded_at=at,
        closes_at=at,
    )
    return replace(made, **changes)


def opening(at: datetime) -> Event:
    """Return the opening of its call."""
    return submission(
        at,
        id="c-1:1",
        type=EventType.CALL_OPENED,
        eoi_id=None,
        applicant=None,
        source=None,
        state="open",
        version=1,
    )
