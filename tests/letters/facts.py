"""The facts that letters are written from in tests: the real sheet's call, and a school that applies."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from workflow import Event, EventType
from workflow.ports import About, Delivery

CALL: Final = "0186d2a4-3c00-7000-8000-0000000046a3"
EOI: Final = "0186e27e-7a80-7000-8000-0000000000e1"
#: When the real call was published, and when it closed.
OPENS_AT: Final = datetime(2023, 3, 14, 10, tzinfo=UTC)
CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
#: What each event leads to, and when it happened.
STATES: Final[dict[EventType, tuple[str, datetime]]] = {
    EventType.CALL_OPENED: ("open", OPENS_AT),
    EventType.CALL_EXTENDED: ("open", datetime(2023, 3, 16, 15, 30, tzinfo=UTC)),
    EventType.CALL_CLOSED: ("closed", CLOSES_AT),
    EventType.CALL_CANCELLED: ("cancelled", datetime(2023, 4, 3, 8, tzinfo=UTC)),
    EventType.EOI_DRAFTED: ("draft", datetime(2023, 3, 15, 9, 20, 5, tzinfo=UTC)),
    EventType.EOI_SAVED: ("draft", datetime(2023, 3, 15, 16, 2, 40, tzinfo=UTC)),
    EventType.EOI_SUBMITTED: ("submitted", datetime(2023, 3, 17, 14, 5, 9, tzinfo=UTC)),
    EventType.EOI_REVIEWED: ("reviewed", datetime(2023, 4, 11, 13, tzinfo=UTC)),
    EventType.EOI_APPROVED: ("approved", datetime(2023, 5, 2, 10, 15, tzinfo=UTC)),
    EventType.EOI_DECLINED: ("declined", datetime(2023, 5, 2, 10, 15, tzinfo=UTC)),
    EventType.EOI_WITHDRAWN: ("withdrawn", datetime(2023, 3, 16, 11, tzinfo=UTC)),
    EventType.EOI_LAPSED: ("lapsed", CLOSES_AT),
    EventType.EOI_REINSTATED: ("submitted", datetime(2023, 3, 20, 9, tzinfo=UTC)),
    EventType.EOI_CANCELLED: ("cancelled", datetime(2023, 4, 3, 8, tzinfo=UTC)),
}
#: What people are told beside the event.
ABOUT: Final = About(
    title="Primary Phase Specialist Resource Bases",
    opens_at=OPENS_AT,
    timezone="Europe/London",
    contact="Programme Management Team",
    applicant_name="Sprowston Junior School",
)


def event(kind: EventType, **other: Any) -> Event:
    """Return an event of that kind, but for what is said otherwise."""
    state, at = STATES[kind]
    of_eoi = kind.startswith("eoi.")
    made = Event(
        id=f"{EOI if of_eoi else CALL}:3",
        type=kind,
        call_id=CALL,
        call_reference="46/23",
        eoi_id=EOI if of_eoi else None,
        applicant="URN:121234" if of_eoi else None,
        source=None,
        state=state,
        version=3,
        at=at,
        recorded_at=at,
        closes_at=datetime(2023, 3, 24, 12, tzinfo=UTC) if kind == EventType.CALL_EXTENDED else CLOSES_AT,
    )
    return replace(made, **other)


def delivery(
    kind: EventType = EventType.EOI_SUBMITTED,
    *,
    to: str = "head.teacher@school.example",
    about: About | None = ABOUT,
    timeout_s: float | None = None,
    **other: Any,
) -> Delivery:
    """Return a delivery of such an event by letter."""
    return Delivery(
        id=1,
        event=event(kind, **other),
        courier="smtp",
        address=to,
        attempt=1,
        about=about,
        timeout_s=timeout_s,
    )
