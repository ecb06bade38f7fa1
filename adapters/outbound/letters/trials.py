"""What letters are tried with: facts of what has not happened, of a call that there is or of an example.

For people, who read a letter before schools do; `samples` are for the program, which sees that each can be
written.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from states.events import Event, EventType
from workflow import CallView
from workflow.ids import new_id
from workflow.ports import About

#: What stands before the title of a call in a letter that is sent as a trial.
MARK: Final = "TRIAL: "

# The council's own notice: Management Information Sheet 46/23.
_EXAMPLE: Final = About(
    title="Primary Phase Specialist Resource Bases",
    opens_at=datetime(2023, 3, 3, 9, tzinfo=UTC),
    timezone="Europe/London",
    contact="Programme Management Team",
)
_REFERENCE: Final = "46/23"
_CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
_APPLICANT: Final = "URN:100000"
_APPLICANT_NAME: Final = "Example Primary School"
#: How long after the deadline these happen; all others do the day before it.
_AFTER: Final = {
    EventType.CALL_CLOSED: timedelta(),
    EventType.EOI_LAPSED: timedelta(),
    EventType.EOI_REVIEWED: timedelta(days=14),
    EventType.EOI_REINSTATED: timedelta(days=14),
    EventType.EOI_APPROVED: timedelta(days=30),
    EventType.EOI_DECLINED: timedelta(days=30),
}
_DAY_BEFORE: Final = timedelta(days=-1)


def trial(kind: EventType, call: CallView | None = None, *, marked: bool = False) -> tuple[Event, About]:
    """Return facts for a letter about a kind of event, each time under ids of their own.

    Args:
        kind: of event.
        call: whose title, deadline and contact stand in it; None: an example's.
        marked: begin the title with `MARK`, so that nobody takes it for the real one.
    """
    about, reference, closes_at = _of(call)
    if marked:
        about = replace(about, title=MARK + about.title)
    at = max(about.opens_at, closes_at + _AFTER.get(kind, _DAY_BEFORE))
    if kind == EventType.CALL_OPENED:
        at = about.opens_at
    if kind.startswith("call."):
        return _event(kind, reference, at, closes_at), about
    event = replace(_event(kind, reference, at, closes_at), eoi_id=new_id(), applicant=_APPLICANT)
    return event, replace(about, applicant_name=_APPLICANT_NAME)


def _of(call: CallView | None) -> tuple[About, str, datetime]:
    if call is None:
        return _EXAMPLE, _REFERENCE, _CLOSES_AT
    about = About(title=call.title, opens_at=call.opens_at, timezone=call.timezone, contact=call.contact)
    return about, call.reference, call.closes_at


def _event(kind: EventType, reference: str, at: datetime, closes_at: datetime) -> Event:
    call_id = new_id()
    return Event(
        id=f"{call_id}:1",
        type=kind,
        call_id=call_id,
        call_reference=reference,
        eoi_id=None,
        applicant=None,
        source=None,
        state=kind.partition(".")[2],
        version=1,
        at=at,
        recorded_at=at,
        closes_at=closes_at,
    )
