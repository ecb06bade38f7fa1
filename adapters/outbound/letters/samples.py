"""Made-up facts with which every letter is written once, before the first is sent."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from typing import Final

from states.events import Event, EventType
from workflow.ports import About

_CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
#: What begins each text, and must not stand so in HTML.
MARK: Final = "<sample "
_FULL: Final = About(
    title="<Sample title> & more",
    opens_at=_CLOSES_AT - timedelta(days=4),
    timezone="Europe/London",
    contact="<Sample contact> & team",
    applicant_name="<Sample school> & trust",
)
_BARE: Final = About(title="<Sample title>", opens_at=_FULL.opens_at, timezone="Europe/London")


@cache
def samples() -> tuple[tuple[Event, About], ...]:
    """Return facts for every event: before, at and after the deadline; with all that may be known, or not."""
    moments = (timedelta(days=-1), timedelta(), timedelta(days=30))
    return tuple(
        (_event(kind, _CLOSES_AT + moment), about)
        for kind, moment, about in product(EventType, moments, (_FULL, _BARE))
    )


def _event(kind: EventType, at: datetime) -> Event:
    of_eoi = kind.startswith("eoi.")
    return Event(
        id="0198c5d2-7d1c-7000-8000-000000000002:1",
        type=kind,
        call_id="0198c5d2-7d1c-7000-8000-000000000001",
        call_reference="46/23",
        eoi_id="0198c5d2-7d1c-7000-8000-000000000002" if of_eoi else None,
        applicant="URN:100000" if of_eoi else None,
        source=None,
        state="sample",
        version=1,
        at=at,
        recorded_at=at,
        closes_at=_CLOSES_AT,
    )
